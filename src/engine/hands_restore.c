/* After a restart of the daemon: what was decided comes from the journal's facts, what runs from
 * the run directory. Nothing is journalled by it, and nothing is touched. */
#include "engine/hands_private.h"

#include "base/arena.h"
#include "base/log.h"
#include "engine/documents.h"
#include "engine/facts.h"
#include "record/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct restoring {
    struct hands *hands;
    struct facts facts;
    struct arena *arena;
    size_t adopted;
};

/* ---- what the journal says ---- */

static bool on_fact(void *data, const struct views_fact *fact)
{
    struct restoring *r = data;

    facts_take(&r->facts, r->hands->engine, fact->subject, fact->key, fact->value, fact->seq);
    return true;
}

static bool on_instance(void *data, const struct views_instance *v)
{
    struct restoring *r = data;
    struct known *k;

    facts_take_state(&r->facts, v->subject, (int)v->slot, v->state);
    k = facts_of(&r->facts, v->subject);
    k->instance.incarnation = (int)v->incarnation;
    k->instance.last_event = v->state_seq;
    if (v->last_exit != NULL && v->last_exit[0] != 0)
        facts_take_exit(&r->facts, v->subject, str_from(v->last_exit));
    return true;
}

/* ---- what the world says ---- */

static void hold_port_again(struct hands *h, struct hand *hand)
{
    const struct instance *i = hand->instance;

    if (i->port == 0 || !port_claim(h->ports, i->port, true, NULL))
        return;
    hand->port = i->port;
    hand->port_is_fixed = i->spec->port != 0;
}

/* What the journal knows of it is of this run. */
static bool is_run(const struct known *k, const struct process *p)
{
    char run[24];

    (void)snprintf(run, sizeof run, "%016" PRIx64 ":", process_run_id(p));
    return strncmp(k->record, run, strlen(run)) == 0;
}

static void *on_found(void *data, struct process *p)
{
    struct hands *h = data;
    struct restoring *r = h->restoring;
    char subject[ENGINE_SUBJECT_BYTES];
    struct known *k;
    struct instance *i;
    struct hand *hand;

    (void)snprintf(subject, sizeof subject, "%s/%d", process_service(p), process_slot(p));
    k = facts_of(&r->facts, subject);
    k->instance.slot = process_slot(p);
    if (!is_run(k, p)) { /* else what had ended for good left its directory */
        k->instance.final = INSTANCE_STARTING;
        if (!k->starting && k->record[0] != 0)
            k->instance.revision = (struct hash){0}; /* what told of its start was lost */
    }
    k->instance.running = !k->waiting;
    if (process_pid(p) > 0)
        k->instance.pid = process_pid(p); /* else the journal's word, until its shim has answered */
    if (k->instance.last_event == 0)      /* what told of it was lost with the daemon */
        k->instance.last_event = r->facts.intent;
    i = engine_adopt(h->engine, process_service(p), &k->instance);
    (void)snprintf(i->record, sizeof i->record, "%s", k->record);
    hand = hand_of(h, i);
    hand->process = p;
    hold_port_again(h, hand);
    r->adopted++;
    return hand;
}

static bool spec_of(void *data, const char *service, int slot, struct process_spec *out)
{
    struct hands *h = data;
    const struct instance *i = engine_instance(h->engine, service, slot);

    if (h->restoring == NULL || i == NULL || i->project == NULL)
        return false;
    hands_fill_spec(h, h->restoring->arena, i, out);
    return true;
}

/* Containers are found by the journal's word, since asking the engine may take a while: it is asked
 * later, and tells what became of each. */
static void adopt_container(struct restoring *r, struct known *k)
{
    struct hands *h = r->hands;
    const char *slash = strchr(k->subject, '/');
    char service[ENGINE_SUBJECT_BYTES];
    const struct service *s;
    struct instance *i;

    if (slash == NULL || k->instance.slot < 1 || !k->present ||
        k->instance.final != INSTANCE_STARTING || engine_project(h->engine) == NULL)
        return;
    (void)snprintf(service, sizeof service, "%.*s", (int)(slash - k->subject), k->subject);
    s = project_service(engine_project(h->engine), str_from(service));
    if (s == NULL || s->container == NULL)
        return;
    i = engine_instance(h->engine, service, k->instance.slot);
    if (i != NULL && i->has_process)
        return;
    k->instance.running = !k->waiting;
    i = engine_adopt(h->engine, service, &k->instance);
    (void)snprintf(i->record, sizeof i->record, "%s", k->record);
    hands_container_adopt(hand_of(h, i), k->waiting);
    r->adopted++;
}

static void adopt_containers(struct restoring *r)
{
    MAP_EACH (&r->facts.known, entry)
        adopt_container(r, entry->value);
}

static void on_adopted(void *data, struct instance *i)
{
    engine_adopted(data, i);
}

/* What ran before a revision that is held may be of an older document than the previous one. */
static void restore_held_over(struct restoring *r)
{
    const struct hands_settings *settings = &r->hands->settings;

    MAP_EACH (&r->facts.known, entry) {
        const struct known *k = entry->value;
        const struct project *p;
        struct err err = ERR_INIT;

        if ((!k->service.is_held && !k->service.is_paused) || k->service.held_over[0] == 0)
            continue;
        p = documents_load(settings->state_dir, k->service.held_over, settings->revision_key, &err);
        if (p != NULL)
            engine_restore_held_over(r->hands->engine, k->subject, p);
        else
            log_warn("document.unreadable", "fact=held_over err=\"%s\"", err.text);
        project_unref(&p);
    }
}

/* ---- together ---- */

static bool restore_all(struct restoring *r, struct err *err)
{
    static const struct process_adoption adoption = {.found = on_found, .spec_of = spec_of};
    struct hands *h = r->hands;
    bool ok;

    TRY(views_facts_each(h->settings.views, NULL, NULL, on_fact, r, err));
    TRY(views_instances_each(h->settings.views, NULL, on_instance, r, err));
    facts_restore_services(&r->facts, h->engine);
    restore_held_over(r);
    h->restoring = r;
    ok = process_adopt_all(h->driver, &adoption, err);
    h->restoring = NULL;
    TRY(ok);
    adopt_containers(r);
    facts_restore_ended(&r->facts, h->engine);
    engine_each_instance(h->engine, h->engine, on_adopted);
    engine_restored(h->engine, r->facts.intent);
    return true;
}

bool hands_restore(struct hands *h, const struct project *project, const struct project *previous,
    size_t *out_adopted, struct err *err)
{
    struct restoring r = {.hands = h, .arena = arena_create(64 << 10)};
    bool ok;

    hands_now(h);
    engine_restore_project(h->engine, project, previous);
    ok = restore_all(&r, err);
    *out_adopted = r.adopted;
    facts_fini(&r.facts);
    arena_destroy(&r.arena);
    return ok;
}
