#include "plan/plan.h"

#include "spec/load.h"

#include "test.h"

static const struct kind service = {
    .name = "service", .section = "services", .fields = &fields_service};
static const struct kind *const kinds[] = {&service};

static const struct project *load(const char *services)
{
    struct diagnostics *d = diagnostics_create();
    struct buf text = BUF_INIT(1u << 16), problems = BUF_INIT(1u << 16);
    const struct project *p;

    buf_format(&text, "{\"name\":\"shop\",\"x-tend-directory\":\"/\",\"services\":{%s}}", services);
    p = spec_load_document(buf_str(&text), (struct str){0}, d);
    diagnostics_render(d, &problems, false);
    CHECK_SAYING(p != NULL, "%s", buf_str(&problems).at);
    buf_fini(&text);
    buf_fini(&problems);
    diagnostics_destroy(&d);
    return p;
}

/* The plan from one project to another, as text. */
static char *plan_text(const char *before, const char *after)
{
    const struct project *old = before != NULL ? load(before) : NULL, *new = load(after);
    struct arena *a = arena_create(0);
    struct observed_list observed = {0};
    struct buf text = BUF_INIT(1u << 20);
    struct plan plan;

    for (size_t k = 0; old != NULL && k < old->service_count; k++)
        vec_push(&observed,
            (struct observed){.name = old->services[k].name, .node = old->services[k].node});
    plan_make(&plan, a, new, kinds, &observed, 1);
    plan_write_text(&plan, NULL, &text);
    plan_fini(&plan);
    vec_fini(&observed);
    arena_destroy(&a);
    project_unref(&old);
    project_unref(&new);
    return buf_take(&text);
}

#define CHECK_PLAN(before, after, want)                \
    do {                                               \
        char *got_text = plan_text((before), (after)); \
        CHECK_TEXT(got_text, (want));                  \
        free(got_text);                                \
    } while (0)

CASE(an_unchanged_world_gives_an_empty_plan)
{
    CHECK_PLAN("\"web\":{\"command\":[\"a\"]}", "\"web\":{\"command\":[\"a\"]}",
        "No changes. What runs is what is declared.\n");
}

CASE(what_is_new_is_created_with_what_it_is_declared_as)
{
    CHECK_PLAN(NULL, "\"web\":{\"command\":[\"a\",\"b\"]}",
        "  + service web  is started\n"
        "      command      [\"a\",\"b\"]\n"
        "      working_dir  \"/\"\n"
        "\nPlan 96ee7b0d: 1 to create\n"
        "  risk      low: nothing that runs is interrupted\n"
        "  duration  unknown: there is no history of it\n");
}

CASE(another_number_of_replicas_restarts_nothing)
{
    CHECK_PLAN("\"web\":{\"command\":[\"a\"]}",
        "\"web\":{\"command\":[\"a\"],\"deploy\":{\"replicas\":3}}",
        "  ~ service web  changes without a restart\n"
        "      deploy.replicas  (default: 1) → 3\n"
        "      (2 unchanged)\n"
        "\nPlan 6f0b5ffc: 1 to update\n"
        "  risk      low: nothing that runs is interrupted\n"
        "  duration  about 500ms, as starts and stops took before\n");
}

CASE(another_command_replaces)
{
    CHECK_PLAN("\"web\":{\"command\":[\"a\"]}", "\"web\":{\"command\":[\"b\"]}",
        "-/+ service web  is replaced\n"
        "      command  [\"a\"] → [\"b\"]  (restarts)\n"
        "      (1 unchanged)\n"
        "\nPlan 8d66f0d0: 1 to replace\n"
        "  risk      medium: replaced: web\n"
        "  duration  about 500ms, as starts and stops took before\n");
}

CASE(secrets_are_never_shown)
{
    char *text = plan_text("\"web\":{\"command\":[\"a\"],\"environment\":{\"DB_PASSWORD\":\"old-"
                           "one\",\"MODE\":\"x\"}}",
        "\"web\":{\"command\":[\"a\"],\"environment\":{\"DB_PASSWORD\":\"new-one\",\"MODE\":\"y\"}"
        "}");

    CHECK(strstr(text, "-one") == NULL);
    CHECK(strstr(text, "environment.DB_PASSWORD  \"***\" → \"***\"") != NULL);
    CHECK(strstr(text, "environment.MODE         \"x\"   → \"y\"") != NULL);
    free(text);
}

