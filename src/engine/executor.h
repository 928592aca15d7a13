/* executor.h - carries out a plan that has more in it than services.
 *
 *     intent durable ─▶ records durable ─▶ MAKING: files, directories … on workers, by what needs
 * what │ a failed step stops what depends on it ▼ DECLARING: what is declared becomes durable, the
 * engine brings services there ▼ REMOVING: what is no longer declared, what needs others first ▼
 *                       operation.finished or operation.failed, durable, then the result is told
 *
 * Each step is a task on a worker: plain data in, an outcome out. At most EXECUTOR_PARALLEL of them
 * go at once. Before anything is done the journal holds the intent with the fact `applying`, and
 * for each step a record that says what was there; so the next daemon finds a run that was cut off
 * at any point, plans again, and goes on with what is left.
 *
 * Services whose needs could not be met keep what they ran: what is then declared is the document
 * with those services as they were.
 *
 * One run at a time; a second is refused with ERR_LOCKED, which names the owner. Plans of services
 * alone do not come here: the engine can follow a newer wish at any time. Control thread. */
#ifndef TEND_ENGINE_EXECUTOR_H
#define TEND_ENGINE_EXECUTOR_H

#include "base/json.h"
#include "engine/engine.h"
#include "engine/survey.h"

#define EXECUTOR_PARALLEL 10 /* as Terraform */

struct executor;
struct run;
struct journal;
struct loop;
struct views;

/* All borrowed. */
struct executor_settings {
    struct loop *loop;
    struct journal *journal;
    struct views *views;
    struct engine *engine;
    const char *state_dir;
    struct str revision_key;
};

/* Reads what is remembered: blocks. */
MUST_USE bool executor_create(
    struct executor **out, const struct executor_settings *settings, struct err *err);
/* A run under way is told to be cut off; the next daemon goes on with it. */
void executor_destroy(struct executor **x);
/* Goes on with a run that the last daemon left. Once, when the engine acts. */
void executor_resume(struct executor *x);

/* Looks at the world on a worker, then on the loop: `fn` gets the survey and owns it, or NULL and
 * the reason. */
typedef void (*executor_seen_fn)(void *data, struct survey *s, const struct err *err);
void executor_survey(
    struct executor *x, const struct project *declared, executor_seen_fn fn, void *data);

/* False with ERR_LOCKED: who is at it, since when, and how far. */
MUST_USE bool executor_is_free(const struct executor *x, struct err *err);
/* The plan has steps that only this carries out. */
bool executor_is_needed(const struct plan *p);

struct order {
    const struct project *project; /* what is planned for; counted */
    const struct project *target;  /* what is declared in the end; NULL: the empty project */
    bool start;                    /* what people had stopped too */
    const char *actor;
    struct survey *survey; /* taken over */
    struct plan plan;      /* of that survey; taken over */
};

/* Takes the place for a run: executor_is_free said so. Nothing happens yet. */
struct run *executor_prepare(struct executor *x, struct order *order);
/* The value of the fact `applying`, for the event that is its intent. */
void executor_write_applying(const struct run *run, struct json *j, const char *key);
/* The intent could not be made durable. */
void executor_abandon(struct executor *x, struct run **run);
/* The intent is durable: go. */
void executor_begin(
    struct executor *x, struct run *run, uint64_t intent, const struct engine_sink *sink);

#endif
