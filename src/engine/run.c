/* The phases of a run, one after the other, and what is told in the end. */
#include "engine/executor_private.h"

#include "engine/documents.h"

#include <stdio.h>
#include <string.h>

static void declare(struct run *run);
static void finish(struct run *run);

void run_progress(const struct run *run, const char *subject, const char *state, const char *text)
{
    if (run->sink.progress != NULL)
        run->sink.progress(run->sink.data, subject, state, text);
}

/* ---- steps of a phase ---- */

static bool is_over(const struct step *step)
{
    return step->state == STEP_DONE || step->state == STEP_FAILED || step->state == STEP_SKIPPED;
}

/* Removals of one wave begin when those of the waves before are over. */
static bool may_start(const struct run *run, const struct step *step)
{
    bool removing = run->phase == RUN_REMOVING;

    if (step->state != STEP_WAITING || step->removes != removing || step->open > 0)
        return false;
    for (size_t i = 0; removing && i < run->step_count; i++)
        if (run->steps[i].removes && run->steps[i].change->wave < step->change->wave &&
            !is_over(&run->steps[i]))
            return false;
    return true;
}

static bool phase_is_over(const struct run *run)
{
    for (size_t i = 0; i < run->step_count; i++)
        if (run->steps[i].removes == (run->phase == RUN_REMOVING) && !is_over(&run->steps[i]))
            return false;
    return true;
}

static void start_what_may(struct run *run)
{
    for (size_t i = 0; i < run->step_count && run->running < EXECUTOR_PARALLEL; i++)
        if (may_start(run, &run->steps[i])) {
            run->running++;
            run_progress(run, run->steps[i].subject, "starting", "");
            step_start(&run->steps[i]);
        }
}

static void go_on(struct run *run)
{
    start_what_may(run);
    if (!phase_is_over(run))
        return;
    if (run->phase == RUN_MAKING)
        declare(run);
    else
        finish(run);
}

void run_start(struct run *run)
{
    run->phase = RUN_MAKING;
    go_on(run);
}

void run_step_ended(struct run *run, struct step *step)
{
    run->running--;
    if (step->state == STEP_DONE) {
        run->done++;
        VEC_EACH (&step->needers, struct step *, needer)
            (*needer)->open--;
    } else {
        run->failed++;
        buf_format(&run->failures, "%s%s: %s", run->failures.len > 0 ? "; " : "", step->subject,
            step->err.text);
        VEC_EACH (&step->needers, struct step *, needer)
            step_skip(*needer, arena_format(step->arena, "it needs %s", step->subject));
    }
    go_on(run);
}

/* ---- services ---- */

/* What services need of what is to go: kept where they did not change over. */
static bool is_still_needed(const struct run *run, const struct step *step)
{
    for (size_t k = 0; k < KINDS_COUNT; k++)
        for (size_t i = 0; !kinds_all[k]->blocks && i < run->survey->observed[k].count; i++) {
            const char *const *need = run->survey->observed[k].at[i].needs;

            for (; need != NULL && *need != NULL; need++)
                if (strcmp(*need, step->subject) == 0)
                    return true;
        }
    return false;
}

static void remove_what_goes(struct run *run)
{
    bool all_well = run->services_ok && run->held.count == 0;

    run->phase = RUN_REMOVING;
    for (size_t i = 0; i < run->step_count && !all_well; i++)
        if (run->steps[i].removes && is_still_needed(run, &run->steps[i]))
            step_skip(&run->steps[i], "a service that uses it has not changed over");
    go_on(run);
}

static void on_service_progress(
    void *data, const char *subject, const char *state, const char *text)
{
    run_progress(OBJ(run, RUN_MAGIC, data), subject, state, text);
}

static void on_services(void *data, bool ok, int exit_code, const char *text, const char *undo)
{
    struct run *run = OBJ(run, RUN_MAGIC, data);

    if (run->executor == NULL) { /* the daemon ends */
        if (run->sink.result != NULL)
            run->sink.result(run->sink.data, ok, exit_code, text, undo);
        run_destroy(&run);
        return;
    }
    run->services_ok = ok;
    run->services_exit = exit_code;
    buf_add_text(&run->services_text, text);
    remove_what_goes(run);
}

static const struct step *step_of(const struct run *run, const struct resource_need *need)
{
    for (size_t i = 0; i < run->step_count; i++)
        if (strcmp(run->steps[i].change->name, need->name) == 0 &&
            strcmp(run->steps[i].change->kind->section, need->section) == 0)
            return &run->steps[i];
    return NULL;
}

