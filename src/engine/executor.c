#include "engine/executor_private.h"

#include "base/fs.h"
#include "base/log.h"
#include "engine/documents.h"
#include "record/views.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define QUEUE_MAX    100000
#define RESTARTS_MAX 500

/* ---- surveys ---- */

struct look_task {
    struct executor *executor;
    struct survey *survey;
    executor_seen_fn fn;
    void *data;
    bool ok;
    struct err err;
};

static void look_on_worker(void *data, struct cancel *cancel)
{
    struct look_task *t = data;

    (void)cancel;
    t->ok = survey_look(t->survey, &t->err);
}

static void forget_look(struct look_task *t)
{
    struct executor *x = t->executor;

    for (size_t i = 0; i < x->looking.count; i++)
        if (x->looking.at[i] == t) {
            vec_remove(&x->looking, i);
            break;
        }
    survey_destroy(&t->survey);
    free(t);
}

static void look_on_loop(void *data)
{
    struct look_task *t = data;
    struct survey *s = t->survey;

    if (t->ok)
        t->ok = survey_complete(s, t->executor->settings.engine, &t->err);
    if (t->ok)
        t->survey = NULL;
    t->fn(t->data, t->ok ? s : NULL, t->ok ? NULL : &t->err);
    forget_look(t);
}

void executor_survey(
    struct executor *x, const struct project *declared, executor_seen_fn fn, void *data)
{
    struct look_task *t = mem_new(struct look_task);
    struct worker_task task = {
        .run = look_on_worker, .done = look_on_loop, .data = t, .loop = x->settings.loop};

    t->executor = x;
    t->survey = survey_begin(&x->managed, declared);
    t->fn = fn;
    t->data = data;
    vec_push(&x->looking, t);
    if (!workers_run(x->workers, &task, &t->err))
        loop_post(x->settings.loop, look_on_loop, t);
}

/* ---- the place for a run ---- */

bool executor_is_free(const struct executor *x, struct err *err)
{
    const struct run *run = x->run;
    char since[CLOCK_TEXT_BYTES];

    if (run == NULL)
        return true;
    clock_format(run->since_wall_ns, 0, since);
    return err_set(err, ERR_LOCKED,
        "%s is applying since %s (event %llu): %zu of %zu changes are done", run->actor, since,
        (unsigned long long)run->intent, run->done, run->step_count);
}

bool executor_is_needed(const struct plan *p)
{
    VEC_EACH (&p->changes, const struct change, c)
        if (c->kind->blocks)
            return true;
    return false;
}

static void find_restarts(struct run *run)
{
    VEC_EACH (&run->plan.changes, const struct change, c)
        if (c->action == CHANGE_RESTART || c->restarts)
            (void)map_put(&run->restarts, str_from(c->name), run);
}

struct run *executor_prepare(struct executor *x, struct order *order)
{
    struct run *run = mem_new(struct run);

    must(x->run == NULL);
    run->magic = RUN_MAGIC;
    run->executor = x;
    run->project = order->project != NULL ? project_ref(order->project) : NULL;
    run->target = order->target != NULL ? project_ref(order->target) : NULL;
    run->start = order->start;
    run->actor = mem_copy_string(order->actor);
    run->since_wall_ns = clock_wall_ns();
    run->since_ns = clock_boot_ns();
    run->survey = order->survey;
    run->plan = order->plan;
    order->survey = NULL;
    order->plan = (struct plan){0};
    run->failures = (struct buf)BUF_INIT(ERR_TEXT_BYTES - 100);
    run->services_text = (struct buf)BUF_INIT(2000);
    run->services_ok = true;
    steps_create(run);
    find_restarts(run);
    x->run = run;
    return run;
}

