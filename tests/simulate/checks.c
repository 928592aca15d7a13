/* What must hold, all along a life: one row each, at the end of the file. */
#include "life.h"

#include "base/must.h"
#include "engine/backoff.h"
#include "engine/engine.h"
#include "engine/snapshot.h"
#include "engine/storm.h"
#include "record/event_types.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY(l, ...) life_violated((l), __VA_ARGS__)

static bool is_start(const struct sim_sight *sight)
{
    return sight->kind == SIM_ASKED_START || sight->kind == SIM_ASKED_RESUME;
}

/* ---- one owner ---- */

static void one_process(struct life *l, const struct sim_sight *sight)
{
    if (sight->kind == SIM_STARTED && lore_slot(l, sight->service, sight->slot)->alive > 0)
        SAY(l, "one-process-per-slot", "%s/%d runs twice: pids %d and %d", sight->service,
            sight->slot, lore_slot(l, sight->service, sight->slot)->pid, sight->pid);
}

static void one_port_owner(struct life *l, const struct sim_sight *sight)
{
    if (sight->kind == SIM_PORT_MET)
        SAY(l, "one-owner-per-port", "%s/%d was given port %d, where another service listens",
            sight->service, sight->slot, sight->port);
}

/* ---- wishes ---- */

static void stays_stopped(struct life *l, const struct sim_sight *sight)
{
    if (is_start(sight) && l->lore.limbo == 0 && !lore_service(l, sight->service)->vague &&
        !lore_wants(l, sight->service, sight->slot))
        SAY(l, "stays-stopped", "%s/%d is started, and nobody wants it to run", sight->service,
            sight->slot);
}

#define PAUSE_TAKES_NS (20 * NS_PER_MS)

static void pause_is_hands_off(struct life *l, const struct sim_sight *sight)
{
    bool asked = is_start(sight) || (sight->kind == SIM_ASKED_STOP && sight->pid != 0 &&
                                        !lore_slot(l, sight->service, sight->slot)->asked_to_stop);
    bool by_shim = sight->kind == SIM_STARTED && sight->by_shim && daemon_lives(l->daemon) &&
                   sim_now_ns(l->sim) > l->lore.daemon_ns + PAUSE_TAKES_NS;

    if (!l->lore.paused || sim_now_ns(l->sim) <= l->lore.paused_ns + PAUSE_TAKES_NS * by_shim)
        return;
    if (asked || by_shim)
        SAY(l, "pause-is-hands-off", "%s/%d is %s while tend's hands are off", sight->service,
            sight->slot, sight->kind == SIM_ASKED_STOP ? "stopped" : "started");
}

static void held_stays_held(struct life *l, const struct sim_sight *sight)
{
    struct service_lore *s = is_start(sight) ? lore_service(l, sight->service) : NULL;

    if (s == NULL || !s->held || s->declared == NULL || sight->argument == NULL)
        return;
    if (s->declared->program == s->held_program && s->declared->version == s->held_version &&
        sight->kind == SIM_ASKED_START && strcmp(sight->program, s->held_program->name) == 0 &&
        atoi(sight->argument + 1) == s->held_version && s->declared->port == s->held_port &&
        (s->held_port == sight->port || (s->held_port == 0 && sight->port >= PORTS_FIRST)))
        SAY(l, "held-stays-held", "%s/%d is started as %s %s, which was taken back", sight->service,
            sight->slot, sight->program, sight->argument);
}

/* ---- order ---- */

static bool meets(struct life *l, const struct need *n)
{
    struct service_lore *on = lore_service(l, n->name);
    int wanted = lore_replicas(on);

    for (int k = 1; k <= wanted; k++) {
        const struct slot_lore *slot = lore_slot(l, n->name, k);
        bool met = n->condition == DEPEND_STARTED
                       ? slot->alive > 0 || slot->running || slot->completed
                   : n->condition == DEPEND_HEALTHY ? slot->ready
                                                    : slot->completed;

        if (!met)
            return false;
    }
    return wanted > 0;
}