/* What was changed that it is to be restarted for. After a crash that may have been before: then
 * it is what it would be restarted for. NULL: it is not restarted. */
static const struct resource_need *restart_cause(
    const struct run *run, const struct service *s, const struct step **out_step)
{
    if (map_get(&run->restarts, str_from(s->name)) == NULL ||
        map_get(&run->held, str_from(s->name)) != NULL ||
        !engine_declares(run->executor->settings.engine, s->name))
        return NULL;
    for (size_t n = 0; n < s->need_count; n++) {
        const struct step *step = s->needs[n].restart ? step_of(run, &s->needs[n]) : NULL;

        if (step != NULL && step->state == STEP_DONE) {
            *out_step = step;
            return &s->needs[n];
        }
    }
    *out_step = NULL;
    for (size_t n = 0; run->resumed && n < s->need_count; n++)
        if (s->needs[n].restart && step_of(run, &s->needs[n]) == NULL)
            return &s->needs[n];
    return NULL;
}

static uint64_t tell_restart(
    struct run *run, const char *service, const struct step *step, const char *why)
{
    struct buf body = BUF_INIT(1000);
    struct json j = json_begin(&body);
    struct event e = {.type = "restart.requested",
        .actor = "tend",
        .subject = service,
        .causes = {step != NULL ? step->seq : run->intent},
        .cause_count = 1};
    uint64_t seq;

    json_open_object(&j, NULL);
    json_text(&j, "reason", why);
    json_open_object(&j, "set");
    json_int(&j, "generation", engine_generation(run->executor->settings.engine, service) + 1);
    json_add_null(&j, "stopped");
    json_end(&j);
    json_end(&j);
    e.evidence = buf_str(&body);
    seq = journal_append(run->executor->settings.journal, &e);
    buf_fini(&body);
    return seq;
}

/* Durable with what is declared, and done behind it. */
static void decide_restarts(struct run *run)
{
    const struct step *step;

    for (size_t i = 0; run->target != NULL && i < run->target->service_count; i++) {
        const struct service *s = &run->target->services[i];
        const struct resource_need *need = restart_cause(run, s, &step);
        struct restart restart = {.service = s->name};

        if (need == NULL)
            continue;
        restart.why =
            arena_format(run->survey->arena, "%s.%s has changed", need->section, need->name);
        restart.seq = tell_restart(run, s->name, step, restart.why);
        vec_push(&run->decided, restart);
    }
}

static void restart_services(struct run *run)
{
    struct engine *e = run->executor->settings.engine;

    VEC_EACH (&run->decided, const struct restart, restart)
        if (engine_declares(e, restart->service))
            engine_restart_because(e, restart->service, restart->seq, restart->why);
}

/* It is durable what is declared now. */
static void on_declared(void *data, const struct err *err)
{
    struct run *run = OBJ(run, RUN_MAGIC, data);
    struct engine_sink sink = {
        .data = run, .progress = on_service_progress, .result = on_services, .silent = true};

    if (run->executor->ending)
        return;
    if (err != NULL) {
        buf_format(&run->services_text, "%s", err->text);
        run->services_ok = false;
        run->services_exit = 1;
        remove_what_goes(run);
        return;
    }
    engine_declare(run->executor->settings.engine, run->merged != NULL ? run->merged : run->target,
        run->intent, run->start, &sink);
    restart_services(run);
}

static void write_document(struct run *run, struct json *j, const struct project *p)
{
    const struct project *old = engine_project(run->executor->settings.engine);
    char digest[HASH_TEXT_BYTES];

    if (p == NULL) {
        json_add_null(j, "document");
        json_add_null(j, "previous");
        return;
    }
    hash_format(&p->digest, digest);
    json_text(j, "document", digest);
    if (old != NULL && !hash_eq(&old->digest, &p->digest)) {
        hash_format(&old->digest, digest);
        json_text(j, "previous", digest);
    }
}

static void tell_declared(struct run *run, const struct project *p)
{
    struct buf body = BUF_INIT(EVENT_EVIDENCE_BYTES_MAX);
    struct json j = json_begin(&body);
    struct event e = {.type = "apply.declared",
        .actor = "tend",
        .subject = "project",
        .causes = {run->intent},
        .cause_count = 1};
    uint64_t seq;

    json_open_object(&j, NULL);
    json_int(&j, "done", (int64_t)run->done);
    json_int(&j, "held", (int64_t)run->held.count);
    json_open_object(&j, "set");
    write_document(run, &j, p);
    executor_write_applying(run, &j, "applying");
    json_end(&j);
    json_end(&j);
    e.evidence = buf_str(&body);
    seq = journal_append(run->executor->settings.journal, &e);
    buf_fini(&body);
    journal_when_durable(run->executor->settings.journal, seq, on_declared, run);
}

