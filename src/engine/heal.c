/* What is seen of processes, and what is decided on it. */
#include "engine/engine_private.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/units.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define IN(pointer) OBJ(instance, INSTANCE_MAGIC, pointer)

/* ---- verdicts ---- */

enum verdict { VERDICT_RESTART, VERDICT_COMPLETED, VERDICT_FAILED };

static bool is_stop_code(const struct restart_policy *p, const struct engine_exit *x)
{
    for (size_t k = 0; k < p->stop_code_count; k++)
        if (x->code == p->stop_codes[k])
            return true;
    return false;
}

static enum verdict judge_exit(const struct restart_policy *p, const struct engine_exit *x)
{
    bool success = x->known && x->code == 0;

    if (is_stop_code(p, x))
        return success ? VERDICT_COMPLETED : VERDICT_FAILED;
    switch (p->condition) {
    case RESTART_NO:
        return success ? VERDICT_COMPLETED : VERDICT_FAILED;
    case RESTART_ON_FAILURE:
        return success ? VERDICT_COMPLETED : VERDICT_RESTART;
    default:
        return VERDICT_RESTART;
    }
}

static void describe_exit(struct instance *i, const struct engine_exit *x)
{
    if (!x->known)
        instance_reason(i, "it is gone and nobody saw how");
    else if (x->oom)
        instance_reason(i, "killed for its memory limit");
    else if (x->signal != 0)
        instance_reason(i, "killed by SIG%s", sigabbrev_np(x->signal));
    else
        instance_reason(i, "exited with code %d", x->code);
}

/* What the host told last is known from here on: it is not told twice. */
static void put_record(struct note *n, const struct instance *i, bool lives)
{
    if (i->record[0] == 0)
        return;
    json_text(&n->json, "record", i->record);
    json_int(&n->json, "restarts", i->restarts);
    if (i->port > 0)
        json_int(&n->json, "port", i->port);
    if (!lives)
        json_add_null(&n->json, "pid");
    else if (i->pid > 0) {
        json_int(&n->json, "pid", i->pid);
        json_int(&n->json, "started_ns", i->started_ns);
        json_int(&n->json, "started_wall_ns", i->started_wall_ns);
    }
}

static void set_record(struct note *n, const struct instance *i, bool lives)
{
    json_open_object(&n->json, "set");
    put_record(n, i, lives);
    json_end(&n->json);
}

/* What the shim did while no daemon looked: when it truly was. */
#define LATE_NS (100 * NS_PER_MS)

static void tell_when(struct note *n, int64_t at_wall_ns)
{
    if (at_wall_ns > 0 && n->engine->now_wall_ns - at_wall_ns > LATE_NS)
        json_int(&n->json, "happened_at_ns", at_wall_ns);
}

static void note_oom(struct instance *i)
{
    struct note n;

    note_begin(&n, i->control->engine, "instance.oom_killed", i->subject);
    n.event.actor = "shim";
    note_cause(&n, i->last_event);
    if (i->spec->resources.memory_bytes > 0)
        json_int(&n.json, "limit_bytes", i->spec->resources.memory_bytes);
    tell_when(&n, i->last_exit_wall_ns);
    i->last_event = note_end(&n);
}

static void note_exit(struct instance *i, const struct engine_exit *x)
{
    struct note n;

    if (x->oom)
        note_oom(i);
    note_begin(&n, i->control->engine, x->known ? "instance.exited" : "instance.lost", i->subject);
    n.event.actor = x->known ? "shim" : "tend";
    note_cause(&n, i->last_event);
    json_int(&n.json, "pid", i->pid);
    json_int(&n.json, "incarnation", i->incarnation);
    json_int(&n.json, "ran_ms", x->ran_ns / NS_PER_MS);
    if (x->known && x->signal == 0)
        json_int(&n.json, "code", x->code);
    if (x->signal != 0)
        json_format(&n.json, "signal", "SIG%s", sigabbrev_np(x->signal));
    if (x->oom)
        json_bool(&n.json, "oom", true);
    if (x->core)
        json_bool(&n.json, "core", true);
    tell_when(&n, i->last_exit_wall_ns);
    set_record(&n, i, false);
    i->last_event = note_end(&n);
}

/* As tend.yaml spells it. */
static const char *condition_name(enum restart_condition condition)
{
    static const char *const names[] = {
        [RESTART_NO] = "no",
        [RESTART_ON_FAILURE] = "on-failure",
        [RESTART_ALWAYS] = "always",
        [RESTART_UNLESS_STOPPED] = "unless-stopped",
    };

    must((size_t)condition < COUNT(names));
    return names[condition];
}

