#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

#include "plan/plan.h"

#include "engine/kinds.h"
#include "engine/snapshot.h"

#include "insight/generations.h"

#include "serve/door.h"
#include "serve/serve_private.h"

static void put_generation(struct json *j, const char *key, const struct generation *g)
{
    char at[CLOCK_TEXT_BYTES];

    clock_format(g->at_ns, 3, at);
    json_open_object(j, key);
    json_int(j, "number", g->number);
    json_text(j, "at", at);
    json_text(j, "actor", g->actor);
    json_int(j, "changes", g->changes);
    json_text(j, "result", g->result);
    if (g->rollback_to > 0)
        json_int(j, "rollback_to", g->rollback_to);
    else
        json_add_null(j, "rollback_to");
    json_int(j, "event", (int64_t)g->seq);
    json_text(j, "document", g->document);
    json_end(j);
}

static void run_list(struct task *task)
{
    struct arena *a = arena_create(0);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct json j = json_begin(&out);
    struct generations all;
    struct err err;

    if (!generations_read(a, task->serve->host.views, &all, &err)) {
        answer_failure_later(task->stream, &err, "");
    } else {
        json_open_object(&j, NULL);
        json_int(&j, "v", 1);
        json_bool(&j, "down", all.is_down);
        json_open_array(&j, "generations");
        for (size_t i = 0; i < all.count; i++)
            put_generation(&j, NULL, &all.at[i]);
        json_end(&j);
        json_end(&j);
        buf_add_byte(&out, '\n');
        answer_buf_later(task->stream, JSON_TYPE, &out);
    }
    buf_fini(&out);
    arena_destroy(&a);
}

void answer_generations(struct call *call)
{
    task_start(call, (struct task){.run = run_list});
}

/* ---- one of them ---- */

/* Its document; diffs and copies need no key for revisions. */
static const struct project *load(
    const struct serve *s, const struct generation *g, struct err *err)
{
    const struct snapshot *snapshot = s->host.acquire(s->host.data);
    const struct project *p = door_load(snapshot->state_dir, g->document, (struct str){0}, err);

    snapshot_unref(&snapshot);
    return p;
}

/* The number that task->event holds, or why not. */
static const struct generation *find(
    struct task *task, struct arena *a, struct generations *all, struct err *err)
{
    const struct generation *g;

    if (!generations_read(a, task->serve->host.views, all, err))
        return NULL;
    g = generations_find(all, (int64_t)task->event);
    if (g == NULL)
        (void)err_set(
            err, ERR_MISSING, "there is no generation %llu", (unsigned long long)task->event);
    return g;
}

static void put_diff(struct json *j, struct arena *a, const struct generation *g,
    const struct project *before, const struct project *after)
{
    struct buf diff = BUF_INIT(ANSWER_BYTES_MAX);
    struct plan plan;
    char *from = arena_format(a, "generation %d", g->number - 1);

    plan_between(&plan, a, before, after, kinds_all, KINDS_COUNT);
    plan_write_diff_json(&plan, before != NULL ? from : "nothing",
        arena_format(a, "generation %d", g->number), &diff);
    json_raw(j, "diff", buf_str(&diff));
    plan_fini(&plan);
    buf_fini(&diff);
}

static bool write_one(struct task *task, struct arena *a, struct buf *out, struct err *err)
{
    struct json j = json_begin(out);
    struct generations all;
    const struct generation *g = find(task, a, &all, err);
    const struct project *before = NULL, *after;

    if (g == NULL)
        return false;
    after = load(task->serve, g, err);
    if (after != NULL && g->number > 1)
        before = load(task->serve, generations_find(&all, g->number - 1), err);
    if (after == NULL || (before == NULL && g->number > 1)) {
        project_unref(&after);
        return err_in(err, "generation %d", g->number);
    }
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    put_generation(&j, "generation", g);
    put_diff(&j, a, g, before, after);
    json_end(&j);
    buf_add_byte(out, '\n');
    project_unref(&before);
    project_unref(&after);
    return true;
}

static bool write_document(struct task *task, struct arena *a, struct buf *out, struct err *err)
{
    struct generations all;
    const struct generation *g = find(task, a, &all, err);
    const struct project *p = g != NULL ? load(task->serve, g, err) : NULL;

    if (p == NULL)
        return false;
    buf_add_str(out, p->document);
    buf_add_byte(out, '\n');
    project_unref(&p);
    return true;
}

static void run_one(struct task *task,
    bool (*write)(struct task *task, struct arena *a, struct buf *out, struct err *err))
{
    struct arena *a = arena_create(0);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct err err;

    if (write(task, a, &out, &err))
        answer_buf_later(task->stream, JSON_TYPE, &out);
    else
        answer_failure_later(task->stream, &err, "tend history lists them");
    buf_fini(&out);
    arena_destroy(&a);
}

static void run_generation(struct task *task)
{
    run_one(task, write_one);
}

static void run_document(struct task *task)
{
    run_one(task, write_document);
}

static void start(struct call *call, void (*run)(struct task *task))
{
    struct err err;
    int64_t number;

    if (!str_to_int(call->name, &number) || number < 1) {
        (void)err_set(&err, ERR_INVALID, "a generation is a number from 1");
        answer_failure(call, &err, "tend history lists them");
        return;
    }
    task_start(call, (struct task){.run = run, .event = (uint64_t)number});
}

void answer_generation(struct call *call)
{
    start(call, run_generation);
}

void answer_generation_document(struct call *call)
{
    start(call, run_document);
}
