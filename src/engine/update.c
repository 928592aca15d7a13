/* The replacement of instances whose revision is not the wanted one, in batches, stop first.
 *
 *            outdated              batch ready, more outdated
 *   NONE ─────────────▶ ROLLING ◀──────────────────────────────┐
 *    ▲                    │  └──── delay ──── next batch ───────┘
 *    │ none outdated      │ one dies or is not ready in time
 *    ├────────────────────┤
 *    │                    ├─ on_failure rollback ─▶ REVERTING: the same towards what it ran before;
 *    │ none outdated      │                         the new revision is held
 *    └── REVERTING ◀──────┤
 *                         └─ on_failure pause ────▶ PAUSED until it changes or somebody says retry
 */
#include "engine/engine_private.h"

#include "base/clock.h"

#include <limits.h>

static bool may_run_revision(const struct instance *i, const struct service *target)
{
    return hash_eq(&i->revision, &target->revision);
}

bool update_is_outdated(const struct control *c, const struct instance *i)
{
    const struct service *target = control_target(c, NULL);

    if (target == NULL || !control_wants(c, i))
        return false;
    if (c->is_held && hash_eq(&c->held, &target->revision) && i->generation == c->generation)
        return false; /* it was taken back, and nobody knows any more what ran before: let it be */
    if (i->state == INSTANCE_PENDING || i->state == INSTANCE_STOPPED)
        return false; /* starts as what is wanted anyway */
    return !may_run_revision(i, target) || i->generation < c->generation;
}

static void wake_at(struct control *c, int64_t at_ns)
{
    if (at_ns < c->deadline_ns)
        c->deadline_ns = at_ns;
}

static bool has_died(const struct instance *i)
{
    return i->state == INSTANCE_BACKING_OFF || i->state == INSTANCE_QUARANTINED ||
           i->state == INSTANCE_FAILED;
}

/* The next to go: those that do not work, before those that do. */
static struct instance *next_outdated(struct control *c)
{
    struct instance *best = NULL;

    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (i->in_batch || !update_is_outdated(c, i))
            continue;
        if (best == NULL || (best->state == INSTANCE_READY && i->state != INSTANCE_READY))
            best = i;
    }
    return best;
}

static void replace(struct control *c, struct instance *i)
{
    const struct project *p;
    const struct service *s = control_target(c, &p);
    bool same = may_run_revision(i, s);

    i->in_batch = true;
    i->batch_deadline_ns = c->engine->now_ns + s->stop_grace_ns + s->update.deadline_ns;
    backoff_reset(&i->backoff);
    if (i->state == INSTANCE_FAILED || i->state == INSTANCE_COMPLETED) {
        instance_set_spec(i, p, s);
        i->generation = c->generation;
        instance_start(i, c->cause);
        return;
    }
    instance_stop(i,
        c->update.phase == UPDATE_REVERTING ? c->update.failed_event : c->update.started_event,
        same                                  ? c->restart_why
        : c->update.phase == UPDATE_REVERTING ? "the new revision is taken back"
                                              : "it is replaced by the new revision");
}

/* On its way to what is wanted: one that an update before this, or a daemon before this, had taken
 * down, or a new slot. */
static bool is_coming(const struct control *c, const struct instance *i)
{
    bool starts = i->state == INSTANCE_STARTING || i->state == INSTANCE_PROBING;
    bool goes = i->state == INSTANCE_DRAINING || i->state == INSTANCE_STOPPING ||
                i->state == INSTANCE_STOPPED; /* and comes back */

    return control_wants(c, i) && !i->in_batch &&
           (goes || (starts && !i->was_ready && !update_is_outdated(c, i)));
}

/* They are of this batch: no more are taken down than may be. */
static int take_in_coming(struct control *c, const struct service *s)
{
    int taken = 0;

    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (!is_coming(c, i))
            continue;
        i->in_batch = true;
        i->batch_deadline_ns = c->engine->now_ns + s->stop_grace_ns + s->update.deadline_ns;
        taken++;
    }
    return taken;
}