/* A slot that is new waits for what it needs. */
static void waits_for_needs(struct life *l, const struct sim_sight *sight)
{
    struct service_lore *s = is_start(sight) ? lore_service(l, sight->service) : NULL;
    const struct slot_lore *slot;

    if (s == NULL || s->declared == NULL || s->may_hold || l->lore.limbo > 0)
        return;
    slot = lore_slot(l, sight->service, sight->slot);
    if (!slot->is_new)
        return;
    for (size_t k = 0; k < s->declared->need_count; k++)
        if (!s->declared->needs[k].optional && !meets(l, &s->declared->needs[k]))
            SAY(l, "waits-for-what-it-needs", "%s/%d is started before %s is as it needs it",
                sight->service, sight->slot, s->declared->needs[k].name);
}

/* In every project: whichever of them it runs as, it needs it. */
static bool always_needs(const struct script *script, const char *name, const char *on)
{
    bool any = false;

    VEC_EACH (&script->projects, struct project_text, p) {
        const struct service_text *s = project_find(p, name);
        bool needs = false;

        for (size_t k = 0; s != NULL && k < s->need_count; k++)
            needs = needs || strcmp(s->needs[k].name, on) == 0;
        if (s != NULL && !needs)
            return false;
        any = any || needs;
    }
    return any;
}

/* What depends on it goes down first, where both are going. */
static void stops_in_order(struct life *l, const struct sim_sight *sight)
{
    struct service_lore *s;

    if (sight->kind != SIM_ASKED_STOP)
        return;
    s = lore_service(l, sight->service);
    if (lore_replicas(s) > 0 || l->lore.limbo > 0 ||
        (s->gone != 0 && s->gone != l->lore.declarations) || /* two declarations ago: forgotten */
        lore_slot(l, sight->service, sight->slot)->hung)
        return;
    VEC_EACH (&l->lore.services, struct service_lore *, other) {
        if (lore_replicas(*other) > 0 || (*other)->gone != s->gone ||
            !always_needs(l->script, (*other)->name, s->name))
            continue;
        VEC_EACH (&(*other)->slots, struct slot_lore, slot)
            if (slot->alive > 0)
                SAY(l, "stops-in-order", "%s/%d is stopped while %s, which needs it, runs",
                    sight->service, sight->slot, (*other)->name);
    }
}

/* ---- rates ---- */

static int64_t least_pause_ns(int restart)
{
    int64_t pause_ns = 25 * NS_PER_MS; /* half of the first, by jitter */

    if (restart <= BACKOFF_BURST + 1)
        return 0;
    if (restart > BACKOFF_BURST + BACKOFF_QUARANTINE_AFTER + 1)
        return BACKOFF_QUARANTINE_NS / 2;
    for (int k = BACKOFF_BURST + 2; k < restart && pause_ns < 15 * NS_PER_S; k++)
        pause_ns *= 2;
    return pause_ns;
}

/* The more often in a row it had to be started, the longer is the pause (backoff.h). */
static void backs_off(struct life *l, const struct sim_sight *sight)
{
    const struct slot_lore *slot;
    int64_t last_ns, paused_ns;

    if (!is_start(sight))
        return;
    slot = lore_slot(l, sight->service, sight->slot);
    last_ns = slot->failed_ns > slot->ended_ns ? slot->failed_ns : slot->ended_ns;
    paused_ns = sim_now_ns(l->sim) - last_ns;
    if (slot->attempts > 0 && paused_ns < least_pause_ns(slot->attempts))
        SAY(l, "backs-off", "%s/%d is started the %dth time in a row after %lld ms", sight->service,
            sight->slot, slot->attempts + 1, (long long)(paused_ns / NS_PER_MS));
}

