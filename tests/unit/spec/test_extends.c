#include "world.h"

#include "base/buf.h"

static void put_in(struct world *w, const char *dir, const char *name, const char *text)
{
    struct err err = ERR_INIT;
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", w->dir, dir);
    CHECK_OK(fs_make_dirs(path, 0700, &err), &err);
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    put_file(w, path, text);
}

static const struct service *loaded(struct world *w, const char *name)
{
    if (w->project == NULL) {
        CHECK_SAYING(load(w) != NULL, "%s", told(w));
        check_same_from_document(w->project);
    }
    const struct service *s = project_service(w->project, str_from(name));
    CHECK(s != NULL);
    return s;
}

static const char *value_of(const struct service *s, const char *name)
{
    for (size_t i = 0; i < s->environment_count; i++)
        if (strcmp(s->environment[i].name, name) == 0)
            return s->environment[i].value;
    return NULL;
}

static void check_refused(struct world *w, const char *text)
{
    CHECK(load(w) == NULL);
    CHECK_SAYING(strstr(told(w), text) != NULL, "%s", told(w));
}

CASE(a_service_begins_as_another_of_its_file)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "services:\n"
        "  base: {command: [a, b], environment: {A: 1, B: 2}, env_file: [x.env], stop_signal: "
        "INT}\n"
        "  web: {extends: base, environment: [B=3, C=4], env_file: y.env}\n"
        "  api: {extends: {service: web}, command: [c], env_file: !reset []}\n");
    put_file(w, "x.env", "X=1\nY=1\n");
    put_file(w, "y.env", "Y=2\n");
    const struct service *web = loaded(w, "web"), *api = loaded(w, "api");
    CHECK_TEXT(web->argv[1], "b");
    CHECK_INT(web->stop_signal, 2);
    CHECK_INT(web->environment_count, 5);
    CHECK_STR(str_from(value_of(web, "B")), "3");
    CHECK_STR(str_from(value_of(web, "Y")), "2");
    CHECK_TEXT(api->argv[0], "c");
    CHECK(api->argv[1] == NULL);
    CHECK_INT(api->environment_count, 3);
    CHECK_STR(str_from(value_of(loaded(w, "base"), "B")), "2");
    world_destroy(&w);
}

CASE(paths_of_a_base_in_another_folder_are_relative_to_its_file)
{
    struct world *w = world_create();
    char want[200];

    put_in(w, "shared", "base.yaml",
        "services:\n"
        "  root: {env_file: [{path: a.env}, ./b.env], working_dir: run}\n"
        "  base: {extends: root, command: ['${GREETING}', '$ZONE']}\n");
    put_in(w, "shared", "a.env", "A=1\n");
    put_in(w, "shared", "b.env", "B=1\n");
    put_in(w, "shared/run", "keep", "");
    put_file(w, ".env", "ZONE=x\n");
    put_file(w, "tend.yaml",
        "services: {web: {extends: {service: base, file: shared/base.yaml}}, plain: {command: "
        "x}}\n");
    const struct service *web = loaded(w, "web");
    (void)snprintf(want, sizeof want, "%s/shared/run", w->dir);
    CHECK_STR(str_from(web->working_dir), want);
    CHECK_STR(str_from(loaded(w, "plain")->working_dir), w->dir);
    CHECK_INT(web->environment_count, 2);
    CHECK_TEXT(web->argv[0], "hello");
    CHECK_TEXT(web->argv[1], "x");
    CHECK_INT(w->project->service_count, 2);
    world_destroy(&w);
}

CASE(circles_of_extends_are_told_with_their_whole_path)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "services:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a, command: x}\n");
    check_refused(w, "services extend each other in a circle: a → b → c → a");
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 1);
    CHECK(strstr(told(w), "tend.yaml:4:16") != NULL);
    world_destroy(&w);
}

CASE(circles_over_files_name_the_files)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "services: {a: {extends: {service: b, file: other.yaml}}}\n");
    put_file(w, "other.yaml", "services: {b: {extends: {service: a, file: tend.yaml}}}\n");
    check_refused(w, "a (tend.yaml) → b (other.yaml) → a");
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 1);
    CHECK(strstr(told(w), "--> other.yaml:1:25") != NULL);
    world_destroy(&w);
}

