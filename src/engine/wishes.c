/* What people want of one service, and of all. */
#include "engine/engine_private.h"

#include "base/must.h"
#include "spec/load.h"

#include <stdio.h>

bool engine_check(
    const struct engine *e, const char *service, int slot, int replicas, struct err *err)
{
    const struct control *c = control_find(e, service);

    if (c == NULL || c->spec == NULL)
        return err_set(err, ERR_MISSING, "there is no service '%s'", service);
    if (c->spec->is_job && replicas != 0 && replicas != -1)
        return err_set(err, ERR_INVALID, "%s is a job, which has no replicas", service);
    if (slot < 0 || (slot > 0 && (size_t)slot > c->slots.count))
        return err_set(
            err, ERR_MISSING, "%s has no instance %d: it has %zu", service, slot, c->slots.count);
    if (replicas > LOAD_REPLICAS_MAX)
        return err_set(err, ERR_LIMIT, "%d replicas: at most %d", replicas, LOAD_REPLICAS_MAX);
    if (replicas > 1 && c->spec->port != 0)
        return err_set(err, ERR_INVALID,
            "%s has the fixed port %d, which only one instance can have; leave `ports` out to give "
            "each its own $PORT",
            service, c->spec->port);
    if (engine_is_paused(e))
        return err_set(err, ERR_CONFLICT,
            "tend's hands are off everything (somebody said pause); end it with `tend pause "
            "--end`");
    return true;
}

bool engine_is_job(const struct engine *e, const char *name)
{
    const struct control *c = control_find(e, name);

    return c != NULL && control_is_job(c);
}

bool engine_check_start(const struct engine *e, const char *service, struct err *err)
{
    const struct control *c = control_find(e, service);

    if (c == NULL || !control_is_job(c) || c->spec->job.concurrency != CONCURRENCY_FORBID ||
        job_active(c) == 0)
        return true;
    return err_set(
        err, ERR_CONFLICT, "a run of %s is under way, and its concurrency is 'forbid'", service);
}

void engine_wishes(const struct engine *e, const char *service, int slot, struct engine_wishes *out)
{
    const struct control *c = control_find(e, service);

    must(c != NULL && c->spec != NULL);
    *out = (struct engine_wishes){
        .replicas = c->replicas_override >= 0 ? c->replicas_override : c->spec->replicas,
        .replicas_override = c->replicas_override,
        .stopped = c->stopped};
    for (size_t k = 0; slot > 0 && k < c->slots.count; k++)
        if (c->slots.at[k]->slot == slot)
            out->stopped = c->stopped || c->slots.at[k]->held_down;
}

static struct control *touch(struct engine *e, const char *service, uint64_t intent)
{
    struct control *c = control_find(e, service);

    must(c != NULL && c->spec != NULL);
    c->cause = intent;
    control_mark(c);
    return c;
}

static void follow(struct engine *e, const char *verb, struct control *c, int slot, uint64_t intent,
    const struct engine_sink *sink, const char *undo)
{
    struct operation *o = operation_begin(e, verb, intent, sink);

    operation_add(o, c->name);
    o->slot = slot;
    (void)snprintf(o->undo, sizeof o->undo, "%s", undo);
}

static void undo_text(char out[200], const char *verb, const struct control *c, int slot)
{
    if (slot > 0)
        (void)snprintf(out, 200, "tend %s %s/%d", verb, c->name, slot);
    else
        (void)snprintf(out, 200, "tend %s %s", verb, c->name);
}

void engine_run(
    struct engine *e, const char *job, bool wait, uint64_t intent, const struct engine_sink *sink)
{
    struct control *c = touch(e, job, intent);
    struct operation *o = operation_begin(e, "run", intent, sink);

    if (!c->spec->job.suspend || c->spec->job.schedule != NULL)
        c->job.requested = c->spec->revision; /* of a job without a schedule, this is its run */
    o->run = job_request(c, TRIGGER_PERSON, 0, intent);
    o->run_to_end = wait;
    operation_add(o, c->name);
    (void)snprintf(o->undo, sizeof o->undo, "tend stop %s", c->name);
}

static void stop_job(struct control *c, int slot, uint64_t intent, const struct engine_sink *sink)
{
    struct operation *o = operation_begin(c->engine, "stop", intent, sink);

    (void)slot;
    job_cancel_all(c, intent, "somebody stopped it");
    operation_add(o, c->name);
    o->run = -1;
}

void engine_start(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);
    char undo[200];

    if (c->spec->is_job) {
        engine_run(e, service, false, intent, sink);
        return;
    }
    if (slot == 0)
        c->stopped = false;
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (slot != 0 && slot != i->slot)
            continue;
        i->held_down = false;
        if (!c->stopped)
            instance_begin_anew(i, intent);
    }
    undo_text(undo, "stop", c, slot);
    follow(e, "start", c, slot, intent, sink, undo);
}

