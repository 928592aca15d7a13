/* engine_private.h - what the files of the engine share.
 *
 *   engine.c      the engine, and time           declare.c    from a project to controls
 *   wishes.c      what people want               restore.c    after a restart of the daemon
 *   control.c     one service: its slots         slot.c       one instance and its machine
 *   dependency.c  what waits for what            summary.c    a service as a whole
 *   heal.c        starts, ends, verdicts         health.c     probes: ready, not ready, hung
 *   update.c      replacement in batches         operation.c  following what people asked for
 *   note.c        events, causes, evidence       describe.c   the snapshot
 *   job.c         schedules, requests of runs    job_run.c    one run, to its end */
#ifndef TEND_ENGINE_PRIVATE_H
#define TEND_ENGINE_PRIVATE_H

#include "engine/engine.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "base/vec.h"
#include "engine/storm.h"

#define CONTROL_MAGIC  0x63746c31
#define INSTANCE_MAGIC 0x696e7331

/* The worst that matters, as status shows it. */
enum service_state {
    SERVICE_READY,
    SERVICE_STARTING,
    SERVICE_UPDATING,
    SERVICE_DEGRADED, /* some ready */
    SERVICE_DOWN,     /* none ready, and not by anybody's wish */
    SERVICE_STOPPED,
    SERVICE_COMPLETED,
    SERVICE_FAILED,
    SERVICE_RUNNING,   /* a job: a run is under way */
    SERVICE_SCHEDULED, /* a job: waits for its time */
    SERVICE_SUSPENDED, /* a job: begins no run by itself */
};
const char *service_state_name(enum service_state state);

enum update_phase { UPDATE_NONE, UPDATE_ROLLING, UPDATE_REVERTING, UPDATE_PAUSED };

struct update {
    enum update_phase phase;
    uint64_t started_event, failed_event;
    int64_t started_wall_ns;
    int64_t ready_since_ns; /* the batch is ready since; 0 not yet */
    int replaced;
};

struct control {
    uint32_t magic;
    struct engine *engine;
    char *name;
    const struct project *project; /* declares it; NULL once removed */
    const struct service *spec;
    const struct project *previous_project; /* what it ran before, kept until an update is over */
    const struct service *previous;
    int replicas_override; /* -1: as declared */
    bool stopped;          /* by a person */
    int generation;        /* counts the restarts that were asked for */
    char restart_why[200]; /* the last of them, for people */
    bool is_held;
    struct hash held; /* the revision that was taken back */
    struct update update;
    uint64_t cause; /* the latest intent that touched it */
    enum service_state state, told;
    int64_t state_since_ns;
    uint64_t state_event;
    struct job_state job; /* of a job */
    bool dirty;
    bool stale; /* `described` is not how it is any more */
    const struct service_snapshot *described;
    unsigned seen;       /* what others decide by, as they last saw it */
    bool spec_worked;    /* all its instances were ready as `spec` says */
    bool has_been_ready; /* since it was declared or last found stopped: "down", not "starting" */
    uint64_t failed_update_seq; /* the intent whose update was taken back */
    int64_t deadline_ns;        /* earliest of its instances and itself */
    struct {
        VEC_OF(struct instance *);
    } slots; /* by slot number, without holes */
    struct {
        VEC_OF(struct control *);
    } dependents;
};

struct operation {
    const char *verb; /* "apply", "down", "scale web", … for the result's sentence */
    uint64_t intent;
    struct engine_sink sink;
    struct {
        VEC_OF(char *);
    } services;
    int slot; /* 0: all */
    int run;  /* of a job: the run that is followed; 0 none */
    bool run_to_end;
    bool all; /* an apply: failures of any are its own */
    int64_t began_ns;
    int64_t last_move_ns; /* something went forward */
    int64_t patience_ns;
    char undo[200];
};

struct engine {
    struct engine_host host;
    struct random random;
    int64_t now_ns, now_wall_ns;
    int64_t clock_offset_ns; /* between the two, as schedules were last looked at */
    const struct project *project, *previous_project;
    struct map controls; /* name -> struct control, in the order of the file */
    struct map paces;    /* name -> struct pace */
    struct storm storm;
    bool storm_told;
    int64_t paused_until_ns, paused_until_wall_ns; /* 0: not paused; INT64_MAX: until told */
    uint64_t pause_event;
    struct {
        VEC_OF(struct operation *);
    } operations;
    bool any_dirty, changed;
    int64_t deadline_ns;
};

