/* `variables`: where values come from, and what is told of wrong ones. */
#include "world.h"

#include "base/must.h"

#define HEAD "name: t\nservices:\n  a:\n    command: [x, \"${var.v}\"]\nvariables:\n"

static const char *outer_value;

static const char *outer(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "TEND_VAR_v") == 0 ? outer_value : NULL;
}

static struct world *with_variables(const char *lines)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(1 << 16);

    buf_format(&text, HEAD "%s", lines);
    put_file(w, "tend.yaml", text.at);
    buf_fini(&text);
    w->options.variable = outer;
    outer_value = NULL;
    return w;
}

static const struct project *again(struct world *w)
{
    project_unref(&w->project);
    diagnostics_destroy(&w->diagnostics);
    w->diagnostics = diagnostics_create();
    return load(w);
}

static const char *value_now(struct world *w)
{
    const struct project *p = again(w);

    CHECK_SAYING(p != NULL, "%s", told(w));
    return p->services[0].argv[1];
}

CASE(the_nearest_value_wins)
{
    static const char *const flags[] = {"v=flag"};
    static const char *const files[] = {"one.yaml", "two.env"};
    struct world *w = with_variables("  v: default\n"
                                     "environments:\n"
                                     "  e: {variables: {v: overlay}}\n");

    put_file(w, "one.yaml", "v: one\n");
    put_file(w, "two.env", "v=two\n");
    CHECK_TEXT(value_now(w), "default");
    w->options.environment = "e";
    CHECK_TEXT(value_now(w), "overlay");
    outer_value = "outer";
    CHECK_TEXT(value_now(w), "outer");
    w->options.var_files = files;
    w->options.var_file_count = 1;
    CHECK_TEXT(value_now(w), "one");
    w->options.var_file_count = 2;
    CHECK_TEXT(value_now(w), "two");
    w->options.vars = flags;
    w->options.var_count = 1;
    CHECK_TEXT(value_now(w), "flag");
    world_destroy(&w);
}

CASE(an_overlay_changes_the_default_and_keeps_the_type)
{
    struct world *w = with_variables("  v: {type: int, default: 1}\n"
                                     "environments:\n"
                                     "  e: {variables: {v: many}}\n");

    w->options.environment = "e";
    CHECK(again(w) == NULL);
    CHECK_SAYING(strstr(told(w), "variable 'v' takes a whole number, not 'many'\n"
                                 " --> tend.yaml:8:22") != NULL,
        "%s", told(w));
    world_destroy(&w);
}

CASE(a_value_is_of_its_type)
{
    static const struct {
        const char *declared, *good, *bad, *wanted;
    } cases[] = {
        {"  v: {type: int}\n",                         "v=12",   "v=1.5",  "a whole number" },
        {"  v: {type: number}\n",                      "v=1.5",  "v=x",    "a number"       },
        {"  v: {type: bool}\n",                        "v=true", "v=yes",  "true or false"  },
        {"  v: {type: duration}\n",                    "v=1h5m", "v=5",    "a duration"     },
        {"  v: {type: size}\n",                        "v=2gb",  "v=2xb",  "a size"         },
        {"  v: 5\n",                                   "v=6",    "v=six",  "a whole number" },
        {"  v: {enum: [a, b]}\n",                      "v=b",    "v=c",    "one of 'a', 'b'"},
        {"  v: {pattern: '^[a-z]+$'}\n",               "v=abc",  "v=a1",   "it must match"  },
        {"  v: {type: string, pattern: '^.{2,3}$'}\n", "v=ab",   "v=abcd", "it must match"  },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world *w = with_variables(cases[i].declared);
        w->options.vars = &cases[i].good;
        w->options.var_count = 1;
        CHECK_TEXT(value_now(w), cases[i].good + 2);
        w->options.vars = &cases[i].bad;
        CHECK(again(w) == NULL);
        CHECK_SAYING(strstr(told(w), cases[i].wanted) != NULL, "%s", told(w));
        CHECK_SAYING(strstr(told(w), "--> --var:1:3") != NULL, "%s", told(w));
        CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 1);
        world_destroy(&w);
    }
}

