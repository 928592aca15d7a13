/* One run of a job, from its request to its end. */
#include "engine/engine_private.h"

#include "base/clock.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>

/* ---- the end ---- */

static const char *const end_types[] = {
    [RESULT_SUCCEEDED] = "job.succeeded",
    [RESULT_FAILED] = "job.failed",
    [RESULT_CANCELLED] = "job.cancelled",
    [RESULT_MISSED] = "job.missed",
};

/* No more of one result than are to be shown. */
static void trim_past(struct control *c, enum job_result result, int max)
{
    int count = 0;

    for (size_t k = c->job.past.count; k-- > 0;) {
        bool good = c->job.past.at[k].result == RESULT_SUCCEEDED;

        if (good != (result == RESULT_SUCCEEDED))
            continue;
        if (++count > max && k + 1 < c->job.past.count) /* the last one is always known */
            vec_remove(&c->job.past, k);
    }
}

static void remember(struct instance *i, enum job_result result)
{
    struct control *c = i->control;
    struct past_run *p = vec_add(&c->job.past);
    bool ran = i->run.begun && result != RESULT_MISSED;

    *p = (struct past_run){.number = i->run.number,
        .trigger = i->run.trigger,
        .result = result,
        .code = ran && i->last_exit.known ? i->last_exit.code : -1,
        .slot = i->slot,
        .scheduled_wall_ns = i->run.scheduled_wall_ns,
        .requested_wall_ns = i->run.requested_wall_ns,
        .started_wall_ns = ran ? i->started_wall_ns : 0,
        .ended_wall_ns = c->engine->now_wall_ns,
        .revision = i->spec->revision};
    (void)snprintf(
        p->reason, sizeof p->reason, "%s", i->run.cancelled != NULL ? i->run.cancelled : i->reason);
    if (result == RESULT_SUCCEEDED) {
        c->job.succeeded++;
        c->job.last_success_wall_ns = c->engine->now_wall_ns;
        c->job.succeeded_revision = i->spec->revision;
    } else if (result == RESULT_FAILED) {
        c->job.failed++;
        c->job.last_failure_wall_ns = c->engine->now_wall_ns;
    } else if (result == RESULT_MISSED)
        c->job.missed++;
    if (c->spec == NULL || !c->spec->is_job)
        return;
    trim_past(c, RESULT_SUCCEEDED, c->spec->job.history_successful);
    trim_past(c, RESULT_FAILED, c->spec->job.history_failed);
}

void job_finish(struct instance *i, enum job_result result)
{
    struct control *c = i->control;
    struct note n;

    i->run.active = false;
    remember(i, result);
    note_begin(&n, c->engine, end_types[result], c->name);
    note_cause(&n, i->last_event);
    note_cause(&n, i->run.event);
    json_int(&n.json, "run", i->run.number);
    json_text(&n.json, "trigger", job_trigger_name(i->run.trigger));
    if (i->run.begun && i->last_exit.known && i->last_exit.code >= 0 && i->run.cancelled == NULL)
        json_int(&n.json, "code", i->last_exit.code);
    if (result != RESULT_SUCCEEDED)
        json_text(&n.json, "reason", c->job.past.at[c->job.past.count - 1].reason);
    if (i->run.failures > 0)
        json_int(&n.json, "failures", i->run.failures);
    json_int(&n.json, "took_ms", (c->engine->now_wall_ns - i->run.requested_wall_ns) / NS_PER_MS);
    json_open_object(&n.json, "set");
    job_write_fact(&n.json, c);
    json_end(&n.json);
    c->state_event = note_end(&n);
    control_mark(c);
    control_changed(c);
    operations_progress(c->engine, c, c->name, job_result_name(result), i->reason);
}

/* ---- a process ended ---- */

static void retry(struct instance *i)
{
    struct engine *e = i->control->engine;
    const struct job_spec *job = &i->spec->job;
    int64_t delay_ns = backoff_pause_ns(&i->spec->restart, ++i->run.failures, &e->random);
    struct note n;

    note_begin(&n, e, "instance.backing_off", i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "backoff");
    json_int(&n.json, "delay_ms", job->retry_delay_ns / NS_PER_MS);
    json_int(&n.json, "delay_max_ms", job->retry_max_delay_ns / NS_PER_MS);
    json_int(&n.json, "retries", job->retries);
    note_function_end(&n, i->run.failures, job->retries);
    json_int(&n.json, "restarts", i->run.failures);
    json_int(&n.json, "delay_ms", delay_ns / NS_PER_MS);
    json_text(&n.json, "reason", i->reason);
    json_open_object(&n.json, "set");
    json_int(&n.json, "row", i->run.failures);
    json_end(&n.json);
    i->last_event = note_end(&n);
    if (instance_move(i, INSTANCE_ON_PAUSE))
        i->deadline_ns = e->now_ns + delay_ns;
}

