/* shim_protocol.h - what the daemon and tend-shim say to each other. Compatible for ever.
 *
 * This header is all that the two programs share; it is included by the shim, which links nothing
 * of tend, and so holds everything as static functions and plain data in the machine's byte order.
 *
 *     tendd ──exec──▶ tend-shim PROJECT service/slot        fd 3: the spec, a sealed memfd
 *       │                │ parent, subreaper, log writer    fd 4: its first control connection
 *       └──SEQPACKET─────┘──vfork, exec──▶ the service
 *
 * The run directory of an instance (RUN/i/SERVICE.SLOT, mode 0700) holds
 *
 *     ctl       SEQPACKET socket on which the shim listens for the next daemon
 *     out, err  FIFOs that are the service's stdout and stderr; opened O_RDWR by everybody, so that
 *               the service gets no SIGPIPE when a shim is killed, and the next shim reads on
 *     notify    datagram socket (sd_notify), where asked for
 *     state     struct shim_state, overwritten in place: what a new shim needs to take over;
 *               locked (flock) by the shim that lives
 *     r.N       struct shim_record number N: written (by rename) before what it tells is acted on,
 *               deleted by the daemon once the event is in the journal
 *
 * Growing it: fields are only ever appended, to messages, records and the state alike; a reader
 * takes what it knows, ignores what is behind it, and finds zero in what an older writer did not
 * have (shim_take). Tags of the spec are only ever added; an unknown one is skipped. */
#ifndef TEND_DRIVE_PROCESS_SHIM_PROTOCOL_H
#define TEND_DRIVE_PROCESS_SHIM_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SHIM_MAGIC        0x646e6574u /* "tend" */
#define SHIM_VERSION      1
#define SHIM_FD_SPEC      3
#define SHIM_FD_CONTROL   4

#define SHIM_MESSAGE_MAX  2048
#define SHIM_RECORDS_MAX  10000 /* unread ones kept; older runs are merged and counted */
#define SHIM_SPEC_MAX     (4u << 20)
#define SHIM_STRINGS_MAX  8192 /* arguments, and again variables */
#define SHIM_CGROUPS_MAX  8
#define SHIM_GROUPS_MAX   64
#define SHIM_LIMITS_MAX   16
#define SHIM_CPU_BYTES    128
#define SHIM_MOUNTS_MAX   256
#define SHIM_FILES_MAX    256
#define SHIM_NOTIFY_BYTES 256

/* ---- messages: one SEQPACKET packet each, this header first ---- */

struct shim_header {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t bytes; /* of the whole message */
    uint32_t zero;
};

enum shim_message {
    /* daemon → shim */
    SHIM_HELLO = 1,  /* struct shim_hello; answered with SHIM_STATE */
    SHIM_LEASE = 2,  /* struct shim_lease_message */
    SHIM_SIGNAL = 3, /* struct shim_signal */
    SHIM_STOP = 4,   /* struct shim_stop */
    SHIM_START = 5,  /* struct shim_header alone: start now what waits; ends a hold */
    SHIM_ACK = 6,    /* struct shim_ack */
    SHIM_HOLD = 7,   /* struct shim_hold */
    /* shim → daemon */
    SHIM_STATE = 32,  /* struct shim_state_message */
    SHIM_RECORD = 33, /* struct shim_record_message: a copy of r.N, sent when it was written */
    SHIM_NOTIFY = 34, /* struct shim_notify */
    SHIM_LOG = 35,    /* struct shim_log */
};

enum shim_hello_flags {
    SHIM_HELLO_MANAGER = 1, /* decides about restarts as long as it is connected */
    SHIM_HELLO_SPEC = 2,    /* wants the spec: the answer carries its memfd (SCM_RIGHTS) */
};

struct shim_hello {
    struct shim_header header;
    uint32_t flags;
    uint32_t pid;
};

enum shim_lease_flags {
    SHIM_RESTART_ON_FAILURE = 1, /* exit code other than 0, or a signal */
    SHIM_RESTART_ON_SUCCESS = 2,
};

