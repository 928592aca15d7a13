/* What the next daemon must know of a job: written with each event that changes it, and read.
 *
 *     "job": {"seen_ns", "schedule", "requested", "runs", "succeeded", "failed", "missed",
 *             "success_ns", "failure_ns", "scheduled_ns", "succeeded_revision",
 *             "active": [{"slot", "run", "trigger", "scheduled_ns", "requested_ns", "event"}],
 *             "past": [{"run", "trigger", "result", "code", "slot", "scheduled_ns", "requested_ns",
 * "started_ns", "ended_ns", "revision", "reason"}]}                                     */
#include "engine/engine_private.h"

#include "base/clock.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static void write_hash(struct json *j, const char *key, const struct hash *h)
{
    char text[HASH_TEXT_BYTES];

    hash_format(h, text);
    json_text(j, key, text);
}

static void write_active(struct json *j, const struct control *c)
{
    json_open_array(j, "active");
    for (size_t k = 0; k < c->slots.count; k++) {
        const struct instance *i = c->slots.at[k];

        if (!i->run.active)
            continue;
        json_open_object(j, NULL);
        json_int(j, "slot", i->slot);
        json_int(j, "run", i->run.number);
        json_int(j, "trigger", i->run.trigger);
        json_int(j, "scheduled_ns", i->run.scheduled_wall_ns);
        json_int(j, "requested_ns", i->run.requested_wall_ns);
        json_int(j, "event", (int64_t)i->run.event);
        json_end(j);
    }
    json_end(j);
}

static void write_past(struct json *j, const struct control *c)
{
    size_t count = c->job.past.count;

    json_open_array(j, "past");
    for (size_t k = count > JOB_HISTORY_KEPT ? count - JOB_HISTORY_KEPT : 0; k < count; k++) {
        const struct past_run *p = &c->job.past.at[k];

        json_open_object(j, NULL);
        json_int(j, "run", p->number);
        json_int(j, "trigger", p->trigger);
        json_int(j, "result", p->result);
        json_int(j, "code", p->code);
        json_int(j, "slot", p->slot);
        json_int(j, "scheduled_ns", p->scheduled_wall_ns);
        json_int(j, "requested_ns", p->requested_wall_ns);
        json_int(j, "started_ns", p->started_wall_ns);
        json_int(j, "ended_ns", p->ended_wall_ns);
        write_hash(j, "revision", &p->revision);
        json_text(j, "reason", p->reason);
        json_end(j);
    }
    json_end(j);
}

void job_write_fact(struct json *j, const struct control *c)
{
    const struct job_state *s = &c->job;

    json_open_object(j, "job");
    json_int(j, "seen_ns", s->seen_wall_ns);
    if (s->schedule != NULL)
        json_text(j, "schedule", s->schedule);
    write_hash(j, "requested", &s->requested);
    json_int(j, "runs", s->runs);
    json_int(j, "succeeded", (int64_t)s->succeeded);
    json_int(j, "failed", (int64_t)s->failed);
    json_int(j, "missed", (int64_t)s->missed);
    json_int(j, "success_ns", s->last_success_wall_ns);
    json_int(j, "failure_ns", s->last_failure_wall_ns);
    json_int(j, "scheduled_ns", s->last_scheduled_wall_ns);
    write_hash(j, "succeeded_revision", &s->succeeded_revision);
    write_active(j, c);
    write_past(j, c);
    json_end(j);
}

/* ---- reading: a journal may hold anything ---- */

static int64_t take_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static int take_small(const json_t *object, const char *key, int max)
{
    int64_t value = take_int(object, key);

    return value < 0 ? 0 : value > max ? max : (int)value;
}

static void take_hash(const json_t *object, const char *key, struct hash *out)
{
    const char *text = json_string_value(json_object_get(object, key));

    if (text == NULL || !hash_parse(str_from(text), out))
        *out = (struct hash){0};
}

static struct instance *slot_of(struct control *c, int slot)
{
    while (c->slots.count < (size_t)slot) {
        struct instance *i = instance_create(c, (int)c->slots.count + 1);

        instance_set_spec(i, c->project, c->spec);
        vec_push(&c->slots, i);
    }
    return c->slots.at[slot - 1];
}

static void restore_active(struct control *c, const json_t *one)
{
    int slot = take_small(one, "slot", JOB_RUNS_MAX);
    struct engine *e = c->engine;
    struct job_run *run;

    if (slot < 1)
        return;
    run = &slot_of(c, slot)->run;
    *run = (struct job_run){.active = true,
        .number = take_small(one, "run", INT32_MAX),
        .trigger = (enum job_trigger)take_small(one, "trigger", TRIGGER_DEPENDENCY),
        .scheduled_wall_ns = take_int(one, "scheduled_ns"),
        .requested_wall_ns = take_int(one, "requested_ns"),
        .event = (uint64_t)take_int(one, "event"),
        .give_up_ns = INT64_MAX,
        .deadline_ns = INT64_MAX};
    if (run->trigger == TRIGGER_SCHEDULE && c->spec->job.starting_deadline_ns >= 0)
        run->give_up_ns = e->now_ns + c->spec->job.starting_deadline_ns -
                          (e->now_wall_ns - run->requested_wall_ns);
}

