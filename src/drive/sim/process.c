/* The driver: what a daemon sees of shims and processes, and says to them. */
#include "drive/sim/sim_private.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_NS (NS_PER_MS / 5)

struct process *process_living(const struct sim *s, const char *service, int slot)
{
    VEC_EACH (&s->processes, struct process *, p)
        if ((*p)->dir && (*p)->slot == slot && strcmp((*p)->service, service) == 0)
            return *p;
    return NULL;
}

static void asked(struct process *p, enum sim_sight_kind kind)
{
    struct sim_sight sight = {.kind = kind,
        .service = p->service,
        .slot = p->slot,
        .program = p->program->name,
        .argument = p->argument,
        .pid = p->alive ? p->pid : 0,
        .port = p->port};

    sim_see(p->sim, &sight);
}

/* ---- from the shim to the daemon ---- */

static void know(struct process *p, const struct process_record *r)
{
    if (r->kind == PROCESS_STARTED || r->kind == PROCESS_ADOPTED) {
        p->told_pid = r->pid;
        if (r->kind == PROCESS_STARTED)
            p->told_started_boot_ns = r->boot_ns;
        if (p->told_phase != PROCESS_STOPPING)
            p->told_phase = PROCESS_RUNNING;
        return;
    }
    p->told_pid = 0;
    p->told_phase = r->next == PROCESS_NEXT_DONE ? PROCESS_GONE : PROCESS_WAITING;
}

static bool hears(const struct process *p)
{
    return p->linked && !p->forgotten && !sim_is_dead(p->sim);
}

static void tell_records(struct process *p)
{
    struct sim *s = p->sim;

    while (hears(p) && p->told < p->records.count) {
        struct process_record r = p->records.at[p->told++];
        struct sim_sight sight = {
            .kind = SIM_TOLD, .service = p->service, .slot = p->slot, .record = &r};

        sight.program = p->program->name;
        if (p->told == p->records.count) /* an old one says nothing about now */
            know(p, &r);
        sim_see(s, &sight);
        s->callbacks.on_record(s->driver_data, p, &r);
    }
}

static void tell(struct process *p)
{
    tell_records(p);
    if (!hears(p) || p->shim || p->phase != PHASE_DONE || p->ended)
        return;
    p->ended = true;
    p->told_phase = PROCESS_GONE;
    p->sim->callbacks.on_gone(p->sim->driver_data, p);
}

static void on_tell(struct sim *s, void *object, int64_t number)
{
    (void)s, (void)number;
    tell(object);
}

void process_tell_later(struct process *p)
{
    if (p->linked)
        sim_send(p->sim, MESSAGE_NS, on_tell, p, 0, &p->link_generation);
}

static enum process_phase phase_of(const struct process *p)
{
    static const enum process_phase phases[] = {[PHASE_NEW] = PROCESS_WAITING,
        [PHASE_RUNNING] = PROCESS_RUNNING,
        [PHASE_STOPPING] = PROCESS_STOPPING,
        [PHASE_WAITING] = PROCESS_WAITING,
        [PHASE_DONE] = PROCESS_GONE};

    return phases[p->phase];
}

/* The shim has answered: what was recorded before, then how it is now. */
static void on_answer(struct sim *s, void *object, int64_t number)
{
    struct process *p = object;

    (void)number;
    if (!p->shim) {
        tell(p);
        return;
    }
    p->managed = true;
    tell_records(p);
    if (!hears(p))
        return;
    p->told_shim_pid = p->shim_pid;
    p->told_phase = phase_of(p);
    p->told_pid = p->alive ? p->pid : 0;
    p->told_started_boot_ns = p->started_boot_ns;
    if (p->stop_pending)
        sim_process_stop(p, 0, p->stop_grace_ms);
    s->callbacks.on_state(s->driver_data, p);
}

static void ask_for_state(struct process *p)
{
    sim_send(
        p->sim, sim_about(p->sim, 1, "answer", p->run_id), on_answer, p, 0, &p->link_generation);
}

/* ---- when there is no shim ---- */

