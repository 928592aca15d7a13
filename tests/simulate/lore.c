/* What is known of a life without asking the engine. */
#include "life.h"

#include "base/must.h"
#include "engine/storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lore_init(struct life *l)
{
    l->lore.storm_tokens = STORM_BURST;
}

void lore_fini(struct life *l)
{
    VEC_EACH (&l->lore.services, struct service_lore *, s) {
        vec_fini(&(*s)->slots);
        free(*s);
    }
    vec_fini(&l->lore.services);
    vec_fini(&l->lore.requests);
    vec_fini(&l->lore.told);
}

struct service_lore *lore_service(struct life *l, const char *name)
{
    struct service_lore *s;

    VEC_EACH (&l->lore.services, struct service_lore *, known)
        if (strcmp((*known)->name, name) == 0)
            return *known;
    s = mem_new(struct service_lore);
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    s->override = -1;
    vec_push(&l->lore.services, s);
    return s;
}

struct slot_lore *lore_slot(struct life *l, const char *name, int slot)
{
    struct service_lore *s = lore_service(l, name);

    must(slot >= 1 && slot <= SLOTS_MAX);
    while (s->slots.count < (size_t)slot)
        vec_add(&s->slots)->is_new = true;
    return &s->slots.at[slot - 1];
}

int subject_split(const char *subject, char name[NAME_BYTES])
{
    size_t len = strcspn(subject, "/");

    (void)snprintf(name, NAME_BYTES, "%.*s", (int)len, subject);
    return subject[len] == '/' ? atoi(subject + len + 1) : 0;
}

/* ---- what people want ---- */

int lore_replicas(const struct service_lore *s)
{
    if (s->declared == NULL || s->stopped)
        return 0;
    return s->override >= 0 ? s->override : s->declared->replicas;
}

bool lore_wants(struct life *l, const char *name, int slot)
{
    struct service_lore *s = lore_service(l, name);

    return slot <= lore_replicas(s) && !lore_slot(l, name, slot)->held_down;
}

/* Somebody has to do with it: what follows is no healing. */
static void touch(struct life *l, struct service_lore *s)
{
    s->touched_ns = sim_now_ns(l->sim);
    VEC_EACH (&s->slots, struct slot_lore, slot)
        slot->attempts = 0;
}

static void release(struct life *l, struct service_lore *s, int slot)
{
    if (slot > 0)
        lore_slot(l, s->name, slot)->held_down = false;
    VEC_EACH (&s->slots, struct slot_lore, each)
        if (slot == 0)
            each->held_down = false;
}

static void forget_service(struct service_lore *s)
{
    s->stopped = s->held = s->may_hold = false;
    s->override = -1;
    s->vague = false;
    s->update = 0;
    VEC_EACH (&s->slots, struct slot_lore, slot) {
        slot->held_down = slot->replacing = slot->completed = slot->failed = false;
        slot->is_new = true;
        slot->attempts = 0;
    }
}

static bool is_held_revision(const struct service_lore *s, const struct service_text *t)
{
    return t->program == s->held_program && t->version == s->held_version &&
           t->port == s->held_port;
}

static void declare(struct life *l, const struct project_text *p, bool start)
{
    l->lore.declarations++;
    for (size_t k = 0; p != NULL && k < p->count; k++) {
        struct service_lore *s = lore_service(l, p->services[k].name);

        s->held = s->held && is_held_revision(s, &p->services[k]); /* until it changes */
        s->declared = &p->services[k];
        s->stopped = s->stopped && !start;
        if (start)
            release(l, s, 0);
    }
    VEC_EACH (&l->lore.services, struct service_lore *, s) {
        touch(l, *s);
        if (p != NULL && project_find(p, (*s)->name) != NULL) {
            (*s)->gone = 0;
            continue;
        }
        (*s)->gone = (*s)->declared != NULL ? l->lore.declarations : (*s)->gone;
        (*s)->held = (*s)->may_hold = false;
        (*s)->declared = NULL;
    }
}

