/* The engine's state as a snapshot. */
#include "engine/engine_private.h"

#include "engine/snapshot.h"

static const char *revision_text(struct arena *a, const struct hash *h)
{
    char text[HASH_TEXT_BYTES];

    hash_format(h, text);
    return arena_copy(a, text);
}

static void describe_instance(
    struct arena *a, const struct instance *i, struct instance_snapshot *out)
{
    *out = (struct instance_snapshot){
        .id = arena_copy(a, i->subject),
        .slot = i->slot,
        .state = instance_state_name(i->state),
        .ready = i->state == INSTANCE_READY,
        .pid = i->pid,
        .address = i->port > 0 && i->pid > 0 ? arena_format(a, "127.0.0.1:%d", i->port) : NULL,
        .incarnation = i->incarnation,
        .restarts = i->restarts,
        .since_at_ns = i->since_wall_ns,
        .started_at_ns = i->pid > 0 ? i->started_wall_ns : 0,
        .revision = revision_text(a, &i->revision),
        .reason = arena_copy(a, i->reason),
        .memory_bytes = i->memory_bytes,
        .cpu_seconds = i->cpu_seconds,
        .last_exit = {.at_ns = i->last_exit_wall_ns,
                      .code = i->last_exit.code,
                      .signal = i->last_exit.signal,
                      .oom = i->last_exit.oom                         },
        .probe = {.passed = i->probe.passed,
                      .failed = i->probe.failed,
                      .duration_seconds =
                i->probe.passed + i->probe.failed > 0 ? (double)i->probe.last_ns / 1e9 : -1,
                      .seconds_total = (double)i->probe.total_ns / 1e9},
    };
}

static const struct update_snapshot *describe_update(struct arena *a, const struct control *c)
{
    static const char *const names[] = {"", "rolling", "reverting", "paused"};
    struct update_snapshot *u;

    if (c->update.phase == UPDATE_NONE)
        return NULL;
    u = arena_new(a, struct update_snapshot);
    u->from = c->previous != NULL ? revision_text(a, &c->previous->revision) : "";
    u->to = c->spec != NULL ? revision_text(a, &c->spec->revision) : "";
    u->state = names[c->update.phase];
    u->total = (int)c->slots.count;
    u->started_at_ns = c->update.started_wall_ns;
    for (size_t k = 0; k < c->slots.count; k++)
        u->done += !update_is_outdated(c, c->slots.at[k]);
    return u;
}

static const struct service_snapshot *describe_control(const struct control *c)
{
    struct service_snapshot *s = service_snapshot_create();
    struct instance_snapshot *instances =
        arena_new_array(s->arena, c->slots.count, struct instance_snapshot);
    const struct service *target = control_target(c, NULL);

    s->name = arena_copy(s->arena, c->name);
    s->state = service_state_name(c->state);
    s->revision = target != NULL ? revision_text(s->arena, &target->revision) : "";
    s->desired = control_replicas(c);
    for (size_t k = 0; k < c->slots.count; k++) {
        describe_instance(s->arena, c->slots.at[k], &instances[k]);
        s->ready += instances[k].ready;
    }
    s->instances = instances;
    s->instance_count = c->slots.count;
    s->update = describe_update(s->arena, c);
    return s;
}

static bool is_as_declared(const struct control *c)
{
    return c->update.phase == UPDATE_NONE &&
           (c->state == SERVICE_READY || c->state == SERVICE_COMPLETED ||
               c->state == SERVICE_STOPPED);
}

void engine_describe(struct engine *e, struct snapshot *out)
{
    const struct service_snapshot **services =
        arena_new_array(out->arena, e->controls.count, const struct service_snapshot *);
    size_t count = 0;

    out->converged = true;
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        if (c->stale || c->described == NULL) {
            service_snapshot_unref(&c->described);
            c->described = describe_control(c);
            c->stale = false;
        }
        out->converged = out->converged && is_as_declared(c);
        services[count++] = service_snapshot_ref(c->described);
    }
    out->services = services;
    out->service_count = count;
    out->project = e->project != NULL ? arena_copy(out->arena, e->project->name) : "";
    out->declared = e->project != NULL ? project_ref(e->project) : NULL;
    out->paused_until_ns = e->paused_until_wall_ns;
}

static bool counts_differ(const struct instance *i, const struct instance_snapshot *shown)
{
    return i->pid != shown->pid || i->memory_bytes != shown->memory_bytes ||
           i->cpu_seconds != shown->cpu_seconds || i->probe.passed != shown->probe.passed ||
           i->probe.failed != shown->probe.failed;
}

void engine_refresh(struct engine *e)
{
    e->changed = true;
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        for (size_t k = 0; !c->stale && c->described != NULL && k < c->slots.count; k++)
            c->stale = k >= c->described->instance_count ||
                       counts_differ(c->slots.at[k], &c->described->instances[k]);
    }
}
