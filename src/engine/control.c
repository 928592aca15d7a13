#include "engine/engine_private.h"

#include "engine/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

struct control *control_find(const struct engine *e, const char *name)
{
    return map_get(&e->controls, str_from(name));
}

struct control *control_create(struct engine *e, const char *name)
{
    struct control *c = mem_new(struct control);

    c->magic = CONTROL_MAGIC;
    c->engine = e;
    c->name = mem_copy_string(name);
    (void)snprintf(c->restart_why, sizeof c->restart_why, "somebody asked for a restart");
    c->replicas_override = -1;
    c->state = c->told = SERVICE_STARTING;
    c->state_since_ns = e->now_ns;
    c->deadline_ns = INT64_MAX;
    (void)map_put(&e->controls, str_from(c->name), c);
    control_mark(c);
    return c;
}

void control_destroy(struct control **pointer)
{
    struct control *c = *pointer;

    if (c == NULL)
        return;
    *pointer = NULL;
    while (c->slots.count > 0) {
        instance_destroy(&c->slots.at[c->slots.count - 1]);
        c->slots.count--;
    }
    (void)map_remove(&c->engine->controls, str_from(c->name));
    project_unref(&c->project);
    project_unref(&c->previous_project);
    service_snapshot_unref(&c->described);
    vec_fini(&c->slots);
    vec_fini(&c->dependents);
    vec_fini(&c->job.past);
    free(c->job.schedule);
    c->magic = 0;
    free(c->name);
    free(c);
}

void control_mark(struct control *c)
{
    c->dirty = true;
    c->stale = true;
    c->engine->any_dirty = true;
}

void control_changed(struct control *c)
{
    c->stale = true;
    c->engine->changed = true;
}

const struct service *control_target(const struct control *c, const struct project **out_project)
{
    bool held = c->spec != NULL && c->is_held && hash_eq(&c->spec->revision, &c->held);
    bool old = (held || c->update.phase == UPDATE_REVERTING) && c->previous != NULL;

    if (out_project != NULL)
        *out_project = old ? c->previous_project : c->project;
    return old ? c->previous : c->spec;
}

int control_replicas(const struct control *c)
{
    if (c->spec == NULL || c->stopped)
        return 0;
    if (c->spec->is_job)
        return 1;
    return c->replicas_override >= 0 ? c->replicas_override : c->spec->replicas;
}

bool control_wants(const struct control *c, const struct instance *i)
{
    if (control_is_job(c))
        return i->run.active && i->run.cancelled == NULL;
    return i->slot <= control_replicas(c) && !i->held_down;
}

/* ---- slots ---- */

static void add_missing(struct control *c)
{
    int wanted = control_replicas(c);

    for (int slot = 1; slot <= wanted; slot++) {
        const struct project *p;
        const struct service *s;
        struct instance *i;

        if ((size_t)slot <= c->slots.count)
            continue;
        s = control_target(c, &p);
        i = instance_create(c, slot);
        instance_set_spec(i, p, s);
        vec_push(&c->slots, i);
        control_changed(c);
    }
}

static void note_removed(const struct instance *i)
{
    struct note n;

    if (i->control->spec == NULL) /* the service goes with all of its instances */
        return;
    note_begin(&n, i->control->engine, "instance.removed", i->subject);
    note_cause(&n, i->last_event != 0 ? i->last_event : i->control->cause);
    json_text(&n.json, "reason", i->reason);
    (void)note_end(&n);
}

/* Slots that nobody wants any more and that are down disappear, the highest first. */
static void trim_slots(struct control *c)
{
    struct engine *e = c->engine;
    bool keeps_stopped = c->stopped && c->spec != NULL;
    int wanted = keeps_stopped
                     ? (c->replicas_override >= 0 ? c->replicas_override : c->spec->replicas)
                     : control_replicas(c);

    while (c->slots.count > (size_t)wanted) {
        struct instance *last = c->slots.at[c->slots.count - 1];

        if (last->state != INSTANCE_STOPPED || last->has_process)
            return;
        e->host.forget(e->host.data, last);
        note_removed(last);
        instance_destroy(&last);
        c->slots.count--;
        control_changed(c);
    }
}

