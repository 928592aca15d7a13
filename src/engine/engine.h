/* engine.h - the loop's mind: from what is declared and what is seen to what is done.
 *
 *   declare(project) ─┐                       ┌─▶ host.spawn / resume / stop / signal / probe …
 *   on_started, …     ┼─▶ engine ─ turn(now) ─┼─▶ host.record (an event with cause and evidence)
 *   on_probe, ticks  ─┘                       └─▶ sinks of operations (progress, result)
 *
 * Pure: it knows neither sockets nor processes nor a clock. Time and randomness are handed in, what
 * is to be done goes out through `struct engine_host`, which must not call back into the engine
 * from within (answers come later, through engine_on_*). The same inputs give the same decisions:
 * tests/unit/engine replays seeded streams of them against an in-memory world.
 *
 * Words: a *control* is one service under control, an *instance* one of its replicas ("web/1"), an
 * *update* the replacement of instances whose revision is not the declared one, an *operation*
 * something a person asked for that is followed until it is done. Times are CLOCK_BOOTTIME in
 * nanoseconds. Control thread. */
#ifndef TEND_ENGINE_ENGINE_H
#define TEND_ENGINE_ENGINE_H

#include "base/err.h"
#include "base/json.h"
#include "engine/backoff.h"
#include "engine/instance.h"
#include "engine/job.h"
#include "record/event.h"
#include "spec/project.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_SUBJECT_BYTES 160

struct control;

/* How a process ended. */
struct engine_exit {
    bool known; /* false: it is gone, and nobody saw how ("lost") */
    int code;   /* -1 if it was killed by a signal */
    int signal; /* 0 if it exited */
    bool oom;   /* the kernel killed it for its memory limit */
    bool core;
    int64_t ran_ns;
    int64_t at_ns;   /* when it was seen */
    bool restarting; /* its shim starts it again by itself: on_started follows */
    bool stopped;    /* the shim was asked to stop it */
};

/* One replica. The engine's; hosts read it and keep their own handle in `hand`. */
struct instance {
    uint32_t magic;
    struct control *control;
    int slot; /* 1, 2, … */
    char subject[ENGINE_SUBJECT_BYTES];
    const struct project *project; /* keeps `spec` alive */
    const struct service
        *spec; /* what it runs, or will run; an earlier one while an update is on;
                * never NULL, a bare default (project NULL) if nobody declares it */
    struct hash
        revision;   /* of what it runs: that of `spec`, unless nobody knows that one any more */
    int generation; /* restarts a person asked for, see control */

    enum instance_state state;
    int64_t since_ns; /* in this state */
    int64_t since_wall_ns;
    int64_t deadline_ns; /* when this state has to be looked at again; INT64_MAX never */

    int incarnation; /* starts so far */
    int restarts;    /* of those, healing ones */
    int pid;         /* 0: none */
    int port;        /* its $PORT, 0 none; the host sets it before on_started */
    int64_t started_ns, started_wall_ns;
    bool has_process; /* host.spawn was called, and neither start_failed nor gone came */
    struct engine_exit last_exit;
    int64_t last_exit_wall_ns; /* 0: it has not ended yet */
    char record[48];           /* the host's name of what it told last; kept as a fact */

    struct backoff backoff;
    struct job_run run; /* of a job: what it carries out */
    bool was_ready;     /* since this start */
    int failures;       /* failed probes in a row */
    struct {
        uint64_t passed, failed;
        int64_t last_ns, total_ns;
    } probe;            /* since tend looks after it */
    bool hung;          /* being stopped because it hangs */
    bool dumping;       /* told to write its stacks, TERM comes next */
    bool restart_asked; /* its next start is no healing: somebody asked for it */
    bool unheard;       /* adopted by the journal's word: its shim has not answered yet */
    bool held_down;     /* a person stopped just this one */
    bool undecided;     /* `last_exit` is known, and what it means was not told */
    bool in_batch;      /* being replaced */
    int64_t batch_deadline_ns;
    bool quarantine_told;
    bool waiting_told;    /* the journal says what it waits for */
    char reason[400];     /* why it is in this state, for people; "" none */
    uint64_t last_event;  /* the decisive event: the cause of what comes next */
    int64_t memory_bytes; /* as sampled by the host; -1 unknown */
    double cpu_seconds;   /* -1 unknown */

    void *hand;
};

enum engine_probe { ENGINE_PROBE_OFF, ENGINE_PROBE_STARTUP, ENGINE_PROBE_STEADY };

