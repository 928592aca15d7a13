/* After a restart of the daemon: what was decided comes from the journal's facts, what runs from
 * the run directory. Nothing is journalled by it, and nothing is touched. */
#include "engine/hands_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "engine/environment.h"
#include "record/views.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

/* What the journal knows of one service or instance. */
struct known {
    char *subject;
    struct engine_facts facts; /* a service's */
    struct engine_found found; /* an instance's */
    char record[48];
    bool stopped_by_tend; /* its last state was stopped */
    bool waiting;         /* its shim waits for a word */
};

struct restoring {
    struct hands *hands;
    struct map known; /* subject -> struct known */
    struct arena *arena;
    size_t adopted;
};

static struct known *know(struct restoring *r, const char *subject)
{
    struct known *k = map_get(&r->known, str_from(subject));

    if (k != NULL)
        return k;
    k = mem_new(struct known);
    k->subject = mem_copy_string(subject);
    k->facts.replicas = -1;
    k->found.final = INSTANCE_STARTING;
    k->found.running = true;
    (void)map_put(&r->known, str_from(k->subject), k);
    return k;
}

static void take_hash(json_t *value, struct hash *out)
{
    if (json_is_string(value) && !hash_parse(str_from(json_string_value(value)), out))
        *out = (struct hash){0};
}

static void take_pause(struct restoring *r, int64_t until_wall_ns)
{
    int64_t left_ns = until_wall_ns - clock_wall_ns();

    if (until_wall_ns == INT64_MAX)
        engine_restore_pause(r->hands->engine, INT64_MAX, INT64_MAX);
    else if (left_ns > 0)
        engine_restore_pause(r->hands->engine, clock_boot_ns() + left_ns, until_wall_ns);
}

static void take_fact(struct known *k, const char *key, json_t *value)
{
    if (strcmp(key, "replicas") == 0)
        k->facts.replicas = (int)json_integer_value(value);
    else if (strcmp(key, "stopped") == 0)
        k->facts.stopped = json_is_true(value);
    else if (strcmp(key, "generation") == 0)
        k->facts.generation = k->found.generation = (int)json_integer_value(value);
    else if (strcmp(key, "held") == 0) {
        k->facts.is_held = true;
        take_hash(value, &k->facts.held);
    } else if (strcmp(key, "revision") == 0)
        take_hash(value, &k->found.revision);
    else if (strcmp(key, "held_down") == 0)
        k->found.held_down = json_is_true(value);
    else if (strcmp(key, "port") == 0)
        k->found.port = (int)json_integer_value(value);
    else if (strcmp(key, "restarts") == 0)
        k->found.restarts = (int)json_integer_value(value);
    else if (strcmp(key, "pid") == 0)
        k->found.pid = (int)json_integer_value(value);
    else if (strcmp(key, "started_ns") == 0)
        k->found.started_ns = json_integer_value(value);
    else if (strcmp(key, "started_wall_ns") == 0)
        k->found.started_wall_ns = json_integer_value(value);
    else if (strcmp(key, "record") == 0 && json_is_string(value))
        (void)snprintf(k->record, sizeof k->record, "%s", json_string_value(value));
    else if (strcmp(key, "final") == 0 && json_is_string(value))
        k->found.final = strcmp(json_string_value(value), "completed") == 0 ? INSTANCE_COMPLETED
                                                                            : INSTANCE_FAILED;
}

static bool on_fact(void *data, const struct views_fact *fact)
{
    struct restoring *r = data;
    json_t *value = json_loadb(fact->value.at, fact->value.len, JSON_DECODE_ANY, NULL);

    if (value != NULL && strcmp(fact->key, "paused_until_ns") == 0)
        take_pause(r, json_integer_value(value));
    else if (value != NULL)
        take_fact(know(r, fact->subject), fact->key, value);
    json_decref(value);
    return true;
}

static bool on_instance(void *data, const struct views_instance *v)
{
    struct known *k = know(data, v->subject);

    k->found.incarnation = (int)v->incarnation;
    k->found.last_event = v->state_seq;
    k->found.ready = strcmp(v->state, "ready") == 0;
    k->stopped_by_tend = strcmp(v->state, "stopped") == 0;
    k->waiting = strcmp(v->state, "backing_off") == 0 || strcmp(v->state, "quarantined") == 0;
    k->found.slot = (int)v->slot;
    return true;
}