/* The document with what is held in it: durable before it is named. A few milliseconds, and only
 * where something has failed. */
static bool store_merged(struct run *run, struct err *err)
{
    const struct executor_settings *s = &run->executor->settings;

    run->merged =
        merge_held(run->target, engine_project(s->engine), &run->held, s->revision_key, err);
    return run->merged != NULL && documents_store(s->state_dir, run->merged, NULL, err);
}

static void declare(struct run *run)
{
    struct err err = ERR_INIT;

    run->phase = RUN_DECLARING;
    find_held(run);
    MAP_EACH (&run->held, entry)
        run_progress(run, entry->key.at, "failed",
            arena_format(
                run->survey->arena, "stays as it is: it needs %s", (const char *)entry->value));
    if (run->held.count > 0 && !store_merged(run, &err)) {
        on_services(run, false, 1, err.text, "");
        return;
    }
    decide_restarts(run);
    tell_declared(run, run->merged != NULL ? run->merged : run->target);
}

/* ---- the end ---- */

static void describe(const struct run *run, bool ok, struct buf *out)
{
    size_t left = run->failed + run->skipped;

    if (ok) {
        buf_format(out, "%zu change%s made", run->done, run->done == 1 ? "" : "s");
        return;
    }
    if (left > 0)
        buf_format(out, "%zu of %zu changes are done; %s", run->done, run->step_count,
            run->failures.at != NULL ? run->failures.at : "");
    if (run->skipped > 0)
        buf_format(out, "; not done because of that: %zu", run->skipped);
    MAP_EACH (&run->held, entry)
        buf_format(out, "; %.*s stays as it is", STR_ARG(entry->key));
    if (!run->services_ok)
        buf_format(out, "%s%s", left > 0 ? "; " : "", buf_str(&run->services_text).at);
}

static int exit_code(const struct run *run, bool ok)
{
    if (ok)
        return 0;
    if (run->failed + run->skipped == 0)
        return run->services_exit;
    return run->done > 0 || run->services_ok ? 4 : 1;
}

static void tell_result(struct run *run, bool ok, const char *text)
{
    struct buf body = BUF_INIT(8000);
    struct json j = json_begin(&body);
    struct event e = {.type = ok ? "operation.finished" : "operation.failed",
        .actor = "tend",
        .subject = "project",
        .causes = {run->intent},
        .cause_count = 1};

    json_open_object(&j, NULL);
    json_text(&j, "operation", "apply");
    if (!ok)
        json_text(&j, "reason", text);
    json_int(&j, "took_ms", (clock_boot_ns() - run->since_ns) / NS_PER_MS);
    json_int(&j, "done", (int64_t)run->done);
    json_int(&j, "left", (int64_t)(run->failed + run->skipped));
    json_open_object(&j, "set");
    json_add_null(&j, "applying");
    json_end(&j);
    json_end(&j);
    e.evidence = buf_str(&body);
    (void)journal_append(run->executor->settings.journal, &e);
    buf_fini(&body);
}

/* Told when it is durable, or when that cannot be had. */
static void on_ended(void *data, const struct err *err)
{
    struct run *run = OBJ(run, RUN_MAGIC, data);
    bool ok = run->failed + run->skipped == 0 && run->services_ok && run->held.count == 0;
    struct buf text = BUF_INIT(4000);
    struct engine_sink sink = run->sink;
    int code = exit_code(run, ok);

    (void)err;
    if (run->executor->ending)
        return;
    describe(run, ok, &text);
    if (code == 4)
        buf_add_text(&text, ". What is left: tend plan; go on: tend apply");
    run_destroy(&run);
    if (sink.result != NULL)
        sink.result(sink.data, ok, code, buf_str(&text).at, ok ? "tend undo" : "");
    buf_fini(&text);
}

static void finish(struct run *run)
{
    bool ok = run->failed + run->skipped == 0 && run->services_ok && run->held.count == 0;
    struct journal *journal = run->executor->settings.journal;
    struct buf text = BUF_INIT(4000);

    run->phase = RUN_ENDING;
    describe(run, ok, &text);
    tell_result(run, ok, buf_str(&text).at);
    buf_fini(&text);
    journal_when_durable(journal, journal_head(journal), on_ended, run);
}