static void restore_past(struct control *c, const json_t *one)
{
    struct past_run *p = vec_add(&c->job.past);
    const char *reason = json_string_value(json_object_get(one, "reason"));

    *p = (struct past_run){.number = take_small(one, "run", INT32_MAX),
        .trigger = (enum job_trigger)take_small(one, "trigger", TRIGGER_DEPENDENCY),
        .result = (enum job_result)take_small(one, "result", RESULT_MISSED),
        .code = (int)take_int(one, "code"),
        .slot = take_small(one, "slot", JOB_RUNS_MAX),
        .scheduled_wall_ns = take_int(one, "scheduled_ns"),
        .requested_wall_ns = take_int(one, "requested_ns"),
        .started_wall_ns = take_int(one, "started_ns"),
        .ended_wall_ns = take_int(one, "ended_ns")};
    take_hash(one, "revision", &p->revision);
    (void)snprintf(p->reason, sizeof p->reason, "%s", reason != NULL ? reason : "");
}

void job_restore(struct control *c, const json_t *fact)
{
    struct job_state *s = &c->job;
    const char *schedule = json_string_value(json_object_get(fact, "schedule"));
    const json_t *one;
    size_t k;

    s->seen_wall_ns = take_int(fact, "seen_ns");
    if (schedule != NULL)
        s->schedule = mem_copy_string(schedule);
    take_hash(fact, "requested", &s->requested);
    s->runs = take_small(fact, "runs", INT32_MAX);
    s->succeeded = (uint64_t)take_int(fact, "succeeded");
    s->failed = (uint64_t)take_int(fact, "failed");
    s->missed = (uint64_t)take_int(fact, "missed");
    s->last_success_wall_ns = take_int(fact, "success_ns");
    s->last_failure_wall_ns = take_int(fact, "failure_ns");
    s->last_scheduled_wall_ns = take_int(fact, "scheduled_ns");
    take_hash(fact, "succeeded_revision", &s->succeeded_revision);
    json_array_foreach(json_object_get(fact, "active"), k, one) restore_active(c, one);
    json_array_foreach(json_object_get(fact, "past"), k, one) restore_past(c, one);
}

/* ---- what was found of it ---- */

/* Its request never became durable: it is the newest run there is. */
static void take_orphan(struct instance *i, const struct engine_found *f)
{
    struct control *c = i->control;

    i->run = (struct job_run){.active = true,
        .number = f->run > c->job.runs ? f->run : c->job.runs + 1,
        .trigger = c->spec->job.schedule != NULL ? TRIGGER_SCHEDULE : TRIGGER_APPLY,
        .requested_wall_ns = f->started_wall_ns,
        .give_up_ns = INT64_MAX,
        .deadline_ns = INT64_MAX};
    c->job.runs = i->run.number;
    if (f->started_wall_ns > c->job.seen_wall_ns && c->job.seen_wall_ns != 0)
        c->job.seen_wall_ns = f->started_wall_ns;
    if (c->spec->job.schedule == NULL)
        c->job.requested = f->revision;
}

static void set_begun(struct instance *i, const struct engine_found *f)
{
    struct engine *e = i->control->engine;
    int64_t bound_ns = i->control->spec->job.active_deadline_ns;
    int64_t from_ns =
        f->row == 0 && f->started_wall_ns > 0 ? f->started_wall_ns : i->run.requested_wall_ns;
    int64_t passed_ns = e->now_wall_ns - from_ns;

    i->run.begun = true;
    i->run.failures = f->row;
    if (passed_ns < 0)
        passed_ns = 0; /* the clock was set back */
    if (bound_ns > 0)
        i->run.deadline_ns = e->now_ns + bound_ns - passed_ns;
}

void job_adopted(struct instance *i, const struct engine_found *f)
{
    bool ended = f->final == INSTANCE_COMPLETED || f->final == INSTANCE_FAILED;

    if (!i->run.active && !ended)
        take_orphan(i, f);
    if (i->run.active && (f->run == i->run.number || !ended))
        set_begun(i, f);
}

void job_restore_gone(struct instance *i, const struct engine_found *f)
{
    if (!i->run.active || f->run != i->run.number)
        return; /* it had not begun */
    set_begun(i, f);
    i->incarnation = f->incarnation;
    i->last_event = f->last_event;
    i->started_ns = f->started_ns;
    i->started_wall_ns = f->started_wall_ns;
    i->revision = f->revision;
    i->state = INSTANCE_PROBING; /* and no process: the first look finds it lost */
}