/* All restarts together pass through one bucket (storm.h). */
static void holds_back_storms(struct life *l, const struct sim_sight *sight)
{
    struct lore *lore = &l->lore;
    int64_t now_ns = sim_now_ns(l->sim);

    if (!is_start(sight) || !lore_slot(l, sight->service, sight->slot)->failed ||
        lore_slot(l, sight->service, sight->slot)->attempts == 0)
        return;
    lore->storm_tokens += (double)(now_ns - lore->storm_ns) / 1e9 * STORM_PER_SECOND;
    if (lore->storm_tokens > STORM_BURST)
        lore->storm_tokens = STORM_BURST;
    lore->storm_ns = now_ns;
    lore->storm_tokens -= 1;
    if (lore->storm_tokens < -2)
        SAY(l, "holds-back-storms", "more than %d restarts at once and %d a second", STORM_BURST,
            STORM_PER_SECOND);
}

#define QUARANTINE_SLACK_NS (60 * NS_PER_S)

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void quarantine_goes_on(struct life *l)
{
    int64_t free_ns = latest(l->lore.daemon_ns, l->lore.resumed_ns);

    if (l->lore.paused || l->lore.limbo > 0)
        return;
    VEC_EACH (&l->lore.services, struct service_lore *, s)
        for (int k = 1; k <= lore_replicas(*s) && (size_t)k <= (*s)->slots.count; k++) {
            const struct slot_lore *slot = &(*s)->slots.at[k - 1];
            int64_t since_ns = latest(latest(slot->quarantined_ns, free_ns), (*s)->touched_ns);

            if (slot->quarantined && !slot->held_down &&
                sim_now_ns(l->sim) - since_ns > BACKOFF_QUARANTINE_MAX_NS + QUARANTINE_SLACK_NS)
                SAY(l, "quarantine-goes-on", "%s/%d is not tried any more", (*s)->name, k);
        }
}

/* ---- updates ---- */

static void keeps_enough(struct life *l, const struct sim_sight *sight)
{
    struct service_lore *s;
    char name[NAME_BYTES];
    int down = 1, most;

    if (sight->kind != SIM_EVENT || strcmp(sight->event->type, "instance.stopping") != 0)
        return;
    (void)subject_split(sight->event->subject, name);
    s = lore_service(l, name);
    if (s->update == 0 || sight->event->causes[0] != s->update || s->declared == NULL ||
        s->may_hold || /* then another policy may be at work */
        !lore_slot(l, name, subject_split(sight->event->subject, name))->ready)
        return; /* it was down already */
    for (int k = 1; k <= lore_replicas(s) && (size_t)k <= s->slots.count; k++)
        down += s->slots.at[k - 1].replacing;
    most = s->declared->parallelism > 0 ? (int)s->declared->parallelism : SLOTS_MAX;
    if (down > most)
        SAY(l, "keeps-enough", "an update of %s has taken down %d instances at once, not %d", name,
            down, most);
}

/* ---- the journal ---- */

static bool has_evidence(const struct event *e)
{
    static const char *const wanted[] = {"function", "params", "value", "threshold"};
    json_t *evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    bool ok = evidence != NULL;

    for (size_t k = 0; k < COUNT(wanted) && ok; k++)
        ok = json_object_get(evidence, wanted[k]) != NULL;
    json_decref(evidence);
    return ok;
}

/* What they decide was decided, and told with its function, before. */
static bool follows_a_decision(const struct event *e)
{
    return strcmp(e->type, "instance.adopted") == 0 || strcmp(e->type, "update.reverted") == 0;
}

/* Nothing went before: a machine's own start, or the end of what needs no reason. */
static bool may_be_uncaused(const struct event *e)
{
    static const char *const types[] = {
        "daemon.started", "clock.jumped", "storm.ended", "pause.ended", NULL};

    for (const char *const *type = types; *type != NULL; type++)
        if (strcmp(e->type, *type) == 0)
            return true;
    return false;
}