void engine_stop(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);
    char undo[200];

    if (c->spec->is_job) {
        stop_job(c, slot, intent, sink);
        return;
    }
    if (slot == 0)
        c->stopped = true;
    for (size_t k = 0; k < c->slots.count; k++)
        if (slot == c->slots.at[k]->slot)
            c->slots.at[k]->held_down = true;
    undo_text(undo, "start", c, slot);
    follow(e, "stop", c, slot, intent, sink, undo);
}

void engine_restart(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);

    if (c->spec->is_job) {
        job_cancel_all(c, intent, "somebody asked for a new run");
        engine_run(e, service, false, intent, sink);
        return;
    }
    (void)snprintf(c->restart_why, sizeof c->restart_why, "somebody asked for a restart");
    c->stopped = false;
    c->generation++;
    for (size_t k = 0; k < c->slots.count; k++) {
        struct instance *i = c->slots.at[k];

        if (slot != 0 && slot != i->slot)
            i->generation = c->generation;
        else
            i->held_down = false;
    }
    follow(e, "restart", c, slot, intent, sink, "");
}

void engine_restart_because(struct engine *e, const char *service, uint64_t event, const char *why)
{
    struct control *c = control_find(e, service);

    engine_restart(e, service, 0, event, NULL);
    (void)snprintf(c->restart_why, sizeof c->restart_why, "%s", why);
}

void engine_retry(
    struct engine *e, const char *service, uint64_t intent, const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);

    if (c->spec->is_job) {
        engine_run(e, service, false, intent, sink);
        return;
    }
    if (c->is_held || c->update.phase == UPDATE_PAUSED) {
        c->is_held = false;
        c->failed_update_seq = 0;
        update_abandon(c);
    }
    for (size_t k = 0; k < c->slots.count; k++)
        if (!c->slots.at[k]->held_down && !c->stopped)
            instance_begin_anew(c->slots.at[k], intent);
    follow(e, "retry", c, 0, intent, sink, "");
}

void engine_scale(struct engine *e, const char *service, int replicas, uint64_t intent,
    const struct engine_sink *sink)
{
    struct control *c = touch(e, service, intent);
    char undo[200];

    (void)snprintf(undo, sizeof undo, "tend scale %s=%d", service, control_replicas(c));
    c->replicas_override = replicas < 0 || replicas == c->spec->replicas ? -1 : replicas;
    follow(e, "scale", c, 0, intent, sink, undo);
}

static void tell_all_leases(struct engine *e)
{
    MAP_EACH (&e->controls, entry) {
        struct control *c = entry->value;

        for (size_t k = 0; k < c->slots.count; k++)
            if (c->slots.at[k]->has_process)
                e->host.lease(e->host.data, c->slots.at[k], engine_is_paused(e));
        control_mark(c);
    }
}

void engine_end_pause(struct engine *e)
{
    struct note n;

    e->paused_until_ns = e->paused_until_wall_ns = 0;
    note_begin(&n, e, "pause.ended", "project");
    note_cause(&n, e->pause_event);
    json_open_object(&n.json, "set");
    json_add_null(&n.json, "paused_until_ns");
    json_end(&n.json);
    (void)note_end(&n);
    tell_all_leases(e);
}

void engine_pause(struct engine *e, int64_t until_ns, int64_t until_wall_ns, uint64_t intent)
{
    e->pause_event = intent;
    e->changed = e->any_dirty = true; /* its end is due some time, even if there is no service */
    if (until_ns == 0) {
        if (engine_is_paused(e))
            engine_end_pause(e);
        return;
    }
    e->paused_until_ns = until_ns;
    e->paused_until_wall_ns = until_wall_ns;
    tell_all_leases(e);
}

static void write_bool(struct json *j, const char *key, bool on)
{
    if (on)
        json_bool(j, key, true);
    else
        json_add_null(j, key);
}

void engine_write_wishes(const struct engine *e, const char *service, int slot, struct json *j)
{
    const struct control *c = control_find(e, service);
    const struct instance *i = slot > 0 ? engine_instance(e, service, slot) : NULL;
    char held[HASH_TEXT_BYTES];

    if (slot > 0) {
        write_bool(j, "held_down", i != NULL && i->held_down);
        return;
    }
    write_bool(j, "stopped", c != NULL && c->stopped);
    if (c != NULL && c->replicas_override >= 0)
        json_int(j, "replicas", c->replicas_override);
    else
        json_add_null(j, "replicas");
    if (c != NULL && c->generation > 0)
        json_int(j, "generation", c->generation);
    else
        json_add_null(j, "generation");
    if (c == NULL || !c->is_held)
        return;
    hash_format(&c->held, held);
    json_text(j, "held", held);
}
