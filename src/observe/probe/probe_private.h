/* probe_private.h - what the kinds of probe share with the prober; nobody else includes it.
 *
 *     epoll set ─┬─ timerfd: the least wake_ns of the heap
 *                └─ sockets, pidfds, pipes: (probe, which) ─▶ ops->ready
 *
 * One heap entry a probe serves all its times: `wake_ns` is the deadline while a check is under
 * way, else the next check or the end of what a check left behind, whichever comes first.
 *
 * A kind embeds `struct probe` as its first member. Its `begin` starts a check and sees to it that
 * probe_finish is called once, now or from `ready`; the deadline is the prober's. probe_finish
 * calls the owner, who may destroy the probe: it is the last thing a kind does. */
#ifndef TEND_OBSERVE_PROBE_PROBE_PRIVATE_H
#define TEND_OBSERVE_PROBE_PROBE_PRIVATE_H

#include "base/clock.h"
#include "base/vec.h"
#include "observe/probe/probe.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define PROBE_MAGIC         0x70726f62u
#define PROBE_NEVER         INT64_MAX
#define PROBE_DETAIL_BYTES  256
#define PROBER_EVENTS_BATCH 64

struct probe_ops {
    size_t bytes; /* of the struct that embeds struct probe */
    bool (*init)(struct probe *p, const struct probe_target *target, struct err *err);
    void (*begin)(struct probe *p);
    /* NULL for a kind that waits for no descriptor. */
    void (*ready)(struct probe *p, unsigned which, uint32_t events);
    /* Give up the check under way, or what an earlier one left behind. NULL: nothing to do. */
    void (*drop)(struct probe *p);
    /* When the next check is due, without `again`. NULL: by the schedule. */
    int64_t (*next)(struct probe *p, int64_t now_ns);
    /* Behind `drop`, also when init failed. NULL: nothing to do. */
    void (*fini)(struct probe *p);
};

extern const struct probe_ops probe_http_ops, probe_tcp_ops, probe_unix_ops, probe_exec_ops,
    probe_log_ops, probe_watchdog_ops;

struct probe {
    uint32_t magic;
    const struct probe_ops *ops;
    struct prober *prober;
    probe_fn fn;
    void *data;

    int64_t interval_ns, start_interval_ns, timeout_ns;
    int64_t phase_ns; /* this probe's place in its interval */

    bool started, checking, again;
    enum probe_mode mode;
    int64_t startup_ns;    /* when STARTUP began */
    unsigned startup_step; /* checks since */

    int64_t due_ns;      /* next check */
    int64_t begun_ns;    /* the check under way */
    int64_t deadline_ns; /* of the check under way */
    int64_t remains_ns;  /* when to drop what the last check left; PROBE_NEVER: nothing left */
    int64_t least_startup_delay_ns; /* exec: do not spend all the time in checks */

    int64_t wake_ns;
    size_t heap_index;
};

/* ---- prober.c ---- */

/* A killed check that has not died yet. */
struct orphan {
    pid_t pid;
    int pid_fd;
    const struct probe *whose; /* to compare only: the probe may be gone */
};

struct prober {
    struct loop *loop;
    struct watch *watch;
    int epoll_fd, timer_fd;
    int64_t armed_ns;
    uint64_t serial;
    int64_t trouble_logged_ns;
    struct {
        VEC_OF(struct probe *);
    } heap;
    struct {
        VEC_OF(struct orphan);
    } orphans;
    struct epoll_event batch[PROBER_EVENTS_BATCH];
    int batch_next, batch_count;
    bool dispatching;
};

void prober_add(struct prober *prober, struct probe *p);
void prober_remove(struct prober *prober, struct probe *p);
/* wake_ns of `p` has changed. */
void prober_moved(struct prober *prober, struct probe *p);

/* `which` (0 to 7) comes back in `ready`. */
MUST_USE bool probe_watch(struct probe *p, int fd, unsigned which, uint32_t events);
void probe_rewatch(struct probe *p, int fd, unsigned which, uint32_t events);
/* No more events of it, not even those of the batch at hand; the descriptor stays open. */
void probe_unwatch(struct probe *p, int fd, unsigned which);

/* Take over a killed child of `p`: reap it when it is dead, and close `pid_fd`, which is watched no
 * more. */
void prober_reap(struct prober *prober, const struct probe *p, pid_t pid, int pid_fd);
/* A killed child of `p` is still there. */
bool prober_is_reaping(const struct prober *prober, const struct probe *p);

/* ---- probe.c ---- */

/* The time has come that wake_ns named. */
void probe_wake(struct probe *p, int64_t now_ns);
/* The check's result. May destroy `p`. */
void probe_finish(struct probe *p, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Same, for no answer in time. */
void probe_finish_silent(struct probe *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The check could not be made for want of descriptors, memory or ports: that is this machine's
 * trouble and says nothing about the service. No result; it is logged, and asked again when due. */
bool probe_is_own_trouble(int why);
void probe_skip(struct probe *p, const char *doing, int why);
/* What the schedule says: for kinds that have a `next` of their own. */
int64_t probe_scheduled(struct probe *p, int64_t now_ns);
/* Look again at due_ns and the other times after changing one outside a check. */
void probe_replan(struct probe *p);

/* ---- schedule.c: pure ---- */

/* The pause behind check number `step` (from 0), `elapsed_ns` after starting to ask. */
int64_t probe_schedule_startup_delay(
    unsigned step, int64_t elapsed_ns, int64_t start_interval_ns, int64_t interval_ns);
/* Where the probe number `serial` has its place in the interval. Places are multiples of a slot, so
 * that many probes share a wake-up, and successive serials lie far apart. */
int64_t probe_schedule_phase(uint64_t serial, int64_t interval_ns);
/* The first time after `now_ns` that lies at that place of an interval. */
int64_t probe_schedule_next(int64_t now_ns, int64_t interval_ns, int64_t phase_ns);
/* The same behind a check that began at `begun_ns` and has ended. One that took a whole interval
 * (it timed out, mostly) ends just when the next is due: that one begins at once, it is not left
 * out. */
int64_t probe_schedule_after(
    int64_t begun_ns, int64_t now_ns, int64_t interval_ns, int64_t phase_ns);

/* ---- text.c: what is shown of bytes that somebody else wrote ---- */

/* At most `out_bytes` - 1 printable characters; others are '.', what is left out is "…". */
void probe_show(struct str bytes, char *out, size_t out_bytes);

/* ---- socket.c ---- */

struct probe_address {
    struct sockaddr_storage at;
    socklen_t len;
};
/* "127.0.0.1", "::1", "[::1]", "localhost". */
MUST_USE bool probe_resolve(const char *host, int port, struct probe_address *out, struct err *err);
/* A new non-blocking socket on its way to `a`; -1 and errno when refused at once. *out_connected
 * says that it is there already. */
int probe_connect(const struct probe_address *a, bool *out_connected);
/* What became of it: 0, EINPROGRESS, or the errno of its failure. */
int probe_connect_result(int fd, const struct probe_address *a);
/* Where nobody listens on a port that the system also hands out to clients, a socket may be given
 * the very port it wants to reach, and TCP connects it to itself (RFC 9293, 3.5): no answer. */
bool probe_is_itself(int fd, const struct probe_address *a);
/* Close with a reset: leaves no TIME_WAIT behind, thousands of which would pile up. */
void probe_close(int *fd);

#endif
