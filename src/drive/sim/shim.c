/* A shim and its process, as src/shim/service.c and policy.c do it. */
#include "drive/sim/sim_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define KILL_TAKES_NS (NS_PER_MS / 5)
#define PORT_TAKEN    98 /* what a program exits with that cannot listen */
#define SLOW_FIRST_MS 1000
#define SLOW_MAX_MS   30000
#define STABLE_MS_MIN 1000
#define RECORDS_MAX   100000 /* of one run: more is a loop without a pause */

static void start_service(struct process *p, bool by_shim);

static void see(struct process *p, struct sim_sight sight)
{
    sight.service = p->service;
    sight.slot = p->slot;
    sight.program = p->runs->name;
    sight.port = p->port;
    sim_see(p->sim, &sight);
}

static struct process_record *add_record(struct process *p, enum process_record_kind kind)
{
    struct process_record *r;

    must(p->records.count < RECORDS_MAX);
    r = vec_add(&p->records);
    *r = (struct process_record){.kind = kind,
        .run_id = p->run_id,
        .number = p->records.count,
        .incarnation = p->incarnation,
        .restarts = p->restarts,
        .boot_ns = sim_boot_ns(p->sim),
        .wall_ns = sim_wall_ns(p->sim),
        .pid = p->pid,
        .start_ticks = (uint64_t)p->pid,
        .code = -1};
    return r;
}

/* ---- the lease ---- */

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

/* What was used up of the burst stays used up. */
void shim_lease(struct process *p, const struct process_lease *lease)
{
    int tokens = p->tokens, burst = p->burst;
    int64_t slow_ms = p->slow_ms;

    p->on_success = lease->restart_on_success;
    p->on_failure = lease->restart_on_failure;
    p->burst = lease->burst;
    p->tokens = lease->burst <= burst ? (int)at_most(tokens, lease->burst)
                                      : tokens + (lease->burst - burst);
    p->stable_ms = lease->stable_ms > STABLE_MS_MIN ? lease->stable_ms : STABLE_MS_MIN;
    p->slow_first_ms = lease->slow_first_ms > 0 ? lease->slow_first_ms : SLOW_FIRST_MS;
    p->slow_max_ms = lease->slow_max_ms > 0 ? lease->slow_max_ms : SLOW_MAX_MS;
    p->slow_ms = slow_ms > p->slow_first_ms ? at_most(slow_ms, p->slow_max_ms) : p->slow_first_ms;
    memset(p->stop_codes, 0, sizeof p->stop_codes);
    for (size_t k = 0; k < lease->stop_code_count; k++)
        p->stop_codes[lease->stop_codes[k] / 8] |= (uint8_t)(1 << lease->stop_codes[k] % 8);
}

static bool is_wanted(const struct process *p, const struct process_record *r)
{
    if (r->lost)
        return p->on_failure || p->on_success;
    if (r->signal != 0)
        return p->on_failure;
    if (r->code >= 0 && r->code < 256 && p->stop_codes[r->code / 8] & (1 << r->code % 8))
        return false;
    return r->code == 0 ? p->on_success : p->on_failure;
}

static void refill(struct process *p, int64_t alive_ms)
{
    int64_t earned = alive_ms / p->stable_ms;

    if (earned == 0)
        return;
    p->slow_ms = p->slow_first_ms;
    p->tokens = earned >= p->burst - p->tokens ? p->burst : p->tokens + (int)earned;
}

static int64_t next_slow_ms(struct process *p)
{
    int64_t pause_ms = p->slow_ms;

    p->slow_ms = pause_ms * 2 < p->slow_max_ms ? pause_ms * 2 : p->slow_max_ms;
    return pause_ms;
}

static enum process_next decide(struct process *p, struct process_record *r)
{
    if (p->phase == PHASE_STOPPING) {
        r->stopped = true;
        r->killed = p->killed;
        return PROCESS_NEXT_DONE;
    }
    if (!is_wanted(p, r))
        return PROCESS_NEXT_DONE;
    refill(p, r->alive_ns / NS_PER_MS);
    if (p->held)
        return PROCESS_NEXT_WAIT;
    if (p->tokens > 0) {
        p->tokens--;
        return PROCESS_NEXT_RESTART;
    }
    if (p->managed)
        return PROCESS_NEXT_WAIT;
    r->retry_ms = next_slow_ms(p);
    return PROCESS_NEXT_RETRY;
}

/* ---- what it does ---- */

