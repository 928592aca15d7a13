/* snapshot.h - what the daemon knows, at one moment, for everybody who reads.
 *
 *     control thread ──builds, publishes──▶ cell ◀──acquires, reads, unrefs── any other thread
 *
 *     struct snapshot (root) ──▶ struct service_snapshot, one a service, shared between roots while
 *                                nothing of that service changes ──▶ instances
 *
 * Both are immutable once published, and counted. Each owns an arena with its texts: a builder
 * makes one with snapshot_create / service_snapshot_create, fills its fields with texts that are
 * static or were copied into `arena`, and publishes. Times named _at_ns are CLOCK_REALTIME, 0 where
 * there is none. The API's `status` and /metrics are written from this and nothing else. */
#ifndef TEND_ENGINE_SNAPSHOT_H
#define TEND_ENGINE_SNAPSHOT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct project;

struct exit_snapshot {
    int64_t at_ns; /* 0: it has never exited */
    int code;      /* -1: ended by a signal */
    int signal;    /* 0: exited by itself */
    bool oom;
};

struct probe_snapshot {
    uint64_t passed, failed; /* probes since the instance began */
    double duration_seconds; /* of the last one; negative: none yet */
    double seconds_total;    /* of all of them */
};

struct instance_snapshot {
    const char *id; /* "web/1" */
    int slot;
    const char *state;   /* "ready", … as instance.h spells them */
    bool ready;          /* counts for the service */
    pid_t pid;           /* 0: none */
    const char *address; /* "127.0.0.1:20001", NULL: none */
    int64_t incarnation;
    int64_t restarts;
    int64_t since_at_ns;   /* in this state since */
    int64_t started_at_ns; /* this incarnation; 0: not running */
    const char *revision;  /* hexadecimal */
    const char *reason;    /* why it is in this state, for people; "" for none */
    int64_t memory_bytes;  /* -1: not known */
    double cpu_seconds;    /* of this incarnation; negative: not known */
    struct exit_snapshot last_exit;
    struct probe_snapshot probe;
};

/* A replacement that is under way. */
struct update_snapshot {
    const char *from, *to; /* revisions */
    const char *state;     /* "rolling", "reverting", "held" */
    int done, total;       /* instances */
    int64_t started_at_ns;
};

/* A run that is over, or is under way. */
struct job_run_snapshot {
    int number;
    const char *trigger; /* "schedule", "apply", "person", "dependency" */
    const char *result;  /* "succeeded", "failed", "cancelled", "missed"; "running", "pending" */
    int code;            /* -1: none */
    const char *reason;
    int slot; /* of its instance */
    int64_t scheduled_at_ns, requested_at_ns, started_at_ns, ended_at_ns;
};

/* What a job has besides. */
struct job_snapshot {
    const char *schedule, *timezone; /* NULL: none, the machine's */
    bool suspended;
    int64_t next_at_ns; /* 0: none by itself */
    int active;
    uint64_t succeeded, failed, missed;
    int64_t last_success_at_ns, last_failure_at_ns, last_scheduled_at_ns;
    const struct job_run_snapshot *runs; /* oldest first; what is under way last */
    size_t run_count;
};

struct service_snapshot {
    int refs; /* snapshot.c's */
    struct arena *arena;

    const char *name;
    const char *state; /* "ready", "starting", "updating", "degraded", "down", "stopped",
                          "completed", "failed"; of a job also "running", "scheduled",
                          "suspended" */
    const struct job_snapshot *job; /* NULL: it is a service */
    const char *revision;
    int desired, ready;
    const struct update_snapshot *update; /* NULL: none */
    const struct instance_snapshot *instances;
    size_t instance_count;
};

struct snapshot {
    int refs; /* snapshot.c's */
    struct arena *arena;

    const char *project;            /* its name */
    const struct project *declared; /* counted by the snapshot; NULL before the first apply */
    const char *state_dir;
    int64_t started_at_ns; /* the daemon */
    int64_t paused_until_ns;
    bool converged;              /* everything declared runs, is ready or has ended as it should */
    uint64_t head;               /* sequence number of the last event */
    const char *const *degraded; /* what does not work, for people: "journal: no space left" */
    size_t degraded_count;
    const struct service_snapshot *const *services; /* counted by the snapshot; in declared order */
    size_t service_count;
};

/* Control thread: a new one with one reference, to be filled and published. */
struct service_snapshot *service_snapshot_create(void);
const struct service_snapshot *service_snapshot_ref(const struct service_snapshot *s);
void service_snapshot_unref(const struct service_snapshot **s);

struct snapshot *snapshot_create(void);
/* Any thread. Unref sets the pointer to NULL and accepts NULL; the last one drops the services and
 * the declared project too. */
const struct snapshot *snapshot_ref(const struct snapshot *s);
void snapshot_unref(const struct snapshot **s);
/* NULL if there is none of that name. */
const struct service_snapshot *snapshot_service(const struct snapshot *s, struct str name);

/* ---- the cell: where the newest is found ---- */
struct snapshot_cell;
struct snapshot_cell *snapshot_cell_create(void);
void snapshot_cell_destroy(struct snapshot_cell **cell);
/* Takes over the caller's reference, drops that of the one before. Any thread (control does). */
void snapshot_cell_publish(struct snapshot_cell *cell, const struct snapshot *s);
/* A reference for the caller, NULL before the first publish. Any thread. */
const struct snapshot *snapshot_cell_acquire(struct snapshot_cell *cell);

#endif
