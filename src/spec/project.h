/* project.h - what people want, resolved and checked: the result of loading tend.yaml.
 *
 * A `struct project` is immutable, lives in one arena with all its texts, and is shared by counting
 * (project_ref/project_unref, any thread). Times are nanoseconds and sizes bytes; -1 is "not
 * declared" where a default is decided elsewhere. Every text is terminated. */
#ifndef TEND_SPEC_PROJECT_H
#define TEND_SPEC_PROJECT_H

#include "spec/container.h"

#include "base/cron.h"
#include "base/hash.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span; /* a place in a file: spec/diagnostic.h */
struct node; /* the attribute tree: spec/node.h */

enum depend_condition {
    DEPEND_STARTED,   /* service_started */
    DEPEND_HEALTHY,   /* service_healthy */
    DEPEND_COMPLETED, /* service_completed_successfully */
};

struct dependency {
    const char *service;
    enum depend_condition condition;
    bool restart;  /* restarted with it on an explicit update of it */
    bool required; /* false: a missing or failing one is only a warning */
};

enum probe_kind {
    PROBE_NONE,     /* ready as soon as it runs */
    PROBE_HTTP,     /* GET: 200 to 399 is healthy */
    PROBE_TCP,      /* a connection is accepted */
    PROBE_EXEC,     /* the command exits with 0 */
    PROBE_UNIX,     /* a UNIX stream socket accepts a connection */
    PROBE_WATCHDOG, /* sd_notify: READY=1, then WATCHDOG=1 at least each interval */
    PROBE_LOG,      /* a line of its log holds the text: ready; liveness is not probed */
};

/* healthcheck: readiness at once, liveness after `retries` failures in a row. */
struct healthcheck {
    enum probe_kind kind;
    const char *host;          /* http, tcp: "127.0.0.1" unless a URL said otherwise */
    int port;                  /* http, tcp: 0 is the instance's own $PORT */
    const char *path;          /* http: "/healthz"; unix: the socket; log: the text looked for */
    const char *const *argv;   /* exec: NULL-terminated; a shell string is {"/bin/sh","-c",…} */
    int64_t interval_ns;       /* default 10 s */
    int64_t timeout_ns;        /* default 1 s */
    int retries;               /* default 3 */
    int64_t start_period_ns;   /* failures before it passed do not count; default 0 */
    int64_t start_interval_ns; /* while starting: default 50 ms, relaxing to the interval */
};

enum restart_condition { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };

struct restart_policy {
    enum restart_condition condition; /* default for a process: always */
    int max_attempts;                 /* in `window`; 0 is no bound: quarantine decides */
    int64_t window_ns;                /* default 60 s */
    int64_t delay_ns;                 /* first pause of the backoff, default 50 ms */
    int64_t delay_max_ns;             /* default 30 s */
    int64_t stable_ns;                /* alive so long: the backoff starts anew; default 10 s */
    const uint8_t *stop_codes;        /* exit codes after which it stays down (restart.stop_on) */
    size_t stop_code_count;
};

struct resources {
    int64_t memory_bytes;   /* limits.memory; -1 none */
    double cpus;            /* limits.cpus; 0 none */
    int64_t pids;           /* limits.pids; -1 none */
    int64_t reserved_bytes; /* memory that is taken from others first; -1 none */
    int64_t swap_bytes;     /* memswap_limit: memory and swap together; -1 no limit, -2 not said */
    int cpu_shares;         /* weight where processors are short; 0: 1024, as everybody's */
    int64_t cpu_quota_us, cpu_period_us; /* as declared: `cpus` follows; 0 none */
};

#define CAPABILITIES_ALL ((UINT64_C(1) << 41) - 1) /* by number, see capabilities(7) */

struct ulimit {
    const char *name;   /* "nofile" */
    int resource;       /* RLIMIT_NOFILE */
    int64_t soft, hard; /* -1 none */
};

#define CPU_MASK_BYTES  128
#define OOM_SCORE_UNSET 1001 /* as the daemon's */

struct hang_policy {
    int dump_signal;      /* sent first so that it writes its stacks; 0 none (default) */
    int64_t dump_wait_ns; /* how long it may take for that; default 1 s */
};

