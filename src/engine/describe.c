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

static void describe_active(struct arena *a, const struct instance *i, struct job_run_snapshot *out)
{
    *out = (struct job_run_snapshot){.number = i->run.number,
        .trigger = job_trigger_name(i->run.trigger),
        .result = i->run.begun ? "running" : "pending",
        .code = -1,
        .reason = arena_copy(a, i->reason),
        .slot = i->slot,
        .requested_at_ns = i->run.requested_wall_ns,
        .scheduled_at_ns = i->run.scheduled_wall_ns,
        .started_at_ns = i->run.begun ? i->started_wall_ns : 0};
}

static const struct job_snapshot *describe_job(struct arena *a, const struct control *c)
{
    struct job_snapshot *job = arena_new(a, struct job_snapshot);
    const struct job_state *s = &c->job;
    struct job_run_snapshot *runs =
        arena_new_array(a, s->past.count + c->slots.count + 1, struct job_run_snapshot);

    *job = (struct job_snapshot){.suspended = c->spec->job.suspend,
        .next_at_ns = s->next_wall_ns == INT64_MAX ? 0 : s->next_wall_ns,
        .active = job_active(c),
        .succeeded = s->succeeded,
        .failed = s->failed,
        .missed = s->missed,
        .last_success_at_ns = s->last_success_wall_ns,
        .last_failure_at_ns = s->last_failure_wall_ns,
        .last_scheduled_at_ns = s->last_scheduled_wall_ns,
        .runs = runs};
    if (c->spec->job.schedule != NULL)
        job->schedule = arena_copy(a, c->spec->job.schedule);
    if (c->spec->job.timezone != NULL)
        job->timezone = arena_copy(a, c->spec->job.timezone);
    VEC_EACH (&s->past, const struct past_run, p)
        runs[job->run_count++] = (struct job_run_snapshot){.number = p->number,
            .trigger = job_trigger_name(p->trigger),
            .result = job_result_name(p->result),
            .code = p->code,
            .reason = arena_copy(a, p->result == RESULT_SUCCEEDED ? "" : p->reason),
            .slot = p->slot,
            .requested_at_ns = p->requested_wall_ns,
            .scheduled_at_ns = p->scheduled_wall_ns,
            .started_at_ns = p->started_wall_ns,
            .ended_at_ns = p->ended_wall_ns};
    for (size_t k = 0; k < c->slots.count; k++)
        if (c->slots.at[k]->run.active)
            describe_active(a, c->slots.at[k], &runs[job->run_count++]);
    return job;
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
    s->job = control_is_job(c) ? describe_job(s->arena, c) : NULL;
    return s;
}

static bool is_as_declared(const struct control *c)
{
    return c->update.phase == UPDATE_NONE &&
           (c->state == SERVICE_READY || c->state == SERVICE_COMPLETED ||
               c->state == SERVICE_STOPPED || c->state == SERVICE_SCHEDULED ||
               c->state == SERVICE_SUSPENDED ||
               (c->state == SERVICE_RUNNING && c->spec->job.schedule != NULL));
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
