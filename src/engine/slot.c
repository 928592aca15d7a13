/* One instance: its machine, and what entering a state asks for of the world. */
#include "engine/engine_private.h"

#include "base/clock.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

/* What an instance is taken for whose declaration nobody knows any more: it is only stopped. */
static const struct service undeclared = {
    .name = "",
    .restart = {.condition = RESTART_NO},
    .stop_signal = SIGTERM,
    .stop_grace_ns = 10 * NS_PER_S,
    .resources = { .memory_bytes = -1,             .pids = -1},
};

struct instance *instance_create(struct control *c, int slot)
{
    struct instance *i = mem_new(struct instance);

    i->magic = INSTANCE_MAGIC;
    i->control = c;
    i->slot = slot;
    (void)snprintf(i->subject, sizeof i->subject, "%s/%d", c->name, slot);
    i->state = INSTANCE_PENDING;
    i->since_ns = c->engine->now_ns;
    i->since_wall_ns = c->engine->now_wall_ns;
    i->deadline_ns = INT64_MAX;
    i->generation = c->generation;
    i->memory_bytes = -1;
    i->cpu_seconds = -1;
    i->spec = &undeclared;
    return i;
}

void instance_destroy(struct instance **pointer)
{
    struct instance *i = *pointer;

    if (i == NULL)
        return;
    *pointer = NULL;
    project_unref(&i->project);
    i->magic = 0;
    free(i);
}

void instance_set_spec(struct instance *i, const struct project *p, const struct service *s)
{
    const struct project *old = i->project;

    i->project = project_ref(p);
    i->spec = s;
    i->revision = s->revision;
    if (old != NULL)
        project_unref(&old);
}

void instance_reason(struct instance *i, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(i->reason, sizeof i->reason, fmt, args);
    va_end(args);
}

bool instance_is_steady(const struct instance *i, int64_t *out_at_ns)
{
    if (i->state == INSTANCE_COMPLETED)
        return true;
    if (i->state != INSTANCE_READY)
        return false;
    if (i->spec->healthcheck.kind != PROBE_NONE)
        return true;
    *out_at_ns = i->started_ns + SLOT_STEADY_NS;
    return i->control->engine->now_ns >= *out_at_ns;
}

void instance_tell_lease(struct instance *i)
{
    struct engine *e = i->control->engine;

    e->host.lease(e->host.data, i, engine_is_paused(e));
}

/* What entering a state asks for of the world. */
static void enter(struct instance *i, enum instance_state from)
{
    struct engine *e = i->control->engine;
    struct engine_host *h = &e->host;

    i->deadline_ns = INT64_MAX;
    if (from >= INSTANCE_PROBING && from <= INSTANCE_DRAINING && i->state != INSTANCE_PROBING &&
        i->state != INSTANCE_READY && i->state != INSTANCE_DRAINING)
        h->probe(h->data, i, ENGINE_PROBE_OFF);
    switch (i->state) {
    case INSTANCE_STARTING:
        if (i->has_process)
            h->resume(h->data, i);
        else {
            i->has_process = true;
            h->spawn(h->data, i);
        }
        break;
    case INSTANCE_DRAINING:
        i->deadline_ns = e->now_ns; /* nothing is routed to it yet: drained at once */
        break;
    case INSTANCE_STOPPING:
        if (i->has_process)
            h->stop(h->data, i, i->spec->stop_grace_ns);
        break;
    case INSTANCE_STOPPED:
    case INSTANCE_FAILED:
    case INSTANCE_COMPLETED:
        i->pid = 0;
        break;
    default:
        break;
    }
}

bool instance_move(struct instance *i, enum instance_on on)
{
    struct engine *e = i->control->engine;
    enum instance_state from = i->state;

    if (!instance_feed(&i->state, on)) {
        note_unlisted(i, on);
        return false;
    }
    control_mark(i->control);
    if (i->state == from)
        return true;
    i->since_ns = e->now_ns;
    i->since_wall_ns = e->now_wall_ns;
    e->changed = true;
    enter(i, from);
    operations_progress(e, i->control, i->subject, instance_state_name(i->state), i->reason);
    return true;
}

void instance_start(struct instance *i, uint64_t cause)
{
    struct note n;

    i->reason[0] = 0;
    i->hung = i->dumping = i->waiting_told = false;
    i->failures = 0;
    i->was_ready = false;
    note_begin(&n, i->control->engine, "instance.starting", i->subject);
    note_cause(&n, cause);
    note_cause(&n, i->last_event);
    note_short(&n, "revision", &i->spec->revision);
    json_open_object(&n.json, "set");
    note_hash(&n, "revision", &i->spec->revision);
    json_int(&n.json, "generation", i->generation);
    json_add_null(&n.json, "final");
    if (i->run.active) {
        json_int(&n.json, "run", i->run.number);
        json_int(&n.json, "row", i->run.failures);
    }
    json_add_null(&n.json, "held_down");
    json_end(&n.json);
    i->last_event = note_end(&n);
    (void)instance_move(i, INSTANCE_ON_START);
}

void instance_stop(struct instance *i, uint64_t cause, const char *why)
{
    struct note n;

    if (i->state == INSTANCE_STOPPING || i->state == INSTANCE_DRAINING ||
        i->state == INSTANCE_STOPPED)
        return;
    i->restart_asked = !i->hung;
    instance_reason(i, "%s", why);
    note_begin(&n, i->control->engine, "instance.stopping", i->subject);
    note_cause(&n, cause);
    json_text(&n.json, "reason", why);
    json_int(&n.json, "signal", i->spec->stop_signal);
    json_int(&n.json, "grace_ms", i->spec->stop_grace_ns / NS_PER_MS);
    if (i->held_down) { /* a start that was asked for before it has taken the fact back */
        json_open_object(&n.json, "set");
        json_bool(&n.json, "held_down", true);
        json_end(&n.json);
    }
    i->last_event = note_end(&n);
    (void)instance_move(i, INSTANCE_ON_STOP);
    if (!i->has_process) /* nothing runs: nothing to wait for */
        (void)instance_move(i, INSTANCE_ON_GONE);
}
