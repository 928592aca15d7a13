/* shim.h - tend-shim from inside: parent, subreaper and log writer of one service.
 *
 * One thread, one loop (main.c), no memory beyond this struct, the spec's pages and two buffers;
 * nothing happens while nothing happens. What it says and is told: drive/process/shim_protocol.h.
 *
 *     main.c    start, the loop, deadlines          spawn.c    the child until exec
 *     rights.c  its capabilities and host name
 *     mounts.c  its view of the machine's files     leftover.c everything that must die
 *     spec.c    memfd → struct spec
 *     policy.c  restart or not (pure)               output.c   FIFO → CRI records
 *     service.c start, exit, stop of the service    log_file.c the file: rotation, full disk
 *     record.c  r.N and state                       control.c  daemons; notify.c sd_notify
 *
 * Signals: all are blocked, so `pkill tend` leaves services alone; a shim is ended by SHIM_STOP (or
 * killed, then a new one takes over). The service starts with none blocked and all at default. */
#ifndef TEND_SHIM_SHIM_H
#define TEND_SHIM_SHIM_H

#include "drive/process/shim_protocol.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/types.h>

#define CONNECTIONS_MAX  4
#define PATH_BYTES       64 /* of names below /proc and inside the run directory */

#define PIECE_BYTES      16384 /* a longer line is split into P records */
#define READ_BYTES       65536
#define OUT_BYTES        131072
#define STREAM_BYTES     (PIECE_BYTES + READ_BYTES)
#define CRI_PREFIX_BYTES 40 /* "2026-11-24T02:00:00.123456789Z stdout F " */

#define HELD_MS          200  /* an unfinished line waits so long for its rest */
#define RELEASE_MS       1000 /* buffers go back to the kernel after such a silence */
#define LOG_RETRY_MS     100  /* on a full disk */
#define KILL_AGAIN_MS    100

/* Code that runs between vfork and exec, on a small stack and in its parent's memory. */
#define IN_CHILD __attribute__((no_sanitize("address", "undefined"), no_stack_protector))
#if !__has_attribute(no_stack_protector)
#undef IN_CHILD
#define IN_CHILD __attribute__((no_sanitize("address", "undefined")))
#endif

struct mount_entry {
    uint32_t kind, flags;
    const char *source, *target, *options;
};

struct file_entry {
    uint32_t uid, gid, mode;
    const char *path;
    const void *bytes;
    size_t length;
};

struct spec {
    const char *run_dir, *program, *cwd, *log_dir, *log_name, *notify, *boot_id, *oom_score;
    const char *cgroup_v2, *freezer, *oom_file, *files_dir;
    struct mount_entry *mounts;
    struct file_entry *files;
    uint32_t mount_count, file_count;
    const char *cgroup_v1[SHIM_CGROUPS_MAX];
    char **arguments, **variables; /* NULL-terminated, into the spec's pages */
    uint64_t run_id;
    const char *hostname, *domainname;
    bool change_user, has_umask, has_adopt, has_cpus, has_caps;
    struct shim_caps caps;
    uint8_t cpus[SHIM_CPU_BYTES];
    struct shim_user user;
    uint32_t groups[SHIM_GROUPS_MAX];
    struct shim_limit limits[SHIM_LIMITS_MAX];
    uint32_t cgroup_v1_count, group_count, limit_count;
    uint32_t umask, log_files, stop_signal, flags;
    uint64_t log_bytes;
    struct shim_lease lease;
    struct shim_adopt adopt;
};

struct policy {
    struct shim_lease lease;
    uint64_t tokens;
    uint64_t slow_ms; /* the next pause of own retries */
    bool held;
};

struct ending {
    int code, signal; /* code -1: by a signal, or lost */
    bool core, lost;
};

struct stream {
    const char *name; /* "stdout", "stderr": six letters both */
    int read_fd, write_fd;
    unsigned char *bytes; /* STREAM_BYTES */
    uint32_t held;        /* bytes of an unfinished line at its start */
    bool torn;            /* the last record was P: an F must follow */
    bool enlarged;
    int64_t held_until_ms;
};

struct log_file {
    int dir_fd, fd;
    const char *name;
    uint64_t bytes, bytes_max;
    uint32_t files_max;
    unsigned char *out; /* OUT_BYTES */
    uint32_t out_used;
    int error; /* errno while output is dropped */
    int64_t retry_at_ms;
    uint64_t gap_bytes, gap_bytes_total;
    bool report; /* the daemon is to be told */
};

struct connection {
    int fd; /* -1: free */
    bool manager;
    bool lagging; /* it reads too slowly: it gets the state when it reads again */
};

struct shim {
    struct spec spec;
    struct policy policy;
    struct shim_state state;
    struct log_file log;
    struct stream streams[2];
    struct connection connections[CONNECTIONS_MAX];
    int dir_fd, state_fd, spec_fd, listen_fd, signal_fd, notify_fd, null_fd, pid_fd;
    int cgroup_v2_fd, cgroup_v1_fds[SHIM_CGROUPS_MAX];
    uint32_t outer_umask; /* the daemon's */
    uint64_t record_low;  /* the oldest that is not acknowledged */
    uint64_t oom_kills;   /* of the cgroup when the service was started */
    bool adopted;         /* the service is not our child */
    bool main_gone;       /* the service ended, things that it started still run */
    bool killed, stay;
    int stop_signal;
    struct shim_record last; /* how it ended the last time */
    bool last_untold;        /* … which the daemon hears once the next start is under way */
    int64_t kill_at_ms, retry_at_ms, release_at_ms; /* 0: none */
};

