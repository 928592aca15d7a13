/* What people declare: from a project to controls. */
#include "engine/engine_private.h"

#include "spec/node.h"

void controls_link(struct engine *e)
{
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        c->dependents.count = 0;
    }
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;
        const struct service *s = c->spec;

        if (s == NULL) /* on its way out: before what it needs */
            s = c->previous;
        if (s == NULL && c->slots.count > 0)
            s = c->slots.at[0]->spec;
        for (size_t d = 0; s != NULL && d < s->dependency_count; d++) {
            struct control *on = control_find(e, s->dependencies[d].service);

            if (on != NULL)
                vec_push(&on->dependents, c);
        }
    }
}

/* Whether any of its instances runs something that would have to be replaced. */
static bool runs_another_revision(const struct control *c, const struct service *s)
{
    for (size_t k = 0; k < c->slots.count; k++)
        if (!hash_eq(&c->slots.at[k]->revision, &s->revision))
            return true;
    return false;
}

static void note_declared(
    struct control *c, const struct service *s, bool is_new, bool clear, bool anew)
{
    struct note n;

    note_begin(&n, c->engine, "service.declared", c->name);
    note_cause(&n, c->cause);
    note_hash(&n, "revision", &s->revision);
    json_int(&n.json, "replicas", control_replicas(c));
    json_bool(&n.json, "new", is_new);
    json_open_object(&n.json, "set");
    if (clear)
        json_add_null(&n.json, "stopped");
    if (anew)
        json_add_null(&n.json, "held");
    else if (c->is_held && hash_eq(&c->held, &s->revision) && c->previous_project != NULL)
        note_hash(&n, "held_over", &c->previous_project->digest);
    json_end(&n.json);
    (void)note_end(&n);
}

/* A new revision while the last one is still being rolled out starts the roll-out anew; what is
 * kept to go back to is the last one that worked. */
static void keep_previous(struct control *c)
{
    if (c->previous == NULL && c->spec != NULL && c->spec_worked) {
        c->previous_project = project_ref(c->project);
        c->previous = c->spec;
    }
}

void instance_begin_anew(struct instance *i, uint64_t cause)
{
    const struct project *p;
    const struct service *s = control_target(i->control, &p);

    backoff_reset(&i->backoff);
    if (i->state != INSTANCE_FAILED && i->state != INSTANCE_COMPLETED &&
        i->state != INSTANCE_BACKING_OFF && i->state != INSTANCE_QUARANTINED)
        return;
    if (!i->has_process)
        instance_set_spec(i, p, s);
    i->restart_asked = true;
    instance_start(i, cause);
}

/* Runs are no matter of a service, nor updates of a job. */
static void declare_job(struct control *c, bool restarts)
{
    if (!c->spec->is_job) {
        job_removed(c);
        return;
    }
    update_abandon(c);
    c->previous = NULL;
    project_unref(&c->previous_project);
    c->stopped = c->is_held = false;
    c->failed_update_seq = 0;
    job_declared(c, !restarts);
}

static void declare_service(
    struct engine *e, const struct project *p, const struct service *s, uint64_t intent, bool start)
{
    struct control *c = control_find(e, s->name);
    bool is_new = c == NULL || c->spec == NULL, clear, changed, restarts, anew;
    const struct project *old;

    if (c == NULL)
        c = control_create(e, s->name);
    clear = start && c->stopped;
    changed = is_new || !node_equal(c->spec->node, s->node);
    restarts = !is_new && !hash_eq(&c->spec->revision, &s->revision);
    if (changed || clear)
        c->cause = intent;
    if (restarts && runs_another_revision(c, s))
        keep_previous(c);
    /* It was taken back once, and there is nothing any more that it could be taken back to. */
    anew = is_new ||
           (restarts && c->previous == NULL && c->is_held && hash_eq(&c->held, &s->revision));
    c->is_held = c->is_held && !anew;
    if (restarts && c->update.phase != UPDATE_NONE) {
        update_abandon(c);
    }
    if (restarts) {
        c->failed_update_seq = 0;
        c->spec_worked = false;
    } else if (c->update.phase == UPDATE_PAUSED || (c->is_held && hash_eq(&c->held, &s->revision)))
        c->failed_update_seq = intent; /* it was taken back and still is */
    old = c->project;
    c->project = project_ref(p);
    c->spec = s;
    if (old != NULL)
        project_unref(&old);
    for (size_t k = 0; k < c->slots.count; k++) {
        if (start)
            c->slots.at[k]->held_down = false;
        if (!restarts && !s->is_job && c->slots.at[k]->state == INSTANCE_FAILED)
            instance_begin_anew(c->slots.at[k], intent);
    }
    c->stopped = c->stopped && !start;
    declare_job(c, restarts);
    if (changed || clear)
        note_declared(c, s, is_new, clear, anew);
    control_mark(c);
}

static void remove_service(struct control *c, uint64_t intent)
{
    job_removed(c);
    c->spec = NULL;
    project_unref(&c->project);
    c->previous = NULL;
    project_unref(&c->previous_project);
    c->is_held = false; /* declared again, it is new */
    c->failed_update_seq = 0;
    c->cause = intent;
    control_mark(c);
}

static void switch_project(struct engine *e, const struct project *project)
{
    project_unref(&e->previous_project);
    e->previous_project = e->project;
    e->project = project != NULL ? project_ref(project) : NULL;
}

void engine_declare(struct engine *e, const struct project *project, uint64_t intent, bool start,
    const struct engine_sink *sink)
{
    struct operation *o = operation_begin(e, project != NULL ? "apply" : "down", intent, sink);

    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        if (project == NULL || project_service(project, str_from(c->name)) == NULL)
            remove_service(c, intent);
        operation_add(o, c->name);
    }
    for (size_t k = 0; project != NULL && k < project->service_count; k++) {
        bool known = control_find(e, project->services[k].name) != NULL;

        declare_service(e, project, &project->services[k], intent, start);
        if (!known)
            operation_add(o, project->services[k].name);
    }
    controls_link(e);
    switch_project(e, project);
    e->changed = true;
}