/* ---- the world ---- */

static void *on_found(void *data, struct process *p)
{
    struct hands *h = data;
    struct restoring *r = h->restoring;
    char subject[ENGINE_SUBJECT_BYTES];
    struct known *k;
    struct instance *i;
    struct hand *hand;

    (void)snprintf(subject, sizeof subject, "%s/%d", process_service(p), process_slot(p));
    k = know(r, subject);
    k->found.slot = process_slot(p);
    k->found.final = INSTANCE_STARTING;
    k->found.running = !k->waiting;
    if (process_pid(p) > 0)
        k->found.pid = process_pid(p); /* else the journal's word, until its shim has answered */
    i = engine_adopt(h->engine, process_service(p), &k->found);
    (void)snprintf(i->record, sizeof i->record, "%s", k->record);
    hand = hand_of(h, i);
    hand->process = p;
    if (k->found.port > 0 && port_claim(h->ports, k->found.port, true, NULL)) {
        hand->port = k->found.port;
        hand->port_is_fixed = i->spec != NULL && i->spec->port != 0;
    }
    r->adopted++;
    return hand;
}

static bool spec_of(void *data, const char *service, int slot, struct process_spec *out)
{
    struct hands *h = data;
    const struct instance *i = engine_instance(h->engine, service, slot);

    if (h->restoring == NULL || i == NULL || i->spec == NULL)
        return false;
    hands_fill_spec(h, h->restoring->arena, i, out);
    return true;
}

/* What had ended for good needs no process to be known. */
static void restore_ended(struct restoring *r)
{
    MAP_EACH (&r->known, entry) {
        struct known *k = entry->value;
        const char *slash = strchr(k->subject, '/');
        char service[128];
        struct instance *i;

        if (slash == NULL || k->found.final == INSTANCE_STARTING || k->found.slot < 1)
            continue;
        (void)snprintf(service, sizeof service, "%.*s", (int)(slash - k->subject), k->subject);
        i = engine_instance(r->hands->engine, service, k->found.slot);
        if (i != NULL && i->has_process)
            continue;
        if (engine_declares(r->hands->engine, service))
            (void)engine_adopt(r->hands->engine, service, &k->found);
    }
}

static void restore_services(struct restoring *r)
{
    MAP_EACH (&r->known, entry) {
        struct known *k = entry->value;

        if (strchr(k->subject, '/') == NULL && engine_declares(r->hands->engine, k->subject))
            engine_restore_service(r->hands->engine, k->subject, &k->facts);
    }
}

static void on_adopted(void *data, struct instance *i)
{
    engine_adopted(data, i);
}

static bool restore_all(struct restoring *r, struct err *err)
{
    struct hands *h = r->hands;
    struct process_adoption adoption = {.found = on_found, .spec_of = spec_of};

    TRY(views_facts_each(h->settings.views, NULL, NULL, on_fact, r, err));
    TRY(views_instances_each(h->settings.views, NULL, on_instance, r, err));
    restore_services(r);
    h->restoring = r;
    if (!process_adopt_all(h->driver, &adoption, err)) {
        h->restoring = NULL;
        return false;
    }
    h->restoring = NULL;
    restore_ended(r);
    engine_each_instance(h->engine, h->engine, on_adopted);
    engine_restored(h->engine);
    return true;
}

bool hands_restore(struct hands *h, const struct project *project, const struct project *previous,
    size_t *out_adopted, struct err *err)
{
    struct restoring r = {.hands = h, .arena = arena_create(64 << 10)};
    bool ok;

    if (project != NULL)
        engine_restore_project(h->engine, project, previous);
    ok = restore_all(&r, err);
    *out_adopted = r.adopted;
    MAP_EACH (&r.known, entry) {
        struct known *k = entry->value;

        free(k->subject);
        free(k);
    }
    map_fini(&r.known);
    arena_destroy(&r.arena);
    return ok;
}