void heal_note_end(struct instance *i, bool success)
{
    struct note n;

    note_begin(
        &n, i->control->engine, success ? "instance.completed" : "instance.failed", i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "restart_policy");
    json_text(&n.json, "condition", condition_name(i->spec->restart.condition));
    note_function_end(&n, i->last_exit.code, 0);
    json_text(&n.json, "reason", i->reason);
    json_open_object(&n.json, "set");
    json_text(&n.json, "final", success ? "completed" : "failed");
    json_end(&n.json);
    i->last_event = note_end(&n);
}

static void note_pause(struct instance *i, const struct backoff_verdict *v)
{
    const struct restart_policy *p = &i->spec->restart;
    bool quarantine = v->kind == BACKOFF_QUARANTINE;
    struct note n;

    note_begin(&n, i->control->engine, quarantine ? "instance.quarantined" : "instance.backing_off",
        i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "backoff");
    json_int(&n.json, "burst", BACKOFF_BURST);
    json_int(&n.json, "delay_ms", p->delay_ns / NS_PER_MS);
    json_int(&n.json, "delay_max_ms", p->delay_max_ns / NS_PER_MS);
    json_int(&n.json, "stable_ms", p->stable_ns / NS_PER_MS);
    if (p->max_attempts > 0)
        json_int(&n.json, "max_attempts", p->max_attempts);
    note_function_end(&n, v->row, v->threshold);
    json_int(&n.json, "restarts", v->row);
    json_int(&n.json, quarantine ? "retry_ms" : "delay_ms", v->delay_ns / NS_PER_MS);
    json_text(&n.json, "reason", i->reason);
    json_open_object(&n.json, "set");
    json_int(&n.json, "row", v->row);
    json_end(&n.json);
    i->last_event = note_end(&n);
    i->quarantine_told = i->quarantine_told || quarantine;
}

/* Start it again: now, after a pause, or slowly. */
static void restart_by(struct instance *i, const struct backoff_verdict *v)
{
    struct engine *e = i->control->engine;

    if (v->kind != BACKOFF_NOW)
        note_pause(i, v);
    if (!instance_move(
            i, v->kind == BACKOFF_QUARANTINE ? INSTANCE_ON_QUARANTINE : INSTANCE_ON_PAUSE))
        return;
    i->deadline_ns = e->now_ns + v->delay_ns;
}

static void decide_after_exit(struct instance *i)
{
    struct engine *e = i->control->engine;
    const struct restart_policy *p = &i->spec->restart;
    struct backoff_verdict v;

    if (i->run.active) {
        job_after_exit(i);
        return;
    }
    switch (judge_exit(p, &i->last_exit)) {
    case VERDICT_COMPLETED:
        heal_note_end(i, true);
        (void)instance_move(i, INSTANCE_ON_COMPLETED);
        return;
    case VERDICT_FAILED:
        heal_note_end(i, false);
        (void)instance_move(i, INSTANCE_ON_FAILED);
        return;
    case VERDICT_RESTART:
        v = backoff_count(&i->backoff, p, i->last_exit.ran_ns, e->now_ns, &e->random);
        restart_by(i, &v);
        return;
    }
}

void heal_after_hang(struct instance *i)
{
    struct engine *e = i->control->engine;
    struct backoff_verdict v;

    i->hung = false;
    v = backoff_count(&i->backoff, &i->spec->restart, i->last_exit.ran_ns, e->now_ns, &e->random);
    restart_by(i, &v);
}

/* ---- starts ---- */

static void note_started(struct instance *i, bool by_shim, int64_t down_ns)
{
    struct note n;

    note_begin(
        &n, i->control->engine, by_shim ? "instance.restarted" : "instance.started", i->subject);
    n.event.actor = by_shim ? "shim" : "tend";
    note_cause(&n, i->last_event);
    json_int(&n.json, "pid", i->pid);
    json_int(&n.json, "incarnation", i->incarnation);
    if (i->port > 0)
        json_int(&n.json, "port", i->port);
    if (by_shim && down_ns >= 0)
        json_number(&n.json, "took_ms", (double)(down_ns / 1000) / 1000);
    if (by_shim) {
        note_function(&n, "lease");
        json_int(&n.json, "burst", BACKOFF_BURST);
        json_int(&n.json, "stable_ms", i->spec->restart.stable_ns / NS_PER_MS);
        note_function_end(&n, i->backoff.row, BACKOFF_BURST);
    }
    tell_when(&n, i->started_wall_ns);
    set_record(&n, i, true);
    i->last_event = note_end(&n);
}