static void end_vanished(struct process *p)
{
    bool was_running = p->phase == PHASE_RUNNING || p->phase == PHASE_STOPPING;

    p->phase = PHASE_DONE;
    if (was_running) {
        struct process_record *r = vec_add(&p->records);

        *r = (struct process_record){.kind = PROCESS_EXITED,
            .run_id = p->run_id,
            .number = p->records.count,
            .incarnation = p->incarnation,
            .restarts = p->restarts,
            .boot_ns = sim_boot_ns(p->sim),
            .wall_ns = sim_wall_ns(p->sim),
            .code = -1,
            .lost = true,
            .next = PROCESS_NEXT_DONE};
    }
}

static void on_takeover(struct sim *s, void *object, int64_t number)
{
    struct process *p = object;

    (void)s, (void)number;
    if (p->shim)
        return;
    if (p->forgotten && p->phase != PHASE_RUNNING && p->phase != PHASE_STOPPING) {
        p->dir = false;
        return;
    }
    if (p->vanished && p->phase != PHASE_DONE)
        end_vanished(p);
    if (p->phase == PHASE_DONE) {
        tell(p);
        return;
    }
    p->managed = true;
    shim_take_over(p);
    if (p->shim)
        ask_for_state(p);
}

static void take_over_soon(struct process *p)
{
    sim_send(p->sim, sim_about(p->sim, 10, "takeover", p->run_id + p->records.count), on_takeover,
        p, 0, &p->link_generation);
}

/* It ended by itself (then its directory may go), or was killed. */
void driver_shim_gone(struct process *p)
{
    if (p->phase == PHASE_DONE && p->forgotten)
        p->dir = false;
    else if (p->phase == PHASE_DONE)
        process_tell_later(p);
    else if (p->linked)
        take_over_soon(p);
}

/* ---- starting ---- */

static const char *variable(const char *const *environment, const char *name)
{
    size_t len = strlen(name);

    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return *environment + len + 1;
    return NULL;
}

static int port_of(const struct process_spec *spec)
{
    const char *port = variable(spec->environment, "PORT");

    return port != NULL ? atoi(port) : 0;
}

static int starts_so_far(const struct sim *s, const char *service, int slot)
{
    int starts = 0;

    VEC_EACH (&s->processes, struct process *, p)
        if ((*p)->slot == slot && strcmp((*p)->service, service) == 0 && (*p)->starts > starts)
            starts = (*p)->starts;
    return starts;
}

static struct process *create(
    struct sim *s, const struct process_spec *spec, const struct sim_program *program, void *owner)
{
    struct process *p = mem_new(struct process);

    p->sim = s;
    (void)snprintf(p->service, sizeof p->service, "%s", spec->service);
    (void)snprintf(
        p->argument, sizeof p->argument, "%s", spec->argv[1] != NULL ? spec->argv[1] : "");
    p->slot = spec->slot;
    p->program = p->runs = program;
    p->starts = starts_so_far(s, spec->service, spec->slot);
    p->run_id = sim_chance(s, spec->service,
        (uint64_t)(spec->slot * 100000 + p->starts) + UINT64_C(10000000000) * s->processes.count);
    p->port = port_of(spec);
    p->dir = p->linked = true;
    p->low = 1;
    p->hangs_ns = INT64_MAX;
    p->owner = owner;
    p->held = spec->held;
    p->managed = true;
    p->told_phase = PROCESS_RUNNING;
    vec_push(&s->processes, p);
    return p;
}

bool sim_process_start(struct sim *s, const struct process_spec *spec, void *owner,
    struct process **out, struct err *err)
{
    struct sim_sight sight = {
        .kind = SIM_ASKED_START, .service = spec->service, .slot = spec->slot};
    const struct sim_program *program = sim_program_find(spec->argv[0]);
    struct process *p;