static void pause(struct life *l, const struct deed *d, int64_t wall_ns)
{
    l->lore.paused = true;
    l->lore.paused_ns = sim_now_ns(l->sim);
    l->lore.paused_until_wall_ns = d->number < 0 ? INT64_MAX : wall_ns + d->number * NS_PER_MS;
}

static void resume(struct life *l)
{
    l->lore.paused = false;
    l->lore.resumed_ns = sim_now_ns(l->sim);
    VEC_EACH (&l->lore.services, struct service_lore *, s)
        touch(l, *s);
}

/* As many as the file says is no scaling. What the file said when it was asked for is a fact; what
 * it says when it takes effect may be another number by then. */
static void scale(struct service_lore *s, int replicas, int declared_then)
{
    int declared = s->declared != NULL ? s->declared->replicas : -1;

    s->override = declared == replicas ? -1 : replicas;
    s->vague = declared != declared_then;
}

static void carry_out(struct life *l, const struct deed *d, const struct request_lore *r)
{
    struct service_lore *s = d->service[0] != 0 ? lore_service(l, d->service) : NULL;

    if (s != NULL) {
        touch(l, s);
        VEC_EACH (&s->slots, struct slot_lore, slot)
            slot->replacing = false; /* what is down is down by somebody's word */
    }
    switch (d->kind) {
    case DEED_APPLY:
    case DEED_SETTLE:
        declare(l, &l->script->projects.at[d->number - 1], d->start || d->kind == DEED_SETTLE);
        return;
    case DEED_DOWN:
        declare(l, NULL, false);
        return;
    case DEED_SCALE:
        scale(s, (int)d->number, r->declared);
        return;
    case DEED_STOP:
        if (d->slot > 0)
            lore_slot(l, d->service, d->slot)->held_down = true;
        s->stopped = s->stopped || d->slot == 0;
        return;
    case DEED_START:
        s->stopped = s->stopped && d->slot > 0;
        release(l, s, d->slot);
        return;
    case DEED_RESTART:
        s->stopped = false;
        release(l, s, d->slot);
        return;
    case DEED_RETRY:
        s->held = s->may_hold = false;
        return;
    case DEED_PAUSE:
        pause(l, d, r->wall_ns);
        return;
    case DEED_RESUME:
        resume(l);
        return;
    default:
        return;
    }
}

void lore_carry_out(struct life *l, const struct deed *d, uint64_t seq)
{
    VEC_EACH (&l->lore.requests, struct request_lore, r)
        if (r->seq == seq) {
            r->effect = sim_event_count(l->sim);
            carry_out(l, d, r);
        }
}

void lore_refuse(struct life *l, const struct deed *d)
{
    l->lore.limbo--;
    VEC_EACH (&l->lore.requests, struct request_lore, r)
        if (r->deed == d && r->effect == UINT64_MAX) {
            r->effect = sim_event_count(l->sim);
            r->refused = true;
        }
}

/* ---- what is told ---- */

static bool is_type(const struct event *e, const char *type)
{
    return strcmp(e->type, type) == 0;
}

static bool is_one_of(const struct event *e, const char *const *types)
{
    for (; *types != NULL; types++)
        if (is_type(e, *types))
            return true;
    return false;
}

