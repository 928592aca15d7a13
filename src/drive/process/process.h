/* process.h - instances that are plain processes, each under a shim of its own.
 *
 * The driver starts one tend-shim an instance and talks to it (shim_protocol.h). The shim restarts
 * the service by itself within its lease, whether a daemon lives or not, and tells what it did in
 * numbered records; the driver hands each record to its owner in order, also those that were
 * written while no daemon lived.
 *
 *     process_start ──▶ shim ──▶ service            on_record(STARTED, EXITED, …)  ─▶ append event
 *     process_adopt_all ─▶ the shims of RUN/i        on_notify(READY, WATCHDOG, …)      │ durable
 *     process_stop, _signal, _lease, _resume, _hold  on_log, on_gone                    ▼
 *                                                    process_ack(number) ◀──────────────┘
 *
 * Words:
 *   instance     "web/1": service and slot; its run directory is RUN/i/web.1
 *   run          the life of one run directory, with a random id; records number 1, 2, 3 … in it.
 *                (run_id, number) names a record for ever. A daemon that dies after an event was
 *                durable and before it called process_ack gets the record once more: whoever
 *                appends events skips what the journal holds already.
 *   incarnation  each start of the program within a run: 1, 2, 3 …
 *   lease        what the shim may do without asking
 *
 * A process lives from process_start or process_adopt_all to process_forget. When its shim is
 * killed the driver puts a new one in charge: the service goes on with its pid, output that was
 * written meanwhile is read from the FIFOs, and an exit nobody saw is told as "lost".
 *
 * Everything here, callbacks too, is on the loop's thread. Nothing blocks for longer than starting
 * a program takes (vfork, exec). No callback comes from inside a call of the owner, except where
 * said. A process may be forgotten in its own callbacks. */
#ifndef TEND_DRIVE_PROCESS_PROCESS_H
#define TEND_DRIVE_PROCESS_PROCESS_H

#include "base/err.h"
#include "base/str.h"
#include "drive/process/cgroup.h"
#include "drive/process/shim_protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct loop;
struct service_mount; /* spec/project.h */
struct process;
struct process_driver;

/* ---- what to run ---- */

struct process_limits {
    int64_t memory_bytes;      /* -1 none */
    double cpus;               /* 0 none */
    int64_t pids;              /* -1 none */
    int64_t reserved_bytes;    /* taken from others first; 0 none */
    int64_t memory_swap_bytes; /* memory and swap together; -1 no limit, 0 not said */
    int cpu_shares;            /* 0: 1024, as everybody's */
};

struct process_lease {
    bool restart_on_failure;
    bool restart_on_success;
    int burst;                 /* immediate restarts; 0: each is the daemon's decision */
    int64_t stable_ms;         /* alive so long gives one back */
    int64_t slow_first_ms;     /* without a daemon, with none left: first pause, 0 is 1 s … */
    int64_t slow_max_ms;       /* … doubling up to this, 0 is 30 s */
    const uint8_t *stop_codes; /* exit codes after which it is not started again */
    size_t stop_code_count;
};

/* A config or secret. */
struct process_file {
    bool is_secret;
    const char *source; /* its name, for messages */
    const char *target; /* a plain name, or an absolute path */
    int64_t uid, gid;   /* -1: the service's user's */
    int mode;
    struct str bytes; /* at NULL: they could not be had */
};

/* Borrowed for the time of the call. */
struct process_spec {
    const char *service;     /* a file name: no '/', 1 to 100 bytes */
    int slot;                /* 1, 2, … */
    const char *const *argv; /* NULL-terminated; argv[0] without '/' is searched in the PATH of
                                `environment` (else a standard one), relative to `working_dir` */
    const char *const *environment; /* NAME=VALUE, NULL-terminated; all that it gets, except
                                       NOTIFY_SOCKET, which is added where `notify` */
    const char *working_dir;
    const char *user; /* users.h; NULL: as the daemon */
    int umask;        /* -1: as the daemon's */
    struct process_limits limits;
    int64_t log_bytes_max;            /* a log file's, then it is rotated; 0 never */
    int log_files_max;                /* rotated ones kept */
    bool no_log;                      /* its output goes nowhere */
    int stop_signal;                  /* 0 is SIGTERM */
    bool notify;                      /* give it an sd_notify socket */
    int64_t watchdog_us;              /* with notify: WATCHDOG_USEC; 0 none */
    const struct shim_limit *ulimits; /* over the daemon's own */
    size_t ulimit_count;              /* at most SHIM_LIMITS_MAX, with RLIMIT_NOFILE */
    const uint8_t *cpu_mask;          /* SHIM_CPU_BYTES; NULL: as the daemon's */
    const int *oom_score_adj;         /* NULL: as the daemon's */
    bool no_new_privileges;
    const struct service_mount *mounts; /* by target */
    size_t mount_count;
    const struct process_file *files;
    size_t file_count;
    uint64_t cap_add, cap_drop;        /* masks by number */
    const char *const *groups;         /* names or numbers, besides its user's; NULL none */
    const char *hostname, *domainname; /* NULL: the machine's; only where we are root */
    bool read_only;                    /* all but its mounts, /dev, /proc and /sys */
    int64_t shm_bytes;                 /* a /dev/shm of its own; 0 none */
    bool held;                         /* start nothing before process_resume */
    struct process_lease lease;
};

