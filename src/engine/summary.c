/* What a service is like as a whole, and who has to know. */
#include "engine/engine_private.h"

#include "base/clock.h"
#include "base/must.h"

const char *service_state_name(enum service_state state)
{
    static const char *const names[] = {"ready", "starting", "updating", "degraded", "down",
        "stopped", "completed", "failed", "running", "scheduled", "suspended"};

    must((size_t)state < COUNT(names));
    return names[state];
}

static enum service_state summarize_job(const struct control *c)
{
    const struct past_run *last = job_last(c);

    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->run.active && c->slots.at[k]->run.begun)
            return SERVICE_RUNNING;
    if (job_active(c) > 0)
        return SERVICE_STARTING;
    if (c->spec->job.suspend)
        return SERVICE_SUSPENDED;
    if (last != NULL && last->result == RESULT_FAILED)
        return SERVICE_FAILED;
    if (c->spec->job.schedule != NULL)
        return SERVICE_SCHEDULED;
    if (last != NULL && last->result == RESULT_SUCCEEDED)
        return SERVICE_COMPLETED;
    return last != NULL ? SERVICE_STOPPED : SERVICE_STARTING;
}

static enum service_state summarize(const struct control *c)
{
    int wanted = control_replicas(c), ready = 0, completed = 0, failed = 0;

    if (control_is_job(c))
        return summarize_job(c);

    for (size_t k = 0; k < c->slots.count && (int)k < wanted; k++) {
        enum instance_state s = c->slots.at[k]->state;

        ready += s == INSTANCE_READY;
        completed += s == INSTANCE_COMPLETED;
        failed += s == INSTANCE_FAILED || s == INSTANCE_QUARANTINED;
    }
    if (wanted == 0)
        return SERVICE_STOPPED;
    if (c->update.phase != UPDATE_NONE)
        return SERVICE_UPDATING;
    if (completed > 0 && ready + completed == wanted)
        return SERVICE_COMPLETED;
    if (ready == wanted)
        return SERVICE_READY;
    if (failed == wanted)
        return SERVICE_FAILED;
    if (ready > 0)
        return c->has_been_ready || failed > 0 ? SERVICE_DEGRADED : SERVICE_STARTING;
    return c->has_been_ready ? SERVICE_DOWN : SERVICE_STARTING;
}

static uint64_t newest_event(const struct control *c)
{
    uint64_t newest = 0; /* before any: what people wanted of it */

    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->last_event > newest)
            newest = c->slots.at[k]->last_event;
    return newest != 0 ? newest : c->cause;
}

/* Down for less than this and back again is told by the instance's own events alone. */
#define SUMMARY_PATIENCE_NS (1 * NS_PER_S)

static int count_ready(const struct control *c)
{
    int ready = 0;

    for (size_t k = 0; k < c->slots.count; k++)
        ready +=
            c->slots.at[k]->state == INSTANCE_READY || c->slots.at[k]->state == INSTANCE_COMPLETED;
    return ready;
}

static void tell_state(struct control *c)
{
    static const char *const types[] = {
        [SERVICE_READY] = "service.ready",
        [SERVICE_DEGRADED] = "service.degraded",
        [SERVICE_DOWN] = "service.down",
        [SERVICE_STOPPED] = "service.stopped",
        [SERVICE_COMPLETED] = "service.completed",
        [SERVICE_FAILED] = "service.failed",
    };
    bool bad = c->state == SERVICE_DEGRADED || c->state == SERVICE_DOWN;
    struct note n;

    if (c->state == c->told)
        return;
    if (control_is_job(c)) { /* its runs tell */
        c->told = c->state;
        return;
    }
    if (bad && c->engine->now_ns - c->state_since_ns < SUMMARY_PATIENCE_NS) {
        c->deadline_ns = c->state_since_ns + SUMMARY_PATIENCE_NS;
        return;
    }
    c->told = c->state;
    if ((size_t)c->state >= COUNT(types) || types[c->state] == NULL)
        return;
    note_begin(&n, c->engine, types[c->state], c->name);
    note_cause(&n, newest_event(c));
    json_int(&n.json, "desired", control_replicas(c));
    json_int(&n.json, "ready", count_ready(c));
    c->state_event = note_end(&n);
}

/* What others decide by: the conditions it meets, whether it has given up, whether it is down. */
static unsigned what_others_see(const struct control *c)
{
    bool alive = false;

    for (size_t k = 0; k < c->slots.count; k++)
        alive = alive || instance_is_alive(c->slots.at[k]->state);
    return (unsigned)control_meets(c, DEPEND_STARTED) |
           (unsigned)control_meets(c, DEPEND_HEALTHY) << 1 |
           (unsigned)control_meets(c, DEPEND_COMPLETED) << 2 |
           (unsigned)control_has_given_up(c) << 3 | (unsigned)alive << 4;
}

static void mark_neighbours(struct control *c)
{
    unsigned seen = what_others_see(c);

    if (seen == c->seen)
        return;
    c->seen = seen;
    for (size_t d = 0; d < c->dependents.count; d++)
        control_mark(c->dependents.at[d]);
    if (control_replicas(c) > 0)
        return;
    MAP_EACH (&c->engine->controls, entry) /* what it depends on may be waiting to go down */
    {
        struct control *other = entry->value;

        if (other != c && control_replicas(other) == 0 && other->slots.count > 0)
            control_mark(other);
    }
}

void control_summarize_silently(struct control *c)
{
    c->state = c->told = summarize(c);
    c->has_been_ready = c->state == SERVICE_READY || c->state == SERVICE_COMPLETED;
    c->spec_worked = c->has_been_ready && control_target(c, NULL) == c->spec;
}

void control_summarize(struct control *c)
{
    enum service_state state = summarize(c);

    if (state == SERVICE_READY || state == SERVICE_COMPLETED)
        c->has_been_ready = true;
    if ((state == SERVICE_READY || state == SERVICE_COMPLETED) &&
        control_target(c, NULL) == c->spec)
        c->spec_worked = true;
    if (state == SERVICE_STOPPED)
        c->has_been_ready = false;
    if (state != c->state) {
        c->state = state;
        c->state_since_ns = c->engine->now_ns;
        c->engine->changed = true;
    }
    mark_neighbours(c);
    tell_state(c);
}
