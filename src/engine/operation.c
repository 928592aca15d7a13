/* What a person asked for, followed until it is done, has failed, or nothing goes on any more. */
#include "engine/engine_private.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* A service that crashed so often in a row will not come by itself: the operation says so, healing
 * goes on. */
#define OPERATION_ROW (BACKOFF_BURST + 3)

struct operation *operation_begin(
    struct engine *e, const char *verb, uint64_t intent, const struct engine_sink *sink)
{
    struct operation *o = mem_new(struct operation);

    o->verb = verb;
    o->intent = intent;
    if (sink != NULL)
        o->sink = *sink;
    o->last_move_ns = o->began_ns = e->now_ns;
    vec_push(&e->operations, o);
    e->any_dirty = true;
    return o;
}

void operation_add(struct operation *o, const char *service)
{
    vec_push(&o->services, mem_copy_string(service));
}

static void destroy_operation(struct operation *o)
{
    VEC_EACH (&o->services, char *, name)
        free(*name);
    vec_fini(&o->services);
    free(o);
}

static bool concerns(const struct operation *o, const char *service)
{
    VEC_EACH (&o->services, char *, name)
        if (strcmp(*name, service) == 0)
            return true;
    return false;
}

void operations_progress(struct engine *e, const struct control *c, const char *subject,
    const char *state, const char *text)
{
    VEC_EACH (&e->operations, struct operation *, pointer) {
        struct operation *o = *pointer;

        if (!concerns(o, c->name))
            continue;
        o->last_move_ns = e->now_ns;
        if (o->sink.progress != NULL)
            o->sink.progress(o->sink.data, subject, state, text);
    }
}

enum settled { SETTLED_NOT_YET, SETTLED_WELL, SETTLED_BADLY };

static enum settled settle_instance(const struct instance *i, struct buf *why)
{
    struct engine *e = i->control->engine;
    int64_t steady_ns = INT64_MAX;
    bool given_up = false;

    if (i->unheard)
        return SETTLED_NOT_YET;
    switch (i->state) {
    case INSTANCE_READY:
    case INSTANCE_COMPLETED:
        if (instance_is_steady(i, &steady_ns))
            return SETTLED_WELL;
        if (steady_ns < e->deadline_ns)
            e->deadline_ns = steady_ns;
        break;
    case INSTANCE_FAILED:
    case INSTANCE_QUARANTINED:
        given_up = true;
        break;
    default:
        break;
    }
    /* Among many that crash some are always just being started: what counts is the row. */
    if (!given_up && i->backoff.row < OPERATION_ROW)
        return SETTLED_NOT_YET;
    buf_format(why, "%s%s: %s", why->len > 0 ? "; " : "", i->subject,
        i->reason[0] != 0 ? i->reason : "it ends again and again");
    return SETTLED_BADLY;
}

static bool waits_for_a_failure(const struct control *c)
{
    const struct service *s = control_target(c, NULL);

    for (size_t d = 0; d < s->dependency_count; d++) {
        const struct control *other = control_find(c->engine, s->dependencies[d].service);

        if (other != NULL && s->dependencies[d].required && control_has_given_up(other) &&
            !control_meets(other, s->dependencies[d].condition))
            return true;
    }
    return false;
}

static bool is_down(const struct control *c, int slot)
{
    for (size_t k = 0; k < c->slots.count; k++)
        if ((slot == 0 || c->slots.at[k]->slot == slot) &&
            (c->slots.at[k]->state != INSTANCE_STOPPED || c->slots.at[k]->has_process))
            return false;
    return true;
}

static enum settled settle_past(const struct control *c, const struct past_run *p, struct buf *why)
{
    if (p == NULL || p->result == RESULT_SUCCEEDED)
        return SETTLED_WELL;
    buf_format(why, "%s%s: run %d %s%s%s", why->len > 0 ? "; " : "", c->name, p->number,
        p->result == RESULT_FAILED ? "failed" : job_result_name(p->result),
        p->reason[0] != 0 ? ": " : "", p->reason);
    return SETTLED_BADLY;
}

/* An apply waits for a job without a schedule: its run is part of what is declared. A start waits
 * for the run's beginning or its end, a stop for the end of all. */
static enum settled settle_job(const struct operation *o, const struct control *c, struct buf *why)
{
    const struct instance *i;

    if (c->dirty)
        return SETTLED_NOT_YET;
    if (o->run == 0 && c->spec->job.schedule != NULL)
        return SETTLED_WELL;
    if (o->run <= 0 && job_active(c) > 0)
        return SETTLED_NOT_YET;
    if (o->run < 0)
        return SETTLED_WELL;
    if (o->run == 0)
        return c->spec->job.suspend ? SETTLED_WELL : settle_past(c, job_last(c), why);
    i = job_running(c, o->run);
    if (i == NULL)
        return settle_past(c, job_past(c, o->run), why);
    return !o->run_to_end && i->run.begun && i->state != INSTANCE_STARTING ? SETTLED_WELL
                                                                           : SETTLED_NOT_YET;
}