/* What the shim may do by itself. A token is one immediate restart; when none is left it waits for
 * a decision, and only while no manager is connected retries by itself, slowly. */
struct shim_lease {
    uint32_t flags;
    uint32_t burst;         /* tokens, at most and at first; a later lease adds the difference */
    uint64_t stable_ms;     /* alive so long gives one token back; at least 1000 */
    uint32_t slow_first_ms; /* own retries: first pause; 0 is 1000 */
    uint32_t slow_max_ms;   /* doubling up to here; 0 is 30000 */
    uint8_t stop_codes[32]; /* bit set: not restarted after this exit code */
};

struct shim_lease_message {
    struct shim_header header;
    struct shim_lease lease;
};

enum shim_signal_flags { SHIM_TO_GROUP = 1 /* everything that the service started, too */ };

struct shim_signal {
    struct shim_header header;
    uint32_t signo;
    uint32_t flags;
};

/* Signal everything, wait, kill what is left, record the exit, end the shim. */
struct shim_stop {
    struct shim_header header;
    uint32_t signo;    /* 0: the spec's */
    uint32_t flags;    /* SHIM_STOP_* */
    uint64_t grace_ms; /* 0: SIGKILL at once */
};

enum shim_stop_flags {
    SHIM_STOP_MAIN = 1, /* the signal only to the main process, not to its whole group */
    SHIM_STOP_STAY = 2, /* the shim stays and waits for SHIM_START */
};

struct shim_ack {
    struct shim_header header;
    uint64_t number; /* records up to here are in the journal and deleted */
};

struct shim_hold {
    struct shim_header header;
    uint32_t on; /* 1: no restart until SHIM_START or 0 */
    uint32_t zero;
};

/* ---- state ---- */

enum shim_phase {
    SHIM_PHASE_NEW,      /* nothing was started yet */
    SHIM_PHASE_RUNNING,  /* pid and start_ticks name the service */
    SHIM_PHASE_WAITING,  /* ended; a decision or an own slow retry is awaited */
    SHIM_PHASE_STOPPING, /* signalled; the grace runs */
    SHIM_PHASE_DONE,     /* ended for good; the shim is about to end or has */
};

struct shim_state {
    uint32_t magic;
    uint16_t version;
    uint16_t phase;
    uint32_t bytes; /* of this struct, as the writer knew it */
    uint32_t flags; /* SHIM_STATE_* */
    uint64_t run_id;
    int32_t pid;
    int32_t shim_pid;
    uint64_t start_ticks; /* /proc/PID/stat, field 22 */
    uint64_t incarnation; /* 1, 2, … each start */
    uint64_t restarts;    /* by the shim itself */
    uint64_t record_high; /* the newest r.N */
    uint64_t log_dropped_bytes;
    int64_t started_boot_ns;
    uint8_t boot_id[40];
};

enum shim_state_flags { SHIM_STATE_HELD = 1, SHIM_STATE_ADOPTED = 2, SHIM_STATE_LOG_DROPPING = 4 };

struct shim_state_message {
    struct shim_header header;
    struct shim_state state;
};

/* ---- records ---- */

enum shim_record_kind {
    SHIM_STARTED = 1,
    SHIM_EXITED = 2,
    SHIM_EXEC_FAILED = 3, /* code is the errno, step what failed */
    SHIM_ADOPTED = 4,     /* a new shim has taken over the living service */
    SHIM_MERGED = 5,      /* `merged` older records were dropped unread */
};

enum shim_next {
    SHIM_NEXT_RESTART = 1, /* is being started again, now */
    SHIM_NEXT_WAIT = 2,    /* waits for the manager's decision */
    SHIM_NEXT_RETRY = 3,   /* no manager: own retry in retry_ms */
    SHIM_NEXT_DONE = 4,    /* ended for good */
};