struct environment_entry {
    const char *name;
    const char *value;
    bool secret; /* came from a secret: redacted wherever it is shown */
};

enum update_failure { UPDATE_ROLLBACK, UPDATE_PAUSE, UPDATE_CONTINUE };

/* deploy.update_config: replacement on change, in batches, readiness gated. */
struct update_policy {
    int parallelism;                /* instances at once, default 1; 0 all */
    int64_t delay_ns;               /* between batches, default 0 */
    int64_t monitor_ns;             /* must stay ready so long, default 0 */
    int64_t deadline_ns;            /* to become ready, default 60 s */
    enum update_failure on_failure; /* default rollback */
};

struct logging {
    int64_t file_bytes_max; /* max-size, default 10 MiB */
    int files_max;          /* max-file, rotated ones kept, default 5 */
    bool none;              /* driver: none; its output goes nowhere */
};

/* What a resource needs of another kind: "files.conf" in its depends_on, or a reference to it. */
struct resource_need {
    const char *section, *name; /* "files", "conf"; "services" for a service */
    enum depend_condition condition;
    bool restart;  /* restarted when it changes */
    bool required; /* false: a missing or failing one is only a warning */
};

/* What a plan must not do with a resource. */
struct lifecycle {
    bool prevent_destroy;
    const char *const *ignore_changes; /* paths, NULL-terminated; NULL: none */
};

/* What is declared and is no service. */
struct resource {
    const char *section;     /* "files": its map in tend.yaml */
    const char *name;        /* "conf" */
    const char *subject;     /* "files.conf", as events and plans call it */
    const struct node *node; /* its canonical map, with spans of what was declared */
    const struct resource_need *needs;
    size_t need_count;
};

/* Of a tmpfs: what it is mounted with beyond nosuid, nodev and noexec. */
enum { MOUNT_SUID = 1, MOUNT_DEV = 2, MOUNT_EXEC = 4 };

/* A directory (or, bound, a file) that the service sees at `target`. */
struct service_mount {
    enum mount_type kind; /* bind, volume or tmpfs */
    const char *source;   /* bind: absolute path; volume: its name, NULL: one of its own */
    const char *target;   /* absolute, without "." and ".."; not "/" */
    const char *subpath;  /* volume: a directory in it; NULL: all */
    bool read_only;
    bool create;        /* bind: a missing source is made, as a directory */
    int64_t size_bytes; /* tmpfs; 0: as the kernel has it, half of the memory */
    int mode;           /* tmpfs; default 01777 */
    int64_t uid, gid;   /* tmpfs; -1: root's */
    unsigned options;   /* tmpfs: MOUNT_SUID … */
    struct span *span;  /* of its entry */
};

/* A config or a secret: a file that the service finds. What is in it is not part of the document,
 * which names it by its hash; see struct project_content. */
struct service_file {
    bool is_secret;
    const char *source; /* its name under the project's `configs` or `secrets` */
    const char *target; /* a plain name in the directory of its kind, or an absolute path */
    int64_t uid, gid;   /* -1: the service's user's */
    int mode;           /* default 0400 of a secret, 0444 of a config */
    struct hash content;
};

/* develop.watch, of a project that comes from files; a document has none. */
enum watch_action {
    WATCH_RESTART,
    WATCH_SYNC,
    WATCH_SYNC_RESTART,
    WATCH_REBUILD,  /* a container's */
    WATCH_SYNC_EXEC /* a container's */
};

struct service_watch {
    enum watch_action action;
    const char *path;                           /* absolute */
    const char *target;                         /* of a sync: absolute */
    const char *const *ignore, *const *include; /* patterns; NULL: none */
    bool initial_sync;
};

/* What happens when a run is due while another one is under way. */
enum job_concurrency {
    CONCURRENCY_ALLOW,   /* both run */
    CONCURRENCY_FORBID,  /* it is left out */
    CONCURRENCY_REPLACE, /* the one that runs is stopped first */
};