CASE(a_base_that_is_not_there_is_told_with_the_nearest_name)
{
    struct world *w = world_create();

    put_file(w, "other.yaml", "services: {worker: {command: x}}\n");
    put_file(w, "tend.yaml", "services:\n  a:\n    extends: {service: workr, file: other.yaml}\n");
    check_refused(w, "extends 'workr', and there is no such service in 'other.yaml'");
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 1);
    CHECK(strstr(told(w), "did you mean 'worker'?") != NULL);
    CHECK(strstr(told(w), "tend.yaml:3:14") != NULL);
    world_destroy(&w);
}

CASE(a_file_to_extend_from_that_is_missing_is_told_where_it_is_named)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "services:\n  a:\n    extends: {service: b, file: no.yaml}\n");
    check_refused(w, "cannot read 'no.yaml': No such file or directory");
    CHECK(strstr(told(w), "tend.yaml:3:14") != NULL);
    world_destroy(&w);
}

CASE(mistakes_in_another_file_are_told_in_that_file)
{
    struct world *w = world_create();

    put_file(w, "other.yaml", "services:\n  b:\n    command: x\n    stop_grace_period: soon\n");
    put_file(w, "tend.yaml",
        "services:\n  a: {extends: {service: b, file: other.yaml}}\n  c: {extends: {servise: "
        "x}}\n");
    check_refused(w, "--> other.yaml:4:24");
    CHECK(strstr(told(w), "unknown key 'servise' in extends") != NULL);
    world_destroy(&w);
}

CASE(a_base_must_be_a_map)
{
    struct world *w = world_create();

    put_file(w, "other.yaml", "services: {b: text, c: }\n");
    put_file(w, "tend.yaml",
        "services:\n"
        "  a: {command: x, extends: {service: b, file: other.yaml}}\n"
        "  c: {command: x, extends: {service: c, file: other.yaml}}\n");
    check_refused(w, "'b' takes a map, and this is a text");
    CHECK(strstr(told(w), "--> other.yaml:1:15") != NULL);
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 1);
    world_destroy(&w);
}

CASE(chains_of_extends_are_bounded)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(1 << 20);

    buf_add_text(&text, "services:\n  s0: {extends: s1}\n");
    for (int i = 1; i < 100; i++)
        buf_format(&text, "  s%d: {extends: s%d}\n", i, i + 1);
    buf_add_text(&text, "  s100: {command: x}\n");
    put_file(w, "tend.yaml", text.at);
    check_refused(w, "more than 32 services extend each other in a row");
    buf_fini(&text);
    world_destroy(&w);
}

/* Each service adds a variable to all those of the one before. */
CASE(what_extending_makes_is_bounded)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(4 << 20);

    buf_add_text(&text, "services:\n  s0:\n    command: x\n    environment:\n");
    for (int i = 0; i < 2000; i++)
        buf_format(&text, "      V%d: 1\n", i);
    for (int i = 1; i < 2000; i++)
        buf_format(&text, "  s%d: {extends: s%d, environment: {W%d: 1}}\n", i, i - 1, i);
    put_file(w, "tend.yaml", text.at);
    check_refused(w, "services that extend others have more than 1000000 values");
    buf_fini(&text);
    world_destroy(&w);
}

CASE(many_services_extend_one_of_another_file_which_is_read_once)
{
    struct world *w = world_create();
    struct buf text = BUF_INIT(1 << 20);

    put_file(w, "other.yaml", "services: {b: {command: x}}\n");
    buf_add_text(&text, "services:\n");
    for (int i = 0; i < 1000; i++)
        buf_format(&text, "  s%d: {extends: {service: b, file: other.yaml}}\n", i);
    put_file(w, "tend.yaml", text.at);
    CHECK_TEXT(loaded(w, "s999")->argv[0], "x");
    buf_fini(&text);
    world_destroy(&w);
}

CASE(a_document_extends_and_includes_nothing)
{
    struct world *w = world_create();

    CHECK(
        spec_load_document(STR("{\"include\":[\"/etc/"
                               "passwd\"],\"name\":\"t\",\"services\":{\"a\":{\"command\":[\"x\"],"
                               "\"extends\":\"b\"}},\"x-tend-directory\":\"/\"}"),
            (struct str){0}, w->diagnostics) == NULL);
    CHECK(strstr(told(w), "'extends' in a resolved document") != NULL);
    CHECK(strstr(told(w), "'include' in a resolved document") != NULL);
    world_destroy(&w);
}

TEST_MAIN()
