#include "engine/engine_private.h"

#include "base/clock.h"
#include "base/must.h"
#include "spec/load.h"
#include "spec/node.h"

#include <stdio.h>

enum { TURN_ROUNDS_MAX = 64 }; /* of one turn; what is left waits for the next */

struct engine *engine_create(
    const struct engine_host *host, uint64_t seed, int64_t now_ns, int64_t now_wall_ns)
{
    struct engine *e = mem_new(struct engine);

    e->host = *host;
    e->random.state = seed;
    e->now_ns = now_ns;
    e->now_wall_ns = now_wall_ns;
    e->deadline_ns = INT64_MAX;
    storm_init(&e->storm, now_ns);
    return e;
}

void engine_destroy(struct engine **pointer)
{
    struct engine *e = *pointer;

    if (e == NULL)
        return;
    *pointer = NULL;
    operations_end(e, "the daemon ended; the services live on, and the next one goes on with this");
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        control_destroy(&c);
    }
    map_fini(&e->controls);
    project_unref(&e->project);
    project_unref(&e->previous_project);
    free(e);
}

/* ---- time ---- */

bool engine_is_paused(const struct engine *e)
{
    return e->paused_until_ns != 0;
}

static void tell_all_leases(struct engine *e)
{
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        for (size_t k = 0; k < c->slots.count; k++)
            if (c->slots.at[k]->has_process)
                e->host.lease(e->host.data, c->slots.at[k], engine_is_paused(e));
        control_mark(c);
    }
}

static void end_pause(struct engine *e)
{
    struct note n;

    e->paused_until_ns = e->paused_until_wall_ns = 0;
    note_begin(&n, e, "pause.ended", "project");
    note_cause(&n, e->pause_event);
    json_open_object(&n.json, "set");
    json_add_null(&n.json, "paused_until_ns");
    json_end(&n.json);
    (void)note_end(&n);
    tell_all_leases(e);
}

static void forget_if_empty(struct engine *e, struct control *c)
{
    struct note n;

    if (c->spec != NULL || c->slots.count > 0)
        return;
    note_begin(&n, e, "service.removed", c->name);
    note_cause(&n, c->cause);
    (void)note_end(&n);
    for (size_t d = 0; d < c->dependents.count; d++)
        control_mark(c->dependents.at[d]);
    MAP_EACH (&e->controls, entry) {
        struct control *other = entry->value;

        for (size_t d = 0; d < other->dependents.count; d++)
            if (other->dependents.at[d] == c) {
                vec_remove(&other->dependents, d);
                break;
            }
    }
    control_destroy(&c);
}

static void evaluate_dirty(struct engine *e)
{
    for (int round = 0; e->any_dirty && round < TURN_ROUNDS_MAX; round++) {
        e->any_dirty = false;
        MAP_EACH (&e->controls, entry) {
            struct control *c = entry->value;

            if (!c->dirty)
                continue;
            control_evaluate(c);
            forget_if_empty(e, c);
        }
    }
}

static void look_at_due(struct engine *e)
{
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        if (c->deadline_ns > e->now_ns)
            continue;
        control_mark(c);
        for (size_t k = 0; k < c->slots.count; k++)
            if (c->slots.at[k]->deadline_ns <= e->now_ns)
                heal_due(c->slots.at[k]);
    }
}

static void find_deadline(struct engine *e)
{
    e->deadline_ns = engine_is_paused(e) ? e->paused_until_ns : INT64_MAX;
    if (!engine_is_paused(e))
        MAP_EACH (&e->controls, entry) {
            const struct control *c = entry->value;

            if (c->deadline_ns < e->deadline_ns)
                e->deadline_ns = c->deadline_ns;
        }
    if (e->any_dirty)
        e->deadline_ns = e->now_ns;
}

static void storm_step(struct engine *e)
{
    struct note n;

    if (!e->storm_told || e->storm.limiting)
        return;
    e->storm_told = false;
    note_begin(&n, e, "storm.ended", "project");
    (void)note_end(&n);
}

void engine_now(struct engine *e, int64_t now_ns, int64_t now_wall_ns)
{
    e->now_ns = now_ns;
    e->now_wall_ns = now_wall_ns;
}

bool engine_turn(struct engine *e, int64_t now_ns, int64_t now_wall_ns)
{
    bool changed;

    engine_now(e, now_ns, now_wall_ns);
    if (engine_is_paused(e) && now_ns >= e->paused_until_ns)
        end_pause(e);
    if (!engine_is_paused(e) && now_ns >= e->deadline_ns)
        look_at_due(e);
    if (e->any_dirty || now_ns >= e->deadline_ns) {
        evaluate_dirty(e);
        storm_step(e);
        find_deadline(e);
        operations_step(e);
    }
    changed = e->changed;
    e->changed = false;
    return changed;
}

int64_t engine_deadline(const struct engine *e)
{
    return e->any_dirty ? e->now_ns : e->deadline_ns;
}

