#include "serve/command_body.h"

#include "base/mem.h"

#include "test.h"

static struct err err;

static struct command *read_as(enum command_kind kind, const char *body)
{
    struct command *c = mem_new(struct command);

    c->kind = kind;
    if (!command_read_body(c, str_from(body), &err))
        command_destroy(&c);
    return c;
}

CASE(fields_are_read_for_the_commands_that_have_them)
{
    struct command *c = read_as(COMMAND_SCALE, "{\"replicas\":4}");
    CHECK_INT(c->replicas, 4);
    command_destroy(&c);
    c = read_as(COMMAND_STOP, "{\"slot\":2}");
    CHECK_INT(c->slot, 2);
    command_destroy(&c);
    c = read_as(COMMAND_PAUSE, " {\"for_ms\":3600000} ");
    CHECK_INT(c->for_ms, 3600000);
    command_destroy(&c);
    c = read_as(COMMAND_DOWN, "{\"shutdown\":true}");
    CHECK(c->shutdown);
    command_destroy(&c);
    c = read_as(COMMAND_DOWN, "");
    CHECK(c != NULL && !c->shutdown);
    command_destroy(&c);
    CHECK(c == NULL);
}

CASE(a_document_is_text_or_an_object)
{
    struct command *c = read_as(COMMAND_APPLY,
        "{\"document\":{\"b\":1,\"a\":[0.5,true]},\"plan\":\"3f9c\",\"start\":true}");
    CHECK(c->start);
    CHECK_TEXT(c->document, "{\"b\":1,\"a\":[0.5,true]}");
    CHECK_TEXT(c->plan, "3f9c");
    command_destroy(&c);
    c = read_as(COMMAND_APPLY, "{\"document\":\"services: {}\\n\",\"plan\":null}");
    CHECK_TEXT(c->document, "services: {}\n");
    CHECK(c->plan == NULL);
    command_destroy(&c);
    c = read_as(COMMAND_PLAN, "services:\n  web: {}\n");
    CHECK_TEXT(c->document, "services:\n  web: {}\n");
    command_destroy(&c);
}

CASE(what_does_not_fit_is_refused_with_its_name)
{
    static const struct {
        enum command_kind kind;
        const char *body, *text;
    } bad[] = {
        {COMMAND_SCALE,    "{}",                              "replicas is missing"               },
        {COMMAND_SCALE,    "",                                "replicas is missing"               },
        {COMMAND_SCALE,    "{\"replicas\":\"4\"}",            "replicas must be a whole number"   },
        {COMMAND_SCALE,    "{\"replicas\":1.5}",              "replicas must be a whole number"   },
        {COMMAND_SCALE,    "{\"replicas\":-2}",               "from -1 to 10000"                  },
        {COMMAND_SCALE,    "{\"replicas\":99999999999}",      "from -1 to 10000"                  },
        {COMMAND_SCALE,    "{\"replicas\":1,\"replicas\":2}", "not JSON"                          },
        {COMMAND_SCALE,    "{\"replicas\":1,\"slot\":2}",     "unknown field \"slot\""            },
        {COMMAND_START,    "{\"slot\":0}",                    "slot must be"                      },
        {COMMAND_START,    "[]",                              "must be an object"                 },
        {COMMAND_START,    "{\"slot\":1}x",                   "not JSON"                          },
        {COMMAND_START,    "nonsense",                        "not JSON"                          },
        {COMMAND_PAUSE,    "{\"for_ms\":-1}",                 "for_ms must be"                    },
        {COMMAND_DOWN,     "{\"shutdown\":1}",                "true or false"                     },
        {COMMAND_APPLY,    "{\"document\":5}",                "document must be an object or text"},
        {COMMAND_APPLY,    "{\"document\":{},\"plan\":7}",    "plan must be text"                 },
        {COMMAND_PLAN,     " \n",                             "must be a document"                },
        {COMMAND_SHUTDOWN, "{\"now\":true}",                  "unknown field \"now\""             },
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_SAYING(read_as(bad[i].kind, bad[i].body) == NULL, "taken: %s", bad[i].body);
        CHECK_SAYING(strstr(err.text, bad[i].text) != NULL, "%s: %s", bad[i].body, err.text);
        CHECK_INT(err.kind, ERR_INVALID);
    }
}

CASE(deep_nesting_is_refused_before_it_is_parsed)
{
    static char deep[300000];

    memset(deep, '[', sizeof deep - 1);
    CHECK(read_as(COMMAND_APPLY, deep) == NULL);
    CHECK(strstr(err.text, "nests deeper") != NULL);
    struct command *c = read_as(COMMAND_APPLY, "{\"document\":\"[[[[[[[[[[\\\"[[[[[\"}");
    CHECK(c != NULL);
    command_destroy(&c);
}

TEST_MAIN()