/* What the engine has done for it. All calls are answered later, none may call back at once. */
struct engine_host {
    void *data;
    /* A new process with i->spec; answered by on_started or on_start_failed. */
    void (*spawn)(void *data, struct instance *i);
    /* Its shim waits: start the same again; answered by on_started or on_start_failed. */
    void (*resume)(void *data, struct instance *i);
    /* TERM (the spec's stop signal), KILL after the grace; answered by on_gone. */
    void (*stop)(void *data, struct instance *i, int64_t grace_ns);
    void (*signal)(void *data, struct instance *i, int signo);
    void (*probe)(void *data, struct instance *i, enum engine_probe mode);
    /* How the shim may restart it by itself, or (`hands_off`) that it may not. */
    void (*lease)(void *data, struct instance *i, bool hands_off);
    /* It is gone for good, or its end is final: release port and run directory. */
    void (*forget)(void *data, struct instance *i);
    /* Append to the journal; returns the sequence number. */
    uint64_t (*record)(void *data, const struct event *e);
    /* Show how it is now, before somebody hears that what he asked for is done. May be NULL. */
    void (*publish)(void *data);
};

/* Where a person follows an operation. `result` is the last call. */
struct engine_sink {
    void *data;
    void (*progress)(void *data, const char *subject, const char *state, const char *text);
    void (*result)(void *data, bool ok, int exit_code, const char *text, const char *undo);
    bool silent; /* it is part of something larger, whose end the journal tells */
};

struct engine;

struct engine *engine_create(
    const struct engine_host *host, uint64_t seed, int64_t now_ns, int64_t now_wall_ns);
/* Stops nothing: the services live on. Operations are told that the daemon ends. */
void engine_destroy(struct engine **e);

/* ---- time ---- */
/* The time at which what follows is seen. Before a group of inputs; engine_turn does it too. */
void engine_now(struct engine *e, int64_t now_ns, int64_t now_wall_ns);
/* Decides whatever is due. Call it once after each batch of inputs, and at the deadline. Returns
 * whether anything that a snapshot shows has changed. */
bool engine_turn(struct engine *e, int64_t now_ns, int64_t now_wall_ns);
/* When it wants to be called again; INT64_MAX never. */
int64_t engine_deadline(const struct engine *e);

/* ---- what people want; each was journalled as `intent` before ---- */
/* `project` replaces what is declared; services not in it are stopped and removed. `start` clears
 * what people had stopped before, as `up` does. NULL is the empty project. */
void engine_declare(struct engine *e, const struct project *project, uint64_t intent, bool start,
    const struct engine_sink *sink);
/* slot 0 is all. The service (and slot) exist: engine_check says so first. */
void engine_start(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink);
void engine_stop(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink);
void engine_restart(struct engine *e, const char *service, int slot, uint64_t intent,
    const struct engine_sink *sink);
/* Nobody asked for it, but what `event` tells: "files.conf has changed". */
void engine_restart_because(struct engine *e, const char *service, uint64_t event, const char *why);
void engine_retry(
    struct engine *e, const char *service, uint64_t intent, const struct engine_sink *sink);
/* As engine_start of a job, but `wait` follows its run to the end. */
void engine_run(
    struct engine *e, const char *job, bool wait, uint64_t intent, const struct engine_sink *sink);
/* replicas < 0 goes back to the declared number. */
void engine_scale(struct engine *e, const char *service, int replicas, uint64_t intent,
    const struct engine_sink *sink);
/* Hands off until then (0: hands on). */
void engine_pause(struct engine *e, int64_t until_ns, int64_t until_wall_ns, uint64_t intent);
bool engine_is_paused(const struct engine *e);
/* The service exists, the slot too, and (scale) it may have that many replicas. */
MUST_USE bool engine_check(
    const struct engine *e, const char *service, int slot, int replicas, struct err *err);

/* A person may start it: a job whose `concurrency` forbids it must not run. */
MUST_USE bool engine_check_start(const struct engine *e, const char *service, struct err *err);

/* What people want of a service now, beside what is declared. The service exists. */
struct engine_wishes {
    int replicas;          /* wanted */
    int replicas_override; /* -1: as declared */
    bool stopped;          /* it, or the slot */
};
void engine_wishes(
    const struct engine *e, const char *service, int slot, struct engine_wishes *out);

/* ---- what is seen ---- */
/* `by_shim`: it came back within the shim's lease. Wall and boot times of the start. */
void engine_on_started(
    struct engine *e, struct instance *i, int pid, bool by_shim, int64_t at_ns, int64_t at_wall_ns);
