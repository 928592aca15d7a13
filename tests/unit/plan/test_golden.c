/* Plans as they are read: a folder a case in golden/, with
 *
 *     declared.yaml   what people want
 *     observed.yaml   what was applied and runs (missing: an empty world)
 *     world.json      what else is seen, by name, and how the plan is asked for (may be missing):
 *                     {"service.web":{"instances":2,"start_ms":300,"trouble":…,"note":…,"drift":…},
 *                      "look":{"ascii":true,"columns":60,"took_ms":8,"next":"tend apply"}}
 *                     {"part":{"target":["web"],"exclude":["service.db"]}}
 *     plan.txt        the plan's text, or what is wrong with the declaration
 *     plan.json       the plan for programs (only where it is there)
 *
 * With UPDATE_GOLDEN=1 the plans are written anew, to be read in the diff. */
#include "plan/part.h"
#include "plan/plan.h"

#include "base/fs.h"
#include "base/map.h"
#include "base/must.h"
#include "spec/load.h"

#include "test.h"

#include <dirent.h>

#define GOLDEN_DIR TESTS_DIR "/plan/golden"

static const struct kind service = {
    .name = "service", .section = "services", .fields = &fields_service};
static const struct kind *const kinds[] = {&service};

/* One case while it is made. */
struct golden {
    const char *name;
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct project *declared, *applied, *settled;
    struct part part;
    json_t *world;
    struct observed_list observed[COUNT(kinds)];
};

static const char *no_variable(void *context, const char *name)
{
    (void)context;
    (void)name;
    return NULL;
}

static char *path_of(const struct golden *g, const char *file)
{
    return arena_format(g->arena, "%s/%s/%s", GOLDEN_DIR, g->name, file);
}

static const struct project *load(struct golden *g, const char *file)
{
    char *dir = arena_format(g->arena, "%s/%s", GOLDEN_DIR, g->name);
    struct load_options options = {.files = &file,
        .file_count = 1,
        .dir = dir,
        .project_dir = "/srv/shop",
        .project_name = "shop",
        .variable = no_variable};

    return spec_load(&options, g->diagnostics);
}

static const char *text_of(struct golden *g, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? arena_copy(g->arena, text) : NULL;
}

static int64_t number_of(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void see(struct golden *g, size_t k, const struct node_pair *pair)
{
    const json_t *more =
        json_object_get(g->world, arena_format(g->arena, "%s.%s", kinds[k]->name, pair->key.at));
    const struct service *s = project_service(g->applied, pair->key);
    const char **needs = arena_new_array(g->arena, s->dependency_count + 1, const char *);

    for (size_t d = 0; d < s->dependency_count; d++)
        needs[d] = s->dependencies[d].service;
    vec_push(&g->observed[k], (struct observed){
                                  .name = pair->key.at,
                                  .node = pair->value,
                                  .trouble = text_of(g, more, "trouble"),
                                  .note = text_of(g, more, "note"),
                                  .drift = text_of(g, more, "drift"),
                                  .needs = needs,
                                  .instances = (int)number_of(more, "instances", s->replicas),
                                  .start_ms = number_of(more, "start_ms", -1),
                                  .stop_ms = number_of(more, "stop_ms", -1),
                              });
}

/* Those that are gone, with how long they took. */
static void see_gone(struct golden *g)
{
    const char *key;
    json_t *more;

    json_object_foreach(g->world, key, more)
    {
        if (!json_is_true(json_object_get(more, "gone")))
            continue;
        vec_push(&g->observed[0], (struct observed){
                                      .name = arena_copy(g->arena, strchr(key, '.') + 1),
                                      .gone = true,
                                      .start_ms = number_of(more, "start_ms", -1),
                                      .stop_ms = number_of(more, "stop_ms", -1),
                                  });
    }
}

static void observe(struct golden *g)
{
    for (size_t k = 0; k < COUNT(kinds) && g->applied != NULL; k++)
        NODE_EACH (node_get(g->applied->node, kinds[k]->section), pair)
            see(g, k, pair);
    see_gone(g);
}

/* ---- what is compared ---- */

static void check_same(struct golden *g, const char *file, const struct buf *got)
{
    struct buf want = BUF_INIT(1u << 22);
    struct err err = ERR_INIT;
    char *path = path_of(g, file);

    if (getenv("UPDATE_GOLDEN") != NULL)
        CHECK_OK(fs_write_volatile(path, buf_str(got), 0644, &err), &err);
    CHECK_OK(fs_read(path, &want, &err), &err);
    CHECK_SAYING(str_eq(buf_str(got), buf_str(&want)), "%s/%s: got\n%s", g->name, file, got->at);
    buf_fini(&want);
}

/* What the command line shows comes from the JSON: nothing may get lost on the way. */
static void check_reread(
    struct golden *g, const struct plan_look *look, const struct buf *text, const struct buf *json)
{
    struct buf again = BUF_INIT(1u << 22);
    struct plan plan;
    json_t *value = json_loadb(json->at, json->len, 0, NULL);

    CHECK(value != NULL);
    CHECK(plan_read_json(&plan, g->arena, value, kinds, COUNT(kinds)));
    plan_write_text(&plan, look, &again);
    CHECK_TEXT(again.at, text->at);
    buf_reset(&again);
    plan_write_json(&plan, &again);
    CHECK_TEXT(again.at, json->at);
    plan_fini(&plan);
    buf_fini(&again);
    json_decref(value);
}

static void check_plan(struct golden *g)
{
    const json_t *how = json_object_get(g->world, "look");
    struct plan_look look = {
        .ascii = json_is_true(json_object_get(how, "ascii")),
        .verbose = json_is_true(json_object_get(how, "verbose")),
        .columns = (int)number_of(how, "columns", 0),
        .took_ns = number_of(how, "took_ms", 0) * 1000000,
        .next = text_of(g, how, "next"),
    };
    struct buf text = BUF_INIT(1u << 22), json = BUF_INIT(1u << 22);
    struct plan plan;

    plan_make(&plan, g->arena, g->settled, kinds, g->observed, COUNT(kinds));
    part_tell(&g->part, &plan);
    plan_add_places(&plan, g->arena, g->declared);
    plan_write_text(&plan, &look, &text);
    plan_write_json(&plan, &json);
    check_reread(g, &look, &text, &json);
    check_same(g, "plan.txt", &text);
    if (fs_exists(path_of(g, "plan.json"))) {
        buf_add_byte(&json, '\n');
        check_same(g, "plan.json", &json);
    }
    plan_fini(&plan);
    buf_fini(&text);
    buf_fini(&json);
}

static void check_refusal(struct golden *g)
{
    struct buf text = BUF_INIT(1u << 22);

    diagnostics_render(g->diagnostics, &text, false);
    check_same(g, "plan.txt", &text);
    buf_fini(&text);
}

static const char *lines_of(struct golden *g, const char *key)
{
    struct buf lines = BUF_INIT(4096);
    const char *text;
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(json_object_get(g->world, "part"), key), i, one)
        buf_format(&lines, "%s%s", i > 0 ? "\n" : "", json_string_value(one));
    text = arena_copy(g->arena, buf_str(&lines).at);
    buf_fini(&lines);
    return text;
}

