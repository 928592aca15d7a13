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
static void set_record(struct note *n, const struct instance *i)
{
    if (i->record[0] == 0)
        return;
    json_open_object(&n->json, "set");
    json_text(&n->json, "record", i->record);
    if (i->port > 0)
        json_int(&n->json, "port", i->port);
    json_end(&n->json);
}

static void note_exit(struct instance *i, const struct engine_exit *x)
{
    struct note n;

    note_begin(&n, i->control->engine,
        !x->known ? "instance.lost"
        : x->oom  ? "instance.oom_killed"
                  : "instance.exited",
        i->subject);
    n.event.actor = x->known ? "shim" : "tend";
    note_cause(&n, i->last_event);
    json_int(&n.json, "pid", i->pid);
    json_int(&n.json, "incarnation", i->incarnation);
    json_int(&n.json, "ran_ms", x->ran_ns / NS_PER_MS);
    if (x->known && x->signal == 0)
        json_int(&n.json, "code", x->code);
    if (x->signal != 0)
        json_format(&n.json, "signal", "SIG%s", sigabbrev_np(x->signal));
    if (x->core)
        json_bool(&n.json, "core", true);
    set_record(&n, i);
    i->last_event = note_end(&n);
}

static void note_end_for_good(struct instance *i, bool success)
{
    struct note n;

    note_begin(
        &n, i->control->engine, success ? "instance.completed" : "instance.failed", i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "restart_policy");
    json_int(&n.json, "condition", i->spec->restart.condition);
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

    switch (judge_exit(p, &i->last_exit)) {
    case VERDICT_COMPLETED:
        note_end_for_good(i, true);
        (void)instance_move(i, INSTANCE_ON_COMPLETED);
        return;
    case VERDICT_FAILED:
        note_end_for_good(i, false);
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

static void note_started(struct instance *i, bool by_shim, int64_t exit_ns)
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
    if (by_shim && exit_ns >= 0)
        json_number(&n.json, "took_ms", (double)exit_ns / NS_PER_MS);
    if (by_shim) {
        note_function(&n, "lease");
        json_int(&n.json, "burst", BACKOFF_BURST);
        json_int(&n.json, "stable_ms", i->spec->restart.stable_ns / NS_PER_MS);
        note_function_end(&n, i->backoff.row, BACKOFF_BURST);
    }
    set_record(&n, i);
    i->last_event = note_end(&n);
}

static int64_t startup_allowance_ns(const struct healthcheck *h)
{
    int64_t once = h->interval_ns > h->timeout_ns ? h->interval_ns : h->timeout_ns;

    return h->start_period_ns + once * (h->retries > 0 ? h->retries : 1);
}

static void become_ready(struct instance *i, const char *detail, int64_t took_ns)
{
    struct note n;

    i->failures = 0;
    i->was_ready = true;
    if (i->state != INSTANCE_PROBING)
        return;
    i->reason[0] = 0;
    note_begin(&n, i->control->engine, "instance.ready", i->subject);
    note_cause(&n, i->last_event);
    json_number(
        &n.json, "took_ms", (double)(i->control->engine->now_ns - i->started_ns) / NS_PER_MS);
    if (detail != NULL) {
        note_function(&n, "probe");
        json_text(&n.json, "detail", detail);
        json_number(&n.json, "duration_ms", (double)took_ns / NS_PER_MS);
        note_function_end(&n, 1, 1);
    }
    i->last_event = note_end(&n);
    if (instance_move(i, INSTANCE_ON_READY))
        i->deadline_ns = i->started_ns + i->spec->restart.stable_ns;
}

static void begin_probing(struct instance *i)
{
    struct engine *e = i->control->engine;
    const struct healthcheck *h = &i->spec->healthcheck;

    if (h->kind == PROBE_NONE) {
        become_ready(i, NULL, 0);
        return;
    }
    i->deadline_ns = i->started_ns + startup_allowance_ns(h);
    e->host.probe(e->host.data, i, ENGINE_PROBE_STARTUP);
}

void engine_on_started(
    struct engine *e, struct instance *i, int pid, bool by_shim, int64_t at_ns, int64_t at_wall_ns)
{
    bool again = i->incarnation > 0 && i->last_exit_wall_ns > 0;
    int64_t exit_ns = again ? at_ns - (i->started_ns + i->last_exit.ran_ns) : -1;

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
    note_started(i, by_shim, exit_ns);
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
    i->has_process = false;
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
    if (i->spec->restart.condition == RESTART_NO) {
        note_end_for_good(i, false);
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

    note_begin(&n, i->control->engine, "instance.stopped", i->subject);
    note_cause(&n, i->last_event);
    if (i->last_exit.known && i->last_exit.signal == 0)
        json_int(&n.json, "code", i->last_exit.code);
    if (i->last_exit.signal != 0)
        json_format(&n.json, "signal", "SIG%s", sigabbrev_np(i->last_exit.signal));
    json_text(&n.json, "reason", i->reason);
    set_record(&n, i);
    i->last_event = note_end(&n);
}

void engine_on_gone(struct engine *e, struct instance *i)
{
    struct engine_exit lost = {.code = -1};

    (void)IN(i);
    control_changed(i->control);
    i->has_process = false;
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
        lost.ran_ns = i->started_ns > 0 ? e->now_ns - i->started_ns : 0;
        engine_on_exited(e, i, &lost, e->now_wall_ns);
        return;
    default:
        return; /* its end was told already */
    }
}

/* ---- probes ---- */

/* A service that it needs is not ready: restarting this one would not help. */
static const char *missing_dependency(const struct instance *i)
{
    for (size_t d = 0; d < i->spec->dependency_count; d++) {
        const struct dependency *on = &i->spec->dependencies[d];
        const struct control *other = control_find(i->control->engine, on->service);

        if (on->required && on->condition != DEPEND_COMPLETED && other != NULL &&
            !control_meets(other, on->condition))
            return on->service;
    }
    return NULL;
}

static uint64_t event_of(const struct engine *e, const char *service)
{
    const struct control *c = control_find(e, service);
    uint64_t newest = 0;

    for (size_t k = 0; c != NULL && k < c->slots.count; k++)
        if (c->slots.at[k]->last_event > newest)
            newest = c->slots.at[k]->last_event;
    return newest;
}

static void note_hung(struct instance *i, const char *detail, const char *waits_for)
{
    const struct healthcheck *h = &i->spec->healthcheck;
    struct note n;

    note_begin(&n, i->control->engine, waits_for != NULL ? "instance.waiting" : "instance.hung",
        i->subject);
    note_cause(&n, i->last_event);
    if (waits_for != NULL) {
        note_cause(&n, event_of(i->control->engine, waits_for));
        json_format(&n.json, "reason", "it is not restarted, since %s is not ready", waits_for);
    }
    note_function(&n, "probe");
    json_int(&n.json, "retries", h->retries);
    json_int(&n.json, "interval_ms", h->interval_ns / NS_PER_MS);
    json_int(&n.json, "timeout_ms", h->timeout_ns / NS_PER_MS);
    note_function_end(&n, i->failures, h->retries);
    json_text(&n.json, "detail", detail);
    i->last_event = note_end(&n);
}

static void stop_hung(struct instance *i)
{
    i->dumping = false;
    i->hung = true;
    instance_stop(i, i->last_event, "it does not answer");
}

static void on_hang(struct instance *i, const char *detail)
{
    struct engine *e = i->control->engine;
    const char *waits_for = missing_dependency(i);

    bool hands_off = waits_for != NULL || i->spec->restart.condition == RESTART_NO;

    if (i->dumping)
        return;
    if (!i->was_ready) /* look again after as long */
        i->deadline_ns = e->now_ns + startup_allowance_ns(&i->spec->healthcheck);
    if (engine_is_paused(e) || (hands_off && i->waiting_told))
        return;
    instance_reason(i, "%s", detail);
    note_hung(i, detail, waits_for);
    i->waiting_told = hands_off;
    if (hands_off)
        return;
    if (i->spec->hang.dump_signal == 0) {
        stop_hung(i);
        return;
    }
    i->dumping = true;
    e->host.signal(e->host.data, i, i->spec->hang.dump_signal);
    i->deadline_ns = e->now_ns + i->spec->hang.dump_wait_ns;
    control_mark(i->control);
}

static void become_unready(struct instance *i, const char *detail)
{
    struct note n;

    instance_reason(i, "%s", detail);
    note_begin(&n, i->control->engine, "instance.not_ready", i->subject);
    note_cause(&n, i->last_event);
    note_function(&n, "probe");
    json_int(&n.json, "retries", i->spec->healthcheck.retries);
    note_function_end(&n, i->failures, 1);
    json_text(&n.json, "detail", detail);
    i->last_event = note_end(&n);
    (void)instance_move(i, INSTANCE_ON_UNREADY);
}

void engine_on_probe(
    struct engine *e, struct instance *i, bool ok, const char *detail, int64_t took_ns)
{
    must(IN(i)->control->engine == e);
    if ((i->state != INSTANCE_PROBING && i->state != INSTANCE_READY) || i->pid == 0)
        return; /* late */
    i->probe.last_ns = took_ns;
    i->probe.total_ns += took_ns;
    i->probe.passed += ok;
    i->probe.failed += !ok;
    if (ok) {
        i->waiting_told = false;
        if (i->dumping) /* it came back while it was writing its stacks */
            i->dumping = false;
        become_ready(i, detail, took_ns);
        return;
    }
    control_changed(i->control);
    i->failures++;
    if (i->state == INSTANCE_READY)
        become_unready(i, detail);
    if (i->was_ready && i->failures >= i->spec->healthcheck.retries)
        on_hang(i, detail);
    else if (!i->was_ready && i->reason[0] == 0)
        instance_reason(i, "%s", detail);
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

static void start_again(struct instance *i)
{
    struct control *c = i->control;
    const struct project *p;
    const struct service *s = control_target(c, &p);

    if (!control_wants(c, i) || limited_by_storm(i))
        return;
    if (!i->has_process && (c->update.phase == UPDATE_NONE || i->in_batch)) {
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
            stop_hung(i);
            return;
        }
        if (i->was_ready)
            return;
        units_format_duration(startup_allowance_ns(&i->spec->healthcheck), about);
        (void)snprintf(detail, sizeof detail, "not ready within %s", about);
        on_hang(i, i->reason[0] != 0 ? i->reason : detail);
        return;
    default:
        i->deadline_ns = INT64_MAX;
        return;
    }
}