    *out = NULL;
    if (!sim_call(s))
        return err_set(err, ERR_CANCELLED, "the daemon is dead");
    sight.program = spec->argv[0];
    sight.argument = spec->argv[1];
    sight.port = port_of(spec);
    sim_see(s, &sight);
    if (process_living(s, spec->service, spec->slot) != NULL)
        return err_set(err, ERR_CONFLICT, "it runs already");
    if (program == NULL || program->missing)
        return err_set(err, ERR_MISSING, "%s: not found in PATH /bin", spec->argv[0]);
    p = create(s, spec, program, owner);
    shim_lease(p, &spec->lease);
    shim_launch(p);
    p->told_shim_pid = p->shim_pid;
    *out = p;
    return true;
}

/* ---- commands ---- */

static void say(struct process *p, void (*fn)(struct sim *s, void *object, int64_t number),
    int64_t number, int64_t delay_ns)
{
    if (p->shim)
        sim_send(p->sim, delay_ns, fn, p, number, &p->shim_generation);
}

void sim_process_stop(struct process *p, int signo, int64_t grace_ms)
{
    (void)signo;
    if (!sim_call(p->sim))
        return;
    asked(p, SIM_ASKED_STOP);
    if (p->told_phase == PROCESS_RUNNING)
        p->told_phase = PROCESS_STOPPING;
    p->stop_pending = !p->shim;
    p->stop_grace_ms = grace_ms;
    say(p, shim_on_stop, grace_ms, MESSAGE_NS);
}

void sim_process_signal(struct process *p, int signo)
{
    (void)signo; /* the programs here write no stacks */
    (void)sim_call(p->sim);
}

static void on_lease(struct sim *s, void *object, int64_t number)
{
    struct process *p = object;

    (void)s, (void)number;
    shim_lease(p, &p->lease);
}

void sim_process_lease(struct process *p, const struct process_lease *lease)
{
    if (!sim_call(p->sim) || !p->shim)
        return;
    p->lease = *lease;
    p->lease.stop_code_count = lease->stop_code_count < sizeof p->lease_codes
                                   ? lease->stop_code_count
                                   : sizeof p->lease_codes;
    memcpy(p->lease_codes, lease->stop_codes != NULL ? lease->stop_codes : p->lease_codes,
        p->lease.stop_code_count);
    p->lease.stop_codes = p->lease_codes;
    say(p, on_lease, 0, MESSAGE_NS);
}

void sim_process_resume(struct process *p)
{
    if (!sim_call(p->sim))
        return;
    asked(p, SIM_ASKED_RESUME);
    say(p, shim_on_resume, 0, MESSAGE_NS);
}

void sim_process_hold(struct process *p, bool on)
{
    if (sim_call(p->sim))
        say(p, shim_on_hold, on, MESSAGE_NS);
}

void sim_process_ack(struct process *p, uint64_t number)
{
    if (sim_call(p->sim) && number >= p->low && number <= p->records.count)
        p->low = number + 1;
}

void sim_process_forget(struct process **pointer)
{
    struct process *p = *pointer;

    *pointer = NULL;
    if (p == NULL || p->forgotten || !sim_call(p->sim))
        return;
    asked(p, SIM_ASKED_FORGET);
    p->forgotten = true;
    if (p->shim)
        say(p, shim_on_stop, 0, MESSAGE_NS);
    else if (p->phase == PHASE_DONE)
        p->dir = false;
}

/* ---- one daemon after the other ---- */

void sim_driver_open(struct sim *s, const struct process_callbacks *callbacks, void *data)
{
    s->callbacks = *callbacks;
    s->driver_data = data;
    s->driver = true;
}

void sim_driver_close(struct sim *s)
{
    s->driver = false;
}

static void unlink_process(struct process *p)
{
    p->linked = p->forgotten = p->ended = p->stop_pending = false;
    p->link_generation++;
    p->owner = NULL;
    if (p->managed && p->shim)
        shim_unmanaged(p);
}

void driver_dies(struct sim *s)
{
    s->driver = false;
    VEC_EACH (&s->processes, struct process *, p)
        unlink_process(*p);
}

