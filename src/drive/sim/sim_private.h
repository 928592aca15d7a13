/* sim_private.h - what the files of the in-memory world share.
 *
 *   sim.c      the agenda, the clocks, timers, ports     program.c  how processes behave
 *   shim.c     a shim and its process                    process.c  the driver: what a daemon sees
 *   journal.c  events, and the facts in them             probe.c    questions and answers */
#ifndef TEND_DRIVE_SIM_PRIVATE_H
#define TEND_DRIVE_SIM_PRIVATE_H

#include "drive/sim/sim.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "base/vec.h"

/* One thing that is due. It is void once the generation it was made in is over. */
struct item {
    int64_t at_ns;
    uint64_t order;
    void (*fn)(struct sim *s, void *object, int64_t number);
    void *object;
    int64_t number;
    const uint32_t *generation; /* NULL: never void */
    uint32_t made_in;
    bool flight; /* counts as being on its way */
};

struct timer {
    uint32_t generation;
    struct sim *sim;
    timer_fn fn;
    void *data;
    int64_t due_ns; /* INT64_MAX: not set */
};

struct notice {
    uint64_t seq;
    journal_durable_fn fn;
    void *data;
};

struct journal_sim {
    struct arena *texts;
    struct {
        VEC_OF(struct event);
    } events; /* number 1 is at 0 */
    uint64_t durable, folded;
    bool full, flushing;
    uint32_t generation; /* counts daemons: notices of a dead one are void */
    uint64_t flushes;
    struct {
        VEC_OF(struct notice);
    } notices;
    struct map facts;     /* "subject key" -> struct fact */
    struct map instances; /* subject -> struct instance_row */
};

/* A run directory: shim, process and records. It stays in memory when the directory is gone. */
struct process {
    struct sim *sim;
    char service[64];
    int slot;
    uint64_t run_id;
    bool dir;

    /* the shim */
    uint32_t shim_generation, run_generation, retry_generation;
    bool shim;
    int shim_pid;
    enum { PHASE_NEW, PHASE_RUNNING, PHASE_STOPPING, PHASE_WAITING, PHASE_DONE } phase;
    bool on_success, on_failure, held, managed, retrying, vanished;
    int burst, tokens;
    struct process_lease lease; /* on its way */
    uint8_t lease_codes[256];
    int64_t stable_ms, slow_first_ms, slow_max_ms, slow_ms;
    uint8_t stop_codes[32];
    uint64_t incarnation, restarts;
    struct {
        VEC_OF(struct process_record);
    } records;    /* number 1 is at 0 */
    uint64_t low; /* the first that is not acknowledged */

    /* its process */
    const struct sim_program *program; /* what it is started as */
    const struct sim_program *runs;    /* what it behaves like */
    char argument[48];
    bool alive, hangs, killed;
    int pid, port, starts;
    int64_t started_ns, started_boot_ns, ready_ns, hangs_ns;

    /* the daemon's side */
    bool linked, forgotten, ended, stop_pending;
    int64_t stop_grace_ms;
    uint32_t link_generation;
    void *owner;
    uint64_t told;
    enum process_phase told_phase;
    int told_pid, told_shim_pid;
    int64_t told_started_boot_ns;
};

struct sticky {
    char service[64];
    int slot;
    const struct sim_program *program;
};

struct sim {
    uint64_t seed;
    sim_sight_fn saw;
    void *saw_data;
    int64_t now_ns, boot_offset_ns, wall_offset_ns;
    struct {
        VEC_OF(struct item);
    } agenda; /* a heap */
    uint64_t order;
    size_t in_flight;
    void (*hook)(void *data);
    void *hook_data;
    struct {
        VEC_OF(struct timer *);
    } timers;
    struct {
        VEC_OF(struct probe *);
    } probes;
    struct {
        VEC_OF(struct process *);
    } processes;
    struct {
        VEC_OF(int);
    } held_ports, strange_ports;
    struct {
        VEC_OF(struct sticky);
    } sticky;
    struct journal_sim journal;
    struct process_callbacks callbacks;
    void *driver_data;
    bool driver;
    int64_t calls_left; /* until the daemon dies; INT64_MAX: it lives */
    uint32_t daemon;    /* counts them */
    int next_pid, next_port;
};

/* ---- sim.c ---- */
void sim_at(struct sim *s, int64_t at_ns, void (*fn)(struct sim *s, void *object, int64_t number),
    void *object, int64_t number, const uint32_t *generation);
/* The same for what is on its way between the daemon and the world. */
void sim_send(struct sim *s, int64_t delay_ns,
    void (*fn)(struct sim *s, void *object, int64_t number), void *object, int64_t number,
    const uint32_t *generation);
/* A call of the daemon: false if it is dead, and then nothing may come of it. */
bool sim_call(struct sim *s);
/* Milliseconds to nanoseconds, between half and one and a half of it. */
int64_t sim_about(const struct sim *s, int64_t ms, const char *what, uint64_t number);
void sim_see(struct sim *s, const struct sim_sight *sight);
bool sim_port_is_strange(const struct sim *s, int port);

/* ---- shim.c ---- */
/* Begins to run; then starts its process. */
void shim_launch(struct process *p);
/* The place of one that was killed. */
void shim_take_over(struct process *p);
void shim_lease(struct process *p, const struct process_lease *lease);
void shim_unmanaged(struct process *p);
void shim_process_dies(struct process *p, int code, int signo, bool oom);
void shim_on_resume(struct sim *s, void *object, int64_t number);
void shim_on_hold(struct sim *s, void *object, int64_t on);
void shim_on_stop(struct sim *s, void *object, int64_t grace_ms);
bool shim_process_hangs(const struct process *p);
bool shim_process_answers(const struct process *p);

/* ---- process.c ---- */
void process_tell_later(struct process *p);
struct process *process_living(const struct sim *s, const char *service, int slot);
void driver_shim_gone(struct process *p);
void driver_dies(struct sim *s);

/* ---- journal.c ---- */
void journal_init(struct sim *s);
void journal_fini(struct sim *s);
void journal_dies(struct sim *s, bool power);
void journal_disk(struct sim *s, bool full);

/* ---- probe.c ---- */
void probes_die(struct sim *s);

#endif