/* ---- sys.c: small things without a C library's weight ---- */
int64_t sys_boot_ns(void);
int64_t sys_wall_ns(void);
static inline int64_t sys_boot_ms(void)
{
    return sys_boot_ns() / 1000000;
}
/* Decimal digits; returns the end, which is terminated. */
char *text_number(char *at, uint64_t number);
char *text_add(char *at, const char *text);
/* A whole small file, terminated; -1 with errno. `dir_fd` as in openat. */
ssize_t sys_read_file(int dir_fd, const char *path, char *out, size_t capacity);
bool sys_write_file(int dir_fd, const char *path, const char *text);
/* From /proc/PID/stat. False when there is no such process. */
struct process_stat {
    char state;
    int parent, session;
    uint64_t start_ticks;
    int exit_code; /* wait status of a zombie, where it may be seen */
};
bool process_stat_read(int pid, struct process_stat *out);
bool process_stat_parse(const char *text, struct process_stat *out);

/* ---- spec.c ---- */
/* Points into `bytes`, which must stay; NULL, or what is wrong. */
const char *spec_read(struct spec *out, const void *bytes, size_t length);

/* ---- policy.c ---- */
void policy_init(struct policy *p, const struct shim_lease *lease);
/* Another lease, or the same again: what was used up of the burst stays used up. */
void policy_renew(struct policy *p, const struct shim_lease *lease);
enum shim_next policy_decide(struct policy *p, const struct ending *e, uint64_t alive_ms,
    bool managed, uint64_t *out_retry_ms);
/* The pause before an own retry; the next one is longer. */
uint64_t policy_slow_ms(struct policy *p);

/* ---- spawn.c ---- */
struct spawn_failure {
    enum shim_step step;
    int error;
    uint32_t detail;
};
/* The pid, or -1 with what failed. */
pid_t spawn_service(struct shim *s, struct spawn_failure *out_failure);

/* ---- rights.c, in the child; false with errno ---- */
/* Before it becomes its user, and behind. */
bool rights_bound(const struct spec *spec);
bool rights_raise(const struct spec *spec);
bool rights_name_host(const struct spec *spec);

/* ---- mounts.c ---- */
/* In the child: files and mounts of the spec. False with the step and which one; errno. */
bool mounts_make(const struct spec *spec, struct spawn_failure *out);

/* ---- service.c ---- */
void service_start(struct shim *s);
void service_adopt(struct shim *s);
void service_reap(struct shim *s); /* SIGCHLD came */
void service_lost(struct shim *s); /* the pidfd of an adopted one is ready */
void service_stop(struct shim *s, const struct shim_stop *stop);
void service_signal(struct shim *s, int signo, bool group);
void service_kill_due(struct shim *s);  /* kill_at_ms passed */
void service_retry_due(struct shim *s); /* retry_at_ms passed */
void service_unmanaged(struct shim *s); /* the last manager went */

/* ---- leftover.c ---- */
/* Whether anything that the service started still runs. */
bool leftover_any(struct shim *s);
/* SIGKILL until nothing is left or two seconds are over. */
void leftover_kill(struct shim *s);
/* One round of it, while the main process may still live. */
void leftover_kill_once(struct shim *s);
void leftover_signal(struct shim *s, int signo);

/* ---- record.c ---- */
bool record_open(struct shim *s);
struct shim_record record_make(const struct shim *s, enum shim_record_kind kind);
/* Number it and put it on disk. */
void record_write(struct shim *s, struct shim_record *r);
void state_write(struct shim *s);

/* ---- output.c ---- */
bool output_open(struct shim *s);
void output_read(struct shim *s, struct stream *stream);
/* What is in the pipes, and unfinished lines finished. */
void output_drain(struct shim *s);
void output_due(struct shim *s, int64_t now_ms);
void output_emit(struct shim *s, struct stream *stream, char tag, const unsigned char *bytes,
    size_t length, const char *stamp);
/* "2026-11-24T02:00:00.123456789Z", without a terminator. */
#define STAMP_BYTES 30
void output_stamp(int64_t wall_ns, char out[STAMP_BYTES]);

/* ---- log_file.c ---- */
bool log_open(struct log_file *log, const struct spec *spec);
/* Room for one record of so many bytes, rotating and flushing as needed. */
unsigned char *log_room(struct log_file *log, struct stream streams[2], size_t bytes);
void log_flush(struct log_file *log, struct stream streams[2]);

/* ---- control.c ---- */
bool control_open(struct shim *s);
void control_accept(struct shim *s);
void control_read(struct shim *s, struct connection *c);
void control_writable(struct shim *s, struct connection *c);
/* To every connection. `message` starts with a struct shim_header. */
void control_tell(struct shim *s, const void *message, size_t bytes);
void control_tell_record(struct shim *s, const struct shim_record *r);
void control_tell_log(struct shim *s);
void control_tell_state(struct shim *s);
bool control_managed(const struct shim *s);

/* ---- notify.c ---- */
bool notify_open(struct shim *s);
void notify_read(struct shim *s);
/* Flags and status of one datagram; false if there is nothing of interest in it. */
bool notify_parse(struct shim_notify *out, const char *text, size_t length);

/* ---- main.c ---- */
_Noreturn void shim_end(struct shim *s, int status);

#endif