static void adopt(struct process *p, const struct process_adoption *adoption)
{
    struct sim *s = p->sim;
    struct process_spec spec;

    p->linked = true;
    p->told = p->low - 1;
    p->told_phase = PROCESS_UNKNOWN;
    p->told_pid = p->phase == PHASE_RUNNING || p->phase == PHASE_STOPPING ? p->pid : 0;
    p->told_shim_pid = p->shim ? p->shim_pid : 0;
    p->told_started_boot_ns = p->started_boot_ns;
    p->owner = adoption->found(s->driver_data, p);
    if (p->shim) {
        ask_for_state(p);
        return;
    }
    if (p->phase != PHASE_DONE && !p->vanished &&
        !adoption->spec_of(s->driver_data, p->service, p->slot, &spec))
        p->on_success = p->on_failure = false; /* only watched to its end */
    take_over_soon(p);
}

bool sim_process_adopt_all(struct sim *s, const struct process_adoption *adoption, struct err *err)
{
    (void)err;
    VEC_EACH (&s->processes, struct process *, p)
        if ((*p)->dir)
            adopt(*p, adoption);
    return true;
}

/* ---- what is known ---- */

void *sim_process_owner(const struct process *p)
{
    return p->owner;
}

const char *sim_process_service(const struct process *p)
{
    return p->service;
}

int sim_process_slot(const struct process *p)
{
    return p->slot;
}

enum process_phase sim_process_phase(const struct process *p)
{
    return p->told_phase;
}

int sim_process_pid(const struct process *p)
{
    return p->told_pid;
}

int sim_process_shim_pid(const struct process *p)
{
    return p->told_shim_pid;
}

uint64_t sim_process_run_id(const struct process *p)
{
    return p->run_id;
}

int64_t sim_process_started_boot_ns(const struct process *p)
{
    return p->told_started_boot_ns;
}

/* ---- faults, and what a test looks at ---- */

bool sim_kill(struct sim *s, const char *service, int slot, int signo)
{
    struct process *p = process_living(s, service, slot);

    if (p == NULL || !p->alive)
        return false;
    shim_process_dies(p, 0, signo, false);
    return true;
}

bool sim_hang(struct sim *s, const char *service, int slot)
{
    struct process *p = process_living(s, service, slot);

    if (p == NULL || !p->alive)
        return false;
    p->hangs = true;
    return true;
}

bool sim_kill_shim(struct sim *s, const char *service, int slot)
{
    struct process *p = process_living(s, service, slot);

    if (p == NULL || !p->shim)
        return false;
    p->shim = p->managed = false;
    p->shim_generation++;
    p->retry_generation++;
    driver_shim_gone(p);
    return true;
}

void sim_stick(struct sim *s, const char *service, int slot, const char *program)
{
    struct sticky *st = NULL;

    for (size_t k = s->sticky.count; k-- > 0;)
        if (service == NULL ||
            (s->sticky.at[k].slot == slot && strcmp(s->sticky.at[k].service, service) == 0))
            vec_remove(&s->sticky, k);
    if (program == NULL)
        return;
    st = vec_add(&s->sticky);
    st->slot = slot;
    (void)snprintf(st->service, sizeof st->service, "%s", service);
    st->program = sim_program_find(program);
    must(st->program != NULL);
}

static void describe(const struct process *p, struct sim_process *out)
{
    *out = (struct sim_process){.service = p->service,
        .slot = p->slot,
        .program = p->program->name,
        .argument = p->argument,
        .shim = p->shim,
        .alive = p->alive,
        .waits = p->phase == PHASE_WAITING,
        .answers = shim_process_answers(p),
        .hangs = p->alive && shim_process_hangs(p),
        .strange = p->runs != p->program,
        .pid = p->alive ? p->pid : 0,
        .port = p->port,
        .starts = p->starts,
        .run_id = p->run_id,
        .records = p->records.count,
        .started_ns = p->started_ns};
}

bool sim_process_at(const struct sim *s, size_t index, struct sim_process *out)
{
    VEC_EACH (&s->processes, struct process *, p)
        if (((*p)->dir || (*p)->alive) && index-- == 0) {
            describe(*p, out);
            return true;
        }
    return false;
}

bool sim_process_of(const struct sim *s, const char *service, int slot, struct sim_process *out)
{
    const struct process *p = process_living(s, service, slot);

    if (p != NULL)
        describe(p, out);
    return p != NULL;
}
