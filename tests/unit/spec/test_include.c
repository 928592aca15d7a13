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
    return "";
}

static void check_refused(struct world *w, const char *text)
{
    CHECK(load(w) == NULL);
    CHECK_SAYING(strstr(told(w), text) != NULL, "%s", told(w));
}

CASE(an_included_file_has_its_own_folder_and_variables)
{
    struct world *w = world_create();
    char want[200];

    put_file(w, ".env", "ZONE=outer\n");
    put_file(w, "tend.yaml",
        "include: [db/compose.yaml]\n"
        "services: {web: {command: '$ZONE', depends_on: [db]}}\n");
    put_in(w, "db", ".env", "ZONE=inner\nPORT_OF_DB=5432\nONLY=inner\n");
    put_in(w, "db", "compose.yaml",
        "name: other\nx-mine: 1\n"
        "services:\n"
        "  db: {command: '$ZONE ${PORT_OF_DB}', env_file: db.env, environment: [ONLY, NOT_SET]}\n");
    put_in(w, "db", "db.env", "D=1\n");
    const struct service *db = loaded(w, "db");
    CHECK_TEXT(db->argv[0], "outer");
    CHECK_TEXT(db->argv[1], "5432");
    CHECK_STR(str_from(value_of(db, "ONLY")), "inner");
    CHECK_STR(str_from(value_of(db, "D")), "1");
    CHECK_INT(db->environment_count, 2);
    (void)snprintf(want, sizeof want, "%s/db", w->dir);
    CHECK_STR(str_from(db->working_dir), want);
    CHECK_STR(str_from(loaded(w, "web")->working_dir), w->dir);
    CHECK(strcmp(w->project->name, "other") != 0);
    world_destroy(&w);
}

CASE(the_long_form_names_folder_and_variables_and_merges_its_files)
{
    struct world *w = world_create();
    char want[200];

    put_file(w, "tend.yaml",
        "include:\n"
        "  - path: [db/a.yaml, db/b.yaml]\n"
        "    project_directory: elsewhere\n"
        "    env_file: [one.env, two.env]\n"
        "services: {web: {command: x}}\n");
    put_file(w, "one.env", "A=1\nB=1\n");
    put_file(w, "two.env", "B=2\n");
    put_in(w, "elsewhere", "x.env", "X=1\n");
    put_in(w, "elsewhere", ".env", "A=9\n");
    put_in(w, "db", "a.yaml", "services: {db: {command: a, environment: {A: '$A'}}}\n");
    put_in(w, "db", "b.yaml", "services: {db: {command: '$B', env_file: ./x.env}}\n");
    const struct service *db = loaded(w, "db");
    CHECK_TEXT(db->argv[0], "2");
    CHECK_STR(str_from(value_of(db, "A")), "1");
    CHECK_STR(str_from(value_of(db, "X")), "1");
    (void)snprintf(want, sizeof want, "%s/elsewhere", w->dir);
    CHECK_STR(str_from(db->working_dir), want);
    world_destroy(&w);
}

CASE(included_files_include_others_relative_to_themselves)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include: [a/tend.yaml]\n");
    put_in(w, "a", "tend.yaml",
        "include: [b/tend.yaml]\nservices: {a: {extends: {service: base, file: base.yaml}}}\n");
    put_in(w, "a", "base.yaml", "services: {base: {command: base, env_file: a.env}}\n");
    put_in(w, "a", "a.env", "A=1\n");
    put_in(w, "a/b", "tend.yaml", "services: {b: {command: b}}\n");
    CHECK_TEXT(loaded(w, "b")->argv[0], "b");
    CHECK_STR(str_from(value_of(loaded(w, "a"), "A")), "1");
    world_destroy(&w);
}

CASE(two_of_a_name_are_told_with_both_places)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include:\n  - other.yaml\nservices:\n  web: {command: x}\n");
    put_file(w, "other.yaml", "services:\n\n  web: {command: y}\n");
    check_refused(w, "'services.web' is declared in two files, and not the same");
    CHECK(strstr(told(w), "--> other.yaml:3:3") != NULL);
    CHECK(strstr(told(w), "tend.yaml:4:3") != NULL);
    world_destroy(&w);
}

CASE(a_file_that_is_included_twice_says_the_same)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include: [a.yaml, b.yaml]\n");
    put_file(w, "a.yaml", "include: [c.yaml]\n");
    put_file(w, "b.yaml", "include: [c.yaml]\n");
    put_file(w, "c.yaml", "services: {c: {command: x}}\n");
    CHECK_TEXT(loaded(w, "c")->argv[0], "x");
    world_destroy(&w);
}