/* What a job has besides: when it runs, and how often it is tried. */
struct job_spec {
    const char *schedule; /* as declared; NULL: once for each revision */
    struct cron cron;     /* the same, read */
    const char *timezone; /* IANA name; NULL: the machine's */
    const struct zone *zone;
    enum job_concurrency concurrency;
    int64_t starting_deadline_ns; /* later than this a run is missed; -1: never too late */
    int64_t active_deadline_ns;   /* for a run with its retries; 0: no bound */
    int retries;                  /* failed runs are tried again so often, default 0 */
    int64_t retry_delay_ns;       /* first pause between them, default 10 s; doubles … */
    int64_t retry_max_delay_ns;   /* … up to this, default 6 min */
    bool suspend;                 /* no run begins by itself */
    int64_t jitter_ns;            /* its runs are late by a part of this, always the same; 0 */
    int history_successful, history_failed; /* runs shown; defaults 3 and 1 */
};

struct service {
    const char *name;
    const struct node *node; /* its canonical map, with spans of what was declared: for diff */
    const char *const *argv; /* entrypoint + command, NULL-terminated; of a container: NULL */
    const struct container *container; /* what only a container has; NULL: a process */
    const char *working_dir;           /* absolute; of a container: NULL is the image's */
    const char *user; /* "name", "uid", "name:group", "uid:gid"; NULL: as the daemon */
    const struct environment_entry *environment; /* sorted by name, each name once */
    size_t environment_count;
    const struct dependency *dependencies;
    size_t dependency_count;
    const struct resource_need *needs; /* what it needs that is no service */
    size_t need_count;
    struct healthcheck healthcheck;
    struct restart_policy restart;
    int stop_signal;       /* default SIGTERM */
    int64_t stop_grace_ns; /* default 10 s, then SIGKILL */
    struct hang_policy hang;
    int replicas; /* default 1 */
    int port;     /* fixed by `ports`; 0: tend picks one per instance */
    struct resources resources;
    const struct ulimit *ulimits; /* sorted by name; what is not there is as the daemon's */
    size_t ulimit_count;
    const char *cpuset;                 /* "0-3,5"; NULL: as the daemon's */
    const uint8_t *cpu_mask;            /* the same in CPU_MASK_BYTES, processor 0 first */
    int oom_score_adj;                  /* -1000 to 1000, or OOM_SCORE_UNSET */
    bool no_new_privileges;             /* security_opt */
    uint64_t cap_add, cap_drop;         /* masks by number */
    const char *const *groups;          /* group_add: names or numbers; NULL none */
    const char *hostname, *domainname;  /* NULL: the machine's */
    const struct service_mount *mounts; /* by target, so that what lies in another follows it */
    size_t mount_count;
    bool read_only;    /* all but its mounts, /dev, /proc and /sys */
    int64_t shm_bytes; /* a /dev/shm of its own; 0: the machine's */
    const struct service_watch *watches;
    size_t watch_count;
    const struct service_file *files; /* by kind, then by target */
    size_t file_count;
    struct update_policy update;
    struct logging logging;
    struct lifecycle lifecycle;
    const char *const *labels; /* name, value, name, value, …, NULL; sorted by name */
    struct hash revision;      /* of the canonical fields that restart it; see spec/fields.h */
    bool is_job; /* declared under `jobs`: it runs to its end, once or by a schedule */
    struct job_spec job;
};

/* Bytes of a config or secret, by their SHA-256. */
struct project_content {
    struct hash hash;
    struct str bytes;
};

struct project {
    const char *name;
    const char *dir;                /* absolute folder of the first file */
    const struct service *services; /* in the order of the file; jobs are among them */
    size_t service_count;
    const struct resource
        *resources; /* what else is declared, kind by kind, in order of the file */
    size_t resource_count;
    struct shared_lists shared; /* networks, volumes, configs and secrets */
    /* What the services' files hold, each once; none in a project that comes from a document. */
    const struct project_content *contents;
    size_t content_count;
    const struct node *node; /* the document as a tree, with spans of what was declared */
    struct str document; /* canonical JSON: loads to the same project without files or variables */
    struct hash digest;  /* of the document */
};

const struct project *project_ref(const struct project *p);
/* Sets the pointer to NULL; NULL is accepted. */
void project_unref(const struct project **p);
/* NULL if there is none of that name. */
const struct service *project_service(const struct project *p, struct str name);
/* The same of another kind, by its subject ("files.conf"). */
const struct resource *project_resource(const struct project *p, struct str subject);

#endif
