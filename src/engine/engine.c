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
    e->clock_offset_ns = now_wall_ns - now_ns;
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
    paces_fini(e);
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

static void publish_before_answers(struct engine *e)
{
    if (e->operations.count == 0 || !e->changed || e->host.publish == NULL)
        return;
    e->changed = false;
    e->host.publish(e->host.data);
}

#define CLOCK_STEP_NS (1 * NS_PER_S)

/* Schedules are of the wall clock, and that was set. */
static void look_at_clock(struct engine *e)
{
    int64_t offset_ns = e->now_wall_ns - e->now_ns, step_ns = offset_ns - e->clock_offset_ns;

    if (step_ns > -CLOCK_STEP_NS && step_ns < CLOCK_STEP_NS)
        return;
    e->clock_offset_ns = offset_ns;
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        if (control_is_job(c) && c->spec->job.schedule != NULL)
            control_mark(c);
    }
}

bool engine_turn(struct engine *e, int64_t now_ns, int64_t now_wall_ns)
{
    bool changed;

    engine_now(e, now_ns, now_wall_ns);
    look_at_clock(e);
    if (engine_is_paused(e) && now_ns >= e->paused_until_ns)
        engine_end_pause(e);
    if (!engine_is_paused(e) && now_ns >= e->deadline_ns)
        look_at_due(e);
    if (e->any_dirty || now_ns >= e->deadline_ns) {
        evaluate_dirty(e);
        storm_step(e);
        find_deadline(e);
        publish_before_answers(e);
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

int engine_declared_replicas(const struct engine *e, const char *service)
{
    const struct control *c = control_find(e, service);

    return c != NULL && c->spec != NULL ? c->spec->replicas : -1;
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