/* ---- what happens ---- */

enum process_record_kind {
    PROCESS_STARTED = SHIM_STARTED,
    PROCESS_EXITED = SHIM_EXITED,
    PROCESS_EXEC_FAILED = SHIM_EXEC_FAILED,
    PROCESS_ADOPTED = SHIM_ADOPTED, /* a new shim took over the living service */
    PROCESS_MERGED = SHIM_MERGED,   /* so many records were dropped: too many unread */
};

enum process_next {
    PROCESS_NEXT_RESTART = SHIM_NEXT_RESTART, /* the shim starts it again at once */
    PROCESS_NEXT_WAIT = SHIM_NEXT_WAIT,       /* process_resume, process_stop or process_forget */
    PROCESS_NEXT_RETRY = SHIM_NEXT_RETRY,     /* by itself in retry_ms: no daemon was there */
    PROCESS_NEXT_DONE = SHIM_NEXT_DONE,       /* on_gone follows */
};

struct process_record {
    enum process_record_kind kind;
    uint64_t run_id, number;
    uint64_t incarnation;
    uint64_t restarts;        /* by the shim so far, in this run */
    int64_t boot_ns, wall_ns; /* when it was seen */
    int pid;
    uint64_t start_ticks; /* /proc/PID/stat field 22 */
    /* exited: */
    int code;   /* exit code; -1 when a signal ended it or nobody knows */
    int signal; /* 0: none */
    bool oom;   /* the kernel's out-of-memory killer */
    bool core;
    bool lost;    /* nobody saw how it ended */
    bool stopped; /* process_stop asked for it */
    bool killed;  /* … and it outlived the grace */
    enum process_next next;
    int64_t retry_ms;
    int64_t alive_ns;
    int64_t cpu_us;
    int64_t memory_max_bytes;
    /* exec_failed: */
    int error;        /* errno */
    const char *step; /* "exec", "user", "working directory", … */
    /* merged: */
    uint64_t merged;
};

struct process_notice {
    bool ready, stopping, reloading, watchdog;
    const char *status; /* NULL: none */
    uint64_t incarnation;
};

struct process_log_gap {
    int error;              /* errno while its output is dropped; 0: written again */
    uint64_t dropped_bytes; /* of this gap */
    uint64_t dropped_bytes_total;
};

struct process_callbacks {
    void (*on_record)(void *data, struct process *p, const struct process_record *r);
    /* The shim of an adopted process has answered: phase, pid and the rest are known, and what was
     * recorded before was handed over. May come again. May be NULL. */
    void (*on_state)(void *data, struct process *p);
    void (*on_notify)(
        void *data, struct process *p, const struct process_notice *n); /* may be NULL */
    void (*on_log)(
        void *data, struct process *p, const struct process_log_gap *gap); /* may be NULL */
    /* The shim ended for good and every record was handed over: process_forget it when they are
     * acknowledged. Also for what process_adopt_all finds already ended. */
    void (*on_gone)(void *data, struct process *p);
    /* Something the driver could not do and nobody asked for: to be logged by the owner. */
    void (*on_trouble)(void *data, struct process *p, const struct err *trouble); /* may be NULL */
};

struct process_settings {
    const char *run_dir; /* RUN; made if it is missing */
    const char *log_dir; /* STATE/logs; made if it is missing */
    const char *project;
    const char *shim_path;   /* tend-shim */
    const char *volumes_dir; /* STATE/volumes; made when there is a volume */
    bool no_cgroups;         /* use none, even where possible */
    bool no_mounts;          /* give nobody a view of its own, even where possible */
};

