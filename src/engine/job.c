/* When runs of a job begin. */
#include "engine/engine_private.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *job_trigger_name(enum job_trigger t)
{
    static const char *const names[] = {"schedule", "apply", "person", "dependency"};

    must((size_t)t < COUNT(names));
    return names[t];
}

const char *job_result_name(enum job_result r)
{
    static const char *const names[] = {"", "succeeded", "failed", "cancelled", "missed"};

    must((size_t)r < COUNT(names));
    return names[r];
}

/* ---- to look at ---- */

int job_active(const struct control *c)
{
    int active = 0;

    for (size_t k = 0; k < c->slots.count; k++)
        active += c->slots.at[k]->run.active;
    return active;
}

const struct past_run *job_last(const struct control *c)
{
    return c->job.past.count > 0 ? &c->job.past.at[c->job.past.count - 1] : NULL;
}

const struct past_run *job_past(const struct control *c, int number)
{
    VEC_EACH (&c->job.past, const struct past_run, p)
        if (p->number == number)
            return p;
    return NULL;
}

struct instance *job_running(const struct control *c, int number)
{
    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->run.active && c->slots.at[k]->run.number == number)
            return c->slots.at[k];
    return NULL;
}

static bool is_done(const struct control *c)
{
    const struct service *s = c->spec;

    if (s == NULL || c->job.succeeded == 0)
        return false;
    return s->job.schedule != NULL || hash_eq(&c->job.succeeded_revision, &s->revision);
}

bool job_meets(const struct control *c, enum depend_condition condition)
{
    bool begun = false;

    for (size_t k = 0; k < c->slots.count; k++)
        begun = begun || (c->slots.at[k]->run.active && c->slots.at[k]->run.begun);
    if (condition == DEPEND_STARTED)
        return begun || is_done(c);
    return condition == DEPEND_COMPLETED && is_done(c);
}

bool job_has_given_up(const struct control *c)
{
    return !is_done(c) && job_active(c) == 0 && (c->job.past.count > 0 || c->spec->job.suspend);
}

/* ---- requests ---- */

static void note_schedule(struct note *n, const struct control *c, int64_t scheduled_wall_ns)
{
    char at[CLOCK_TEXT_BYTES];

    if (c->spec->job.schedule != NULL)
        json_text(&n->json, "schedule", c->spec->job.schedule);
    if (scheduled_wall_ns == 0)
        return;
    clock_format(scheduled_wall_ns, 0, at);
    json_text(&n->json, "scheduled_at", at);
    json_int(&n->json, "late_ms", (c->engine->now_wall_ns - scheduled_wall_ns) / NS_PER_MS);
}

static void note_fact(struct note *n, const struct control *c)
{
    json_open_object(&n->json, "set");
    job_write_fact(&n->json, c);
    json_end(&n->json);
}

static void note_left_out(
    struct control *c, enum job_trigger trigger, int64_t scheduled_wall_ns, const char *why)
{
    struct note n;

    note_begin(&n, c->engine, "job.skipped", c->name);
    note_cause(&n, c->cause);
    json_text(&n.json, "trigger", job_trigger_name(trigger));
    note_schedule(&n, c, scheduled_wall_ns);
    json_text(&n.json, "reason", why);
    note_fact(&n, c);
    (void)note_end(&n);
}

static struct instance *free_slot(struct control *c)
{
    struct instance *i;

    for (size_t k = 0; k < c->slots.count; k++) {
        i = c->slots.at[k];
        if (!i->run.active && !i->has_process && !instance_is_alive(i->state))
            return i;
    }
    i = instance_create(c, (int)c->slots.count + 1);
    instance_set_spec(i, c->project, c->spec);
    vec_push(&c->slots, i);
    return i;
}

/* Whether another run may be requested; `out_waits`: behind those that are stopped for it. */
static bool is_allowed(struct control *c, enum job_trigger trigger, int64_t scheduled_wall_ns,
    uint64_t cause, bool *out_waits)
{
    int active = job_active(c);

    *out_waits = false;
    if (active == 0)
        return true;
    if (c->spec->job.concurrency == CONCURRENCY_REPLACE) {
        job_cancel_all(c, cause, "a newer run takes its place");
        *out_waits = true;
        return true;
    }
    if (c->spec->job.concurrency == CONCURRENCY_FORBID) {
        note_left_out(c, trigger, scheduled_wall_ns, "the run before is still under way");
        return false;
    }
    if (active < JOB_RUNS_MAX)
        return true;
    note_left_out(c, trigger, scheduled_wall_ns, "too many of its runs are under way");
    return false;
}

int job_request(
    struct control *c, enum job_trigger trigger, int64_t scheduled_wall_ns, uint64_t cause)
{
    struct engine *e = c->engine;
    int64_t patience_ns = c->spec->job.starting_deadline_ns;
    struct instance *i;
    struct note n;
    bool waits;

