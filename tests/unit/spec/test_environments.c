/* `environments`: which overlay is chosen, how it is merged, and what the project is then called.
 */
#include "world.h"

#include <sys/stat.h>

#define SHOP                                                          \
    "name: shop\n"                                                    \
    "services:\n"                                                     \
    "  web:\n"                                                        \
    "    command: python3 web.py\n"                                   \
    "    environment: {A: 1, B: 2}\n"                                 \
    "    ports: [80]\n"                                               \
    "  api: {command: api}\n"                                         \
    "environments:\n"                                                 \
    "  staging:\n"                                                    \
    "    services:\n"                                                 \
    "      web: {environment: [B=3]}\n"                               \
    "      debug: {extends: web, command: debug, ports: !reset []}\n" \
    "  production:\n"                                                 \
    "    name: store\n"                                               \
    "    services:\n"                                                 \
    "      web: {environment: !override {C: 4}}\n"                    \
    "      api: !reset null\n"

static void put_folder(struct world *w, const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    CHECK(mkdir(path, 0700) == 0);
}

static const struct project *load_as(struct world *w, const char *environment)
{
    project_unref(&w->project);
    diagnostics_destroy(&w->diagnostics);
    w->diagnostics = diagnostics_create();
    w->options.environment = environment;
    return load(w);
}

CASE(an_overlay_is_merged_by_the_rules_of_files)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", SHOP);
    const struct project *p = load_as(w, "staging");
    CHECK_SAYING(p != NULL, "%s", told(w));
    CHECK_TEXT(p->name, "shop-staging");
    CHECK_INT(p->service_count, 3);
    CHECK_TEXT(p->services[0].environment[1].value, "3");
    const struct service *debug = project_service(p, STR("debug"));
    CHECK_TEXT(debug->argv[0], "debug");
    CHECK_INT(debug->environment_count, 2);
    CHECK_INT(debug->port, 0);
    check_same_from_document(p);
    p = load_as(w, "production");
    CHECK_SAYING(p != NULL, "%s", told(w));
    CHECK_TEXT(p->name, "store");
    CHECK_INT(p->service_count, 1);
    CHECK_INT(p->services[0].environment_count, 1);
    CHECK(load_as(w, NULL) != NULL);
    CHECK_TEXT(w->project->name, "shop");
    CHECK_INT(w->project->services[0].environment_count, 2);
    world_destroy(&w);
}

CASE(each_environment_has_a_name_of_its_own_whatever_names_the_project)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", SHOP);
    w->options.project_name = "mine";
    CHECK_TEXT(load_as(w, "staging")->name, "mine-staging");
    CHECK_TEXT(load_as(w, "production")->name, "mine-production");
    CHECK_TEXT(load_as(w, NULL)->name, "mine");
    w->options.project_name = "a-name-that-is-nearly-as-long-as-a-name-may-be-with-60-bytes";
    CHECK(load_as(w, "production") == NULL);
    CHECK_SAYING(strstr(told(w), "error[wrong-name]") != NULL, "%s", told(w));
    world_destroy(&w);
}

CASE(without_a_choice_the_file_may_have_one)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", SHOP "default_environment: staging\n");
    CHECK_TEXT(load_as(w, NULL)->name, "shop-staging");
    CHECK_TEXT(load_as(w, "production")->name, "store");
    world_destroy(&w);
}

CASE(an_unknown_environment_is_told_with_the_nearest_one)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml", SHOP);
    CHECK(load_as(w, "stagign") == NULL);
    CHECK_SAYING(strstr(told(w), "there is no environment 'stagign'") != NULL, "%s", told(w));
    CHECK(strstr(told(w), "did you mean 'staging'?") != NULL);
    world_destroy(&w);
}

CASE(only_the_chosen_overlay_is_asked_for_its_variables)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "name: t\nservices: {a: {command: a}}\n"
        "environments:\n"
        "  prod: {services: {a: {user: \"${WHO:?say who}\"}}}\n"
        "  test: {services: {a: {user: nobody}}}\n");
    CHECK_SAYING(load_as(w, "test") != NULL, "%s", told(w));
    CHECK(load_as(w, "prod") == NULL);
    CHECK_SAYING(strstr(told(w), "tend.yaml:4:32") != NULL, "%s", told(w));
    world_destroy(&w);
}

CASE(what_is_wrong_in_an_overlay_is_shown_there)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "name: t\nservices: {a: {command: a}}\n"
        "environments:\n"
        "  x:\n"
        "    include: [other.yaml]\n"
        "    services:\n"
        "      a: {comand: b}\n"
        "      aa: {user: b}\n"
        "    sevices: {}\n");
    CHECK(load_as(w, "x") == NULL);
    CHECK_SAYING(strstr(told(w), "'include' in an environment") != NULL, "%s", told(w));
    CHECK(strstr(told(w), "tend.yaml:7:11") != NULL);
    CHECK(strstr(told(w), "changes service 'aa', which is not declared") != NULL);
    CHECK(strstr(told(w), "did you mean 'services'?") != NULL);
    CHECK_INT(diagnostics_count(w->diagnostics, SEVERITY_ERROR), 4);
    world_destroy(&w);
}

CASE(overlays_of_several_and_of_included_files_come_in_order)
{
    static const char *const files[] = {"a.yaml", "b.yaml"};
    struct world *w = world_create();

    put_file(w, "a.yaml",
        "name: t\ninclude: [sub/tend.yaml]\nservices: {a: {command: a, user: one}}\n"
        "environments: {x: {services: {a: {user: two, labels: {l: a}}}}}\n");
    put_file(w, "b.yaml",
        "services: {a: {user: three}}\n"
        "environments: {x: {services: {a: {labels: {l: b}}}}}\n");
    put_folder(w, "sub");
    put_folder(w, "sub/here");
    put_file(w, "sub/tend.yaml",
        "services: {s: {command: s}}\n"
        "environments: {x: {name: no, services: {s: {working_dir: here}}}, y: {}}\n");
    w->options.files = files;
    w->options.file_count = 2;
    const struct project *p = load_as(w, "x");
    CHECK_SAYING(p != NULL, "%s", told(w));
    const struct service *a = project_service(p, STR("a")), *s = project_service(p, STR("s"));
    CHECK_TEXT(p->name, "t-x");
    CHECK_TEXT(a->user, "two");
    CHECK_TEXT(a->labels[1], "b");
    CHECK(str_ends(str_from(s->working_dir), "/sub/here"));
    CHECK(load_as(w, "y") == NULL); /* of the included project alone */
    world_destroy(&w);
}

TEST_MAIN()
