/* sim.h - everything below the engine, in memory: a machine with processes, shims, probes, ports, a
 * journal and two clocks, which lives years in seconds and the same life again for the same seed.
 *
 *     engine, hands ──process_start, probe_start, timer_set, journal_append …──▶ sim
 *                   ◀── on_record, probe results, timers, durable notices ────── agenda
 *     a test        ──kill, hang, kill the shim, fill the disk, step a clock, reboot──▶ sim
 *
 * It speaks the language of the real headers (drive/process/process.h, observe/probe/probe.h,
 * record/journal.h, io/loop.h): for each of their functions that the engine uses there is one here
 * with `sim_` in front, and a test program that links these under the real names (tests/simulate/
 * seam.c) runs the shipped hands and engine on it, unchanged.
 *
 * Words:
 *   agenda    what is due, in order of time and then of being asked for; nothing else happens
 *   program   what argv[0] names: how a process behaves (sim_programs)
 *   shim      restarts by lease and numbers its records as the real one does (src/shim/policy.c)
 *   sight     one thing that happened in the world, as a test's observer is told
 *   die       the daemon is dead from a given moment on: what its code still does has no effect
 *
 * Chance is a hash of the seed and of what it is for (whose start, which flush), never of how much
 * happened before: take one step out of a life and the others stay as they were. Everything belongs
 * to one thread; nothing blocks. */
#ifndef TEND_DRIVE_SIM_H
#define TEND_DRIVE_SIM_H

#include "drive/process/ports.h"
#include "drive/process/process.h"
#include "io/loop.h"
#include "observe/probe/probe.h"
#include "record/journal.h"
#include "record/views.h"

struct sim;

/* ---- programs ---- */

/* Times are milliseconds, each drawn between half and one and a half of what stands here; -1 is
 * never. */
struct sim_program {
    const char *name;
    const char *help;
    int64_t ready_ms; /* it answers probes this long after its start */
    int64_t ends_ms;  /* it ends by itself this long after its start */
    int64_t hangs_ms; /* it answers nothing from then on, nor its stop signal */
    int64_t stop_ms;  /* from its stop signal to its end */
    int code;         /* of its own end */
    int signal;       /* or this */
    bool oom;         /* or the kernel, for its memory */
    bool missing;     /* there is no such program: starting fails at once */
    bool fails;       /* the shim cannot execute it */
};
const struct sim_program *sim_program_find(const char *name); /* NULL: none */
const struct sim_program *sim_programs(size_t *out_count);

/* ---- what a test sees ---- */

enum sim_sight_kind {
    SIM_ASKED_START,  /* of the driver: a new shim */
    SIM_ASKED_RESUME, /* of a shim that waits */
    SIM_ASKED_STOP,
    SIM_ASKED_FORGET,
    SIM_STARTED,  /* a process runs */
    SIM_ENDED,    /* it does not any more */
    SIM_PORT_MET, /* it found its port in use by another living process */
    SIM_TOLD,     /* a record reached the daemon */
    SIM_EVENT,    /* an event was appended */
};
struct sim_sight {
    enum sim_sight_kind kind;
    const char *service; /* NULL for an event */
    int slot;
    const char *program, *argument; /* argv[0] and argv[1] */
    int pid, port;
    bool by_shim;                        /* started: within its lease, or alone */
    int code, signal;                    /* ended */
    const struct process_record *record; /* told */
    const struct event *event;
};
typedef void (*sim_sight_fn)(void *data, const struct sim_sight *sight);

/* ---- the world ---- */

struct sim *sim_create(uint64_t seed, sim_sight_fn saw, void *data);
/* Everything that was made on it goes too. */
void sim_destroy(struct sim **s);
uint64_t sim_seed(const struct sim *s);
/* Hash of the seed and of what it is for; the same for ever. */
uint64_t sim_chance(const struct sim *s, const char *what, uint64_t number);

/* Since the life began; goes on over reboots. */
int64_t sim_now_ns(const struct sim *s);
int64_t sim_boot_ns(const struct sim *s);
int64_t sim_wall_ns(const struct sim *s);
/* Does the one thing that is due next, if it is due until then: true. Else nothing is left to do
 * before, and it is `until_ns` now. The hook of loop_after_turn is called behind each. */
bool sim_step(struct sim *s, int64_t until_ns);
/* When something is due next; INT64_MAX never. */
int64_t sim_next_ns(const struct sim *s);
/* Records, commands and flushes are on their way: what the daemon knows is behind. */
bool sim_in_flight(const struct sim *s);

/* ---- faults ---- */

void sim_step_wall(struct sim *s, int64_t step_ns);
/* All clocks go on, nothing happens meanwhile. */
void sim_suspend(struct sim *s, int64_t ns);
void sim_fill_disk(struct sim *s, bool full);
/* A process of nobody listens there, or not any more. */
void sim_take_port(struct sim *s, int port, bool taken);
/* These return false where nothing of it runs. */
bool sim_kill(struct sim *s, const char *service, int slot, int signo);
bool sim_hang(struct sim *s, const char *service, int slot);
bool sim_kill_shim(struct sim *s, const char *service, int slot);
/* From the next start on its slot behaves like that whatever it is started as; NULL: as started
 * (`service` NULL: all slots do). */
