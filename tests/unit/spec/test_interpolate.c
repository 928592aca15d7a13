#include "test.h"

#include "spec/env_file.h"
#include "spec/interpolate.h"
#include "spec/signals.h"
#include "spec/words.h"

#include "base/must.h"

static const char *variable(void *context, const char *name)
{
    (void)context;
    if (strcmp(name, "SET") == 0)
        return "value";
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

/* What came out, or the first message behind an exclamation mark. */
static const char *replaced(const char *text, size_t *out_warnings)
{
    static char result[4096];
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct interpolation run = {.arena = a, .diagnostics = d, .variable = variable};
    struct source source = {.name = "t", .text = str_from(text)};
    struct span span = {.source = &source, .end = (uint32_t)strlen(text), .line = 1, .column = 1};
    struct buf out = BUF_INIT(INTERPOLATE_TEXT_BYTES_MAX);
    bool reference = false;

    if (interpolate_text(&run, &span, str_from(text), &out, &reference))
        (void)snprintf(result, sizeof result, "%s", out.at != NULL ? out.at : "");
    else
        (void)snprintf(result, sizeof result, "!%s", diagnostics_at(d, 0)->message);
    *out_warnings = diagnostics_count(d, SEVERITY_WARNING);
    interpolation_fini(&run);
    buf_fini(&out);
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return result;
}

CASE(variables_are_replaced_as_compose_does)
{
    static const struct {
        const char *text, *want;
        int warnings;
    } rows[] = {
        {"plain",                              "plain",                                            0},
        {"$SET",                               "value",                                            0},
        {"${SET}",                             "value",                                            0},
        {"a${SET}b$SET.c",                     "avaluebvalue.c",                                   0},
        {"$$SET",                              "$SET",                                             0},
        {"$$$SET",                             "$value",                                           0},
        {"$NONE",                              "",                                                 1},
        {"${NONE}${NONE}",                     "",                                                 1},
        {"$EMPTY",                             "",                                                 0},
        {"${NONE-d}",                          "d",                                                0},
        {"${NONE:-d}",                         "d",                                                0},
        {"${EMPTY-d}",                         "",                                                 0},
        {"${EMPTY:-d}",                        "d",                                                0},
        {"${SET-d}",                           "value",                                            0},
        {"${SET:-d}",                          "value",                                            0},
        {"${NONE:-}",                          "",                                                 0},
        {"${NONE+r}",                          "",                                                 0},
        {"${EMPTY+r}",                         "r",                                                0},
        {"${EMPTY:+r}",                        "",                                                 0},
        {"${SET:+r}",                          "r",                                                0},
        {"${SET+r}",                           "r",                                                0},
        {"${SET?no}",                          "value",                                            0},
        {"${EMPTY?no}",                        "",                                                 0},
        {"${EMPTY:?no}",                       "!variable 'EMPTY' must be set: no",                0},
        {"${NONE?}",                           "!variable 'NONE' must be set",                     0},
        {"${NONE:-${SET}}",                    "value",                                            0},
        {"${NONE:-a${NONE:-${EMPTY:-deep}}b}", "adeepb",                                           0},
        {"${NONE:-$SET}",                      "value",                                            0},
        {"${NONE:-$$5}",                       "$5",                                               0},
        {"${SET:-$NONE}",                      "value",                                            0},
        {"${NONE:-a:b-c}",                     "a:b-c",                                            0},
        {"${NONE:-http://x/y?z}",              "http://x/y?z",                                     0},
        {"$5",                                 "!a dollar that starts no variable",                0},
        {"cost: $",                            "!a dollar that starts no variable",                0},
        {"${",                                 "!'${' without its '}'",                            0},
        {"${}",                                "!a variable's name is missing between the braces", 0},
        {"${1X}",                              "!a variable's name is missing between the braces", 0},
        {"${SET!x}",                           "!not a variable that can be replaced",             0},
        {"${SET:x}",                           "!not a variable that can be replaced",             0},
        {"${services.my-api.url}",             "\x01services.my-api.url\x02",                      0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t warnings;
        const char *got = replaced(rows[i].text, &warnings);
        CHECK_SAYING(strcmp(got, rows[i].want) == 0, "%s gives %s", rows[i].text, got);
        CHECK_INT(warnings, rows[i].warnings);
    }
}

CASE(defaults_nested_without_end_are_refused)
{
    struct buf text = BUF_INIT(1 << 16);
    size_t warnings;

    for (int i = 0; i < 40; i++)
        buf_add_text(&text, "${NONE:-");
    for (int i = 0; i < 40; i++)
        buf_add_byte(&text, '}');
    CHECK_TEXT(replaced(text.at, &warnings), "!variables nested more than 16 deep");
    buf_fini(&text);
}

/* The names of a file and their values, or the first message. */
static const char *env_json(const char *text)
{
    static struct buf out = BUF_INIT(1 << 16);
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct interpolation run = {.arena = a, .diagnostics = d, .variable = variable};
    struct source source = {.name = ".env", .text = str_from(text)};

    buf_reset(&out);
    node_write_json(&out, env_file_read(&run, &source, str_from(text)));
    if (diagnostics_at(d, 0) != NULL)
        buf_format(&out, "!%s", diagnostics_at(d, 0)->message);
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return out.at;
}

CASE(env_files_read_as_in_compose)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"A=b",                                "{\"A\":\"b\"}"                         },
        {"# c\n\n  A = b  # d\nB=#x\nC=a#b\n", "{\"A\":\"b\",\"B\":\"\",\"C\":\"a#b\"}"},
        {"export A=1\nexport=2\n",             "{\"A\":\"1\",\"export\":\"2\"}"        },
        {"A: b",                               "{\"A\":\"b\"}"                         },
        {"A=\nB=x\n",                          "{\"A\":\"\",\"B\":\"x\"}"              },
        {"A='a $SET \\n'",                     "{\"A\":\"a $SET \\\\n\"}"              },
        {"A=\"a $SET\\n\\\"\\$SET\"",          "{\"A\":\"a value\\n\\\"$SET\"}"        },
        {"A=\"two\nlines\"\nB=1",              "{\"A\":\"two\\nlines\",\"B\":\"1\"}"   },
        {"A=x\nB=${A}y\nC=${NO:-z}",           "{\"A\":\"x\",\"B\":\"xy\",\"C\":\"z\"}"},
        {"A=1\nA=2",                           "{\"A\":\"2\"}"                         },
        {"SET\nNONE\n",                        "{\"SET\":\"value\"}"                   },
        {"A=b\r\nC=d\r\n",                     "{\"A\":\"b\",\"C\":\"d\"}"             },
        {"\xef\xbb\xbf"
         "A=b",                       "{\"A\":\"b\"}"                         },
        {"A=\"x",                              "{}!the value's quote \" is not closed" },
        {"a b c",                              "{}!not a line of the form NAME=value"  },
        {"=x",                                 "{}!not a line of the form NAME=value"  },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = env_json(rows[i].text);
        CHECK_SAYING(strcmp(got, rows[i].want) == 0, "%s gives %s", rows[i].text, got);
    }
}

