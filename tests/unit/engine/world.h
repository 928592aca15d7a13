/* world.h - an in-memory world for the engine: processes that behave as their command says, a
 * clock that jumps from event to event, and a journal that is an array.
 *
 * argv[0] of a service is its behaviour:
 *   ok              ready 5 ms after its start, for ever
 *   crash           exits with code 1 after 2 ms
 *   crash-ready     is ready after 5 ms, exits with code 1 after 50 ms
 *   flash           has no health check, exits with code 1 after 100 ms
 *   never-ready     runs and never passes a probe
 *   job             exits with code 0 after 10 ms
 *   bad-job         exits with code 3 after 10 ms
 *   missing         cannot be started
 *   slow-job        exits with code 0 after 90 s
 *   stubborn        as ok, and ends only when its grace is over */
#ifndef TEND_TESTS_UNIT_ENGINE_WORLD_H
#define TEND_TESTS_UNIT_ENGINE_WORLD_H

#include "engine/engine.h"
#include "engine/engine_private.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/vec.h"

enum world_kind {
    WORLD_STARTED,
    WORLD_START_FAILED,
    WORLD_PROBE,
    WORLD_EXIT,
    WORLD_GONE,
};

struct process {
    int slot;
    char service[64];
    bool shim;  /* a shim is there */
    bool waits; /* it waits for a word */
    bool alive; /* and its process runs */
    bool hangs; /* alive, and fails its probes */
    int run;    /* counts starts; events of an earlier run are void */
    int tokens; /* leased restarts */
    bool hands_off;
    int64_t started_ns, stop_at_ns;
    enum engine_probe probe;
    char behaviour[32];    /* empty: never started */
    const char *sticks_to; /* whatever it is started as; NULL: as started */
};

struct world_event {
    int64_t at_ns;
    enum world_kind kind;
    struct process *process;
    int run;
    int code, signal;
};

struct told {
    char type[48], subject[64], evidence[5000];
    uint64_t causes[EVENT_CAUSES_MAX];
    size_t cause_count;
    int64_t at_ns;
};

/* What the journal's `set` has added up to. */
struct fact {
    char subject[64], key[32], value[4000];
    uint64_t seq;
};

struct world {
    struct engine *engine;
    uint64_t seed;
    const struct project *declared, *previous; /* counted; as the facts of an apply name them */
    struct {
        VEC_OF(struct fact);
    } facts;
    int64_t now_ns;
    int64_t wall_ahead_ns; /* of the boot clock; change it, and the clock has jumped */
    struct {
        VEC_OF(struct process *);
    } processes;
    struct {
        VEC_OF(struct world_event);
    } events;
    struct {
        VEC_OF(struct told);
    } journal;
    int results, results_ok;
    int last_exit;
    char last_text[1000];
    bool broken; /* the engine asked for something impossible */
    char broken_text[200];
};

void world_init(struct world *w, uint64_t seed);
void world_fini(struct world *w);
/* Let the time pass, doing whatever becomes due. */
void world_run(struct world *w, int64_t ns);
/* Until the operation's result is there; false after a minute. */
bool world_finish(struct world *w);
const struct engine_sink *world_sink(struct world *w);
struct process *world_process(struct world *w, const char *service, int slot);
/* What it was started as last; "" if never. */
const char *world_behaviour(struct world *w, const char *service, int slot);
/* The daemon dies and the next one takes over: a new engine, from facts and living shims alone. */
void world_restart_daemon(struct world *w);
/* An intent, as the door journals it: `project` is what is declared from now on; `json` a fact. */
void world_intend_project(struct world *w, const struct project *p);
void world_intend(struct world *w, const char *subject, const char *key, const char *json);
/* Its process dies now by SIGKILL. */
void world_kill(struct world *w, const char *service, int slot);
size_t world_told(const struct world *w, const char *type, const char *subject);
const struct told *world_last(const struct world *w, const char *type, const char *subject);
enum instance_state world_state(const struct world *w, const char *service, int slot);
enum service_state world_service(const struct world *w, const char *service);

/* A project of services "name behaviour [replicas] [after NAME…]", one a line; released by the
 * caller with project_unref. The revision is that of the behaviour. "!name behaviour KEY: VALUE, …"
 * is a job. */
const struct project *world_project(const char *text);

#endif