static enum settled settle_control(
    const struct operation *o, const struct control *c, struct buf *why)
{
    int wanted = control_replicas(c);
    enum settled worst = SETTLED_WELL;

    if (c->failed_update_seq >= o->intent) {
        buf_format(why, "%s%s: the new revision %s", why->len > 0 ? "; " : "", c->name,
            c->update.phase == UPDATE_PAUSED ? "did not become ready; the update is paused"
                                             : "did not become ready and was taken back");
        return c->update.phase == UPDATE_REVERTING ? SETTLED_NOT_YET : SETTLED_BADLY;
    }
    if (wanted == 0)
        return is_down(c, 0) ? SETTLED_WELL : SETTLED_NOT_YET;
    if (c->dirty || (c->update.phase != UPDATE_NONE && c->update.phase != UPDATE_PAUSED) ||
        c->slots.count != (size_t)wanted)
        return SETTLED_NOT_YET;
    for (size_t k = 0; k < c->slots.count; k++) {
        const struct instance *i = c->slots.at[k];
        enum settled s;

        if (o->slot != 0 && i->slot != o->slot)
            continue;
        if (i->held_down)
            s = is_down(c, i->slot) ? SETTLED_WELL : SETTLED_NOT_YET;
        else if (i->state == INSTANCE_PENDING && waits_for_a_failure(c)) {
            buf_format(why, "%s%s: %s", why->len > 0 ? "; " : "", i->subject, i->reason);
            s = SETTLED_BADLY;
        } else
            s = settle_instance(i, why);
        if (s == SETTLED_NOT_YET)
            return s;
        if (s == SETTLED_BADLY)
            worst = s;
    }
    return worst;
}

static void note_result(struct engine *e, const struct operation *o, bool ok, const char *text)
{
    struct note n;

    note_begin(&n, e, ok ? "operation.finished" : "operation.failed", "project");
    note_cause(&n, o->intent);
    json_text(&n.json, "operation", o->verb);
    if (!ok)
        json_text(&n.json, "reason", text);
    json_int(&n.json, "took_ms", (e->now_ns - o->began_ns) / NS_PER_MS);
    (void)note_end(&n);
}

static void finish_operation(struct engine *e, struct operation *o, bool ok, const char *text)
{
    if (!o->sink.silent)
        note_result(e, o, ok, text);
    if (o->sink.result != NULL)
        o->sink.result(o->sink.data, ok, ok ? 0 : 1, text, o->undo);
    destroy_operation(o);
}

static int64_t patience_of(const struct control *c)
{
    const struct service *s = c->spec;
    int64_t startup, all;

    if (s == NULL)
        return 0;
    if (s->is_job) /* it may take as long as it takes, while it is under way */
        return job_active(c) > 0 ? INT64_C(100) * 365 * 86400 * NS_PER_S : 10 * NS_PER_S;
    startup = s->healthcheck.start_period_ns + s->healthcheck.interval_ns * s->healthcheck.retries;
    all = s->update.deadline_ns > startup ? s->update.deadline_ns : startup;
    return all + s->stop_grace_ns + s->update.monitor_ns + s->update.delay_ns + 5 * NS_PER_S;
}

/* True when it is over. */
static bool step_operation(struct engine *e, struct operation *o)
{
    struct buf why = BUF_INIT(2000), waiting = BUF_INIT(1000);
    enum settled all = SETTLED_WELL;
    int64_t patience = 10 * NS_PER_S;
    bool over = true;

    VEC_EACH (&o->services, char *, name) {
        struct control *c = control_find(e, *name);
        enum settled s = c == NULL           ? SETTLED_WELL
                         : control_is_job(c) ? settle_job(o, c, &why)
                                             : settle_control(o, c, &why);

        if (s == SETTLED_NOT_YET) {
            over = false;
            buf_format(&waiting, "%s%s", waiting.len > 0 ? ", " : "", *name);
            if (patience_of(c) > patience)
                patience = patience_of(c);
        } else if (s == SETTLED_BADLY)
            all = s;
    }
    if (over)
        finish_operation(e, o, all == SETTLED_WELL, all == SETTLED_WELL ? "" : buf_str(&why).at);
    else if (e->now_ns >= o->last_move_ns + patience) {
        buf_format(&why, "%snothing has moved for a while; still waiting for %s",
            why.len > 0 ? "; " : "", buf_str(&waiting).at);
        finish_operation(e, o, false, buf_str(&why).at);
        over = true;
    } else if (o->last_move_ns + patience < e->deadline_ns)
        e->deadline_ns = o->last_move_ns + patience;
    buf_fini(&why);
    buf_fini(&waiting);
    return over;
}

void operations_step(struct engine *e)
{
    for (size_t k = 0; k < e->operations.count;) {
        struct operation *o = e->operations.at[k];

        if (step_operation(e, o))
            vec_remove(&e->operations, k);
        else
            k++;
    }
}

void operations_end(struct engine *e, const char *why)
{
    VEC_EACH (&e->operations, struct operation *, pointer) {
        struct operation *o = *pointer;

        if (o->sink.result != NULL)
            o->sink.result(o->sink.data, false, 4, why, o->undo);
        destroy_operation(o);
    }
    vec_fini(&e->operations);
}