void run_destroy(struct run **run)
{
    struct run *r = *run;

    if (r == NULL)
        return;
    if (r->executor != NULL && r->executor->run == r)
        r->executor->run = NULL;
    steps_destroy(r);
    plan_fini(&r->plan);
    survey_destroy(&r->survey);
    project_unref(&r->project);
    project_unref(&r->target);
    project_unref(&r->merged);
    map_fini(&r->restarts);
    map_fini(&r->held);
    vec_fini(&r->decided);
    buf_fini(&r->failures);
    buf_fini(&r->services_text);
    free(r->actor);
    r->magic = 0;
    free(r);
    *run = NULL;
}

void executor_abandon(struct executor *x, struct run **run)
{
    must(x->run == *run);
    run_destroy(run);
}

static void write_digest(struct json *j, const char *key, const struct project *p)
{
    char digest[HASH_TEXT_BYTES];

    if (p == NULL) {
        json_add_null(j, key);
        return;
    }
    hash_format(&p->digest, digest);
    json_text(j, key, digest);
}

void executor_write_applying(const struct run *run, struct json *j, const char *key)
{
    size_t written = 0;

    json_open_object(j, key);
    write_digest(j, "project", run->project);
    write_digest(j, "target", run->target);
    json_bool(j, "start", run->start);
    json_text(j, "actor", run->actor);
    if (run->intent > 0)
        json_int(j, "intent", (int64_t)run->intent);
    if (run->restarts.count > 0 && run->phase < RUN_DECLARING) {
        json_open_array(j, "restarts");
        MAP_EACH (&run->restarts, entry)
            if (written++ < RESTARTS_MAX)
                json_str(j, NULL, entry->key);
        json_end(j);
    }
    json_end(j);
}

/* ---- beginning ---- */

static void on_recorded(void *data, const struct err *err)
{
    struct run *run = OBJ(run, RUN_MAGIC, data);

    if (run->executor->ending)
        return;
    if (err != NULL) { /* the intent is there: the next apply, or daemon, goes on */
        for (size_t i = 0; i < run->step_count; i++)
            step_skip(&run->steps[i], err->text);
    }
    run_start(run);
}

void executor_begin(
    struct executor *x, struct run *run, uint64_t intent, const struct engine_sink *sink)
{
    uint64_t last = intent;

    run->intent = intent;
    if (sink != NULL)
        run->sink = *sink;
    run->phase = RUN_RECORDING;
    for (size_t i = 0; i < run->step_count; i++)
        last = step_record(&run->steps[i]);
    journal_when_durable(x->settings.journal, last, on_recorded, run);
}

/* ---- after a restart of the daemon ---- */