enum shim_record_flags {
    SHIM_EXIT_OOM = 1,     /* the kernel's out-of-memory killer, by the cgroup's counter */
    SHIM_EXIT_CORE = 2,    /* dumped core */
    SHIM_EXIT_LOST = 4,    /* nobody saw the exit status */
    SHIM_EXIT_STOPPED = 8, /* after SHIM_STOP */
    SHIM_EXIT_KILLED = 16, /* after SHIM_STOP, and the grace was over */
};

/* Where starting failed. */
enum shim_step {
    SHIM_STEP_NONE,
    SHIM_STEP_FORK,
    SHIM_STEP_CGROUP,
    SHIM_STEP_LIMITS,
    SHIM_STEP_GROUPS,
    SHIM_STEP_USER,
    SHIM_STEP_CWD,
    SHIM_STEP_EXEC,
    SHIM_STEP_OOM_SCORE,
    SHIM_STEP_CPUS,
    SHIM_STEP_MOUNTS, /* a view of its own; detail: 0, or which mount, from 1 */
    SHIM_STEP_FILES,  /* detail: which file, from 1 */
    SHIM_STEP_READ_ONLY,
    SHIM_STEP_CAPS,
    SHIM_STEP_HOSTNAME,
};

struct shim_record {
    uint32_t magic;
    uint16_t version;
    uint16_t kind;
    uint32_t bytes;
    uint32_t flags;
    uint64_t run_id; /* with `number` names the record for ever */
    uint64_t number; /* 1, 2, … of this run directory */
    uint64_t incarnation;
    int64_t boot_ns;
    int64_t wall_ns;
    uint64_t start_ticks;
    int32_t pid;
    int32_t code;   /* exit code, or errno of an exec that failed */
    int32_t signal; /* 0: exited by itself */
    uint16_t next;
    uint16_t step;
    uint64_t restarts;
    uint64_t retry_ms;
    uint64_t merged;
    uint64_t alive_ns;
    uint64_t cpu_us; /* user and system, of the service and what it waited for */
    uint64_t memory_max_kb;
    uint32_t detail; /* of the step */
    uint32_t zero;
};

struct shim_record_message {
    struct shim_header header;
    struct shim_record record;
};

/* ---- notices that are not kept ---- */

enum shim_notify_flags {
    SHIM_NOTIFY_READY = 1,
    SHIM_NOTIFY_STOPPING = 2,
    SHIM_NOTIFY_RELOADING = 4,
    SHIM_NOTIFY_WATCHDOG = 8,
    SHIM_NOTIFY_STATUS = 16,
};

struct shim_notify {
    struct shim_header header;
    uint32_t flags;
    uint32_t pid;
    uint64_t incarnation;
    char status[SHIM_NOTIFY_BYTES]; /* terminated */
};

struct shim_log {
    struct shim_header header;
    uint32_t error; /* errno while output is being dropped; 0: written again */
    uint32_t zero;
    uint64_t dropped_bytes; /* of this gap */
    uint64_t dropped_bytes_total;
};

/* ---- the spec: tags, lengths, values ----
 *
 *     0        4        8        12       16
 *     magic    version  bytes    zero     entry, entry, …
 *     entry:   tag u32, length u32, value, filled up with zeros to 8 bytes
 *
 * A text's value is terminated, and its length counts the terminator. Repeated tags are lists in
 * their order. Unknown tags are skipped. */

struct shim_spec_header {
    uint32_t magic, version, bytes, zero;
};

struct shim_spec_entry {
    uint32_t tag, length;
};