/* Raises the limit of open files of this process as far as allowed; services get the old one. */
MUST_USE bool process_driver_create(struct process_driver **out, struct loop *l,
    const struct process_settings *settings, const struct process_callbacks *callbacks, void *data,
    struct err *err);
/* Leaves every service and shim as it is; forgets its processes. */
void process_driver_destroy(struct process_driver **d);
/* What this daemon cannot do here ("limits: no cgroup may be made …"), NULL-terminated; the
 * driver's. Asking for it in a spec is an error then. */
const char *const *process_driver_degraded(const struct process_driver *d);

/* The directory in which an instance finds its secrets or configs; in the arena. */
const char *process_files_dir(
    const struct process_driver *d, struct arena *a, const char *service, int slot, bool secrets);
/* Whether an instance that is started with this has a view of the machine's files of its own. */
bool process_has_view(const struct process_driver *d, const struct process_spec *spec);

/* ---- one process ---- */

/* ERR_CONFLICT: the instance runs already. ERR_MISSING: no such program; the text names each
 * place that was tried. The pid comes with the record. */
MUST_USE bool process_start(struct process_driver *d, const struct process_spec *spec, void *owner,
    struct process **out, struct err *err);
/* All instances found in RUN/i, living or ended, each given to `found` (from inside the call),
 * which returns the owner's pointer for it. Records follow as callbacks, in order.
 * In `found` pid, incarnation and start are those of the last that its shim has noted.
 * `spec_of` may be NULL; it is asked for the spec of an instance whose shim was killed while no
 * daemon lived, so that restarts go on; if it says false the service is only watched to its end. */
struct process_adoption {
    void *(*found)(void *data, struct process *p);
    bool (*spec_of)(void *data, const char *service, int slot, struct process_spec *out);
};
MUST_USE bool process_adopt_all(
    struct process_driver *d, const struct process_adoption *adoption, struct err *err);
/* Its run directory, records, cgroup; NULL afterwards. A service that still runs is killed first,
 * by its shim, in the background. */
void process_forget(struct process **p);

/* Signal, then SIGKILL after the grace, for everything it started; EXITED with `stopped` and
 * on_gone follow. `signo` 0 is the spec's. */
void process_stop(struct process *p, int signo, int64_t grace_ms);
void process_signal(struct process *p, int signo, bool group);
void process_lease(struct process *p, const struct process_lease *lease);
/* Start it now if it waits (NEXT_WAIT, NEXT_RETRY, held). */
void process_resume(struct process *p);
/* No restart until process_resume or process_hold(p, false). */
void process_hold(struct process *p, bool on);
/* Its records up to this number are events in the journal: they are deleted. */
void process_ack(struct process *p, uint64_t number);

enum process_phase {
    PROCESS_UNKNOWN, /* adopted, its shim has not answered yet */
    PROCESS_RUNNING,
    PROCESS_WAITING,
    PROCESS_STOPPING,
    PROCESS_GONE,
};

void *process_owner(const struct process *p);
const char *process_service(const struct process *p);
int process_slot(const struct process *p);
enum process_phase process_phase(const struct process *p);
int process_pid(const struct process *p); /* 0: none runs, as far as is known */
int process_shim_pid(const struct process *p);
uint64_t process_start_ticks(const struct process *p);
uint64_t process_incarnation(const struct process *p);
uint64_t process_restarts(const struct process *p);
uint64_t process_run_id(const struct process *p);
int64_t process_started_boot_ns(const struct process *p);
/* What the instance uses now, all its processes together; false without a cgroup. */
MUST_USE bool process_usage(const struct process *p, struct cgroup_usage *out);

/* ---- programs ---- */

#define PROCESS_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The file that `name` means, searched as execvp does in `path` (NULL: the default above). Told
 * apart: missing (each place tried), a directory, not executable, a script whose interpreter is
 * missing. */
/* Where a path lies that the program is going to see; "" if nowhere. */
struct program_view {
    const char *(*outside)(void *data, const char *path);
    void *data;
};
MUST_USE bool program_find_seen(char **out_path, const char *name, const char *path,
    const char *working_dir, const struct program_view *view, struct err *err);
/* The same for a program that sees what we see. */
MUST_USE bool program_find(
    char **out_path, const char *name, const char *path, const char *working_dir, struct err *err);

#endif