/* ---- declaring ---- */

static void link_dependents(struct engine *e)
{
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        c->dependents.count = 0;
    }
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;
        const struct service *s = c->spec;

        if (s == NULL && c->slots.count > 0) /* on its way out: before what it needs */
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

static void note_declared(struct control *c, const struct service *s, bool is_new, bool clear)
{
    struct note n;

    note_begin(&n, c->engine, "service.declared", c->name);
    note_cause(&n, c->cause);
    note_hash(&n, "revision", &s->revision);
    json_int(&n.json, "replicas", control_replicas(c));
    json_bool(&n.json, "new", is_new);
    if (clear) {
        json_open_object(&n.json, "set");
        json_add_null(&n.json, "stopped");
        json_end(&n.json);
    }
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

/* Ended for good, or in a pause: begin anew, now. */
static void begin_anew(struct instance *i, uint64_t cause)
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

static void declare_service(
    struct engine *e, const struct project *p, const struct service *s, uint64_t intent, bool start)
{
    struct control *c = control_find(e, s->name);
    bool is_new = c == NULL || c->spec == NULL, clear, changed, restarts;
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
    if (restarts && c->update.phase != UPDATE_NONE) {
        update_abandon(c);
    }
    if (restarts) {
        c->failed_update_seq = 0;
        c->spec_worked = false;
    } else if (c->is_held && hash_eq(&c->held, &s->revision))
        c->failed_update_seq = intent; /* it was taken back and still is */
    old = c->project;
    c->project = project_ref(p);
    c->spec = s;
    if (old != NULL)
        project_unref(&old);
    for (size_t k = 0; k < c->slots.count; k++) {
        if (start)
            c->slots.at[k]->held_down = false;
        if (!restarts && c->slots.at[k]->state == INSTANCE_FAILED)
            begin_anew(c->slots.at[k], intent);
    }
    c->stopped = c->stopped && !start;
    if (changed || clear)
        note_declared(c, s, is_new, clear);
    control_mark(c);
}

static void remove_service(struct control *c, uint64_t intent)
{
    c->spec = NULL;
    project_unref(&c->project);
    c->previous = NULL;
    project_unref(&c->previous_project);
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
    link_dependents(e);
    switch_project(e, project);
    e->changed = true;
}

/* ---- what people want of one service ---- */

bool engine_check(
    const struct engine *e, const char *service, int slot, int replicas, struct err *err)
{
    const struct control *c = control_find(e, service);

    if (c == NULL || c->spec == NULL)
        return err_set(err, ERR_MISSING, "there is no service '%s'", service);
    if (slot < 0 || (slot > 0 && (size_t)slot > c->slots.count))
        return err_set(
            err, ERR_MISSING, "%s has no instance %d: it has %zu", service, slot, c->slots.count);
    if (replicas > LOAD_REPLICAS_MAX)
        return err_set(err, ERR_LIMIT, "%d replicas: at most %d", replicas, LOAD_REPLICAS_MAX);
    if (replicas > 1 && c->spec->port != 0)
        return err_set(err, ERR_INVALID,
            "%s has the fixed port %d, which only one instance can have; leave `ports` out to give "
            "each its own $PORT",
            service, c->spec->port);
    if (engine_is_paused(e))
        return err_set(err, ERR_CONFLICT,
            "tend's hands are off everything (somebody said pause); end it with `tend pause "
            "--end`");
    return true;
}

static struct control *touch(struct engine *e, const char *service, uint64_t intent)
{
    struct control *c = control_find(e, service);

    must(c != NULL && c->spec != NULL);
    c->cause = intent;
    control_mark(c);
    return c;
}

static void follow(struct engine *e, const char *verb, struct control *c, int slot, uint64_t intent,
    const struct engine_sink *sink, const char *undo)
{
    struct operation *o = operation_begin(e, verb, intent, sink);

    operation_add(o, c->name);
    o->slot = slot;
    (void)snprintf(o->undo, sizeof o->undo, "%s", undo);
}

static void undo_text(char out[200], const char *verb, const struct control *c, int slot)
{
    if (slot > 0)
        (void)snprintf(out, 200, "tend %s %s/%d", verb, c->name, slot);
    else
        (void)snprintf(out, 200, "tend %s %s", verb, c->name);
}

void engine_start(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);
    char undo[200];

    if (slot == 0)
        c->stopped = false;
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (slot != 0 && slot != i->slot)
            continue;
        i->held_down = false;
        if (!c->stopped)
            begin_anew(i, intent);
    }
    undo_text(undo, "stop", c, slot);
    follow(e, "start", c, slot, intent, sink, undo);
}

void engine_stop(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);
    char undo[200];

    if (slot == 0)
        c->stopped = true;
    for (size_t k = 0; k < c->slots.count; k++)
        if (slot == c->slots.at[k]->slot)
            c->slots.at[k]->held_down = true;
    undo_text(undo, "start", c, slot);
    follow(e, "stop", c, slot, intent, sink, undo);
}