enum shim_tag {
    SHIM_TAG_RUN_DIR = 1,      /* text */
    SHIM_TAG_RUN_ID = 2,       /* u64 */
    SHIM_TAG_PROGRAM = 3,      /* text: the path to execute */
    SHIM_TAG_ARGUMENT = 4,     /* text, repeated, argv[0] first */
    SHIM_TAG_VARIABLE = 5,     /* text NAME=VALUE, repeated */
    SHIM_TAG_CWD = 6,          /* text */
    SHIM_TAG_USER = 7,         /* struct shim_user */
    SHIM_TAG_GROUP = 8,        /* u32, repeated: supplementary groups */
    SHIM_TAG_UMASK = 9,        /* u32 */
    SHIM_TAG_LIMIT = 10,       /* struct shim_limit, repeated */
    SHIM_TAG_CGROUP_V2 = 11,   /* text: directory; entered at birth, killed by cgroup.kill */
    SHIM_TAG_CGROUP_V1 = 12,   /* text: directory, repeated; entered through `tasks` */
    SHIM_TAG_FREEZER = 13,     /* text: directory of the v1 freezer, one of CGROUP_V1 */
    SHIM_TAG_OOM_FILE = 14,    /* text: file with a line "oom_kill N" */
    SHIM_TAG_LOG_DIR = 15,     /* text */
    SHIM_TAG_LOG_NAME = 16,    /* text: "1.log" */
    SHIM_TAG_LOG_BYTES = 17,   /* u64: rotated before it is larger; 0 never */
    SHIM_TAG_LOG_FILES = 18,   /* u32: rotated ones that are kept */
    SHIM_TAG_NOTIFY = 19,      /* text: path, or '@' and an abstract name */
    SHIM_TAG_STOP_SIGNAL = 20, /* u32 */
    SHIM_TAG_FLAGS = 21,       /* u32: SHIM_SPEC_* */
    SHIM_TAG_LEASE = 22,       /* struct shim_lease */
    SHIM_TAG_ADOPT = 23,       /* struct shim_adopt */
    SHIM_TAG_BOOT_ID = 24,     /* text */
    SHIM_TAG_OOM_SCORE = 25,   /* text: written to oom_score_adj */
    SHIM_TAG_CPUS = 26,        /* SHIM_CPU_BYTES: a bit for each processor, the first one first */
    SHIM_TAG_MOUNT = 27,       /* struct shim_mount and its texts, repeated, in their order */
    SHIM_TAG_FILES_DIR = 28,   /* text: directory for the files; made at each start */
    SHIM_TAG_FILE = 29,        /* struct shim_file, its path and its bytes, repeated */
    SHIM_TAG_CAPS = 30,        /* struct shim_caps */
    SHIM_TAG_HOSTNAME = 31,    /* text; it and the next in a UTS namespace of its own */
    SHIM_TAG_DOMAINNAME = 32,  /* text */
};

enum shim_spec_flags {
    SHIM_SPEC_NO_NEW_PRIVILEGES = 1,
    SHIM_SPEC_HELD = 2,         /* nothing is started before SHIM_START */
    SHIM_SPEC_KEEP_ORPHANS = 4, /* no subreaper: what the service leaves behind lives on; for the
                                 * guard of the daemon, whose orphans are the services' shims */
    SHIM_SPEC_MOUNTS = 8,       /* a mount namespace of its own, in which all mounts are made; then
                                 * the files are in a tmpfs that nobody else sees */
    SHIM_SPEC_NO_LOG = 32,      /* its output goes nowhere */
    SHIM_SPEC_READ_ONLY = 16, /* … and in which all else but /dev, /proc and /sys is read-only */
};

/* Capabilities by number: all that it may ever have, and those it has without being root. */
struct shim_caps {
    uint64_t bounding, ambient;
};

enum shim_mount_kind { SHIM_MOUNT_BIND = 1, SHIM_MOUNT_TMPFS = 2 };

enum shim_mount_flags {
    SHIM_MOUNT_READ_ONLY = 1,
    SHIM_MOUNT_SUID = 2, /* a tmpfs: not nosuid … */
    SHIM_MOUNT_DEV = 4,
    SHIM_MOUNT_EXEC = 8,
};

/* Behind it, `texts` bytes from its beginning: source, target and options, each terminated. */
struct shim_mount {
    uint32_t kind, flags, texts, zero;
};

/* Behind it, `path` bytes from its beginning: a path below FILES_DIR, terminated; then its bytes,
 * up to the end of the entry. */
struct shim_file {
    uint32_t uid, gid, mode, path;
};

struct shim_user {
    uint32_t uid, gid;
};

struct shim_limit {
    uint32_t resource, zero;
    uint64_t soft, hard;
};