CASE(an_override_file_is_merged_over_what_is_included)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include: [other.yaml]\n");
    put_file(w, "other.yaml", "services: {web: {command: x, environment: {A: 1, B: 1}}}\n");
    put_file(w, "tend.override.yaml", "services: {web: {environment: {B: 2}}}\n");
    const struct service *web = loaded(w, "web");
    CHECK_STR(str_from(value_of(web, "A")), "1");
    CHECK_STR(str_from(value_of(web, "B")), "2");
    world_destroy(&w);
}

CASE(circles_of_files_are_told_with_their_whole_path)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include: [a.yaml]\n");
    put_file(w, "a.yaml", "include:\n  - path: b.yaml\n");
    put_file(w, "b.yaml", "include: [tend.yaml]\n");
    check_refused(
        w, "files include each other in a circle: tend.yaml → a.yaml → b.yaml → tend.yaml");
    CHECK(strstr(told(w), "--> b.yaml:1:11") != NULL);
    world_destroy(&w);
}

CASE(a_missing_file_is_told_where_it_is_named)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include:\n  - no.yaml\n  - {path: a.yaml, env_file: no.env}\n");
    put_file(w, "a.yaml", "services: {a: {command: x}}\n");
    check_refused(w, "cannot read 'no.yaml': No such file");
    CHECK(strstr(told(w), "tend.yaml:2:5") != NULL);
    CHECK(strstr(told(w), "cannot read 'no.env': No such file") != NULL);
    CHECK(strstr(told(w), "tend.yaml:3:5") != NULL);
    world_destroy(&w);
}

CASE(wrong_includes_are_told)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "include:\n  - {pth: a}\n  - [x]\n  - oci://host/x\nservices: {web: {command: x}}\n");
    check_refused(w, "unknown key 'pth' in an include");
    CHECK(
        strstr(told(w), "'include' takes paths and maps with a path, and this is a list") != NULL);
    CHECK(strstr(told(w), "not supported: 'include' of a file elsewhere: 'oci://host/x'") != NULL);
    put_file(w, "tend.yaml", "include: {path: x}\nservices: {web: {command: x}}\n");
    check_refused(w, "'include' takes a list of files, and this is a map");
    world_destroy(&w);
}

CASE(mistakes_in_an_included_file_are_told_in_that_file)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include: [other.yaml]\n");
    put_file(w, "other.yaml", "services:\n  web:\n    comand: x\n");
    check_refused(w, "--> other.yaml:3:5");
    world_destroy(&w);
}

CASE(sections_that_are_no_maps_are_told)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", "include: [other.yaml]\nservices: {web: {command: x}}\n");
    put_file(w, "other.yaml", "services: [web]\nvolumes: 3\n");
    check_refused(w, "'services' takes a map, and this is a list");
    CHECK(strstr(told(w), "--> other.yaml:1:11") != NULL);
    CHECK(strstr(told(w), "'volumes' takes a map, and this is a number") != NULL);
    world_destroy(&w);
}

CASE(references_of_included_services_are_resolved)
{
    struct world *w = world_create();

    put_file(
        w, "tend.yaml", "include: [other.yaml]\nservices: {web: {command: x, ports: [8080]}}\n");
    put_file(w, "other.yaml",
        "services: {s: {command: x, environment: ['URL=${services.web.url}', "
        "'P=${services.t.port}']},"
        " t: {command: x, ports: [8081]}}\n");
    CHECK_STR(str_from(value_of(loaded(w, "s"), "URL")), "http://127.0.0.1:8080");
    CHECK_STR(str_from(value_of(loaded(w, "s"), "P")), "8081");
    world_destroy(&w);
}

/* Each file includes the next one twice. */
CASE(the_number_of_files_is_bounded)
{
    struct world *w = world_create();
    char name[20], text[80];

    put_file(w, "tend.yaml", "include: [f0.yaml]\n");
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "f%d.yaml", i);
        (void)snprintf(text, sizeof text, "include: [f%d.yaml, f%d.yaml]\n", i + 1, i + 1);
        put_file(w, name, text);
    }
    put_file(w, "f20.yaml", "services: {a: {command: x}}\n");
    check_refused(w, "the project has more than 256 files");
    CHECK(strlen(told(w)) < 100000);
    world_destroy(&w);
}

CASE(the_depth_of_includes_is_bounded)
{
    struct world *w = world_create();
    char name[20], text[80];

    put_file(w, "tend.yaml", "include: [f0.yaml]\n");
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "f%d.yaml", i);
        (void)snprintf(text, sizeof text, "include: [f%d.yaml]\n", i + 1);
        put_file(w, name, text);
    }
    check_refused(w, "more than 32 files include each other");
    world_destroy(&w);
}

TEST_MAIN()