static void begin_batch(struct control *c)
{
    const struct service *s = control_target(c, NULL);
    int room = s->update.parallelism > 0 ? s->update.parallelism : INT_MAX;
    struct instance *i;

    if (c->update.phase == UPDATE_REVERTING)
        room = INT_MAX; /* back to what worked, all at once */
    c->update.ready_since_ns = 0;
    room -= take_in_coming(c, s);
    while (room-- > 0 && (i = next_outdated(c)) != NULL)
        replace(c, i);
}

static void begin(struct control *c)
{
    const struct service *s = control_target(c, NULL);
    struct note n;
    int outdated = 0;

    for (size_t k = 0; k < c->slots.count; k++)
        outdated += update_is_outdated(c, c->slots.at[k]);
    c->update = (struct update){.phase = UPDATE_ROLLING, .started_wall_ns = c->engine->now_wall_ns};
    note_begin(&n, c->engine, "update.started", c->name);
    note_cause(&n, c->cause);
    if (c->previous != NULL)
        note_short(&n, "from", &c->previous->revision);
    note_short(&n, "to", &s->revision);
    json_int(&n.json, "instances", outdated);
    json_int(&n.json, "parallelism", s->update.parallelism);
    c->update.started_event = note_end(&n);
    begin_batch(c);
}

static void end_batch(struct control *c)
{
    for (size_t k = 0; k < c->slots.count; k++)
        c->slots.at[k]->in_batch = false;
}

/* What it ran before is not needed any more. */
void update_forget_previous(struct control *c)
{
    if (c->is_held && c->spec != NULL && hash_eq(&c->held, &c->spec->revision))
        return; /* it is what runs */
    c->previous = NULL;
    project_unref(&c->previous_project);
}

static void restart_dependents(struct control *c)
{
    for (size_t d = 0; d < c->dependents.count; d++) {
        struct control *other = c->dependents.at[d];
        const struct service *s = other->spec;

        for (size_t k = 0; s != NULL && k < s->dependency_count; k++)
            if (s->dependencies[k].restart &&
                str_is(str_from(c->name), s->dependencies[k].service)) {
                other->generation++;
                other->cause = c->update.started_event;
                control_mark(other);
            }
    }
}

static void finish(struct control *c)
{
    struct note n;
    bool reverted = c->update.phase == UPDATE_REVERTING;

    end_batch(c);
    note_begin(&n, c->engine, reverted ? "update.reverted" : "update.finished", c->name);
    note_cause(&n, reverted ? c->update.failed_event : c->update.started_event);
    note_short(&n, "to", &c->spec->revision);
    if (reverted)
        json_format(&n.json, "reason", "it did not become ready");
    c->state_event = note_end(&n);
    if (!reverted)
        restart_dependents(c);
    c->update = (struct update){.phase = UPDATE_NONE};
    if (!reverted)
        update_forget_previous(c);
    control_mark(c);
}

/* Say what did not work; `fact` holds the revision for the next daemon. */
static void note_failure(
    struct control *c, const struct instance *culprit, const char *type, const char *fact)
{
    const struct service *s = c->spec;
    struct note n;

    note_begin(&n, c->engine, type, c->name);
    note_cause(&n, culprit->last_event);
    note_cause(&n, c->update.started_event);
    json_text(&n.json, "instance", culprit->subject);
    json_format(&n.json, "reason", "%s: %s", culprit->subject, culprit->reason);
    note_short(&n, "to", &s->revision);
    note_function(&n, "readiness");
    json_int(&n.json, "deadline_ms", s->update.deadline_ns / NS_PER_MS);
    note_function_end(&n, 0, 1);
    json_open_object(&n.json, "set");
    note_hash(&n, fact, &s->revision);
    if (c->previous_project != NULL)
        note_hash(&n, "held_over", &c->previous_project->digest);
    json_end(&n.json);
    c->update.failed_event = note_end(&n);
    c->failed_update_seq = c->cause;
    end_batch(c);
}