/* Take over what an earlier shim has left; the numbers are its struct shim_state's. */
struct shim_adopt {
    int32_t pid; /* 0: nothing is left, only the counting goes on */
    uint32_t zero;
    uint64_t start_ticks;
    uint64_t incarnation;
    uint64_t restarts;
    uint64_t record_high;
    int64_t started_boot_ns;
};

/* ---- reading, the same on both sides ---- */

/* Copy what is there of a thing of `want` bytes, zero the rest. */
static inline void shim_take(void *out, size_t want, const void *bytes, size_t length)
{
    size_t known = length < want ? length : want;

    memset(out, 0, want);
    if (known > 0)
        memcpy(out, bytes, known);
}

/* The header of a packet; false if it is not one of ours. */
static inline bool shim_header_read(struct shim_header *out, const void *bytes, size_t length)
{
    if (length < sizeof *out || length > SHIM_MESSAGE_MAX)
        return false;
    memcpy(out, bytes, sizeof *out);
    return out->magic == SHIM_MAGIC && out->version >= 1 && out->bytes == length;
}

static inline struct shim_header shim_header_make(enum shim_message type, size_t bytes)
{
    return (struct shim_header){.magic = SHIM_MAGIC,
        .version = SHIM_VERSION,
        .type = (uint16_t)type,
        .bytes = (uint32_t)bytes};
}

/* A record from its file or message; false if it is torn or not one of ours. */
static inline bool shim_record_read(struct shim_record *out, const void *bytes, size_t length)
{
    if (length < offsetof(struct shim_record, incarnation))
        return false;
    shim_take(out, sizeof *out, bytes, length);
    return out->magic == SHIM_MAGIC && out->version >= 1 && out->bytes == length && out->number > 0;
}

static inline bool shim_state_read(struct shim_state *out, const void *bytes, size_t length)
{
    if (length < offsetof(struct shim_state, incarnation))
        return false;
    shim_take(out, sizeof *out, bytes, length);
    if (out->boot_id[sizeof out->boot_id - 1] != 0)
        return false;
    return out->magic == SHIM_MAGIC && out->version >= 1 && out->bytes <= length;
}

/* One entry after the other:
 *
 *     struct shim_spec_cursor c;
 *     if (!shim_spec_begin(&c, bytes, length)) …not a spec…
 *     while (shim_spec_next(&c)) use(c.tag, c.value, c.length);
 *     if (c.broken) …
 */
struct shim_spec_cursor {
    const unsigned char *at, *end;
    uint32_t tag, length;
    const void *value;
    bool broken;
};

static inline bool shim_spec_begin(struct shim_spec_cursor *c, const void *bytes, size_t length)
{
    struct shim_spec_header h;

    memset(c, 0, sizeof *c);
    if (length < sizeof h || length > SHIM_SPEC_MAX)
        return false;
    memcpy(&h, bytes, sizeof h);
    if (h.magic != SHIM_MAGIC || h.version < 1 || h.bytes != length)
        return false;
    c->at = (const unsigned char *)bytes + sizeof h;
    c->end = (const unsigned char *)bytes + length;
    return true;
}

static inline bool shim_spec_next(struct shim_spec_cursor *c)
{
    struct shim_spec_entry e;

    if (c->at == c->end || c->broken)
        return false;
    c->broken = true;
    if ((size_t)(c->end - c->at) < sizeof e)
        return false;
    memcpy(&e, c->at, sizeof e);
    c->at += sizeof e;
    size_t padded = ((size_t)e.length + 7) & ~(size_t)7;
    if (padded > (size_t)(c->end - c->at))
        return false;
    c->tag = e.tag;
    c->length = e.length;
    c->value = c->at;
    c->at += padded;
    c->broken = false;
    return true;
}

/* The entry as text: terminated, with no other zero byte; NULL if it is not. */
static inline const char *shim_spec_text(const struct shim_spec_cursor *c)
{
    const char *text = c->value;

    if (c->length == 0 || memchr(text, 0, c->length) != text + c->length - 1)
        return NULL;
    return text;
}

#endif
