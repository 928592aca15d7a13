/* Probes: ready, not ready, hung. */
#include "engine/engine_private.h"

#include "base/clock.h"
#include "base/must.h"

int64_t health_startup_allowance_ns(const struct healthcheck *h)
{
    int64_t once = h->interval_ns > h->timeout_ns ? h->interval_ns : h->timeout_ns;

    return h->start_period_ns + once * (h->retries > 0 ? h->retries : 1);
}

static void set_pace(struct note *n, int64_t start_ms)
{
    json_open_object(&n->json, "set");
    if (start_ms >= 0)
        json_int(&n->json, "start_ms", start_ms);
    json_end(&n->json);
}

void health_passed(struct instance *i, const char *detail, int64_t took_ns)
{
    struct note n;

    i->failures = 0;
    i->was_ready = true;
    if (i->state != INSTANCE_PROBING)
        return;
    i->reason[0] = 0;
    note_begin(&n, i->control->engine, "instance.ready", i->subject);
    note_cause(&n, i->last_event);
    json_number(
        &n.json, "took_ms", (double)((i->control->engine->now_ns - i->started_ns) / 1000) / 1000);
    set_pace(&n, pace_started(i, i->control->engine->now_ns - i->started_ns));
    if (detail != NULL) {
        json_text(&n.json, "detail", detail);
        json_number(&n.json, "duration_ms", (double)(took_ns / 1000) / 1000);
    }
    i->last_event = note_end(&n);
    if (instance_move(i, INSTANCE_ON_READY))
        i->deadline_ns = i->started_ns + i->spec->restart.stable_ns;
}

/* A service that it needs is not ready: restarting this one would not help. */
static const char *missing_dependency(const struct instance *i)
{
    for (size_t d = 0; d < i->spec->dependency_count; d++) {
        const struct dependency *on = &i->spec->dependencies[d];
        const struct control *other = control_find(i->control->engine, on->service);

        if (on->required && on->condition != DEPEND_COMPLETED && other != NULL &&
            !control_meets(other, on->condition))
            return on->service;
    }
    return NULL;
}

static uint64_t event_of(const struct engine *e, const char *service)
{
    const struct control *c = control_find(e, service);
    uint64_t newest = 0;

    for (size_t k = 0; c != NULL && k < c->slots.count; k++)
        if (c->slots.at[k]->last_event > newest)
            newest = c->slots.at[k]->last_event;
    return newest;
}

static void note_hung(struct instance *i, const char *detail, const char *waits_for)
{
    const struct healthcheck *h = &i->spec->healthcheck;
    struct note n;

    note_begin(&n, i->control->engine, waits_for != NULL ? "instance.waiting" : "instance.hung",
        i->subject);
    note_cause(&n, i->last_event);
    if (waits_for != NULL) {
        note_cause(&n, event_of(i->control->engine, waits_for));
        json_format(&n.json, "reason", "is not restarted, since %s is not ready", waits_for);
    }
    note_function(&n, "probe");
    json_int(&n.json, "retries", h->retries);
    json_int(&n.json, "interval_ms", h->interval_ns / NS_PER_MS);
    json_int(&n.json, "timeout_ms", h->timeout_ns / NS_PER_MS);
    note_function_end(&n, i->failures, h->retries);
    json_text(&n.json, "detail", detail);
    i->last_event = note_end(&n);
}

void health_stop_hung(struct instance *i)
{
    i->dumping = false;
    i->hung = true;
    instance_stop(i, i->last_event, "it does not answer");
}

void health_hung(struct instance *i, const char *detail)
{
    struct engine *e = i->control->engine;
    const char *waits_for = missing_dependency(i);

    bool hands_off = waits_for != NULL || i->spec->restart.condition == RESTART_NO;

    if (i->dumping)
        return;
    if (!i->was_ready) /* look again after as long */
        i->deadline_ns = e->now_ns + health_startup_allowance_ns(&i->spec->healthcheck);
    if (engine_is_paused(e) || (hands_off && i->waiting_told))
        return;
    instance_reason(i, "%s", detail);
    note_hung(i, detail, waits_for);
    i->waiting_told = hands_off;
    if (hands_off)
        return;
    if (i->spec->hang.dump_signal == 0) {
        health_stop_hung(i);
        return;
    }
    i->dumping = true;
    e->host.signal(e->host.data, i, i->spec->hang.dump_signal);
    i->deadline_ns = e->now_ns + i->spec->hang.dump_wait_ns;
    control_mark(i->control);
}

static void become_unready(struct instance *i, const char *detail)
{
    struct note n;

    instance_reason(i, "%s", detail);
    note_begin(&n, i->control->engine, "instance.not_ready", i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "probe");
    json_int(&n.json, "retries", i->spec->healthcheck.retries);
    note_function_end(&n, i->failures, 1);
    json_text(&n.json, "detail", detail);
    i->last_event = note_end(&n);
    (void)instance_move(i, INSTANCE_ON_UNREADY);
}

void engine_on_probe(
    struct engine *e, struct instance *i, bool ok, const char *detail, int64_t took_ns)
{
    must(OBJ(instance, INSTANCE_MAGIC, i)->control->engine == e);
    if ((i->state != INSTANCE_PROBING && i->state != INSTANCE_READY) || i->pid == 0)
        return; /* late */
    i->probe.last_ns = took_ns;
    i->probe.total_ns += took_ns;
    i->probe.passed += ok;
    i->probe.failed += !ok;
    if (ok) {
        i->waiting_told = false;
        if (i->dumping) /* it came back while it was writing its stacks */
            i->dumping = false;
        health_passed(i, detail, took_ns);
        return;
    }
    control_changed(i->control);
    i->failures++;
    if (i->state == INSTANCE_READY)
        become_unready(i, detail);
    if (i->was_ready && i->failures >= i->spec->healthcheck.retries)
        health_hung(i, detail);
    else if (!i->was_ready && i->reason[0] == 0)
        instance_reason(i, "%s", detail);
}