CASE(what_others_need_comes_first_and_what_goes_away_last)
{
    char *text = plan_text("\"gone\":{\"command\":[\"g\"]}",
        "\"web\":{\"command\":[\"w\"],\"depends_on\":{\"api\":{\"condition\":\"service_started\"}}}"
        ","
        "\"api\":{\"command\":[\"a\"],\"depends_on\":{\"db\":{\"condition\":\"service_started\"}}},"
        "\"db\":{\"command\":[\"d\"]}");
    const char *db = strstr(text, "service db"), *api = strstr(text, "service api"),
               *web = strstr(text, "service web"), *gone = strstr(text, "service gone");

    CHECK(db != NULL && db < api && api < web && web < gone);
    free(text);
}

CASE(a_diff_of_two_declarations_has_what_went_away_too)
{
    const struct project *old = load("\"web\":{\"command\":[\"a\"]},\"gone\":{\"command\":"
                                     "[\"g\"],\"environment\":{\"A_TOKEN\":\"hush\"}}"),
                         *new = load("\"web\":{\"command\":[\"b\"]}");
    struct arena *a = arena_create(0);
    struct buf text = BUF_INIT(1u << 16);
    struct plan plan;

    plan_between(&plan, a, old, new, kinds, 1);
    plan_write_diff(&plan, "x", "y", &text);
    CHECK_TEXT(text.at, "--- x\n+++ y\n"
                        "@@ service web: is replaced @@\n"
                        "-command: [\"a\"]\n+command: [\"b\"]\n"
                        "@@ service gone: is gone @@\n"
                        "-command: [\"g\"]\n-environment.A_TOKEN: \"***\"\n-working_dir: \"/\"\n");
    plan_fini(&plan);
    buf_reset(&text);
    plan_between(&plan, a, new, NULL, kinds, 1);
    CHECK_INT(plan.deletes, 1);
    plan_fini(&plan);
    plan_between(&plan, a, new, new, kinds, 1);
    plan_write_diff(&plan, "x", "y", &text);
    CHECK_INT(text.len, 0);
    plan_fini(&plan);
    arena_destroy(&a);
    buf_fini(&text);
    project_unref(&old);
    project_unref(&new);
}

/* Each needs both of the layer below: two ways each, and 2^30 of them all the way down. */
CASE(many_ways_down_cost_no_more_than_one)
{
    struct buf services = BUF_INIT(1u << 16);
    char *text;

    for (int layer = 0; layer < 30; layer++)
        for (int side = 0; side < 2; side++) {
            buf_format(&services, "%s\"s%d%c\":{\"command\":[\"x\"]", services.len > 0 ? "," : "",
                layer, 'a' + side);
            if (layer > 0)
                buf_format(&services,
                    ",\"depends_on\":{\"s%da\":{\"condition\":\"service_started\"},"
                    "\"s%db\":{\"condition\":\"service_started\"}}",
                    layer - 1, layer - 1);
            buf_add_text(&services, "}");
        }
    text = plan_text(NULL, buf_str(&services).at);
    CHECK(strstr(text, "service s0a") < strstr(text, "service s29a"));
    free(text);
    buf_fini(&services);
}

CASE(the_digest_tells_a_plan_that_the_world_has_overtaken)
{
    const struct project *p = load("\"web\":{\"command\":[\"a\"]}");
    struct arena *a = arena_create(0);
    struct observed_list nothing = {0}, something = {0};
    struct plan before, after;

    vec_push(&something, (struct observed){.name = "web", .node = p->services[0].node});
    plan_make(&before, a, p, kinds, &nothing, 1);
    plan_make(&after, a, p, kinds, &something, 1);
    CHECK(!hash_eq(&before.digest, &after.digest));
    plan_fini(&before);
    plan_fini(&after);
    vec_fini(&something);
    arena_destroy(&a);
    project_unref(&p);
}

TEST_MAIN()
