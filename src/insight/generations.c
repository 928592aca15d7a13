#include "insight/generations.h"

#include "base/vec.h"

#include <jansson.h>
#include <string.h>

#define GENERATIONS_MAX 100000

struct fold {
    struct arena *arena;
    struct {
        VEC_OF(struct generation);
    } list;
    bool is_down;
};

static bool take_apply(struct fold *f, const struct event *e, const json_t *evidence)
{
    const char *digest = json_string_value(json_object_get(evidence, "document"));
    struct generation *last = f->list.count > 0 ? &f->list.at[f->list.count - 1] : NULL;

    int number = (int)f->list.count + 1;

    if (digest == NULL) /* journals of before files were known */
        digest = json_string_value(json_object_get(json_object_get(evidence, "set"), "document"));
    f->is_down = false;
    if (digest == NULL && json_object_get(evidence, "undoes") != NULL)
        f->is_down = f->list.count > 0; /* back to nothing */
    if (digest == NULL || (last != NULL && strcmp(last->document, digest) == 0))
        return true;
    vec_push(&f->list,
        (struct generation){.number = number,
            .seq = e->seq,
            .at_ns = e->at_ns,
            .actor = arena_copy(f->arena, e->actor),
            .document = arena_copy(f->arena, digest),
            .changes = (int)json_integer_value(json_object_get(evidence, "changes")),
            .rollback_to = (int)json_integer_value(json_object_get(evidence, "rollback_to")),
            .result = "unfinished"});
    return f->list.count < GENERATIONS_MAX;
}

static bool take_request(void *data, const struct event *e)
{
    struct fold *f = data;
    json_t *evidence;
    bool more = true;

    if (strcmp(e->type, "down.requested") == 0)
        f->is_down = f->list.count > 0;
    if (strcmp(e->type, "apply.requested") != 0)
        return true;
    evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    more = take_apply(f, e, evidence);
    json_decref(evidence);
    return more;
}

/* The first end that names the request as its cause. */
static bool take_end(void *data, const struct event *e)
{
    struct fold *f = data;
    size_t low = 0, high = f->list.count;

    if (e->cause_count == 0)
        return true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (f->list.at[middle].seq < e->causes[0])
            low = middle + 1;
        else
            high = middle;
    }
    if (low < f->list.count && f->list.at[low].seq == e->causes[0])
        f->list.at[low].result = strcmp(e->type, "operation.finished") == 0 ? "done" : "failed";
    return true;
}

bool generations_read(struct arena *a, struct views *v, struct generations *out, struct err *err)
{
    struct views_filter requests = {.subject = "project", .type = "*.requested"},
                        ends = {.subject = "project", .type = "operation.*"};
    struct fold f = {.arena = a};
    struct generation *kept;
    bool ok = views_each_event(v, &requests, take_request, &f, err) &&
              views_each_event(v, &ends, take_end, &f, err);

    kept = arena_new_array(a, f.list.count + 1, struct generation);
    for (size_t i = 0; i < f.list.count; i++)
        kept[i] = f.list.at[i];
    *out = (struct generations){.at = kept, .count = f.list.count, .is_down = f.is_down};
    vec_fini(&f.list);
    return ok;
}

const struct generation *generations_find(const struct generations *g, int64_t number)
{
    return number >= 1 && number <= (int64_t)g->count ? &g->at[number - 1] : NULL;
}
