#include "plant.h"

#include "base/must.h"
#include "drive/process/process.h"
#include "engine/engine_private.h"
#include "engine/facts.h"

#include <string.h>

/* clang-format off */
static const struct plant plants[] = {
    {"no-backoff", "what dies is started again at once, however often", "backs-off holds-back-storms", 60},
    {"no-storm-limit", "restarts of many services are not held back", "holds-back-storms", 3000},
    {"needs-ignored", "nobody waits for what it depends on", "waits-for-what-it-needs", 60},
    {"stops-at-once", "what is depended on is stopped before what depends on it", "stops-in-order", 200},
    {"batch-too-big", "an update takes down all instances at once", "keeps-enough", 200},
    {"held-forgotten", "a revision that was taken back is rolled out again", "held-stays-held converges", 400},
    {"quarantine-ends", "what is in quarantine is not tried any more", "quarantine-goes-on converges answers-everybody", 2000},
    {"stop-forgotten", "the next daemon does not know what people stopped", "stays-stopped replay", 200},
    {"record-forgotten", "the next daemon does not know which record it has told", "tells-once replay shows-the-world knows-its-machine", 200},
    {"cause-forgotten", "an exit is told without its cause", "explains-itself", 20},
    {"evidence-forgotten", "decisions do not name their threshold", "explains-itself", 20},
    {"pause-forgotten", "shims are not told that tend's hands are off", "pause-is-hands-off", 400},
    {"undeclared-lives", "what is no longer declared is not stopped", "converges", 60},
    {"answer-lost", "whoever asks hears nothing", "answers-everybody", 20},
    {"shown-too-late", "changes of state are not published", "shows-the-world converges", 60},
    {"late-answer-unknown", "the machine does not list a late probe", "knows-its-machine", 400},
};
/* clang-format on */

#define NEVER_NS (30 * 24 * 3600 * INT64_C(1000000000))

static _Thread_local const struct plant *planted;

const struct plant *plants_all(size_t *out_count)
{
    *out_count = COUNT(plants);
    return plants;
}

const struct plant *plant_find(const char *name)
{
    for (size_t k = 0; k < COUNT(plants); k++)
        if (strcmp(plants[k].name, name) == 0)
            return &plants[k];
    return NULL;
}

void plant_use(const struct plant *p)
{
    planted = p;
}

static bool is(const char *name)
{
    return planted != NULL && strcmp(planted->name, name) == 0;
}

/* ---- the functions in whose place these are ---- */

#define REPLACES(type, name, ...)    \
    type __real_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

REPLACES(struct backoff_verdict, backoff_count, struct backoff *b,
    const struct restart_policy *policy, int64_t ran_ns, int64_t now_ns, struct random *random)
{
    struct backoff_verdict v = __real_backoff_count(b, policy, ran_ns, now_ns, random);

    if (is("no-backoff"))
        v.delay_ns = 1000000;
    return v;
}

REPLACES(int64_t, storm_take, struct storm *s, int64_t now_ns)
{
    return is("no-storm-limit") ? 0 : __real_storm_take(s, now_ns);
}

REPLACES(bool, control_dependencies_hold, const struct control *c, char *out, size_t bytes)
{
    return is("needs-ignored") || __real_control_dependencies_hold(c, out, bytes);
}

REPLACES(bool, control_may_go_down, const struct control *c)
{
    return is("stops-at-once") || __real_control_may_go_down(c);
}

/* What is declared is never written to; here it is, for as long as the update looks at it. */
REPLACES(void, update_step, struct control *c)
{
    struct service *s = (struct service *)(uintptr_t)control_target(c, NULL);
    int parallelism = s != NULL ? s->update.parallelism : 0;

    if (is("batch-too-big") && s != NULL)
        s->update.parallelism = 0;
    __real_update_step(c);
    if (s != NULL)
        s->update.parallelism = parallelism;
}

REPLACES(const struct service *, control_target, const struct control *c,
    const struct project **out_project)
{
    if (is("held-forgotten") && c->is_held && c->update.phase == UPDATE_NONE) {
        if (out_project != NULL)
            *out_project = c->project;
        return c->spec;
    }
    return __real_control_target(c, out_project);
}

REPLACES(void, heal_due, struct instance *i)
{
    if (is("quarantine-ends") && i->state == INSTANCE_QUARANTINED)
        i->deadline_ns = i->control->engine->now_ns + NEVER_NS;
    else
        __real_heal_due(i);
}

REPLACES(void, facts_take, struct facts *f, struct engine *e, const char *subject, const char *key,
    struct str json, uint64_t seq)
{
    bool lost =
        (is("stop-forgotten") && (strcmp(key, "stopped") == 0 || strcmp(key, "held_down") == 0)) ||
        (is("record-forgotten") && strcmp(key, "record") == 0);

    if (!lost)
        __real_facts_take(f, e, subject, key, json, seq);
}

REPLACES(uint64_t, note_end, struct note *n)
{
    if (is("cause-forgotten") && strcmp(n->event.type, "instance.exited") == 0)
        n->event.cause_count = 0;
    return __real_note_end(n);
}

REPLACES(void, note_function_end, struct note *n, double value, double threshold)
{
    if (!is("evidence-forgotten")) {
        __real_note_function_end(n, value, threshold);
        return;
    }
    json_end(&n->json);
    json_number(&n->json, "value", value);
}

REPLACES(void, process_lease, struct process *p, const struct process_lease *lease)
{
    struct process_lease told = *lease;

    if (is("pause-forgotten"))
        told.burst = BACKOFF_BURST;
    __real_process_lease(p, &told);
}

REPLACES(void, process_hold, struct process *p, bool on)
{
    if (!is("pause-forgotten"))
        __real_process_hold(p, on);
}

REPLACES(void, instance_stop, struct instance *i, uint64_t cause, const char *why)
{
    if (!is("undeclared-lives") || i->control->spec != NULL)
        __real_instance_stop(i, cause, why);
}

REPLACES(void, operations_step, struct engine *e)
{
    if (!is("answer-lost"))
        __real_operations_step(e);
}

REPLACES(void, engine_describe, struct engine *e, struct snapshot *out)
{
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        c->stale = c->stale && (!is("shown-too-late") || c->described == NULL);
    }
    __real_engine_describe(e, out);
}

REPLACES(bool, instance_feed, enum instance_state *state, enum instance_on on)
{
    bool late = *state == INSTANCE_STOPPING && on == INSTANCE_ON_STARTED;

    return !(is("late-answer-unknown") && late) && __real_instance_feed(state, on);
}
