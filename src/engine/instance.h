/* instance.h - the life of one process instance, as one explicit machine. Pure.
 *
 *              START            STARTED           READY
 *   PENDING ─────────▶ STARTING ────────▶ PROBING ◀─────▶ READY ──STOP──▶ DRAINING
 *      ▲                 ▲   ▲               │   UNREADY    │                │ DRAINED
 *      │ START           │   │ START         ├──────────────┘                ▼
 *   STOPPED ◀──GONE──────┼───┼───────────────┼── (stopped, hung) ──▶ STOPPING ──GONE──▶ STOPPED
 *                        │   │               │ the process ended by itself
 *                        │   └── BACKING_OFF ◀── PAUSE
 *                        └────── QUARANTINED ◀── QUARANTINE          (tries again, slowly)
 *                                  COMPLETED ◀── COMPLETED           (a job that ended well)
 *                                     FAILED ◀── FAILED              (its policy says: stay down)
 *
 * The shim restarts a process within its lease by itself: RESTARTED. What an exit means is decided
 * by backoff.h and the restart policy; this table says only where each event leads. Late answers
 * have rows that stay; a pair that is not listed is a bug and is journalled as one. */
#ifndef TEND_ENGINE_INSTANCE_H
#define TEND_ENGINE_INSTANCE_H

#include <stdbool.h>

enum instance_state {
    INSTANCE_PENDING,     /* wanted; waits for what it depends on */
    INSTANCE_STARTING,    /* being started */
    INSTANCE_PROBING,     /* runs, is not ready (yet, or not any more) */
    INSTANCE_READY,       /* runs and answers */
    INSTANCE_DRAINING,    /* out of traffic, about to be stopped */
    INSTANCE_STOPPING,    /* asked to end; killed when its grace is over */
    INSTANCE_STOPPED,     /* ended as asked */
    INSTANCE_BACKING_OFF, /* died; is started again after a pause */
    INSTANCE_QUARANTINED, /* dies again and again; is tried slowly */
    INSTANCE_FAILED,      /* died, and its restart policy says no */
    INSTANCE_COMPLETED,   /* ended with success, and that was its purpose */
};
enum { INSTANCE_STATES = INSTANCE_COMPLETED + 1 };

enum instance_on {
    INSTANCE_ON_START,      /* it is wanted and may start */
    INSTANCE_ON_STARTED,    /* its process runs */
    INSTANCE_ON_RESTARTED,  /* its shim has started it again */
    INSTANCE_ON_READY,      /* its health check passes, or it has none */
    INSTANCE_ON_UNREADY,    /* a check failed */
    INSTANCE_ON_STOP,       /* unwanted, hung or to be replaced */
    INSTANCE_ON_DRAINED,    /* nothing reaches it any more */
    INSTANCE_ON_GONE,       /* process and shim have ended after STOP */
    INSTANCE_ON_PAUSE,      /* died: start again after a pause */
    INSTANCE_ON_QUARANTINE, /* died too often */
    INSTANCE_ON_COMPLETED,  /* ended for good, with success */
    INSTANCE_ON_FAILED,     /* ended for good */
};
enum { INSTANCE_ONS = INSTANCE_ON_FAILED + 1 };

/* Moves `state` and returns true; an unlisted pair leaves it and returns false. */
bool instance_feed(enum instance_state *state, enum instance_on on);

/* "backing_off": as events, the API and the screens spell it. */
const char *instance_state_name(enum instance_state state);
const char *instance_on_name(enum instance_on on);
/* STARTING to STOPPING: a process is there or about to be. */
bool instance_is_alive(enum instance_state state);

#endif
