/* After a restart of the daemon: what was, without events. */
#include "engine/engine_private.h"

void engine_restore_service(struct engine *e, const char *service, const struct engine_facts *facts)
{
    struct control *c = control_find(e, service);

    if (c == NULL)
        c = control_create(e, service);
    c->replicas_override = facts->replicas;
    c->stopped = facts->stopped && !control_is_job(c);
    c->generation = facts->generation;
    c->is_held = facts->is_held;
    c->held = facts->held;
    if (facts->is_paused && c->spec != NULL && hash_eq(&facts->paused_update, &c->spec->revision))
        c->update.phase = UPDATE_PAUSED;
}

void engine_restore_job(struct engine *e, const char *job, const struct json_t *fact)
{
    struct control *c = control_find(e, job);

    if (c != NULL && control_is_job(c))
        job_restore(c, fact);
}

static void restore_previous(struct engine *e, const struct project *previous)
{
    e->previous_project = project_ref(previous);
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;
        const struct service *s = project_service(previous, str_from(c->name));

        if (s == NULL || hash_eq(&s->revision, &c->spec->revision))
            continue;
        c->previous_project = project_ref(previous);
        c->previous = s;
    }
}

void engine_restore_project(
    struct engine *e, const struct project *project, const struct project *previous)
{
    if (project == NULL) { /* what is left of it is only stopped, as it said */
        e->previous_project = previous != NULL ? project_ref(previous) : NULL;
        return;
    }
    e->project = project_ref(project);
    for (size_t k = 0; k < project->service_count; k++) {
        struct control *c = control_create(e, project->services[k].name);

        c->project = project_ref(project);
        c->spec = &project->services[k];
    }
    if (previous != NULL)
        restore_previous(e, previous);
    controls_link(e);
}

void engine_restore_held_over(struct engine *e, const char *service, const struct project *project)
{
    struct control *c = control_find(e, service);
    const struct service *s = project_service(project, str_from(service));

    if (c == NULL || c->spec == NULL || s == NULL || hash_eq(&s->revision, &c->spec->revision))
        return;
    if (!c->is_held || !hash_eq(&c->held, &c->spec->revision))
        return;                          /* it is not what is declared any more */
    project_unref(&c->previous_project); /* that one may never have worked */
    c->previous_project = project_ref(project);
    c->previous = s;
}

void engine_restore_pause(struct engine *e, int64_t until_ns, int64_t until_wall_ns)
{
    e->paused_until_ns = until_ns;
    e->paused_until_wall_ns = until_wall_ns;
}

/* What an adopted instance runs, by its revision. */
static void find_spec(struct instance *i, const struct hash *revision)
{
    struct control *c = i->control;

    if (c->previous != NULL && hash_eq(&c->previous->revision, revision))
        instance_set_spec(i, c->previous_project, c->previous);
    else if (c->spec != NULL)
        instance_set_spec(i, c->project, c->spec);
    else if (c->previous != NULL)
        instance_set_spec(i, c->previous_project, c->previous);
    i->revision = *revision;
}

static struct instance *slot_for(struct control *c, int slot)
{
    while (c->slots.count < (size_t)slot) {
        const struct project *p;
        const struct service *s = control_target(c, &p);
        struct instance *i = instance_create(c, (int)c->slots.count + 1);

        if (s != NULL)
            instance_set_spec(i, p, s);
        vec_push(&c->slots, i);
    }
    return c->slots.at[slot - 1];
}

void engine_restore_held_down(struct engine *e, const char *service, int slot)
{
    struct control *c = control_find(e, service);

    if (c == NULL || c->spec == NULL || slot > control_replicas(c))
        return;
    slot_for(c, slot)->held_down = true;
}

static void adopt_state(struct engine *e, struct instance *i, const struct engine_found *f)
{
    if (f->final == INSTANCE_COMPLETED || f->final == INSTANCE_FAILED)
        i->state = f->final;
    else if (!f->running)
        i->state = INSTANCE_BACKING_OFF, i->deadline_ns = e->now_ns;
    else {
        i->state = f->ready ? INSTANCE_READY : INSTANCE_PROBING;
        if (i->state == INSTANCE_READY)
            i->deadline_ns = i->started_ns + i->spec->restart.stable_ns;
    }
}

/* No longer declared: how it is stopped, and before what, was declared before. */
static void remember_removed(struct control *c)
{
    const struct project *p = c->engine->previous_project;

    if (c->spec != NULL || c->previous != NULL || p == NULL)
        return;
    c->previous = project_service(p, str_from(c->name));
    if (c->previous != NULL)
        c->previous_project = project_ref(p);
}

struct instance *engine_adopt(struct engine *e, const char *service, const struct engine_found *f)
{
    struct control *c = control_find(e, service);
    struct instance *i;

    if (c == NULL)
        c = control_create(e, service);
    remember_removed(c);
    i = slot_for(c, f->slot);
    find_spec(i, &f->revision);
    i->incarnation = f->incarnation;
    i->restarts = f->restarts;
    i->generation = f->generation;
    i->held_down = f->held_down;
    i->pid = f->pid;
    i->port = f->port;
    i->started_ns = f->started_ns;
    i->started_wall_ns = f->started_wall_ns;
    i->last_event = f->last_event;
    i->undecided = f->exited && !f->running && f->final == INSTANCE_STARTING;
    if (i->undecided)
        i->last_exit = (struct engine_exit){.known = true, .code = f->code, .signal = f->signal};
    if (!f->running || e->now_ns - f->started_ns < i->spec->restart.stable_ns)
        i->backoff.row = f->row; /* else it has run well since */
    i->was_ready = f->ready;
    i->unheard = i->has_process = f->final == INSTANCE_STARTING;
    if (!i->has_process || !f->running)
        i->pid = 0;
    adopt_state(e, i, f);
    if (control_is_job(c))
        job_adopted(i, f);
    control_mark(c);
    return i;
}

void engine_adopted(struct engine *e, struct instance *i)
{
    const struct healthcheck *h;

    if (i->project == NULL || !i->has_process)
        return;
    e->host.lease(e->host.data, i, engine_is_paused(e));
    h = &i->spec->healthcheck;
    if (h->kind == PROBE_NONE && i->state == INSTANCE_PROBING)
        health_passed(i, NULL, 0);
    if (h->kind == PROBE_NONE || (i->state != INSTANCE_READY && i->state != INSTANCE_PROBING))
        return;
    if (i->state == INSTANCE_PROBING)
        i->deadline_ns = e->now_ns + health_startup_allowance_ns(h);
    e->host.probe(
        e->host.data, i, i->state == INSTANCE_READY ? ENGINE_PROBE_STEADY : ENGINE_PROBE_STARTUP);
}

void engine_on_heard(struct engine *e, struct instance *i)
{
    if (!i->unheard)
        return;
    i->unheard = false;
    control_mark(i->control);
    e->changed = true;
}

/* The one before is kept only while something still runs it: else its update was over. */
static void drop_previous(struct control *c)
{
    for (size_t k = 0; c->previous != NULL && k < c->slots.count; k++)
        if (hash_eq(&c->slots.at[k]->revision, &c->previous->revision))
            return;
    if (c->previous != NULL)
        update_forget_previous(c);
}

void engine_restored(struct engine *e, uint64_t intent)
{
    controls_link(e);
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        c->cause = intent;
        for (size_t k = 0; k < c->slots.count; k++)
            if (c->slots.at[k]->last_event == 0) /* what told of it was lost with the daemon */
                c->slots.at[k]->last_event = intent;
        drop_previous(c);
        control_summarize_silently(c);
    }
}