static void tell_waiting(struct instance *i, const char *waits_for)
{
    struct note n;

    instance_reason(i, "%s", waits_for);
    if (i->waiting_told)
        return;
    i->waiting_told = true;
    note_begin(&n, i->control->engine, "instance.waiting", i->subject);
    note_cause(&n, i->control->cause);
    json_text(&n.json, "reason", waits_for);
    i->last_event = note_end(&n);
    operations_progress(i->control->engine, i->control, i->subject, "pending", waits_for);
}

static void start_if_possible(struct instance *i)
{
    struct control *c = i->control;
    const struct project *p;
    const struct service *s = control_target(c, &p);
    char waits_for[160];

    if ((i->state == INSTANCE_PENDING || i->incarnation == 0) && /* stopped before it ever ran */
        !control_dependencies_hold(c, waits_for, sizeof waits_for)) {
        job_wake(c);
        tell_waiting(i, waits_for);
        return;
    }
    if (i->state == INSTANCE_STOPPED && i->has_process)
        return;
    instance_set_spec(i, p, s);
    i->generation = c->generation;
    instance_start(i, i->state == INSTANCE_PENDING ? c->cause : i->last_event);
}

static void step_instance(struct instance *i)
{
    struct control *c = i->control;

    if (control_wants(c, i)) {
        if (i->state == INSTANCE_PENDING || i->state == INSTANCE_STOPPED)
            start_if_possible(i);
        else if ((i->state == INSTANCE_BACKING_OFF || i->state == INSTANCE_QUARANTINED) &&
                 i->deadline_ns == INT64_MAX)
            i->deadline_ns = c->engine->now_ns; /* it was unwanted when it was due */
        return;
    }
    if (i->state == INSTANCE_STOPPED || i->state == INSTANCE_STOPPING ||
        i->state == INSTANCE_DRAINING)
        return;
    if (!control_may_go_down(c) && control_replicas(c) == 0)
        return;
    if (i->state == INSTANCE_PENDING || i->state == INSTANCE_FAILED ||
        i->state == INSTANCE_COMPLETED) {
        if (i->has_process) /* its shim knows another policy than we do, and waits */
            c->engine->host.stop(c->engine->host.data, i, i->spec->stop_grace_ns);
        (void)instance_move(i, INSTANCE_ON_STOP);
        return;
    }
    instance_stop(i, c->cause,
        c->engine->project == NULL ? "everything is being stopped"
        : c->spec == NULL          ? "it is no longer declared"
        : c->stopped               ? "somebody stopped it"
        : i->held_down             ? "somebody stopped it"
                                   : "fewer replicas are wanted");
}

/* A change that needs no restart: probes, leases and limits follow the new declaration at once. */
static void follow_live_changes(struct control *c)
{
    const struct project *p;
    const struct service *s = control_target(c, &p);
    struct engine_host *h = &c->engine->host;

    if (s == NULL)
        return;
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (i->spec == s || !hash_eq(&i->revision, &s->revision))
            continue;
        instance_set_spec(i, p, s);
        if (!i->has_process)
            continue;
        instance_tell_lease(i);
        if (i->state == INSTANCE_PROBING)
            h->probe(h->data, i, ENGINE_PROBE_STARTUP);
        else if (i->state == INSTANCE_READY)
            h->probe(h->data, i, ENGINE_PROBE_STEADY);
    }
}

void control_evaluate(struct control *c)
{
    struct engine *e = c->engine;

    c->dirty = false;
    c->deadline_ns = INT64_MAX;
    if (!engine_is_paused(e) && control_is_job(c))
        job_evaluate(c);
    else if (!engine_is_paused(e)) {
        follow_live_changes(c);
        add_missing(c);
        for (size_t k = 0; k < c->slots.count; k++)
            step_instance(c->slots.at[k]);
        update_step(c);
        trim_slots(c);
    }
    control_summarize(c);
    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->deadline_ns < c->deadline_ns)
            c->deadline_ns = c->slots.at[k]->deadline_ns;
}