    if (!is_allowed(c, trigger, scheduled_wall_ns, cause, &waits))
        return 0;
    i = free_slot(c);
    i->run = (struct job_run){.active = true,
        .trigger = trigger,
        .number = ++c->job.runs,
        .scheduled_wall_ns = scheduled_wall_ns,
        .requested_wall_ns = e->now_wall_ns,
        .give_up_ns =
            patience_ns >= 0 && trigger == TRIGGER_SCHEDULE ? e->now_ns + patience_ns : INT64_MAX,
        .deadline_ns = INT64_MAX,
        .waits = waits};
    i->waiting_told = false;
    if (scheduled_wall_ns != 0)
        c->job.last_scheduled_wall_ns = scheduled_wall_ns;
    note_begin(&n, e, "job.started", c->name);
    note_cause(&n, cause);
    json_int(&n.json, "run", i->run.number);
    json_text(&n.json, "trigger", job_trigger_name(trigger));
    note_schedule(&n, c, scheduled_wall_ns);
    json_text(&n.json, "instance", i->subject);
    note_fact(&n, c);
    i->run.event = note_end(&n);
    control_mark(c);
    control_changed(c);
    return i->run.number;
}

void job_cancel_all(struct control *c, uint64_t cause, const char *why)
{
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (!i->run.active || i->run.cancelled != NULL)
            continue;
        i->run.cancelled = why;
        if (i->run.begun)
            instance_stop(i, cause, why);
    }
    control_mark(c);
}

void job_wake(struct control *dependent)
{
    const struct service *s = control_target(dependent, NULL);

    for (size_t d = 0; d < s->dependency_count; d++) {
        struct control *c = control_find(dependent->engine, s->dependencies[d].service);

        if (c != NULL && control_is_job(c) && c->spec->job.schedule != NULL && c->job.runs == 0 &&
            !c->spec->job.suspend && s->dependencies[d].condition == DEPEND_COMPLETED)
            (void)job_request(c, TRIGGER_DEPENDENCY, 0, dependent->cause);
    }
}

/* ---- schedules ---- */

/* A part of `jitter` that is the job's own. */
static int64_t jitter_of(const struct control *c)
{
    struct hash h = hash_of(c->name, strlen(c->name));
    uint64_t some;

    memcpy(&some, h.at, sizeof some);
    return (int64_t)(some % (uint64_t)(c->spec->job.jitter_ns + 1)) / NS_PER_S * NS_PER_S;
}

static void note_missed(struct control *c, int count, int64_t latest_wall_ns, const char *why)
{
    char at[CLOCK_TEXT_BYTES];
    struct note n;

    c->job.missed += (uint64_t)count;
    clock_format(latest_wall_ns, 0, at);
    note_begin(&n, c->engine, "job.missed", c->name);
    json_int(&n.json, "count", count);
    json_bool(&n.json, "or_more", count >= JOB_MISSED_MAX);
    json_text(&n.json, "schedule", c->spec->job.schedule);
    json_text(&n.json, "latest_at", at);
    json_text(&n.json, "reason", why);
    note_function(&n, "schedule");
    if (c->spec->job.starting_deadline_ns >= 0)
        json_int(&n.json, "starting_deadline_ms", c->spec->job.starting_deadline_ns / NS_PER_MS);
    note_function_end(&n, (double)(c->engine->now_wall_ns - latest_wall_ns) / 1e9,
        c->spec->job.starting_deadline_ns >= 0 ? (double)c->spec->job.starting_deadline_ns / 1e9
                                               : 0);
    note_fact(&n, c);
    (void)note_end(&n);
}

/* `count` times have passed, the latest of them at `at_wall_ns`: at most one run. */
static void take_due(struct control *c, int count, int64_t at_wall_ns, int64_t late_ns)
{
    const struct job_spec *job = &c->spec->job;
    bool too_late = job->starting_deadline_ns >= 0 && late_ns > job->starting_deadline_ns;

    c->job.seen_wall_ns = at_wall_ns;
    if (job->suspend)
        return;
    if (too_late) {
        note_missed(c, count, at_wall_ns, "later than its starting_deadline");
        return;
    }
    if (count > 1)
        note_missed(c, count - 1, at_wall_ns, "only the latest of what was missed is run");
    (void)job_request(c, TRIGGER_SCHEDULE, at_wall_ns, 0);
}

/* The clock was set back by much: what it says now is taken. */
static void follow_clock_back(struct control *c)
{
    struct engine *e = c->engine;
    struct note n;

    if (c->job.seen_wall_ns - e->now_wall_ns <= JOB_SET_BACK_NS)
        return;
    note_begin(&n, e, "job.rescheduled", c->name);
    json_text(&n.json, "schedule", c->spec->job.schedule);
    json_text(&n.json, "reason", "the clock was set back");
    json_int(&n.json, "step_ms", (e->now_wall_ns - c->job.seen_wall_ns) / NS_PER_MS);
    c->job.seen_wall_ns = e->now_wall_ns;
    note_fact(&n, c);
    (void)note_end(&n);
}

static int64_t floor_s(int64_t ns)
{
    return ns >= 0 ? ns / NS_PER_S : -((-ns + NS_PER_S - 1) / NS_PER_S);
}