void engine_on_start_failed(struct engine *e, struct instance *i, const char *why);
void engine_on_exited(
    struct engine *e, struct instance *i, const struct engine_exit *x, int64_t at_wall_ns);
/* Process and shim are gone. */
void engine_on_gone(struct engine *e, struct instance *i);
/* The shim of an adopted instance has answered: it is as its records say. */
void engine_on_heard(struct engine *e, struct instance *i);
void engine_on_probe(
    struct engine *e, struct instance *i, bool ok, const char *detail, int64_t took_ns);
/* Anything else worth an event about this instance (logs dropped, a leak suspected). */
uint64_t engine_note(struct engine *e, struct instance *i, const char *type, struct str evidence);

/* ---- after a restart of the daemon: before the first turn ---- */
/* What the journal's facts say; see restore.h. */
struct engine_facts {
    int replicas; /* -1: as declared */
    bool stopped;
    int generation;
    struct hash held, paused_update; /* revisions */
    bool is_held, is_paused;
    char held_over[HASH_TEXT_BYTES]; /* the document that the revision before is of; "" unknown */
};
void engine_restore_service(
    struct engine *e, const char *service, const struct engine_facts *facts);
/* What is known of a job, from its fact "job". Before engine_adopt. */
struct json_t;
void engine_restore_job(struct engine *e, const char *job, const struct json_t *fact);
/* What was declared last, and before that (NULL: not known) to carry on, and revert, an update.
 * Without events: nothing changes by it. Before engine_restore_service. `project` may be NULL. */
void engine_restore_project(
    struct engine *e, const struct project *project, const struct project *previous);
/* What a service ran before the revision that is held, where the previous project has it no more.
 */
void engine_restore_held_over(struct engine *e, const char *service, const struct project *project);
void engine_restore_pause(struct engine *e, int64_t until_ns, int64_t until_wall_ns);
/* A person stopped just this one, and nothing of it runs. */
void engine_restore_held_down(struct engine *e, const char *service, int slot);
/* How long starts and stops of it took lately; -1: not known. */
void engine_restore_pace(struct engine *e, const char *service, int64_t start_ms, int64_t stop_ms);
struct engine_found {
    int slot;
    int incarnation, restarts, generation;
    struct hash revision;
    bool ready; /* it was when it was last seen */
    bool held_down;
    bool running; /* else: its shim waits for a word */
    bool exited;  /* it was seen how, and not what is to be done: */
    int code;     /* -1 by a signal */
    int signal;
    int pid, port;
    int64_t started_ns, started_wall_ns;
    uint64_t last_event;
    int row;                   /* of backoff */
    int run;                   /* of a job: the number of the run that it has begun */
    enum instance_state final; /* COMPLETED or FAILED if it had ended for good; else STARTING */
};
/* An instance that runs, or had ended for good. An undeclared one is stopped. */
struct instance *engine_adopt(
    struct engine *e, const char *service, const struct engine_found *found);
/* Behind engine_adopt, once the host has a hand on it: leases and probes begin. */
void engine_adopted(struct engine *e, struct instance *i);
/* Behind the last of them: how services are now is no news. `intent` declared them. */
void engine_restored(struct engine *e, uint64_t intent);

/* ---- to look at ---- */
struct snapshot;
/* Fills everything that the engine knows of into a new root: project, pause, services, converged.
 * Services that have not changed since the last call are shared with it. */
void engine_describe(struct engine *e, struct snapshot *out);
/* Counters and samples have changed that are not worth a snapshot of their own. */
void engine_refresh(struct engine *e);
/* How many restarts of it people have asked for. */
int engine_generation(const struct engine *e, const char *service);
struct instance *engine_instance(const struct engine *e, const char *service, int slot);
const struct project *engine_project(const struct engine *e); /* borrowed; NULL if none */
const struct project *engine_previous(const struct engine *e);
size_t engine_instance_count(const struct engine *e);
bool engine_is_job(const struct engine *e, const char *name);
/* The facts of what people want of it, as it is now, into an open object; those of one that is not
 * there are taken away. */
void engine_write_wishes(const struct engine *e, const char *service, int slot, struct json *j);
/* As the file says, whatever was scaled; -1 if it is not declared. */
int engine_declared_replicas(const struct engine *e, const char *service);
bool engine_declares(const struct engine *e, const char *service);
void engine_each_instance(
    const struct engine *e, void *data, void (*fn)(void *data, struct instance *i));

#endif