static void take_instance(struct life *l, const struct event *e, const char *name, int number)
{
    static const char *const ends[] = {"instance.exited", "instance.lost", "instance.stopped",
        "instance.stopping", "instance.failed", "instance.start_failed", "instance.hung",
        "instance.backing_off", "instance.quarantined", "instance.starting", NULL};
    static const char *const deaths[] = {"instance.failed", "instance.start_failed",
        "instance.backing_off", "instance.quarantined", "instance.ready", "instance.completed",
        "instance.hung", "instance.exited", "instance.lost", NULL};
    static const char *const failures[] = {"instance.exited", "instance.lost",
        "instance.start_failed", "instance.backing_off", "instance.quarantined", NULL};
    static const char *const calm[] = {"instance.started", "instance.restarted", "instance.stopped",
        "instance.removed", "instance.completed", "instance.failed", NULL};
    static const char *const starts[] = {"instance.started", "instance.restarted", NULL};
    struct service_lore *s = lore_service(l, name);
    struct slot_lore *slot = lore_slot(l, name, number);

    if (is_one_of(e, ends))
        slot->running = slot->ready = slot->completed = false;
    if (is_one_of(e, starts)) {
        slot->running = true;
        slot->ready = slot->completed = false;
    }
    if (is_type(e, "instance.ready"))
        slot->ready = slot->running = true;
    if (is_type(e, "instance.not_ready"))
        slot->ready = false;
    if (is_type(e, "instance.completed"))
        slot->completed = true;
    slot->hung = is_type(e, "instance.hung") || (slot->hung && is_type(e, "instance.stopping"));
    if (is_one_of(e, deaths))
        slot->replacing = false;
    if (is_type(e, "instance.stopping") && s->update != 0 && e->causes[0] == s->update)
        slot->replacing = true;
    if (is_type(e, "instance.start_failed"))
        slot->failed_ns = sim_now_ns(l->sim);
    if (is_type(e, "instance.quarantined"))
        slot->quarantined_ns = sim_now_ns(l->sim);
    slot->quarantined = is_type(e, "instance.quarantined");
    if (!is_type(e, "instance.starting")) /* it comes before what it tells of */
        slot->is_new = is_type(e, "instance.removed") ||
                       (is_type(e, "instance.waiting") &&
                           str_find_text(e->evidence, STR("\"waits for")) != -1);
    if (is_one_of(e, failures))
        slot->failed = true;
    if (is_one_of(e, calm))
        slot->failed = false;
    slot->held_down = slot->held_down && !is_type(e, "instance.removed");
}

static void hold(struct service_lore *s)
{
    s->held = s->may_hold = s->declared != NULL;
    if (!s->held)
        return;
    s->held_program = s->declared->program;
    s->held_version = s->declared->version;
    s->held_port = s->declared->port;
}

static void take_service(struct life *l, const struct event *e, const char *name)
{
    struct service_lore *s = lore_service(l, name);

    if (is_type(e, "service.removed"))
        forget_service(s);
    if (strncmp(e->type, "update.", 7) != 0)
        return;
    touch(l, s);
    if (is_type(e, "update.started"))
        s->update = e->seq;
    else if (!is_type(e, "update.batch_ready")) {
        s->update = 0;
        VEC_EACH (&s->slots, struct slot_lore, slot)
            slot->replacing = false;
    }
    if (is_type(e, "update.reverting"))
        hold(s);
}

static bool is_request(const struct event *e)
{
    size_t len = strlen(e->type);

    return len > 10 && strcmp(e->type + len - 10, ".requested") == 0;
}

static void take_event(struct life *l, const struct event *e)
{
    struct request_lore request = {
        .seq = e->seq, .deed = l->deed, .wall_ns = e->at_ns, .effect = UINT64_MAX, .declared = -1};
    char name[NAME_BYTES];
    int slot = subject_split(e->subject, name);

    if (is_request(e)) {
        const struct service_text *t = lore_service(l, name)->declared;

        request.declared = t != NULL ? t->replicas : -1;
        vec_push(&l->lore.requests, request);
        l->lore.limbo++;
        return;
    }
    if (is_type(e, "pause.ended"))
        resume(l);
    if (strncmp(e->type, "instance.", 9) == 0)
        take_instance(l, e, name, slot);
    else if (strcmp(e->subject, "project") != 0 && strcmp(e->subject, "daemon") != 0)
        take_service(l, e, name);
}