/* As the daemon does: the document of the part, loaded again. */
static bool settle(struct golden *g)
{
    struct err err = ERR_INIT;
    struct buf text = BUF_INIT(4096);
    bool ok;

    part_begin(&g->part, g->arena, g->declared, g->applied, kinds, COUNT(kinds));
    ok = part_choose(&g->part, lines_of(g, "target"), lines_of(g, "exclude"), &err) &&
         part_settle(&g->part, &err);
    if (!ok) {
        buf_format(&text, "error: %s\n", err.text);
        check_same(g, "plan.txt", &text);
    } else if (g->part.document.len > 0) {
        g->settled = spec_load_document(g->part.document, (struct str){0}, g->diagnostics);
        diagnostics_render(g->diagnostics, &text, false);
        CHECK_SAYING(g->settled != NULL, "%s: %s", g->name, text.at);
    } else
        g->settled = project_ref(g->declared);
    buf_fini(&text);
    return ok;
}

static void check_case(const char *name)
{
    struct golden g = {.name = name, .arena = arena_create(0), .diagnostics = diagnostics_create()};

    g.world = json_load_file(path_of(&g, "world.json"), 0, NULL);
    CHECK_SAYING(g.world != NULL || !fs_exists(path_of(&g, "world.json")), "%s/world.json", name);
    if (fs_exists(path_of(&g, "observed.yaml"))) {
        g.applied = load(&g, "observed.yaml");
        CHECK_SAYING(g.applied != NULL, "%s/observed.yaml does not load", name);
    }
    g.declared = load(&g, "declared.yaml");
    observe(&g);
    if (g.declared == NULL)
        check_refusal(&g);
    else if (settle(&g))
        check_plan(&g);
    for (size_t k = 0; k < COUNT(kinds); k++)
        vec_fini(&g.observed[k]);
    json_decref(g.world);
    part_fini(&g.part);
    project_unref(&g.settled);
    project_unref(&g.applied);
    project_unref(&g.declared);
    diagnostics_destroy(&g.diagnostics);
    arena_destroy(&g.arena);
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

CASE(every_folder_gives_the_plan_that_is_written_in_it)
{
    struct dirent **entries;
    int count = scandir(GOLDEN_DIR, &entries, is_case, alphasort);

    CHECK(count >= 40);
    for (int i = 0; i < count; i++) {
        check_case(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

TEST_MAIN()