void sim_stick(struct sim *s, const char *service, int slot, const char *program);

/* The daemon is dead after `calls` more calls of it to the world (0: now). Its memory is still to
 * be released by whoever made it; nothing that this does has an effect. */
void sim_die_after(struct sim *s, int64_t calls);
bool sim_is_dead(const struct sim *s);
/* Behind sim_is_dead and once the daemon's memory is released: the machine is ready for the next
 * one. Events that were not durable are lost in part, with `power` all of them. */
void sim_bury(struct sim *s, bool power);
/* All processes die unseen and the clock since boot begins anew; the run directory is lost unless
 * `keeps_run`. The daemon must be dead. */
void sim_reboot(struct sim *s, bool keeps_run);

/* ---- to look at ---- */

struct sim_process {
    const char *service;
    int slot;
    const char *program, *argument; /* argv[0] and argv[1]; "" for none */
    bool shim, alive, waits;
    bool answers; /* would pass a probe now */
    bool hangs;
    bool strange;          /* it runs as something else than it was started as */
    int pid, port, starts; /* of this slot in this life */
    uint64_t run_id, records;
    int64_t started_ns; /* sim_now_ns */
};
/* Every run directory there is; the index goes from 0, false behind the last. */
bool sim_process_at(const struct sim *s, size_t index, struct sim_process *out);
bool sim_process_of(const struct sim *s, const char *service, int slot, struct sim_process *out);
size_t sim_event_count(const struct sim *s);
/* 1 to sim_event_count; lives until the next append. */
const struct event *sim_event(const struct sim *s, uint64_t seq);
/* The value as JSON; NULL if the journal (all of it, durable or not) does not set it. */
const char *sim_fact(struct sim *s, const char *subject, const char *key);
/* Facts and instances, one a line in order: equal text is equal state. */
void sim_dump_views(struct sim *s, struct buf *out);

/* ---- io/loop.h ---- */

void sim_loop_after_turn(struct sim *s, void (*hook)(void *data), void *data);
struct timer *sim_timer_create(struct sim *s, timer_fn fn, void *data);
void sim_timer_destroy(struct timer **t);
void sim_timer_set(struct timer *t, int64_t delay_ms);
void sim_timer_clear(struct timer *t);

/* ---- record/journal.h, record/views.h ---- */

uint64_t sim_journal_append(struct sim *s, const struct event *e);
bool sim_journal_append_durable(struct sim *s, const struct event *e, uint64_t *out_seq,
    journal_durable_fn fn, void *data, struct err *err);
void sim_journal_when_durable(struct sim *s, uint64_t seq, journal_durable_fn fn, void *data);
/* Whoever waits for a promise hears that there is none: the end of a daemon. */
void sim_journal_close(struct sim *s);
uint64_t sim_journal_head(const struct sim *s);
uint64_t sim_journal_durable(const struct sim *s);
bool sim_views_facts_each(struct sim *s, views_fact_fn fn, void *data);
bool sim_views_instances_each(struct sim *s, views_instance_fn fn, void *data);

/* ---- observe/probe/probe.h ---- */

struct probe *sim_probe_create(
    struct sim *s, const struct probe_target *target, probe_fn fn, void *data);
void sim_probe_destroy(struct probe **p);
void sim_probe_start(struct probe *p, enum probe_mode mode);
void sim_probe_stop(struct probe *p);

/* ---- drive/process/ports.h ---- */

MUST_USE bool sim_port_allocate(struct sim *s, int *out_port, struct err *err);
MUST_USE bool sim_port_claim(struct sim *s, int port, bool in_use, struct err *err);
void sim_port_release(struct sim *s, int port);

/* ---- drive/process/process.h ---- */

void sim_driver_open(struct sim *s, const struct process_callbacks *callbacks, void *data);
void sim_driver_close(struct sim *s);
MUST_USE bool sim_process_start(struct sim *s, const struct process_spec *spec, void *owner,
    struct process **out, struct err *err);
MUST_USE bool sim_process_adopt_all(
    struct sim *s, const struct process_adoption *adoption, struct err *err);
void sim_process_forget(struct process **p);
void sim_process_stop(struct process *p, int signo, int64_t grace_ms);
void sim_process_signal(struct process *p, int signo);
void sim_process_lease(struct process *p, const struct process_lease *lease);
void sim_process_resume(struct process *p);
void sim_process_hold(struct process *p, bool on);
void sim_process_ack(struct process *p, uint64_t number);
void *sim_process_owner(const struct process *p);
const char *sim_process_service(const struct process *p);
int sim_process_slot(const struct process *p);
enum process_phase sim_process_phase(const struct process *p);
int sim_process_pid(const struct process *p);
int sim_process_shim_pid(const struct process *p);
uint64_t sim_process_run_id(const struct process *p);
int64_t sim_process_started_boot_ns(const struct process *p);

#endif