struct resuming {
    struct executor *executor;
    json_t *applying;
    uint64_t intent;
    const struct project *project, *target;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static void resuming_destroy(struct resuming **r)
{
    json_decref((*r)->applying);
    project_unref(&(*r)->project);
    project_unref(&(*r)->target);
    free(*r);
    *r = NULL;
}

static void give_up(struct resuming *r, const char *why)
{
    struct buf body = BUF_INIT(2000);
    struct json j = json_begin(&body);
    struct event e = {.type = "operation.failed",
        .actor = "tend",
        .subject = "project",
        .causes = {r->intent},
        .cause_count = 1};

    json_open_object(&j, NULL);
    json_text(&j, "operation", "apply");
    json_text(&j, "reason", why);
    json_open_object(&j, "set");
    json_add_null(&j, "applying");
    json_end(&j);
    json_end(&j);
    e.evidence = buf_str(&body);
    (void)journal_append(r->executor->settings.journal, &e);
    log_error("apply.not_resumed", "err=\"%s\"", why);
    buf_fini(&body);
}

static void add_restarts(struct run *run, const json_t *names)
{
    size_t i;
    json_t *name;

    json_array_foreach(names, i, name)
    {
        const struct service *s =
            run->target != NULL ? project_service(run->target, str_from(json_string_value(name)))
                                : NULL;

        if (s != NULL)
            (void)map_put(&run->restarts, str_from(s->name), run);
    }
}

static void on_seen_again(void *data, struct survey *s, const struct err *err)
{
    struct resuming *r = data;
    struct executor *x = r->executor;
    struct order order = {.project = r->project,
        .target = r->target,
        .start = json_is_true(json_object_get(r->applying, "start")),
        .actor = text_of(r->applying, "actor"),
        .survey = s};
    struct run *run;

    if (err != NULL)
        give_up(r, err->text);
    else if (x->run != NULL)
        survey_destroy(&order.survey);
    else {
        survey_plan(s, &order.plan);
        run = executor_prepare(x, &order);
        run->resumed = true;
        add_restarts(run, json_object_get(r->applying, "restarts"));
        log_info("apply.resumed", "event=%llu steps=%zu", (unsigned long long)r->intent,
            run->step_count);
        executor_begin(x, run, r->intent, NULL);
    }
    resuming_destroy(&r);
}

static bool on_applying(void *data, const struct views_fact *fact)
{
    struct resuming *r = data;

    if (strcmp(fact->key, "applying") != 0)
        return true;
    r->applying = json_loadb(fact->value.at, fact->value.len, 0, NULL);
    r->intent = fact->seq;
    return false;
}

static bool load_projects(struct resuming *r, struct err *err)
{
    const struct executor_settings *s = &r->executor->settings;
    const char *project = text_of(r->applying, "project"), *target = text_of(r->applying, "target");

    if (project[0] != 0)
        TRY((r->project = documents_load(s->state_dir, project, s->revision_key, err)) != NULL);
    if (target[0] != 0)
        TRY((r->target = documents_load(s->state_dir, target, s->revision_key, err)) != NULL);
    return true;
}

/* `applying` may have been set again on the way: the intent is named there. */
static void find_intent(struct resuming *r)
{
    const json_t *intent = json_object_get(r->applying, "intent");

    if (json_is_integer(intent))
        r->intent = (uint64_t)json_integer_value(intent);
}

void executor_resume(struct executor *x)
{
    struct resuming *r = mem_new(struct resuming);
    struct err err = ERR_INIT;

    r->executor = x;
    if (!views_facts_each(x->settings.views, "project", "applying", on_applying, r, &err))
        log_error("apply.not_resumed", "err=\"%s\"", err.text);
    find_intent(r);
    if (!json_is_object(r->applying))
        resuming_destroy(&r);
    else if (!load_projects(r, &err)) {
        give_up(r, err.text);
        resuming_destroy(&r);
    } else
        executor_survey(x, r->project, on_seen_again, r);
}

/* ---- life ---- */

bool executor_create(
    struct executor **out, const struct executor_settings *settings, struct err *err)
{
    struct executor *x = mem_new(struct executor);

    x->magic = EXECUTOR_MAGIC;
    x->settings = *settings;
    x->objects_dir = mem_format("%s/objects", settings->state_dir);
    x->workers = workers_create(EXECUTOR_PARALLEL, QUEUE_MAX);
    *out = x;
    return managed_load(&x->managed, settings->views, err);
}

static void end_run(struct run *run)
{
    if (run->sink.result != NULL)
        run->sink.result(
            run->sink.data, false, 4, "the daemon ends; the next one goes on with it", "");
    run->sink = (struct engine_sink){0};
}

void executor_destroy(struct executor **x)
{
    static const struct err ends = {.kind = ERR_CANCELLED, .text = "the daemon ends"};

    if (*x == NULL)
        return;
    (*x)->ending = true;
    workers_destroy(&(*x)->workers);
    while ((*x)->looking.count > 0) {
        struct look_task *t = (*x)->looking.at[0];

        t->fn(t->data, NULL, &ends);
        forget_look(t);
    }
    if ((*x)->run != NULL && (*x)->run->phase == RUN_DECLARING)
        (*x)->run->executor = NULL; /* the engine still follows it, and ends it */
    else if ((*x)->run != NULL) {
        end_run((*x)->run);
        run_destroy(&(*x)->run);
    }
    vec_fini(&(*x)->looking);
    managed_fini(&(*x)->managed);
    free((*x)->objects_dir);
    (*x)->magic = 0;
    free(*x);
    *x = NULL;
}