void job_after_exit(struct instance *i)
{
    const struct engine_exit *x = &i->last_exit;
    bool success = x->known && x->code == 0;
    bool again = !success && i->run.failures < i->spec->job.retries && !i->run.timed_out &&
                 i->run.cancelled == NULL;

    i->run.begun = true;
    control_mark(i->control);
    if (again) {
        retry(i);
        return;
    }
    heal_note_end(i, success);
    (void)instance_move(i, success ? INSTANCE_ON_COMPLETED : INSTANCE_ON_FAILED);
}

/* ---- steps ---- */

static bool others_run(const struct instance *i)
{
    const struct control *c = i->control;

    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k] != i && c->slots.at[k]->run.active &&
            c->slots.at[k]->run.number < i->run.number)
            return true;
    return false;
}

static void tell_waiting(struct instance *i, const char *waits_for)
{
    struct note n;

    instance_reason(i, "%s", waits_for);
    if (i->waiting_told)
        return;
    i->waiting_told = true;
    note_begin(&n, i->control->engine, "instance.waiting", i->subject);
    note_cause(&n, i->run.event);
    json_text(&n.json, "reason", waits_for);
    i->last_event = note_end(&n);
    operations_progress(i->control->engine, i->control, i->subject, "pending", waits_for);
}

static void begin(struct instance *i)
{
    struct control *c = i->control;
    int64_t now_ns = c->engine->now_ns;
    char waits_for[160];

    if (i->run.cancelled != NULL) {
        job_finish(i, RESULT_CANCELLED);
        return;
    }
    if (i->has_process || (i->run.waits && others_run(i)))
        return;
    if (now_ns >= i->run.give_up_ns) {
        job_finish(i, RESULT_MISSED);
        return;
    }
    if (!control_dependencies_hold(c, waits_for, sizeof waits_for)) {
        job_wake(c);
        tell_waiting(i, waits_for);
        return;
    }
    instance_set_spec(i, c->project, c->spec);
    backoff_reset(&i->backoff);
    i->run.begun = true;
    i->restart_asked = true;
    if (c->spec->job.active_deadline_ns > 0)
        i->run.deadline_ns = now_ns + c->spec->job.active_deadline_ns;
    instance_start(i, i->run.event);
}

static void stop_for_time(struct instance *i)
{
    char about[UNITS_TEXT_BYTES], why[80];

    units_format_duration(i->spec->job.active_deadline_ns, about);
    (void)snprintf(why, sizeof why, "it took longer than its active_deadline of %s", about);
    i->run.timed_out = true;
    instance_stop(i, i->last_event, why);
}

/* Its process is down as asked. */
static void end_stopped(struct instance *i)
{
    if (i->has_process)
        return;
    if (i->run.cancelled != NULL) {
        job_finish(i, RESULT_CANCELLED);
        return;
    }
    if (!i->run.timed_out && i->run.failures < i->spec->job.retries) {
        retry(i); /* somebody else stopped it */
        return;
    }
    (void)instance_move(i, INSTANCE_ON_FAILED);
    job_finish(i, RESULT_FAILED);
}

/* Nothing of it runs, and nobody saw how it ended. */
static void lose(struct instance *i)
{
    struct engine_exit lost = {.code = -1, .at_ns = i->control->engine->now_ns};

    engine_on_exited(i->control->engine, i, &lost, i->control->engine->now_wall_ns);
}

static void step_begun(struct instance *i)
{
    switch (i->state) {
    case INSTANCE_STOPPED:
        end_stopped(i);
        return;
    case INSTANCE_COMPLETED:
        job_finish(i, RESULT_SUCCEEDED);
        return;
    case INSTANCE_FAILED:
        job_finish(i, RESULT_FAILED);
        return;
    case INSTANCE_PENDING:
    case INSTANCE_STARTING:
    case INSTANCE_PROBING:
    case INSTANCE_READY:
    case INSTANCE_BACKING_OFF:
        if (i->run.cancelled != NULL)
            instance_stop(i, i->run.event, i->run.cancelled); /* one before could not say so */
        else if (!i->has_process && i->state != INSTANCE_BACKING_OFF)
            lose(i);
        else if (i->control->engine->now_ns >= i->run.deadline_ns)
            stop_for_time(i);
        else if (i->state == INSTANCE_BACKING_OFF && i->deadline_ns == INT64_MAX && !i->has_process)
            i->deadline_ns = i->control->engine->now_ns;
        return;
    default:
        return;
    }
}

void job_step(struct instance *i)
{
    if (i->run.active && i->run.begun)
        step_begun(i);
    else if (i->run.active)
        begin(i);
    else if (instance_is_alive(i->state) && i->state != INSTANCE_STOPPING &&
             i->state != INSTANCE_DRAINING)
        instance_stop(i, i->control->cause, "it is a job now");
}

int64_t job_run_deadline(const struct instance *i)
{
    int64_t at_ns = i->deadline_ns;

    if (!i->run.active)
        return at_ns;
    if (!i->run.begun && i->run.give_up_ns < at_ns)
        at_ns = i->run.give_up_ns;
    if (i->run.begun && !i->run.timed_out && i->run.cancelled == NULL &&
        i->state != INSTANCE_DRAINING && i->state != INSTANCE_STOPPING &&
        i->run.deadline_ns < at_ns)
        at_ns = i->run.deadline_ns;
    return at_ns;
}