static void drop_retry(struct process *p)
{
    p->retry_generation++;
    p->retrying = false;
}

static void on_retry(struct sim *s, void *object, int64_t number)
{
    struct process *p = object;

    (void)s, (void)number;
    p->restarts++;
    start_service(p, true);
}

static void retry_in(struct process *p, int64_t ms)
{
    p->phase = PHASE_WAITING;
    p->retrying = true;
    sim_at(p->sim, p->sim->now_ns + ms * NS_PER_MS, on_retry, p, 0, &p->retry_generation);
}

static void end_shim(struct process *p)
{
    p->phase = PHASE_DONE;
    p->shim = p->managed = false;
    p->shim_generation++;
    drop_retry(p);
    driver_shim_gone(p);
}

static void act_on(struct process *p, enum process_next next, int64_t retry_ms)
{
    switch (next) {
    case PROCESS_NEXT_RESTART:
        p->restarts++;
        start_service(p, true);
        return;
    case PROCESS_NEXT_RETRY:
        retry_in(p, retry_ms);
        return;
    case PROCESS_NEXT_WAIT:
        p->phase = PHASE_WAITING;
        return;
    default:
        end_shim(p);
    }
}

static void record_end(struct process *p, int code, int signo, bool oom, bool lost)
{
    struct process_record *r = add_record(p, PROCESS_EXITED);
    enum process_next next;
    int64_t retry_ms;

    r->code = signo != 0 || lost ? -1 : code;
    r->signal = signo;
    r->oom = oom;
    r->lost = lost;
    r->alive_ns = p->sim->now_ns - p->started_ns;
    next = r->next = decide(p, r);
    retry_ms = r->retry_ms;
    process_tell_later(p);
    act_on(p, next, retry_ms);
}

void shim_process_dies(struct process *p, int code, int signo, bool oom)
{
    p->alive = false;
    p->run_generation++;
    see(p, (struct sim_sight){.kind = SIM_ENDED, .pid = p->pid, .code = code, .signal = signo});
    if (p->shim)
        record_end(p, code, signo, oom, false);
}

static void on_own_end(struct sim *s, void *object, int64_t code)
{
    struct process *p = object;

    (void)s;
    shim_process_dies(
        p, (int)code, code == PORT_TAKEN ? 0 : p->runs->signal, code != PORT_TAKEN && p->runs->oom);
}

static void on_stop_signal(struct sim *s, void *object, int64_t number)
{
    (void)s, (void)number;
    shim_process_dies(object, 0, SIGTERM, false);
}

static void on_kill(struct sim *s, void *object, int64_t number)
{
    struct process *p = object;

    (void)s, (void)number;
    p->killed = true;
    shim_process_dies(p, 0, SIGKILL, false);
}

/* ---- starting ---- */

static const struct sim_program *program_of(const struct process *p)
{
    VEC_EACH (&p->sim->sticky, const struct sticky, st)
        if (st->slot == p->slot && strcmp(st->service, p->service) == 0)
            return st->program;
    return p->program;
}

static void start_failed(struct process *p)
{
    struct process_record *r = add_record(p, PROCESS_EXEC_FAILED);

    r->pid = 0;
    r->error = ENOENT;
    r->step = "exec";
    r->next = PROCESS_NEXT_WAIT;
    if (!p->on_failure && !p->on_success && !p->managed)
        r->next = PROCESS_NEXT_DONE;
    else if (!p->managed && !p->held) {
        r->next = PROCESS_NEXT_RETRY;
        r->retry_ms = next_slow_ms(p);
    }
    process_tell_later(p);
    act_on(p, r->next, r->retry_ms);
}

static int64_t from_now(const struct process *p, int64_t ms, const char *what)
{
    if (ms < 0)
        return INT64_MAX;
    return p->sim->now_ns +
           sim_about(p->sim, ms, what,
               sim_chance(p->sim, p->service, (uint64_t)p->slot) + (uint64_t)p->starts);
}

static bool port_is_met(const struct process *p)
{
    VEC_EACH (&p->sim->processes, struct process *, other)
        if (*other != p && (*other)->alive && (*other)->port == p->port)
            return true;
    return false;
}

/* Whoever cannot listen ends. */
static void take_port(struct process *p)
{
    bool met = p->port > 0 && port_is_met(p);

    if (met)
        see(p, (struct sim_sight){.kind = SIM_PORT_MET, .pid = p->pid});
    if (met || (p->port > 0 && sim_port_is_strange(p->sim, p->port))) {
        p->ready_ns = INT64_MAX;
        sim_at(p->sim, p->sim->now_ns + NS_PER_MS, on_own_end, p, PORT_TAKEN, &p->run_generation);
    }
}

