/* process_private.h - what the files of the process driver share. */
#ifndef TEND_DRIVE_PROCESS_PROCESS_PRIVATE_H
#define TEND_DRIVE_PROCESS_PROCESS_PRIVATE_H

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "drive/process/process.h"
#include "drive/process/users.h"

#include "io/loop.h"

#include <sys/resource.h>

#define PROCESS_MAGIC        0x70726f63u
#define PROCESS_DRIVER_MAGIC 0x70647276u

struct process {
    uint32_t magic;
    struct process_driver *driver;
    void *owner;
    char *service, *name, *dir; /* "web", "web.1", RUN/i/web.1 */
    int slot;
    struct str spec; /* its bytes, owned; a new shim gets them; len 0: not known */
    struct cgroup *cgroup;

    int fd; /* to the shim; -1: none */
    struct watch *watch;
    int shim_pid;
    bool shim_is_child; /* of this daemon: to be waited for */

    struct shim_state state; /* as last told */
    uint64_t imported;       /* records up to here were handed over */
    uint64_t acked;          /* … and up to here deleted */
    enum process_phase phase;
    int64_t respawned_ms;  /* when a killed shim was last replaced */
    int respawn_row;       /* takeovers that followed each other closely */
    int64_t respawn_at_ms; /* 0: nothing planned */
    bool restart_due;      /* the last that was told: it is being started again */
    bool stop_pending;     /* process_stop came while no shim was there */
    int stop_signo;
    int64_t stop_grace_ms;
    bool done;      /* nothing follows: the shim's end is the end */
    bool vanished;  /* the machine was restarted meanwhile */
    bool ended;     /* on_gone was called */
    bool forgotten; /* only waits for its shim's end, to be cleaned up */
    char step[300]; /* what could not be done, of the record that is being told */
    bool buried;    /* cleaned up; waits for its last caller to return and its cgroup */
};

struct process_driver {
    uint32_t magic;
    struct loop *loop;
    char *run_dir, *instance_dir, *log_dir, *project, *shim_path;
    char *volumes_dir; /* NULL: there are none */
    bool can_mount;    /* root, with what mounting takes */
    struct process_callbacks callbacks;
    void *data;
    struct cgroup_world *cgroups; /* NULL: none wanted */
    struct rlimit files;          /* the limit that services get */
    struct map processes;         /* by name, the forgotten ones too */
    struct {
        VEC_OF(struct process *);
    } buried;
    struct timer *chores;
    struct {
        VEC_OF(int);
    } children; /* shims that ended, to be waited for */
    struct {
        VEC_OF(const char *);
    } degraded;
    char no_cgroups[512]; /* one line for all controllers that cannot be used */
};

/* ---- view.c: what an instance sees of the machine's files ---- */

/* In the order in which it is done. */
struct view_mount {
    bool is_tmpfs;
    uint32_t flags; /* SHIM_MOUNT_* */
    const char *source, *target, *options;
};

struct view {
    struct arena *arena;
    bool is_own; /* a mount namespace */
    bool read_only;
    const char *files_dir;
    struct {
        VEC_OF(struct view_mount);
    } mounts;
};

/* Decides how, and makes directories that are to be there: volumes, sources of binds. */
MUST_USE bool view_make(struct view *out, const struct process *p, const struct process_spec *spec,
    const struct user_ids *user, struct err *err);
void view_fini(struct view *v);
/* Where a path that the instance sees lies outside; NULL: nowhere (a tmpfs). In the arena. */
const char *view_outside(const struct view *v, const char *path);
/* The path inside a file of the spec's, below files_dir. */
const char *view_file_path(struct arena *a, const struct process_file *file, size_t index);
/* What the shim could not do: "volumes: /data". */
const char *view_step(const struct process *p, int step, uint32_t detail, char *out, size_t bytes);

/* ---- spec.c ---- */
struct spec_parts {
    const struct process_spec *spec;
    const struct process *process;
    const char *program, *run_dir, *log_dir, *project;
    const struct user_ids *user;
    const struct cgroup *cgroup;
    const struct view *view;
    const struct rlimit *files;
    uint64_t run_id;
};
MUST_USE bool spec_encode(struct buf *out, const struct spec_parts *parts, struct err *err);
/* The least with which a shim can watch a living service to its end. */
void spec_encode_watch(struct buf *out, const struct spec_parts *parts, int slot);
/* Another spec with these adoption numbers and hold; `bytes` is one of the above. */
void spec_with_adoption(
    struct buf *out, struct str bytes, const struct shim_adopt *adopt, bool held);
struct shim_lease spec_lease(const struct process_lease *lease);
/* A sealed memfd, or -1. */
int spec_to_memfd(struct str bytes, struct err *err);

/* ---- launch.c: starting shims and waiting for them ---- */
/* Puts a shim in charge of `p`, with p->spec and, where not NULL, the adoption. */
MUST_USE bool launch_shim(
    struct process *p, const struct shim_adopt *adopt, bool held, struct err *err);
/* The exit code of a shim of ours that has ended just now; -1: killed or not known. */
int launch_exit_code(struct process *p);
void launch_wait_children(struct process_driver *d);

/* ---- link.c: the connection ---- */
MUST_USE bool link_connect(struct process *p, struct err *err);
MUST_USE bool link_watch(struct process *p, int fd, struct err *err);
void link_hello(struct process *p);
void link_close(struct process *p);
void link_send(struct process *p, const void *message, size_t bytes);

/* ---- import.c: records ---- */
void import_record(struct process *p, const struct shim_record *r);
/* What lies in files beyond what was handed over. The process may be forgotten behind it. */
void import_files(struct process *p);
/* The newest number among the files. */
uint64_t import_highest(const struct process *p);
/* An end that nobody recorded. */
void import_synthetic(
    struct process *p, enum process_record_kind kind, const char *step, int error);
void import_delete_to(struct process *p, uint64_t number);

/* ---- takeover.c ---- */
/* The shim is gone: its end, or another one takes over. May forget or free the process. */
void takeover_shim_gone(struct process *p);
void takeover_due(struct process *p);
bool takeover_read_state(const struct process *p, struct shim_state *out);

/* ---- process.c ---- */
struct process *process_new(struct process_driver *d, const char *service, int slot);
void process_free(struct process *p);
/* on_gone, once; or the clean-up of a forgotten one. The struct stays until the loop's next turn.
 */
void process_ended(struct process *p);
/* Spec's bytes and cgroup from `spec`. */
MUST_USE bool process_prepare(
    struct process *p, const struct process_spec *spec, uint64_t run_id, struct err *err);
void process_clean_up(struct process *p);
/* In the background: within so many milliseconds. */
void driver_chores_in(struct process_driver *d, int64_t delay_ms);
void process_trouble(struct process *p, const struct err *trouble);

#endif