static void begin_probing(struct instance *i)
{
    struct engine *e = i->control->engine;
    const struct healthcheck *h = &i->spec->healthcheck;

    if (h->kind == PROBE_NONE) {
        health_passed(i, NULL, 0);
        return;
    }
    i->deadline_ns = e->now_ns + health_startup_allowance_ns(h);
    e->host.probe(e->host.data, i, ENGINE_PROBE_STARTUP);
}

void engine_on_started(
    struct engine *e, struct instance *i, int pid, bool by_shim, int64_t at_ns, int64_t at_wall_ns)
{
    bool again = i->incarnation > 0 && i->last_exit_wall_ns > 0;
    int64_t down_ns = again && i->last_exit.at_ns > 0 ? at_ns - i->last_exit.at_ns : -1;

    (void)IN(i);
    control_changed(i->control);
    i->pid = pid;
    i->incarnation++;
    i->started_ns = at_ns;
    i->started_wall_ns = at_wall_ns;
    i->was_ready = false;
    i->failures = 0;
    i->restarts += again && !i->restart_asked;
    i->restart_asked = false;
    if (i->state == INSTANCE_STOPPING || i->state == INSTANCE_DRAINING) {
        (void)instance_move(i, by_shim ? INSTANCE_ON_RESTARTED : INSTANCE_ON_STARTED);
        return;
    }
    note_started(i, by_shim, down_ns);
    if (!instance_move(
            i, i->state == INSTANCE_STARTING ? INSTANCE_ON_STARTED : INSTANCE_ON_RESTARTED))
        return;
    i->since_ns = e->now_ns;
    e->host.lease(e->host.data, i, engine_is_paused(e));
    begin_probing(i);
}

void engine_on_start_failed(struct engine *e, struct instance *i, const char *why)
{
    struct backoff_verdict v;
    struct note n;

    (void)IN(i);
    control_changed(i->control);
    i->has_process = i->unheard = false;
    i->pid = 0;
    if (i->state == INSTANCE_STOPPING) { /* nobody wants it any more */
        engine_on_gone(e, i);
        return;
    }
    instance_reason(i, "%s", why);
    note_begin(&n, e, "instance.start_failed", i->subject);
    note_cause(&n, i->last_event);
    json_text(&n.json, "reason", why);
    i->last_event = note_end(&n);
    if (i->run.active) {
        i->last_exit = (struct engine_exit){.code = -1, .at_ns = e->now_ns};
        job_after_exit(i);
        return;
    }
    if (i->spec->restart.condition == RESTART_NO) {
        heal_note_end(i, false);
        (void)instance_move(i, INSTANCE_ON_FAILED);
        return;
    }
    if (i->backoff.row < BACKOFF_BURST)
        i->backoff.row = BACKOFF_BURST; /* at once would not help */
    v = backoff_count(&i->backoff, &i->spec->restart, 0, e->now_ns, &e->random);
    restart_by(i, &v);
}

/* ---- ends ---- */

void engine_on_exited(
    struct engine *e, struct instance *i, const struct engine_exit *x, int64_t at_wall_ns)
{
    (void)IN(i);
    control_changed(i->control);
    i->last_exit = *x;
    i->last_exit_wall_ns = at_wall_ns;
    control_mark(i->control);
    if (i->state == INSTANCE_STOPPING || i->state == INSTANCE_DRAINING) {
        i->pid = 0;
        return; /* as asked: on_gone follows and tells it */
    }
    if (x->stopped) { /* by the word of a daemon before this one */
        instance_reason(i, "it was being stopped");
        (void)instance_move(i, INSTANCE_ON_STOP);
        i->pid = 0;
        return;
    }
    describe_exit(i, x);
    note_exit(i, x);
    i->pid = 0;
    i->dumping = false;
    if (!x->restarting) {
        decide_after_exit(i);
        return;
    }
    (void)backoff_count(&i->backoff, &i->spec->restart, x->ran_ns, e->now_ns, &e->random);
    if (i->state == INSTANCE_READY || i->state == INSTANCE_PROBING)
        e->host.probe(e->host.data, i, ENGINE_PROBE_OFF);
}

static void note_stopped(struct instance *i)
{
    struct note n;
    int64_t took_ns = i->control->engine->now_ns - i->since_ns,
            stop_ms = i->hung ? -1 : pace_stopped(i, took_ns);

    note_begin(&n, i->control->engine, "instance.stopped", i->subject);
    note_cause(&n, i->last_event);
    if (i->last_exit.known && i->last_exit.signal == 0)
        json_int(&n.json, "code", i->last_exit.code);
    if (i->last_exit.signal != 0)
        json_format(&n.json, "signal", "SIG%s", sigabbrev_np(i->last_exit.signal));
    json_text(&n.json, "reason", i->reason);
    json_number(&n.json, "took_ms", (double)(took_ns / 1000) / 1000);
    json_open_object(&n.json, "set");
    put_record(&n, i, false);
    if (stop_ms >= 0)
        json_int(&n.json, "stop_ms", stop_ms);
    json_end(&n.json);
    i->last_event = note_end(&n);
}

