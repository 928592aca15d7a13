#include "engine/engine_private.h"

#include "base/clock.h"
#include "base/must.h"
#include "engine/snapshot.h"

#include <stdarg.h>
#include <stdio.h>

const char *service_state_name(enum service_state state)
{
    static const char *const names[] = {
        "ready", "starting", "updating", "degraded", "down", "stopped", "completed", "failed"};

    must((size_t)state < COUNT(names));
    return names[state];
}

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
    return c->replicas_override >= 0 ? c->replicas_override : c->spec->replicas;
}

bool control_wants(const struct control *c, const struct instance *i)
{
    return i->slot <= control_replicas(c) && !i->held_down;
}

/* ---- an instance ---- */

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
    if (s != NULL)
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

/* For what runs though nobody declares it any more. */
#define DEFAULT_GRACE_NS (10 * NS_PER_S)

static void tell_lease(struct instance *i)
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
            h->stop(h->data, i, i->spec != NULL ? i->spec->stop_grace_ns : DEFAULT_GRACE_NS);
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
    instance_reason(i, "%s", why);
    note_begin(&n, i->control->engine, "instance.stopping", i->subject);
    note_cause(&n, cause);
    json_text(&n.json, "reason", why);
    if (i->spec != NULL) {
        json_int(&n.json, "signal", i->spec->stop_signal);
        json_int(&n.json, "grace_ms", i->spec->stop_grace_ns / NS_PER_MS);
    }
    i->last_event = note_end(&n);
    (void)instance_move(i, INSTANCE_ON_STOP);
    if (!i->has_process) /* nothing runs: nothing to wait for */
        (void)instance_move(i, INSTANCE_ON_GONE);
}

/* ---- dependencies ---- */

bool control_meets(const struct control *c, enum depend_condition condition)
{
    int wanted = control_replicas(c), met = 0;

    for (size_t i = 0; i < c->slots.count; i++) {
        const struct instance *in = c->slots.at[i];

        if (in->slot > wanted)
            continue;
        switch (condition) {
        case DEPEND_STARTED:
            met += in->state == INSTANCE_PROBING || in->state == INSTANCE_READY ||
                   in->state == INSTANCE_COMPLETED;
            break;
        case DEPEND_HEALTHY:
            met += in->state == INSTANCE_READY;
            break;
        case DEPEND_COMPLETED:
            met += in->state == INSTANCE_COMPLETED;
            break;
        }
    }
    return wanted > 0 && met >= wanted;
}

bool control_has_given_up(const struct control *c)
{
    for (size_t i = 0; i < c->slots.count; i++)
        if (c->slots.at[i]->state == INSTANCE_FAILED ||
            c->slots.at[i]->state == INSTANCE_QUARANTINED)
            return true;
    return c->stopped;
}

static const char *condition_text(enum depend_condition condition)
{
    switch (condition) {
    case DEPEND_STARTED:
        return "to start";
    case DEPEND_HEALTHY:
        return "to be healthy";
    default:
        return "to complete";
    }
}

bool control_dependencies_hold(const struct control *c, char *out_waits_for, size_t bytes)
{
    const struct service *s = control_target(c, NULL);

    for (size_t d = 0; d < s->dependency_count; d++) {
        const struct dependency *on = &s->dependencies[d];
        const struct control *other = control_find(c->engine, on->service);

        if (other != NULL && control_meets(other, on->condition))
            continue;
        if (!on->required && (other == NULL || control_has_given_up(other)))
            continue;
        if (out_waits_for != NULL)
            (void)snprintf(out_waits_for, bytes, "waits for %s %s", on->service,
                condition_text(on->condition));
        return false;
    }
    return true;
}

/* Everything that depends on it is down, or is not going away with it. */
static bool may_go_down(const struct control *c)
{
    for (size_t d = 0; d < c->dependents.count; d++) {
        const struct control *other = c->dependents.at[d];

        if (control_replicas(other) > 0)
            continue;
        for (size_t i = 0; i < other->slots.count; i++)
            if (instance_is_alive(other->slots.at[i]->state))
                return false;
    }
    return true;
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
        c->engine->changed = true;
    }
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
        instance_destroy(&last);
        c->slots.count--;
        e->changed = true;
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

    if (i->state == INSTANCE_PENDING &&
        !control_dependencies_hold(c, waits_for, sizeof waits_for)) {
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
        return;
    }
    if (i->state == INSTANCE_STOPPED || i->state == INSTANCE_STOPPING ||
        i->state == INSTANCE_DRAINING)
        return;
    if (!may_go_down(c) && control_replicas(c) == 0)
        return;
    if (i->state == INSTANCE_PENDING || i->state == INSTANCE_FAILED ||
        i->state == INSTANCE_COMPLETED) {
        (void)instance_move(i, INSTANCE_ON_STOP);
        return;
    }
    instance_stop(i, c->cause,
        c->spec == NULL ? "it is no longer declared"
        : c->stopped    ? "somebody stopped it"
        : i->held_down  ? "somebody stopped it"
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

        if (i->spec == s || i->spec == NULL || !hash_eq(&i->revision, &s->revision))
            continue;
        instance_set_spec(i, p, s);
        if (!i->has_process)
            continue;
        tell_lease(i);
        if (i->state == INSTANCE_PROBING)
            h->probe(h->data, i, ENGINE_PROBE_STARTUP);
        else if (i->state == INSTANCE_READY)
            h->probe(h->data, i, ENGINE_PROBE_STEADY);
    }
}

/* ---- the summary ---- */

static enum service_state summarize(const struct control *c)
{
    int wanted = control_replicas(c), ready = 0, completed = 0, failed = 0;

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
    uint64_t newest = 0;

    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->last_event > newest)
            newest = c->slots.at[k]->last_event;
    return newest;
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

static void update_summary(struct control *c)
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

void control_evaluate(struct control *c)
{
    struct engine *e = c->engine;

    c->dirty = false;
    c->deadline_ns = INT64_MAX;
    if (!engine_is_paused(e)) {
        follow_live_changes(c);
        add_missing(c);
        for (size_t k = 0; k < c->slots.count; k++)
            step_instance(c->slots.at[k]);
        update_step(c);
        trim_slots(c);
    }
    update_summary(c);
    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->deadline_ns < c->deadline_ns)
            c->deadline_ns = c->slots.at[k]->deadline_ns;
}