static void run(struct process *p)
{
    int64_t ends_ns;

    p->alive = true;
    p->pid = p->sim->next_pid++;
    p->started_ns = p->sim->now_ns;
    p->started_boot_ns = sim_boot_ns(p->sim);
    p->ready_ns = from_now(p, p->runs->ready_ms, "ready");
    p->hangs_ns = from_now(p, p->runs->hangs_ms, "hangs");
    ends_ns = from_now(p, p->runs->ends_ms, "ends");
    if (ends_ns != INT64_MAX)
        sim_at(p->sim, ends_ns, on_own_end, p, p->runs->code, &p->run_generation);
}

static void start_service(struct process *p, bool by_shim)
{
    drop_retry(p);
    p->run_generation++;
    p->killed = p->hangs = false;
    p->incarnation++;
    p->starts++;
    p->phase = PHASE_RUNNING;
    p->pid = 0;
    p->runs = program_of(p);
    if (p->runs->fails || p->runs->missing) {
        start_failed(p);
        return;
    }
    run(p);
    (void)add_record(p, PROCESS_STARTED);
    see(p, (struct sim_sight){.kind = SIM_STARTED, .pid = p->pid, .by_shim = by_shim});
    take_port(p);
    process_tell_later(p);
}

/* It starts its process before it hears anything. */
static void on_launched(struct sim *s, void *object, int64_t held)
{
    struct process *p = object;

    (void)s;
    if (p->phase == PHASE_NEW && !held)
        start_service(p, false);
}

void shim_launch(struct process *p)
{
    p->shim = true;
    p->shim_pid = p->sim->next_pid++;
    p->phase = PHASE_NEW;
    sim_send(p->sim, sim_about(p->sim, 2, "launch", p->run_id), on_launched, p, p->held,
        &p->shim_generation);
}

void shim_take_over(struct process *p)
{
    bool was_running = p->phase == PHASE_RUNNING || p->phase == PHASE_STOPPING;

    p->shim = true;
    p->shim_pid = p->sim->next_pid++;
    p->tokens = p->burst;
    p->slow_ms = p->slow_first_ms;
    if (was_running) {
        p->phase = PHASE_RUNNING;
        if (p->alive) {
            (void)add_record(p, PROCESS_ADOPTED);
            process_tell_later(p);
        } else
            record_end(p, -1, 0, false, true);
    } else if (!p->held && (p->retrying || p->phase == PHASE_NEW))
        start_service(p, false);
}

/* ---- what it is told ---- */

void shim_on_resume(struct sim *s, void *object, int64_t number)
{
    struct process *p = object;

    (void)s, (void)number;
    p->held = false;
    if (p->phase == PHASE_WAITING || p->phase == PHASE_NEW)
        start_service(p, false);
}

void shim_unmanaged(struct process *p)
{
    p->managed = false;
    if (p->phase == PHASE_WAITING && !p->held && (p->on_failure || p->on_success))
        retry_in(p, next_slow_ms(p));
}

void shim_on_hold(struct sim *s, void *object, int64_t on)
{
    struct process *p = object;

    (void)s;
    p->held = on != 0;
    if (p->held)
        drop_retry(p);
    else if (p->phase == PHASE_WAITING && !p->managed)
        shim_unmanaged(p);
}

void shim_on_stop(struct sim *s, void *object, int64_t grace_ms)
{
    struct process *p = object;

    drop_retry(p);
    if (p->phase != PHASE_RUNNING && p->phase != PHASE_STOPPING) {
        p->held = true;
        end_shim(p);
        return;
    }
    p->phase = PHASE_STOPPING;
    if (grace_ms > 0 && p->runs->stop_ms >= 0 && !shim_process_hangs(p))
        sim_at(s, from_now(p, p->runs->stop_ms, "stop"), on_stop_signal, p, 0, &p->run_generation);
    sim_at(s, s->now_ns + grace_ms * NS_PER_MS + KILL_TAKES_NS, on_kill, p, 0, &p->run_generation);
}

bool shim_process_hangs(const struct process *p)
{
    return p->hangs || p->sim->now_ns >= p->hangs_ns;
}

bool shim_process_answers(const struct process *p)
{
    return p->alive && p->sim->now_ns >= p->ready_ns && !shim_process_hangs(p);
}