void engine_on_gone(struct engine *e, struct instance *i)
{
    struct engine_exit lost = {.code = -1};

    (void)IN(i);
    control_changed(i->control);
    i->has_process = i->unheard = false;
    i->pid = 0;
    control_mark(i->control);
    switch (i->state) {
    case INSTANCE_STOPPING:
    case INSTANCE_DRAINING:
        note_stopped(i);
        (void)instance_move(i, INSTANCE_ON_GONE);
        if (i->hung && control_wants(i->control, i))
            heal_after_hang(i);
        return;
    case INSTANCE_STARTING:
    case INSTANCE_PROBING:
    case INSTANCE_READY:
        lost.at_ns = e->now_ns;
        lost.ran_ns = i->started_ns > 0 ? e->now_ns - i->started_ns : 0;
        engine_on_exited(e, i, &lost, e->now_wall_ns);
        return;
    default:
        return; /* its end was told already */
    }
}

/* ---- deadlines ---- */

static bool limited_by_storm(struct instance *i)
{
    struct engine *e = i->control->engine;
    int64_t wait_ns = storm_take(&e->storm, e->now_ns);
    struct note n;

    if (wait_ns == 0)
        return false;
    i->deadline_ns = e->now_ns + wait_ns;
    if (!e->storm_told) {
        e->storm_told = true;
        note_begin(&n, e, "storm.limited", "project");
        note_cause(&n, i->last_event);
        note_function(&n, "token_bucket");
        json_int(&n.json, "burst", STORM_BURST);
        json_int(&n.json, "per_second", STORM_PER_SECOND);
        note_function_end(&n, 0, 1);
        (void)note_end(&n);
    }
    return true;
}

/* It ended while a daemon looked that died before it had decided: does it end for good? */
static bool ends_for_good(struct instance *i)
{
    enum verdict v = VERDICT_RESTART;

    if (i->undecided && !i->run.active)
        v = judge_exit(&i->spec->restart, &i->last_exit);
    i->undecided = false;
    if (v == VERDICT_RESTART)
        return false;
    describe_exit(i, &i->last_exit);
    heal_note_end(i, v == VERDICT_COMPLETED);
    (void)instance_move(i, v == VERDICT_COMPLETED ? INSTANCE_ON_COMPLETED : INSTANCE_ON_FAILED);
    return true;
}

static void start_again(struct instance *i)
{
    struct control *c = i->control;
    const struct project *p;
    const struct service *s = control_target(c, &p);

    if (ends_for_good(i))
        return;
    if (!control_wants(c, i) || (i->run.active && i->has_process)) {
        i->deadline_ns = INT64_MAX; /* it is stopped when it may go, or wanted again */
        return;
    }
    if (limited_by_storm(i))
        return;
    if (!i->has_process && !i->run.active && (c->update.phase == UPDATE_NONE || i->in_batch)) {
        instance_set_spec(i, p, s);
        i->generation = c->generation;
    }
    instance_start(i, i->last_event);
}

static void become_stable(struct instance *i)
{
    struct note n;

    i->deadline_ns = INT64_MAX;
    backoff_reset(&i->backoff);
    if (!i->quarantine_told)
        return;
    i->quarantine_told = false;
    note_begin(&n, i->control->engine, "instance.released", i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "backoff");
    note_function_end(&n, (double)i->spec->restart.stable_ns / NS_PER_S,
        (double)i->spec->restart.stable_ns / NS_PER_S);
    (void)note_end(&n);
}

void heal_due(struct instance *i)
{
    char detail[64], about[UNITS_TEXT_BYTES];

    switch (i->state) {
    case INSTANCE_BACKING_OFF:
    case INSTANCE_QUARANTINED:
        start_again(i);
        return;
    case INSTANCE_DRAINING:
        (void)instance_move(i, INSTANCE_ON_DRAINED);
        return;
    case INSTANCE_READY:
        become_stable(i);
        return;
    case INSTANCE_PROBING:
        if (i->dumping) {
            health_stop_hung(i);
            return;
        }
        if (i->was_ready)
            return;
        units_format_duration(health_startup_allowance_ns(&i->spec->healthcheck), about);
        (void)snprintf(detail, sizeof detail, "not ready within %s", about);
        health_hung(i, i->reason[0] != 0 ? i->reason : detail);
        return;
    default:
        i->deadline_ns = INT64_MAX;
        return;
    }
}