static void fail(struct control *c, const struct instance *culprit)
{
    bool can_revert = c->previous != NULL && !hash_eq(&c->previous->revision, &c->spec->revision);

    if (c->spec->update.on_failure != UPDATE_ROLLBACK || !can_revert) {
        note_failure(c, culprit, "update.paused", "paused_update");
        c->update.phase = UPDATE_PAUSED;
        return;
    }
    note_failure(c, culprit, "update.reverting", "held");
    c->is_held = true;
    c->held = c->spec->revision;
    c->update.phase = UPDATE_REVERTING;
    for (size_t k = 0; k < c->slots.count; k++) /* the revert is not another restart */
        c->slots.at[k]->generation = c->generation;
    begin_batch(c);
}

enum batch_verdict { BATCH_WORKING, BATCH_READY, BATCH_FAILED };

static enum batch_verdict judge_batch(struct control *c, struct instance **out_culprit)
{
    bool all_ready = true;

    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];
        bool fresh = i->in_batch && !update_is_outdated(c, i);
        int64_t steady_ns = INT64_MAX;

        if (!i->in_batch)
            continue;
        if (i->held_down || i->slot > control_replicas(c)) {
            i->in_batch = false;
            continue;
        }
        if (fresh && instance_is_steady(i, &steady_ns))
            continue;
        all_ready = false;
        if ((fresh && has_died(i)) || c->engine->now_ns >= i->batch_deadline_ns) {
            if (i->reason[0] == 0)
                instance_reason(i, "it was not ready in time");
            *out_culprit = i;
            return BATCH_FAILED;
        }
        wake_at(c, i->batch_deadline_ns < steady_ns ? i->batch_deadline_ns : steady_ns);
    }
    return all_ready ? BATCH_READY : BATCH_WORKING;
}

/* Ready for as long as it is monitored; then the pause between batches. */
static bool batch_is_over(struct control *c, const struct service *s)
{
    int64_t over_ns;
    bool more = next_outdated(c) != NULL;

    if (c->update.ready_since_ns == 0)
        c->update.ready_since_ns = c->engine->now_ns;
    over_ns = c->update.ready_since_ns + s->update.monitor_ns + (more ? s->update.delay_ns : 0);
    if (c->engine->now_ns >= over_ns)
        return true;
    wake_at(c, over_ns);
    return false;
}

static void note_batch(struct control *c)
{
    struct note n;
    int done = 0;

    for (size_t k = 0; k < c->slots.count; k++)
        done += !update_is_outdated(c, c->slots.at[k]);
    note_begin(&n, c->engine, "update.batch_ready", c->name);
    note_cause(&n, c->update.started_event);
    json_int(&n.json, "done", done);
    json_int(&n.json, "of", (int64_t)c->slots.count);
    (void)note_end(&n);
}

static void roll(struct control *c)
{
    struct instance *culprit = NULL;
    const struct service *s = control_target(c, NULL);

    switch (judge_batch(c, &culprit)) {
    case BATCH_WORKING:
        c->update.ready_since_ns = 0;
        return;
    case BATCH_FAILED:
        if (c->update.phase == UPDATE_ROLLING && s->update.on_failure != UPDATE_CONTINUE &&
            c->previous != NULL) /* else it is a mere restart: there is nothing to take back */
            fail(c, culprit);
        else
            culprit->in_batch = false; /* healing goes on with it */
        control_mark(c);
        return;
    case BATCH_READY:
        if (!batch_is_over(c, s))
            return;
        end_batch(c);
        if (next_outdated(c) != NULL) {
            note_batch(c);
            begin_batch(c);
        } else
            finish(c);
        return;
    }
}

void update_abandon(struct control *c)
{
    end_batch(c);
    c->update = (struct update){.phase = UPDATE_NONE};
}

void update_step(struct control *c)
{
    if (c->spec == NULL || c->stopped) {
        update_abandon(c);
        return;
    }
    switch (c->update.phase) {
    case UPDATE_NONE:
        if (next_outdated(c) != NULL && control_dependencies_hold(c, NULL, 0))
            begin(c);
        return;
    case UPDATE_ROLLING:
    case UPDATE_REVERTING:
        roll(c);
        return;
    case UPDATE_PAUSED:
        return;
    }
}
