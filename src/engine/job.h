/* job.h - the engine's part for jobs: when a run begins, what it is, how it ends.
 *
 *     schedule, apply, person, dependency
 *           │ request                       an instance carries it out (instance.h)
 *           ▼
 *        PENDING ──needs hold──▶ BEGUN ──ends with 0──▶ succeeded
 *           │                      │ ▲ └──fails───────▶ a retry, or failed
 *           │ starting_deadline    │ └──────retry──────┘
 *           ▼                      ├──active_deadline─▶ failed
 *         missed                   └──stop────────────▶ cancelled
 *
 * A *run* has a number (1, 2, … for each job) and lives in a slot of the job's control while it is
 * active; several are active only as `concurrency` allows. The run of a job without a schedule
 * belongs to a revision: it is wanted as long as no run of the declared revision was requested.
 *
 * Wall-clock schedules are looked at with the wall clock that is handed in: what passed since the
 * engine looked last (`seen`) is at most one run, the latest; the others are told as missed. A
 * clock that was set back up to three hours waits until it is where it was; further, the new time
 * is taken. `@every` counts on the boot clock, which never jumps.
 *
 * All that the next daemon must know is one fact of the job ("job": an object) and one of the
 * instance ("run": the number that it has begun). Control thread. */
#ifndef TEND_ENGINE_JOB_H
#define TEND_ENGINE_JOB_H

#include "base/json.h"
#include "base/vec.h"
#include "engine/backoff.h"
#include "record/event.h"
#include "spec/project.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_RUNS_MAX     100 /* active at once */
#define JOB_MISSED_MAX   100 /* counted; "100 or more" */
#define JOB_HISTORY_KEPT 10  /* past runs that outlive the daemon */
#define JOB_SET_BACK_NS  (3 * 3600 * INT64_C(1000000000))

struct control;
struct engine;
struct engine_found;
struct engine_sink;
struct instance;
struct json_t;

enum job_trigger { TRIGGER_SCHEDULE, TRIGGER_APPLY, TRIGGER_PERSON, TRIGGER_DEPENDENCY };
enum job_result { RESULT_NONE, RESULT_SUCCEEDED, RESULT_FAILED, RESULT_CANCELLED, RESULT_MISSED };

const char *job_trigger_name(enum job_trigger t); /* "schedule" */
const char *job_result_name(enum job_result r);   /* "succeeded"; "" for none */

/* A run in its slot. Wall times in nanoseconds, 0 where there is none. */
struct job_run {
    bool active;
    bool begun; /* its process was started, at least once */
    enum job_trigger trigger;
    int number;
    int failures;
    int64_t scheduled_wall_ns;
    int64_t requested_wall_ns;
    int64_t give_up_ns;  /* boot time: missed if it has not begun; INT64_MAX never */
    int64_t deadline_ns; /* boot time: stopped then; INT64_MAX never */
    bool waits;          /* until the runs that it replaces have ended */
    bool timed_out;
    const char *cancelled; /* why; NULL: it is not */
    uint64_t event;        /* that told it */
};

/* A run that is over. */
struct past_run {
    int number;
    enum job_trigger trigger;
    enum job_result result;
    int code; /* -1: by a signal, or it never began */
    int slot;
    int64_t scheduled_wall_ns, requested_wall_ns, started_wall_ns, ended_wall_ns;
    struct hash revision;
    char reason[120];
};

struct job_state {
    int64_t seen_wall_ns;  /* the schedule was carried out until here; 0: not yet looked at */
    int64_t every_due_ns;  /* boot time of the next run of an @every; 0: not known yet */
    int64_t next_wall_ns;  /* the next run by the schedule, jitter included; INT64_MAX: none */
    char *schedule;        /* that `seen` is about, with its time zone */
    struct hash requested; /* the revision that a run was requested for */
    int runs;
    uint64_t succeeded, failed, missed;
    int64_t last_success_wall_ns, last_failure_wall_ns, last_scheduled_wall_ns;
    struct hash succeeded_revision;
    struct {
        VEC_OF(struct past_run);
    } past; /* oldest first */
};

/* ---- job.c ---- */
void job_evaluate(struct control *c);
/* A declaration has reached the control: `failed_again` lets a run that failed be tried again. */
void job_declared(struct control *c, bool try_again);
/* Its control is not a job (any more): what runs is as it is. */
void job_removed(struct control *c);
/* Requests a run; its number, 0 if it is left out (which was told). */
int job_request(
    struct control *c, enum job_trigger trigger, int64_t scheduled_wall_ns, uint64_t cause);
void job_cancel_all(struct control *c, uint64_t cause, const char *why);
int job_active(const struct control *c);
const struct past_run *job_last(const struct control *c); /* NULL: none */
const struct past_run *job_past(const struct control *c, int number);
struct instance *job_running(const struct control *c, int number);
bool job_meets(const struct control *c, enum depend_condition condition);
bool job_has_given_up(const struct control *c);
/* What starts needs a job that has never run: it runs now. */
void job_wake(struct control *dependent);

/* ---- job_run.c ---- */
/* The process of a run ended, or could not be started. */
void job_after_exit(struct instance *i);
void job_step(struct instance *i);
void job_finish(struct instance *i, enum job_result result);
/* When it has to be looked at again. */
int64_t job_run_deadline(const struct instance *i);

/* ---- job_facts.c ---- */
/* "job": {…} into an open object "set". */
void job_write_fact(struct json *j, const struct control *c);
void job_restore(struct control *c, const struct json_t *fact);
/* An instance was adopted, or nothing of it is there any more. */
void job_adopted(struct instance *i, const struct engine_found *f);
void job_restore_gone(struct instance *i, const struct engine_found *f);

#endif