static void explains_itself(struct life *l, const struct sim_sight *sight)
{
    const struct event *e = sight->event;
    const struct event_type *type;

    if (sight->kind != SIM_EVENT)
        return;
    type = event_type_find(e->type);
    if (type == NULL) {
        SAY(l, "explains-itself", "%s is no type of event", e->type);
        return;
    }
    if (e->cause_count == 0 && type->role != EVENT_REQUEST && !may_be_uncaused(e))
        SAY(l, "explains-itself", "%s of %s names no cause", e->type, e->subject);
    for (size_t k = 0; k < e->cause_count; k++)
        if (e->causes[k] == 0 || e->causes[k] >= e->seq)
            SAY(l, "explains-itself", "%s of %s has a cause that is not there", e->type,
                e->subject);
    if (type->role == EVENT_DECISION && !follows_a_decision(e) && !has_evidence(e))
        SAY(l, "explains-itself", "%s of %s names no function with value and threshold", e->type,
            e->subject);
}

static void knows_its_machine(struct life *l, const struct sim_sight *sight)
{
    if (sight->kind == SIM_EVENT && strcmp(sight->event->type, "bug.unlisted_transition") == 0)
        SAY(l, "knows-its-machine", "%s: %.*s", sight->event->subject,
            STR_ARG(sight->event->evidence));
}

/* Others only carry on which one was the last. */
static bool tells_a_record(const struct event *e)
{
    static const char *const types[] = {"instance.started", "instance.restarted", "instance.exited",
        "instance.lost", "instance.adopted", NULL};

    for (const char *const *type = types; *type != NULL; type++)
        if (strcmp(e->type, *type) == 0)
            return true;
    return false;
}

/* Each record of a shim is an event once, however many daemons read it. */
static void tells_once(struct life *l, const struct sim_sight *sight)
{
    struct record_lore r = {.seq = sight->event != NULL ? sight->event->seq : 0};
    struct lore *lore = &l->lore;

    if (sight->kind != SIM_EVENT || lore->telling[0] == 0 || !tells_a_record(sight->event) ||
        str_find_text(sight->event->evidence, str_from(lore->telling)) == -1)
        return;
    memcpy(r.name, lore->telling, sizeof r.name);
    lore->telling[0] = 0;
    VEC_EACH (&lore->told, struct record_lore, told)
        if (strcmp(told->name, r.name) == 0)
            SAY(l, "tells-once", "#%llu %s of %s tells record %s again, as #%llu did",
                (unsigned long long)r.seq, sight->event->type, sight->event->subject, r.name,
                (unsigned long long)told->seq);
    vec_push(&lore->told, r);
}

/* ---- what is shown ---- */

static void compare_instance(void *data, struct instance *i)
{
    struct life *l = data;
    struct sim_process p = {0};
    char name[NAME_BYTES];
    int slot = subject_split(i->subject, name);
    bool there = sim_process_of(l->sim, name, slot, &p);

    if (i->pid != 0 && (!there || !p.alive || p.pid != i->pid))
        SAY(l, "shows-the-world", "%s is shown with pid %d, and has %d", i->subject, i->pid,
            there ? p.pid : 0);
    if (there && p.alive && p.shim && i->pid == 0 && instance_is_alive(i->state) &&
        i->state != INSTANCE_STOPPING)
        SAY(l, "shows-the-world", "%s runs with pid %d and is shown as %s without one", i->subject,
            p.pid, instance_state_name(i->state));
}

static void compare_snapshot(void *data, struct instance *i)
{
    struct life *l = data;
    const struct snapshot *s = daemon_snapshot(l->daemon);
    char name[NAME_BYTES];
    int slot = subject_split(i->subject, name);
    const struct service_snapshot *service = snapshot_service(s, str_from(name));
    const struct instance_snapshot *shown =
        service != NULL && (size_t)slot <= service->instance_count ? &service->instances[slot - 1]
                                                                   : NULL;

    if (shown == NULL || strcmp(shown->state, instance_state_name(i->state)) != 0)
        SAY(l, "shows-the-world", "%s is %s and is shown as %s", i->subject,
            instance_state_name(i->state), shown != NULL ? shown->state : "nothing");
    snapshot_unref(&s);
}

