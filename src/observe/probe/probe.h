/* probe.h - is it healthy? One probe asks one instance, again and again.
 *
 * Words:
 *   prober   what all probes of a loop share: one epoll set, one timer, the spread of their times
 *   probe    one instance's healthcheck: kind, where, how often
 *   check    one question and its answer; a probe never has two under way
 *   result   what a check found: ok, or why not in words that fit behind "unhealthy: "
 *
 *     probe_start(STARTUP)                       ┌─ each interval, at this probe's own place in it
 * ─┐ └─▶ 0.5 1 1 2 3 5 8 … ms ── first ok ──▶└▶ check ─▶ result ─▶ probe_fn ─────────────────────┘
 *            up to start_interval, then 5 % of
 *            the time waited, up to interval
 *
 * A probe judges nothing: it counts no failures and knows no retries, the engine does. A failed
 * check while starting says "not yet" and no more.
 *
 * Cost: connecting, asking and closing is all there is; sockets are registered once, all
 * checks due in one slot of time start in one wake-up, and HTTP connections are never kept: an open
 * one would hide a program that no longer accepts, and occupy one that serves a connection at a
 * time.
 *
 * A check that cannot be made because this machine has no descriptors, memory or ports left gives
 * no result at all (it is logged): restarting services would cure nothing.
 *
 * Control thread only. Results come from the loop, never from inside one of these calls; in its
 * callback a probe may be started, stopped or destroyed, and no result comes after that. */
#ifndef TEND_OBSERVE_PROBE_PROBE_H
#define TEND_OBSERVE_PROBE_PROBE_H

#include "base/err.h"
#include "spec/project.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct prober;
struct probe;

MUST_USE bool prober_create(struct prober **out, struct loop *l, struct err *err);
/* All its probes must be gone. Sets the pointer to NULL; NULL is accepted. */
void prober_destroy(struct prober **p);

/* Whom an exec check runs as; resolved by the caller, since looking up users may block. */
struct probe_user {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary */
    size_t group_count;
};

/* What to ask. Everything is copied by probe_create. */
struct probe_target {
    const struct healthcheck *check;
    int port;                       /* http, tcp: used where check->port is 0 */
    const char *working_dir;        /* exec, and a relative unix path; NULL: as the daemon */
    const char *const *environment; /* exec: "NAME=value", NULL-terminated; NULL: empty */
    const struct probe_user *user;  /* exec; NULL: as the daemon */
    int view_pid;         /* exec: a process whose view of the files it shares; 0: the daemon's */
    const char *log_path; /* log: STATE/logs/SERVICE/SLOT.log */
    int64_t log_since_ns; /* log: lines stamped before (wall clock) are an earlier
                           * incarnation's; 0 looks at all */
};

struct probe_result {
    bool ok;
    bool timed_out;      /* nobody said no: there was no answer (a hang, not a refusal) */
    const char *detail;  /* "HTTP 200", "connect: Connection refused", "no answer in 500 ms",
                          * "exit code 2: cannot read x"; one line, printable, borrowed */
    int64_t duration_ns; /* watchdog: since the heartbeat before */
};

typedef void (*probe_fn)(void *data, const struct probe_result *result);

enum probe_mode { PROBE_STARTUP, PROBE_STEADY };

/* ERR_INVALID for a target that cannot work (no port, a kind without a probe), ERR_UNSUPPORTED for
 * a host that is neither an address nor localhost. The new probe is idle. */
MUST_USE bool probe_create(struct probe **out, struct prober *prober,
    const struct probe_target *target, probe_fn fn, void *data, struct err *err);
/* Gives up a check under way (an exec one is killed and reaped behind the scenes). Sets the pointer
 * to NULL; NULL is accepted. */
void probe_destroy(struct probe **p);

/* Begin, or begin anew. STARTUP turns into STEADY by itself with the first ok. A log probe is done
 * with its first ok: its STEADY asks nothing. */
void probe_start(struct probe *p, enum probe_mode mode);
/* Ask no more until the next probe_start; a check under way is given up. */
void probe_stop(struct probe *p);
/* Ask at once, besides the schedule; while a check is under way, right behind it. Nothing if
 * stopped. */
void probe_now(struct probe *p);
/* Watchdog only: READY=1 or WATCHDOG=1 came. An ok result follows; without a heartbeat for an
 * interval comes a failed one, and again each interval. */
void probe_heartbeat(struct probe *p);

#endif