CASE(a_command_line_is_split_without_a_shell)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a b  c",                  "a|b|c|"                                },
        {" a\tb\n",                 "a|b|"                                  },
        {"a 'b c' \"d e\"",         "a|b c|d e|"                            },
        {"a''b\"\" ''",             "ab||"                                  },
        {"a\\ b '\\n' \"\\\"\\n\"", "a b|\\n|\"\\n|"                        },
        {"a; b && c > d * $x",      "a;|b|&&|c|>|d|*|$x|"                   },
        {"",                        ""                                      },
        {"'open",                   "a quote ' is not closed"               },
        {"\"open",                  "a quote \" is not closed"              },
        {"end\\",                   "a backslash at the end escapes nothing"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena *a = arena_create(0);
        struct err err = ERR_INIT;
        struct buf got = BUF_INIT(4096);
        size_t count = 0;
        const char *const *words = words_split(a, str_from(rows[i].text), &count, &err);
        for (size_t k = 0; words != NULL && k < count; k++)
            buf_format(&got, "%s|", words[k]);
        if (words == NULL)
            buf_add_text(&got, err.text);
        buf_add_text(&got, "");
        CHECK_SAYING(str_is(buf_str(&got), rows[i].want), "%s gives %s", rows[i].text, got.at);
        buf_fini(&got);
        arena_destroy(&a);
    }
}

CASE(signals_are_known_by_name_and_number)
{
    int number;

    CHECK(signal_parse(STR("SIGTERM"), &number) && number == 15);
    CHECK(signal_parse(STR("quit"), &number) && number == 3);
    CHECK(signal_parse(STR("9"), &number) && number == 9);
    CHECK(signal_parse(STR("64"), &number) && number == 64);
    CHECK(!signal_parse(STR("0"), &number));
    CHECK(!signal_parse(STR("65"), &number));
    CHECK(!signal_parse(STR("-1"), &number));
    CHECK(!signal_parse(STR("SIGNOPE"), &number));
    CHECK(!signal_parse(STR(""), &number));
    for (int i = 1; i <= 64; i++)
        CHECK(signal_parse(str_from(signal_text(i)), &number) && number == i);
}

TEST_MAIN()