static void take_start(struct life *l, const struct sim_sight *sight)
{
    struct slot_lore *slot = lore_slot(l, sight->service, sight->slot);

    slot->alive++;
    slot->pid = sight->pid;
    slot->started_ns = sim_now_ns(l->sim);
    slot->by_shim = sight->by_shim;
    slot->asked_to_stop = false;
    if (sight->by_shim)
        slot->attempts++;
}

static void take_end(struct life *l, const struct sim_sight *sight)
{
    struct service_lore *s = lore_service(l, sight->service);
    struct slot_lore *slot = lore_slot(l, sight->service, sight->slot);
    int64_t stable_ns = (s->declared != NULL ? s->declared->stable : 0) * NS_PER_MS;

    slot->alive--;
    slot->ended_ns = sim_now_ns(l->sim);
    if (slot->ended_ns - slot->started_ns >= stable_ns)
        slot->attempts = 0;
}

void lore_take(struct life *l, const struct sim_sight *sight)
{
    switch (sight->kind) {
    case SIM_EVENT:
        take_event(l, sight->event);
        return;
    case SIM_TOLD:
        (void)snprintf(l->lore.telling, sizeof l->lore.telling, "%016" PRIx64 ":%" PRIu64,
            sight->record->run_id, sight->record->number);
        return;
    case SIM_STARTED:
        take_start(l, sight);
        return;
    case SIM_ENDED:
        take_end(l, sight);
        return;
    case SIM_ASKED_STOP:
        lore_slot(l, sight->service, sight->slot)->asked_to_stop = true;
        return;
    case SIM_ASKED_START:
    case SIM_ASKED_RESUME:
        lore_slot(l, sight->service, sight->slot)->attempts++;
        return;
    default:
        return;
    }
}

/* ---- a new daemon ---- */

/* All that survived, in the order in which it took effect. A request that did not is carried out by
 * the next daemon. */
static void fold_journal(struct life *l)
{
    size_t next = 0;

    for (uint64_t seq = 1; seq <= sim_event_count(l->sim) + 1; seq++) {
        const struct event *e = sim_event(l->sim, seq);

        while (next < l->lore.requests.count &&
               (l->lore.requests.at[next].effect < seq || e == NULL)) {
            const struct request_lore *r = &l->lore.requests.at[next++];

            if (!r->refused || r->effect > sim_event_count(l->sim))
                carry_out(l, r->deed, r);
        }
        if (e != NULL && !is_request(e))
            take_event(l, e);
    }
    VEC_EACH (&l->lore.requests, struct request_lore, r)
        if (r->effect > sim_event_count(l->sim)) {
            r->effect = sim_event_count(l->sim);
            r->refused = false;
        }
}

static void unlearn(struct service_lore *s)
{
    s->declared = NULL;
    s->stopped = s->held = s->may_hold = false;
    s->override = -1;
    s->update = 0;
    VEC_EACH (&s->slots, struct slot_lore, slot) {
        struct slot_lore world = {.is_new = true,
            .alive = slot->alive,
            .pid = slot->pid,
            .started_ns = slot->started_ns,
            .ended_ns = slot->ended_ns,
            .asked_to_stop = slot->asked_to_stop,
            .by_shim = slot->by_shim};

        *slot = world;
    }
}

void lore_begin_anew(struct life *l)
{
    struct lore *lore = &l->lore;

    while (lore->requests.count > 0 &&
           lore->requests.at[lore->requests.count - 1].seq > sim_event_count(l->sim))
        lore->requests.count--;
    VEC_EACH (&lore->services, struct service_lore *, s)
        unlearn(*s);
    while (
        lore->told.count > 0 && lore->told.at[lore->told.count - 1].seq > sim_event_count(l->sim))
        lore->told.count--;
    lore->paused = false;
    lore->limbo = 0;
    fold_journal(l);
    if (lore->paused && sim_wall_ns(l->sim) >= lore->paused_until_wall_ns)
        lore->paused = false;
    lore->daemon_ns = sim_now_ns(l->sim);
    lore->storm_tokens = STORM_BURST;
    lore->storm_ns = lore->daemon_ns;
}