CASE(a_list_stands_for_a_whole_value)
{
    static const char *const flags[] = {"v=d, e"};
    struct world *w = with_variables("  v: [b, c]\n");

    put_file(w, "tend.yaml",
        "name: t\nservices: {a: {command: \"${var.v}\"}}\nvariables: {v: [b, c]}\n");
    CHECK_TEXT(value_now(w), "c");
    w->options.vars = flags;
    w->options.var_count = 1;
    CHECK_TEXT(value_now(w), "e");
    put_file(w, "tend.yaml",
        "name: t\nservices: {a: {command: \"x ${var.v}\"}}\nvariables: {v: [b, c]}\n");
    CHECK(again(w) == NULL);
    CHECK_SAYING(strstr(told(w), "a list, which can only be a whole value") != NULL, "%s", told(w));
    world_destroy(&w);
}

CASE(a_variable_without_a_value_is_an_error_unless_it_may_be_empty)
{
    struct world *w = with_variables("  v: {description: the version}\n"
                                     "environments:\n"
                                     "  prod: {variables: {v: 1}}\n");

    CHECK(again(w) == NULL);
    CHECK_SAYING(strstr(told(w), "variable 'v' must be set: the version") != NULL, "%s", told(w));
    CHECK_SAYING(strstr(told(w), "--env prod sets it") != NULL, "%s", told(w));
    world_destroy(&w);
    w = with_variables("  v: {required: false}\n");
    CHECK_TEXT(value_now(w), "");
    world_destroy(&w);
}

CASE(what_is_not_declared_is_told_where_it_is_named)
{
    static const char *const flags[] = {"vv=1", "nonsense"};
    static const char *const files[] = {"vars.yaml", "none.yaml"};
    struct world *w = with_variables("  v: 1\n  w: ${var.v}\n  w-w: 1\n");

    put_file(w, "vars.yaml", "v: 1\nww: 2\n");
    w->options.vars = flags;
    w->options.var_count = 2;
    w->options.var_files = files;
    w->options.var_file_count = 2;
    CHECK(again(w) == NULL);
    CHECK_SAYING(
        strstr(told(w), "there is no variable 'vv'\n --> --var:1:1") != NULL, "%s", told(w));
    CHECK(strstr(told(w), "--var takes NAME=VALUE") != NULL);
    CHECK(strstr(told(w), "there is no variable 'ww'\n --> vars.yaml:2:1") != NULL);
    CHECK(strstr(told(w), "cannot read --var-file 'none.yaml'") != NULL);
    CHECK(strstr(told(w), "'w-w' is no name for a variable") != NULL);
    CHECK(strstr(told(w), "a variable's declaration cannot use") != NULL);
    world_destroy(&w);
}

CASE(variables_and_addresses_stand_in_one_text)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "name: t\nvariables: {path: x}\nservices:\n"
        "  a: {command: a, ports: [8080]}\n"
        "  b: {command: b, environment: {U: \"${services.a.url}/${var.path}\"}}\n"
        "  c: {command: c, environment: {U: \"${var.path:-y}\"}}\n");
    CHECK(again(w) == NULL);
    CHECK_SAYING(strstr(told(w), "takes nothing behind its name") != NULL, "%s", told(w));
    put_file(w, "tend.yaml",
        "name: t\nvariables: {path: x}\nservices:\n"
        "  a: {command: a, ports: [8080]}\n"
        "  b: {command: b, environment: {U: \"${services.a.url}/${var.path}\"}}\n");
    CHECK_SAYING(again(w) != NULL, "%s", told(w));
    CHECK_TEXT(
        project_service(w->project, STR("b"))->environment[0].value, "http://127.0.0.1:8080/x");
    world_destroy(&w);
}

CASE(a_pattern_that_would_eat_memory_is_refused)
{
    struct world *w = with_variables("  v: {default: x, pattern: '((a{250}){250}){250}'}\n");

    CHECK(again(w) == NULL);
    CHECK_SAYING(strstr(told(w), "error[limit]") != NULL, "%s", told(w));
    world_destroy(&w);
}

TEST_MAIN()
