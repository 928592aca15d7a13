#include "engine/facts.h"

#include "engine/engine_private.h"

#include <jansson.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void facts_fini(struct facts *f)
{
    MAP_EACH (&f->known, entry) {
        struct known *k = entry->value;

        free(k->subject);
        json_decref(k->job);
        free(k);
    }
    map_fini(&f->known);
}

static int slot_of(const char *subject)
{
    const char *slash = strchr(subject, '/');

    return slash != NULL ? atoi(slash + 1) : 0;
}

struct known *facts_of(struct facts *f, const char *subject)
{
    struct known *k = map_get(&f->known, str_from(subject));

    if (k != NULL)
        return k;
    k = mem_new(struct known);
    k->subject = mem_copy_string(subject);
    k->service.replicas = -1;
    k->start_ms = k->stop_ms = -1;
    k->instance.slot = slot_of(subject);
    k->instance.final = INSTANCE_STARTING;
    (void)map_put(&f->known, str_from(k->subject), k);
    return k;
}

/* ---- values ---- */

static void take_int(struct known *k, void *at, const json_t *value)
{
    (void)k;
    *(int *)at = (int)json_integer_value(value);
}

static void take_int64(struct known *k, void *at, const json_t *value)
{
    (void)k;
    *(int64_t *)at = json_integer_value(value);
}

static void take_bool(struct known *k, void *at, const json_t *value)
{
    (void)k;
    *(bool *)at = json_is_true(value);
}

static void take_revision(struct known *k, void *at, const json_t *value)
{
    (void)k;
    if (!json_is_string(value) || !hash_parse(str_from(json_string_value(value)), at))
        *(struct hash *)at = (struct hash){0};
}

static void take_held(struct known *k, void *at, const json_t *value)
{
    k->service.is_held = true;
    take_revision(k, at, value);
}

static void take_paused(struct known *k, void *at, const json_t *value)
{
    k->service.is_paused = true;
    take_revision(k, at, value);
}

static void take_generation(struct known *k, void *at, const json_t *value)
{
    (void)at;
    k->service.generation = k->instance.generation = (int)json_integer_value(value);
}

static void take_record(struct known *k, void *at, const json_t *value)
{
    (void)at;
    if (json_is_string(value))
        (void)snprintf(k->record, sizeof k->record, "%s", json_string_value(value));
}

static void take_held_over(struct known *k, void *at, const json_t *value)
{
    (void)at;
    if (json_is_string(value))
        (void)snprintf(
            k->service.held_over, sizeof k->service.held_over, "%s", json_string_value(value));
}

static void take_final(struct known *k, void *at, const json_t *value)
{
    bool completed = json_is_string(value) && strcmp(json_string_value(value), "completed") == 0;

    (void)at;
    k->instance.final = completed ? INSTANCE_COMPLETED : INSTANCE_FAILED;
}

static void take_job(struct known *k, void *at, const json_t *value)
{
    (void)at;
    json_decref(k->job);
    k->job = json_deep_copy(value);
}

static const struct {
    const char *key;
    void (*take)(struct known *k, void *at, const json_t *value);
    size_t offset;
} keys[] = {
  /* clang-format off */
    {"replicas", take_int, offsetof(struct known, service.replicas)},
    {"stopped", take_bool, offsetof(struct known, service.stopped)},
    {"generation", take_generation, 0},
    {"held", take_held, offsetof(struct known, service.held)},
    {"held_over", take_held_over, 0},
    {"paused_update", take_paused, offsetof(struct known,service.paused_update)},
    {"revision", take_revision, offsetof(struct known, instance.revision)},
    {"held_down", take_bool, offsetof(struct known, instance.held_down)},
    {"row", take_int, offsetof(struct known, instance.row)},
    {"restarts", take_int, offsetof(struct known, instance.restarts)},
    {"port", take_int, offsetof(struct known, instance.port)},
    {"pid", take_int, offsetof(struct known, instance.pid)},
    {"started_ns", take_int64, offsetof(struct known,instance.started_ns)},
    {"started_wall_ns", take_int64, offsetof(struct known,instance.started_wall_ns)},
    {"start_ms", take_int64, offsetof(struct known,start_ms)},
    {"stop_ms", take_int64, offsetof(struct known,stop_ms)},
    {"run", take_int, offsetof(struct known, instance.run)},
    {"job", take_job, 0},
    {"record", take_record, 0},
    {"final", take_final, 0},
  /* clang-format on */
};

static void take_pause(struct engine *e, int64_t until_wall_ns)
{
    int64_t left_ns = until_wall_ns - e->now_wall_ns;

    if (until_wall_ns == INT64_MAX)
        engine_restore_pause(e, INT64_MAX, INT64_MAX);
    else /* one that is over ends in the first turn, and is no fact any more */
        engine_restore_pause(e, e->now_ns + (left_ns > 0 ? left_ns : 0), until_wall_ns);
}