static void look_at_wall(struct control *c)
{
    const struct job_spec *job = &c->spec->job;
    int64_t jitter = jitter_of(c), now = c->engine->now_wall_ns - jitter, next;
    int count;

    follow_clock_back(c);
    int64_t latest = cron_latest(
        &job->cron, job->zone, floor_s(c->job.seen_wall_ns), floor_s(now), JOB_MISSED_MAX, &count);
    if (count > 0)
        take_due(c, count, latest * NS_PER_S, now - latest * NS_PER_S);
    next = cron_next(&job->cron, job->zone, floor_s(c->job.seen_wall_ns));
    c->job.next_wall_ns = next == INT64_MAX ? INT64_MAX : next * NS_PER_S + jitter;
    if (next != INT64_MAX)
        c->deadline_ns = c->engine->now_ns + (c->job.next_wall_ns - c->engine->now_wall_ns);
}

/* After a restart the wall clock says how long ago the last one was, as well as it can. */
static void begin_every(struct control *c, int64_t every_ns)
{
    int64_t left = c->job.seen_wall_ns + every_ns - c->engine->now_wall_ns;

    if (left > every_ns)
        left = every_ns;
    c->job.every_due_ns = c->engine->now_ns + left;
}

static void look_at_every(struct control *c)
{
    struct engine *e = c->engine;
    int64_t every_ns = c->spec->job.cron.every_s * NS_PER_S, late_ns, passed;

    if (c->job.every_due_ns == 0)
        begin_every(c, every_ns);
    late_ns = e->now_ns - c->job.every_due_ns;
    if (late_ns >= 0) {
        passed = late_ns / every_ns;
        late_ns -= passed * every_ns;
        c->job.every_due_ns += (passed + 1) * every_ns;
        take_due(c, passed + 1 < JOB_MISSED_MAX ? (int)passed + 1 : JOB_MISSED_MAX,
            e->now_wall_ns - late_ns, late_ns);
    }
    c->job.next_wall_ns = e->now_wall_ns + (c->job.every_due_ns - e->now_ns);
    c->deadline_ns = c->job.every_due_ns;
}

/* A schedule that is new counts from now. */
static void begin_schedule(struct control *c)
{
    const struct job_spec *job = &c->spec->job;
    const char *zone = job->timezone != NULL ? job->timezone : "";
    char text[CRON_BYTES_MAX + 100];
    struct note n;

    (void)snprintf(text, sizeof text, "%s %s", job->schedule, zone);
    if (c->job.seen_wall_ns != 0 && c->job.schedule != NULL && strcmp(c->job.schedule, text) == 0)
        return;
    free(c->job.schedule);
    c->job.schedule = mem_copy_string(text);
    c->job.seen_wall_ns = c->engine->now_wall_ns;
    c->job.every_due_ns = 0;
    note_begin(&n, c->engine, "job.scheduled", c->name);
    note_cause(&n, c->cause);
    json_text(&n.json, "schedule", job->schedule);
    if (job->timezone != NULL)
        json_text(&n.json, "timezone", job->timezone);
    note_fact(&n, c);
    (void)note_end(&n);
}

static void look_at_schedule(struct control *c)
{
    c->job.next_wall_ns = INT64_MAX;
    if (c->spec->job.schedule == NULL)
        return;
    begin_schedule(c);
    if (c->spec->job.cron.every_s > 0)
        look_at_every(c);
    else
        look_at_wall(c);
    if (c->spec->job.suspend)
        c->job.next_wall_ns = INT64_MAX;
}

/* A job without a schedule runs once for each revision; a run of an earlier one comes to its end
 * first, or is stopped. */
static void look_at_revision(struct control *c)
{
    const struct service *s = c->spec;

    if (s->job.schedule != NULL || s->job.suspend || hash_eq(&c->job.requested, &s->revision))
        return;
    if (job_active(c) > 0 && s->job.concurrency != CONCURRENCY_REPLACE)
        return;
    c->job.requested = s->revision;
    (void)job_request(c, TRIGGER_APPLY, 0, c->cause);
}

/* ---- the control ---- */

void job_declared(struct control *c, bool try_again)
{
    const struct past_run *last = job_last(c);

    if (try_again && last != NULL && last->result != RESULT_SUCCEEDED &&
        hash_eq(&last->revision, &c->spec->revision))
        c->job.requested = (struct hash){0};
}

void job_removed(struct control *c)
{
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (!i->run.active)
            continue;
        i->run.cancelled = "it is no longer declared";
        job_finish(i, RESULT_CANCELLED);
    }
}

/* Runs that are over leave their slots, the highest first; the first stays to be seen. */
static void trim(struct control *c)
{
    while (c->slots.count > 1) {
        struct instance *last = c->slots.at[c->slots.count - 1];

        if (last->run.active || last->has_process || instance_is_alive(last->state))
            return;
        c->engine->host.forget(c->engine->host.data, last);
        instance_destroy(&last);
        c->slots.count--;
        c->engine->changed = true;
    }
}

void job_evaluate(struct control *c)
{
    look_at_schedule(c);
    look_at_revision(c);
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];
        int64_t at_ns;

        job_step(i);
        at_ns = job_run_deadline(i);
        if (at_ns < c->deadline_ns)
            c->deadline_ns = at_ns;
    }
    trim(c);
}
