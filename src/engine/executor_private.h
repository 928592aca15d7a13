/* executor_private.h - what the files of the executor share.
 *
 *   executor.c   surveys, the one place for a run, resuming     run.c     phases and the result
 *   step.c       one step: its task and its events              merge.c   what is declared in the
 * end
 */
#ifndef TEND_ENGINE_EXECUTOR_PRIVATE_H
#define TEND_ENGINE_EXECUTOR_PRIVATE_H

#include "engine/executor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "io/loop.h"
#include "io/worker.h"
#include "record/journal.h"

#define EXECUTOR_MAGIC 0x65786563
#define RUN_MAGIC      0x72756e31
#define STEP_MAGIC     0x73746570

enum step_state { STEP_WAITING, STEP_RUNNING, STEP_DONE, STEP_FAILED, STEP_SKIPPED };

struct step {
    uint32_t magic;
    struct run *run;
    const struct change *change;
    const char *subject;
    enum step_state state;
    bool removes; /* belongs to the last phase */
    struct {
        VEC_OF(struct step *);
    } needers;   /* wait for this one */
    size_t open; /* so many it waits for itself */

    /* Written by the worker. */
    struct arena *arena;
    struct kind_outcome outcome;
    bool ok;
    struct err err;
    int64_t took_ns;

    uint64_t seq; /* of the event that told its end */
};

/* A service that is restarted for what was changed. */
struct restart {
    const char *service, *why;
    uint64_t seq; /* of its event */
};

enum run_phase { RUN_PREPARED, RUN_RECORDING, RUN_MAKING, RUN_DECLARING, RUN_REMOVING, RUN_ENDING };

struct run {
    uint32_t magic;
    struct executor *executor;
    const struct project *project, *target; /* see struct order */
    bool start, resumed;
    char *actor;
    int64_t since_wall_ns, since_ns;
    struct survey *survey;
    struct plan plan;
    uint64_t intent;
    struct engine_sink sink; /* all NULL: nobody follows */
    enum run_phase phase;
    struct step *steps;
    size_t step_count;
    size_t running, done, failed, skipped;
    struct map restarts; /* services to be restarted when it is their turn; name → "" */
    struct {
        VEC_OF(struct restart);
    } decided;
    const struct project *merged; /* what is declared, where it is not the target */
    struct map held;              /* services that keep what they run; name → why */
    struct buf failures;          /* for people */
    bool services_ok;
    int services_exit;
    struct buf services_text;
    const char *undo;
};

struct executor {
    uint32_t magic;
    struct executor_settings settings;
    char *objects_dir;
    struct workers *workers;
    struct managed managed;
    struct run *run; /* the one under way */
    struct {
        VEC_OF(struct look_task *);
    } looking;
    bool ending;
};

/* ---- executor.c ---- */
void run_destroy(struct run **run);

/* ---- run.c ---- */
/* The records are durable: begin. */
void run_start(struct run *run);
/* A step of it ended. */
void run_step_ended(struct run *run, struct step *step);

/* ---- step.c ---- */
void steps_create(struct run *run);
void steps_destroy(struct run *run);
/* The record that says what was there, into the journal; returns its number. */
uint64_t step_record(struct step *step);
/* On a worker; run_step_ended follows. */
void step_start(struct step *step);
/* It is not done because of `why`; and what needs it neither. */
void step_skip(struct step *step, const char *why);
/* An event about it, caused by the intent; `fill` writes into the open evidence. */
void step_event(struct step *step, const char *type, const char *reason, int64_t took_ns,
    const struct node *before, const struct node *record);
void run_progress(const struct run *run, const char *subject, const char *state, const char *text);

/* ---- merge.c ---- */
/* The target, in which services that are held are as in `before` (NULL: they are left out). */
const struct project *merge_held(const struct project *target, const struct project *before,
    const struct map *held, struct str revision_key, struct err *err);
/* Services that need what failed, and what needs those. */
void find_held(struct run *run);

#endif