void engine_restart(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);

    c->stopped = false;
    c->generation++;
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (slot != 0 && slot != i->slot)
            i->generation = c->generation;
        else
            i->held_down = false;
    }
    follow(e, "restart", c, slot, intent, sink, "");
}

void engine_retry(
    struct engine *e, const char *service, uint64_t intent, const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);

    if (c->is_held) {
        c->is_held = false;
        c->failed_update_seq = 0;
        update_abandon(c);
    }
    for (size_t k = 0; k < c->slots.count; k++)
        if (!c->slots.at[k]->held_down && !c->stopped)
            begin_anew(c->slots.at[k], intent);
    follow(e, "retry", c, 0, intent, sink, "");
}

void engine_scale(struct engine *e, const char *service, int replicas, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);
    char undo[200];

    (void)snprintf(undo, sizeof undo, "tend scale %s=%d", service, control_replicas(c));
    c->replicas_override = replicas < 0 || replicas == c->spec->replicas ? -1 : replicas;
    follow(e, "scale", c, 0, intent, sink, undo);
}

void engine_pause(struct engine *e, int64_t until_ns, int64_t until_wall_ns, uint64_t intent)
{
    e->pause_event = intent;
    e->changed = true;
    if (until_ns == 0) {
        if (engine_is_paused(e))
            end_pause(e);
        return;
    }
    e->paused_until_ns = until_ns;
    e->paused_until_wall_ns = until_wall_ns;
    tell_all_leases(e);
}

/* ---- what was ---- */

void engine_restore_service(struct engine *e, const char *service, const struct engine_facts *facts)
{
    struct control *c = control_find(e, service);

    if (c == NULL)
        c = control_create(e, service);
    c->replicas_override = facts->replicas;
    c->stopped = facts->stopped;
    c->generation = facts->generation;
    c->is_held = facts->is_held;
    c->held = facts->held;
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
    e->project = project_ref(project);
    for (size_t k = 0; k < project->service_count; k++) {
        struct control *c = control_create(e, project->services[k].name);

        c->project = project_ref(project);
        c->spec = &project->services[k];
    }
    if (previous != NULL)
        restore_previous(e, previous);
    link_dependents(e);
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

struct instance *engine_adopt(struct engine *e, const char *service, const struct engine_found *f)
{
    struct control *c = control_find(e, service);
    struct instance *i;

    if (c == NULL)
        c = control_create(e, service);
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
    i->backoff.row = f->row;
    i->was_ready = f->ready;
    i->has_process = f->final == INSTANCE_STARTING;
    adopt_state(e, i, f);
    control_mark(c);
    return i;
}

void engine_adopted(struct engine *e, struct instance *i)
{
    const struct healthcheck *h;

    if (i->spec == NULL || !i->has_process)
        return;
    e->host.lease(e->host.data, i, engine_is_paused(e));
    h = &i->spec->healthcheck;
    if (h->kind == PROBE_NONE || (i->state != INSTANCE_READY && i->state != INSTANCE_PROBING))
        return;
    e->host.probe(
        e->host.data, i, i->state == INSTANCE_READY ? ENGINE_PROBE_STEADY : ENGINE_PROBE_STARTUP);
}

/* ---- to look at ---- */

struct instance *engine_instance(const struct engine *e, const char *service, int slot)
{
    struct control *c = control_find(e, service);

    if (c == NULL || slot < 1 || (size_t)slot > c->slots.count)
        return NULL;
    return c->slots.at[slot - 1];
}

const struct project *engine_project(const struct engine *e)
{
    return e->project;
}

const struct project *engine_previous(const struct engine *e)
{
    return e->previous_project;
}

size_t engine_instance_count(const struct engine *e)
{
    size_t count = 0;

    MAP_EACH (&e->controls, entry)
        count += ((const struct control *)entry->value)->slots.count;
    return count;
}

bool engine_declares(const struct engine *e, const char *service)
{
    const struct control *c = control_find(e, service);

    return c != NULL && c->spec != NULL;
}

void engine_each_instance(
    const struct engine *e, void *data, void (*fn)(void *data, struct instance *i))
{
    MAP_EACH (&e->controls, entry) {
        const struct control *c = entry->value;

        for (size_t k = 0; k < c->slots.count; k++)
            fn(data, c->slots.at[k]);
    }
}

int engine_generation(const struct engine *e, const char *service)
{
    const struct control *c = control_find(e, service);

    return c != NULL ? c->generation : 0;
}

uint64_t engine_note(struct engine *e, struct instance *i, const char *type, struct str evidence)
{
    struct event event = {.type = type,
        .actor = "tend",
        .subject = i->subject,
        .boot_ns = e->now_ns,
        .evidence = evidence};

    if (i->last_event != 0) {
        event.causes[0] = i->last_event;
        event.cause_count = 1;
    }
    control_changed(i->control);
    return e->host.record(e->host.data, &event);
}