static void take_value(
    struct facts *f, struct engine *e, const char *subject, const char *key, const json_t *value)
{
    if (strcmp(key, "paused_until_ns") == 0) {
        take_pause(e, json_integer_value(value));
        return;
    }
    for (size_t k = 0; k < COUNT(keys); k++)
        if (strcmp(keys[k].key, key) == 0) {
            struct known *known = facts_of(f, subject);

            keys[k].take(known, (char *)known + keys[k].offset, value);
        }
}

void facts_take(struct facts *f, struct engine *e, const char *subject, const char *key,
    struct str json, uint64_t seq)
{
    json_t *value = json_loadb(json.at, json.len, JSON_DECODE_ANY, NULL);

    if ((strcmp(key, "document") == 0 || strcmp(key, "down") == 0) && seq > f->intent)
        f->intent = seq;
    if (value != NULL && !json_is_null(value))
        take_value(f, e, subject, key, value);
    json_decref(value);
}

/* In these its shim waits for a word, or (exited) may; one that does not need it lets it pass. */
static const char *const waiting_states[] = {
    "backing_off", "quarantined", "exited", "lost", "start_failed"};

static const char *const present_states[] = {"starting", "probing", "ready", "not_ready", "hung",
    "stopping", "backing_off", "quarantined", "exited", "lost", "start_failed"};

void facts_take_state(struct facts *f, const char *subject, int slot, const char *state)
{
    struct known *k = facts_of(f, subject);

    k->instance.slot = slot;
    k->instance.ready = strcmp(state, "ready") == 0;
    k->instance.exited = strcmp(state, "exited") == 0;
    k->starting = strcmp(state, "starting") == 0;
    k->waiting = false;
    k->present = false;
    for (size_t p = 0; p < COUNT(present_states); p++)
        k->present = k->present || strcmp(state, present_states[p]) == 0;
    for (size_t w = 0; w < COUNT(waiting_states); w++)
        k->waiting = k->waiting || strcmp(state, waiting_states[w]) == 0;
}

void facts_take_exit(struct facts *f, const char *subject, struct str evidence)
{
    json_t *exit = json_loadb(evidence.at, evidence.len, 0, NULL);
    const json_t *code = json_object_get(exit, "code");
    struct known *k = facts_of(f, subject);

    k->instance.code = json_is_integer(code) ? (int)json_integer_value(code) : -1;
    k->instance.signal = json_is_integer(code) ? 0 : SIGKILL; /* which one is no matter */
    json_decref(exit);
}

/* ---- to the engine ---- */

static void restore_pace(const struct known *k, struct engine *e)
{
    char service[ENGINE_SUBJECT_BYTES];
    const char *slash = strchr(k->subject, '/');

    if (slash == NULL || (k->start_ms < 0 && k->stop_ms < 0))
        return;
    (void)snprintf(service, sizeof service, "%.*s", (int)(slash - k->subject), k->subject);
    engine_restore_pace(e, service, k->start_ms, k->stop_ms);
}

/* Also of a service that is not declared: a daemon died before it had removed it, so this one does.
 */
void facts_restore_services(struct facts *f, struct engine *e)
{
    static const struct engine_facts unsaid = {.replicas = -1};

    MAP_EACH (&f->known, entry) {
        struct known *k = entry->value;

        const char *slash = strchr(k->subject, '/');
        char service[ENGINE_SUBJECT_BYTES];

        restore_pace(k, e);
        (void)snprintf(service, sizeof service, "%.*s",
            (int)(slash != NULL ? slash - k->subject : (ptrdiff_t)strlen(k->subject)), k->subject);
        if (slash == NULL)
            engine_restore_service(e, service, &k->service);
        else if (!engine_declares(e, service) && map_get(&f->known, str_from(service)) == NULL)
            engine_restore_service(e, service, &unsaid);
        if (k->job != NULL)
            engine_restore_job(e, k->subject, k->job);
    }
}

void facts_restore_ended(struct facts *f, struct engine *e)
{
    MAP_EACH (&f->known, entry) {
        struct known *k = entry->value;
        const char *slash = strchr(k->subject, '/');
        char service[ENGINE_SUBJECT_BYTES];
        struct instance *i;

        if (slash == NULL || k->instance.slot < 1)
            continue;
        (void)snprintf(service, sizeof service, "%.*s", (int)(slash - k->subject), k->subject);
        i = engine_instance(e, service, k->instance.slot);
        if (i != NULL && i->has_process)
            continue;
        if (k->instance.final != INSTANCE_STARTING && engine_declares(e, service))
            (void)engine_adopt(e, service, &k->instance);
        else if (i != NULL && i->run.active)
            job_restore_gone(i, &k->instance);
        else if (k->instance.held_down)
            engine_restore_held_down(e, service, k->instance.slot);
    }
}