/* ---- note.c ---- */
struct note {
    struct engine *engine;
    struct event event;
    struct buf body;
    struct json json;
};
/* An event of `actor` "tend". Fill `json` (an open object), then note_end appends it. */
void note_begin(struct note *n, struct engine *e, const char *type, const char *subject);
void note_cause(struct note *n, uint64_t seq); /* 0 is left out */
/* The named function that decided, its parameters being written between the two. */
void note_function(struct note *n, const char *name);
void note_function_end(struct note *n, double value, double threshold);
void note_hash(struct note *n, const char *key, const struct hash *h);
/* Its first 12 digits, for sentences. */
void note_short(struct note *n, const char *key, const struct hash *h);
uint64_t note_end(struct note *n);
/* A bug: an event came in a state that does not list it. */
void note_unlisted(struct instance *i, enum instance_on on);

/* ---- control.c ---- */
struct control *control_find(const struct engine *e, const char *name);
struct control *control_create(struct engine *e, const char *name);
void control_destroy(struct control **c);
static inline bool control_is_job(const struct control *c)
{
    return c->spec != NULL && c->spec->is_job;
}
void control_mark(struct control *c);    /* look at it in this turn */
void control_changed(struct control *c); /* a snapshot shows something else now */
/* What its instances ought to run: the declared one, unless that is held. */
const struct service *control_target(const struct control *c, const struct project **out_project);
int control_replicas(const struct control *c);
bool control_wants(const struct control *c, const struct instance *i);
void control_evaluate(struct control *c);
/* What depends on it may go on. */
bool control_meets(const struct control *c, enum depend_condition condition);
bool control_has_given_up(const struct control *c);
bool control_dependencies_hold(const struct control *c, char *out_waits_for, size_t bytes);

/* Everything that depends on it is down, or is not going away with it. */
bool control_may_go_down(const struct control *c);
/* Its state as a whole, told to the journal and to those that wait for it. */
void control_summarize(struct control *c);
void control_summarize_silently(struct control *c);
/* Who depends on whom, anew. */
void controls_link(struct engine *e);
void engine_end_pause(struct engine *e);

struct instance *instance_create(struct control *c, int slot);
void instance_destroy(struct instance **i);
void instance_set_spec(struct instance *i, const struct project *p, const struct service *s);
/* Moves the machine, stamps the time and does what the new state asks for. False: unlisted. */
bool instance_move(struct instance *i, enum instance_on on);
void instance_start(struct instance *i, uint64_t cause);
void instance_stop(struct instance *i, uint64_t cause, const char *why);
/* The shim's lease, or that it has none while tend's hands are off. */
void instance_tell_lease(struct instance *i);
/* Ended for good, or in a pause: begin anew, now. */
void instance_begin_anew(struct instance *i, uint64_t cause);
/* Ready, or done, for others to rely on. A service without a health check is ready as soon as it
 * runs; it counts here once it has not died for SLOT_STEADY_NS. `out_at_ns`: when to look again. */
#define SLOT_STEADY_NS (INT64_C(500) * 1000000)
bool instance_is_steady(const struct instance *i, int64_t *out_at_ns);
void instance_reason(struct instance *i, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- heal.c ---- */
/* A deadline of the instance has passed. */
void heal_due(struct instance *i);
/* After a stop: a hung process is started again, now or after a pause. */
void heal_after_hang(struct instance *i);

/* "completed" or "failed", for good: the event. */
void heal_note_end(struct instance *i, bool success);

/* ---- health.c ---- */
/* How long it may take until it is ready for the first time. */
int64_t health_startup_allowance_ns(const struct healthcheck *h);
/* A check passed; `detail` is NULL for a service that has none. */
void health_passed(struct instance *i, const char *detail, int64_t took_ns);
/* It does not answer any more: have its stacks dumped, stop it, or leave it to wait. */
void health_hung(struct instance *i, const char *detail);
void health_stop_hung(struct instance *i);

/* ---- pace.c ---- */
/* How long a service's instances took lately, smoothed; -1: not known. */
struct pace {
    char *service;
    int64_t start_ms; /* from the start of its process until it was ready */
    int64_t stop_ms;
};
/* One more was seen; what is known with it, for the event's fact. -1: no room. */
int64_t pace_started(struct instance *i, int64_t took_ns);
int64_t pace_stopped(struct instance *i, int64_t took_ns);
struct pace pace_of(const struct engine *e, const char *service);
void paces_fini(struct engine *e);

/* ---- update.c ---- */
bool update_is_outdated(const struct control *c, const struct instance *i);
void update_step(struct control *c);
/* Whatever is under way: what comes next begins anew. */
void update_abandon(struct control *c);
/* What it ran before is not needed any more, unless the declared revision is held. */
void update_forget_previous(struct control *c);

/* ---- operation.c ---- */
struct operation *operation_begin(
    struct engine *e, const char *verb, uint64_t intent, const struct engine_sink *sink);
void operation_add(struct operation *o, const char *service);
void operations_progress(struct engine *e, const struct control *c, const char *subject,
    const char *state, const char *text);
void operations_step(struct engine *e);
void operations_end(struct engine *e, const char *why);

#endif