static void shows_the_world(struct life *l)
{
    engine_each_instance(daemon_engine(l->daemon), l, compare_instance);
    engine_each_instance(daemon_engine(l->daemon), l, compare_snapshot);
}

/* ---- answers ---- */

static void answers_everybody(struct life *l)
{
    for (size_t k = 0; k < daemon_asked_count(l->daemon); k++) {
        const struct asked *a = daemon_asked(l->daemon, k);
        struct buf text = BUF_INIT(200);

        if (a->answered)
            continue;
        deed_write(a->deed, &text);
        SAY(l, "answers-everybody", "nobody ever heard what came of \"%s\"", buf_str(&text).at);
        buf_fini(&text);
    }
}

static void fold_views(struct life *l)
{
    if (l->options->views)
        views_compare(l);
}

/* ---- the table ---- */

/* clang-format off */
static const struct check checks[] = {
    {"one-process-per-slot", "no instance runs twice", one_process, NULL, NULL},
    {"one-owner-per-port", "no two living processes are given the same port", one_port_owner, NULL, NULL},
    {"stays-stopped", "what people stopped, or do not declare, is not started, over deaths of the daemon too", stays_stopped, NULL, NULL},
    {"pause-is-hands-off", "while tend's hands are off nothing is started or stopped, by shims neither", pause_is_hands_off, NULL, NULL},
    {"held-stays-held", "a revision that was taken back is not started until somebody says retry", held_stays_held, NULL, NULL},
    {"waits-for-what-it-needs", "a new instance starts when what it depends on is as its condition says", waits_for_needs, NULL, NULL},
    {"stops-in-order", "what goes down together goes down dependents first", stops_in_order, NULL, NULL},
    {"backs-off", "the more often in a row it is started again, the longer is the pause", backs_off, NULL, NULL},
    {"holds-back-storms", "restarts of all services together keep to the bucket of tokens", holds_back_storms, NULL, NULL},
    {"quarantine-goes-on", "what is in quarantine is tried again within ten minutes", NULL, quarantine_goes_on, NULL},
    {"keeps-enough", "an update takes down no more instances at once than its parallelism", keeps_enough, NULL, NULL},
    {"explains-itself", "each event has a cause that is there, each decision its function, value and threshold", explains_itself, NULL, NULL},
    {"knows-its-machine", "no transition comes that the instance's machine does not list", knows_its_machine, NULL, NULL},
    {"shows-the-world", "what is shown is what runs, whenever nothing is on its way", NULL, shows_the_world, NULL},
    {"tells-once", "each record of a shim is one event, however many daemons read it", tells_once, NULL, NULL},
    {"answers-everybody", "whoever asked for something hears what came of it", NULL, NULL, answers_everybody},
    {"views", "the shipped views fold the journal to the same facts", NULL, NULL, fold_views},
    /* found by the life itself: */
    {"converges", "what is declared and can work comes to work, and stays so", NULL, NULL, NULL},
    {"comes-to-rest", "time goes on: nothing decides without end", NULL, NULL, NULL},
    {"replay", "the next daemon, from facts and shims alone, knows what the one before knew", NULL, NULL, NULL},
    {"deterministic", "the same life is the same twice", NULL, NULL, NULL},
};
/* clang-format on */

const struct check *checks_all(size_t *out_count)
{
    *out_count = COUNT(checks);
    return checks;
}

void checks_sight(struct life *l, const struct sim_sight *sight)
{
    for (size_t k = 0; k < COUNT(checks) && !l->verdict.failed; k++)
        if (checks[k].sight != NULL)
            checks[k].sight(l, sight);
}

void checks_quiet(struct life *l)
{
    for (size_t k = 0; k < COUNT(checks) && !l->verdict.failed; k++)
        if (checks[k].quiet != NULL)
            checks[k].quiet(l);
}

void checks_end(struct life *l)
{
    for (size_t k = 0; k < COUNT(checks) && !l->verdict.failed; k++)
        if (checks[k].end != NULL)
            checks[k].end(l);
}
