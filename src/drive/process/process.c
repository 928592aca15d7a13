#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "drive/process/process_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICE_BYTES_MAX 100
#define MODE_PRIVATE      0700

/* ---- the struct ---- */

struct process *process_new(struct process_driver *d, const char *service, int slot)
{
    struct process *p = mem_new(struct process);

    p->magic = PROCESS_MAGIC;
    p->driver = d;
    p->service = mem_copy_string(service);
    p->slot = slot;
    p->name = mem_format("%s.%d", service, slot);
    p->dir = mem_format("%s/%s", d->instance_dir, p->name);
    p->fd = -1;
    return p;
}

void process_free(struct process *p)
{
    link_close(p);
    cgroup_close(&p->cgroup);
    free((void *)(uintptr_t)p->spec.at);
    free(p->service);
    free(p->name);
    free(p->dir);
    free(p);
}

void process_trouble(struct process *p, const struct err *trouble)
{
    if (p->driver->callbacks.on_trouble != NULL && !p->forgotten)
        p->driver->callbacks.on_trouble(p->driver->data, p, trouble);
}

void process_clean_up(struct process *p)
{
    struct process_driver *d = p->driver;
    struct err err = ERR_INIT;

    p->buried = true;
    link_close(p);
    (void)map_remove(&d->processes, str_from(p->name));
    if (!fs_remove_tree(p->dir, &err) && d->callbacks.on_trouble != NULL)
        d->callbacks.on_trouble(d->data, p, &err);
    vec_push(&d->buried, p);
    driver_chores_in(d, 0);
}

void process_ended(struct process *p)
{
    if (p->forgotten) {
        if (!p->buried)
            process_clean_up(p);
        return;
    }
    if (p->ended)
        return;
    p->ended = true;
    p->phase = PROCESS_GONE;
    p->driver->callbacks.on_gone(p->driver->data, p);
}

/* ---- start ---- */

static const char *variable(const char *const *environment, const char *name)
{
    size_t length = strlen(name);

    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static MUST_USE bool check_spec(const struct process_spec *spec, struct err *err)
{
    struct str name = str_from(spec->service);

    if (name.len == 0 || name.len > SERVICE_BYTES_MAX || name.at[0] == '.' ||
        str_find(name, '/') >= 0)
        return err_set(err, ERR_INVALID, "\"%.100s\" cannot name a service", spec->service);
    if (spec->slot < 1)
        return err_set(err, ERR_INVALID, "slot %d: they begin with 1", spec->slot);
    if (spec->argv == NULL || spec->argv[0] == NULL || spec->argv[0][0] == '\0')
        return err_set(err, ERR_INVALID, "no command");
    return true;
}

static MUST_USE bool check_working_dir(
    const struct process_spec *spec, const struct view *view, struct err *err)
{
    struct stat st;
    const char *outside = spec->working_dir != NULL ? view_outside(view, spec->working_dir) : NULL;

    if (outside == NULL)
        return true; /* or it is the shim that finds out */
    if (stat(outside, &st) == -1)
        return err_sys(err, "working directory %s", spec->working_dir);
    if (!S_ISDIR(st.st_mode))
        return err_set(
            err, ERR_INVALID, "working directory %s: not a directory", spec->working_dir);
    return true;
}

static MUST_USE bool open_cgroup(
    struct process *p, const struct process_spec *spec, struct err *err)
{
    struct cgroup_limits limits = {.memory_bytes = spec->limits.memory_bytes,
        .cpus = spec->limits.cpus,
        .pids = spec->limits.pids,
        .reserved_bytes = spec->limits.reserved_bytes,
        .memory_swap_bytes = spec->limits.memory_swap_bytes,
        .cpu_shares = spec->limits.cpu_shares};

    /* One that a predecessor of this name could not leave yet is ours now. */
    VEC_EACH (&p->driver->buried, struct process *, old)
        if (str_eq(str_from((*old)->name), str_from(p->name)))
            cgroup_close(&(*old)->cgroup);
    if (p->driver->cgroups != NULL)
        return cgroup_open(&p->cgroup, p->driver->cgroups, p->name, &limits, err);
    if (limits.memory_bytes >= 0 || limits.cpus > 0 || limits.pids >= 0 ||
        limits.reserved_bytes > 0 || limits.memory_swap_bytes != 0 || limits.cpu_shares > 0)
        return err_set(err, ERR_UNSUPPORTED, "limits: control groups are not used here");
    return true;
}

static const char *outside_of(void *view, const char *path)
{
    const char *outside = view_outside(view, path);

    return outside != NULL ? outside : "";
}

static MUST_USE bool find_all(struct spec_parts *parts, struct view *view, struct user_ids *user,
    char **out_program, struct err *err)
{
    const struct process_spec *spec = parts->spec;
    const struct program_view seen = {.outside = outside_of, .data = view};

    return user_resolve(spec->user, user, err) && user_add_groups(user, spec->groups, err) &&
           view_make(view, parts->process, spec, user, err) && check_working_dir(spec, view, err) &&
           program_find_seen(out_program, spec->argv[0], variable(spec->environment, "PATH"),
               spec->working_dir, &seen, err) &&
           fs_make_dirs(parts->log_dir, MODE_PRIVATE, err);
}

bool process_prepare(
    struct process *p, const struct process_spec *spec, uint64_t run_id, struct err *err)
{
    struct buf bytes = BUF_INIT(SHIM_SPEC_MAX);
    struct user_ids user;
    struct view view = {0};
    char *program = NULL, *log_dir = mem_format("%s/%s", p->driver->log_dir, spec->service);
    struct spec_parts parts = {.spec = spec,
        .process = p,
        .run_dir = p->dir,
        .log_dir = log_dir,
        .user = &user,
        .view = &view,
        .files = &p->driver->files,
        .run_id = run_id};
    bool ok = find_all(&parts, &view, &user, &program, err) && open_cgroup(p, spec, err);

    parts.program = program;
    parts.cgroup = p->cgroup;
    ok = ok && spec_encode(&bytes, &parts, err);
    if (ok) {
        size_t length = bytes.len;
        free((void *)(uintptr_t)p->spec.at);
        p->spec = (struct str){buf_take(&bytes), length};
        p->state.run_id = run_id;
    }
    view_fini(&view);
    buf_fini(&bytes);
    free(program);
    free(log_dir);
    return ok;
}

static MUST_USE bool make_run_dir(struct process *p, struct err *err)
{
    if (mkdir(p->dir, MODE_PRIVATE) == 0)
        return true;
    if (errno != EEXIST)
        return err_sys(err, "%s", p->dir);
    /* Not adopted, not ours: either a shim lives there, or it is a heap of files. */
    if (link_connect(p, NULL)) {
        link_close(p);
        return err_set(err, ERR_CONFLICT, "a shim that was not adopted runs it already");
    }
    TRY(fs_remove_tree(p->dir, err));
    return mkdir(p->dir, MODE_PRIVATE) == 0 || err_sys(err, "%s", p->dir);
}

bool process_start(struct process_driver *d, const struct process_spec *spec, void *owner,
    struct process **out, struct err *err)
{
    *out = NULL;
    TRY(check_spec(spec, err));
    struct process *p = process_new(d, spec->service, spec->slot);
    p->owner = owner;
    bool ok = map_get(&d->processes, str_from(p->name)) == NULL ||
              err_set(err, ERR_CONFLICT, "it runs already");
    ok = ok && process_prepare(p, spec, random_secret_seed(), err) && make_run_dir(p, err);
    if (ok && !launch_shim(p, NULL, spec->held, err)) {
        (void)!fs_remove_tree(p->dir, NULL); /* the first error is the one that counts */
        ok = false;
    }
    if (!ok) {
        if (p->cgroup != NULL)
            (void)cgroup_remove(p->cgroup); /* if it was ours alone */
        process_free(p);
        return false;
    }
    p->phase = spec->held ? PROCESS_WAITING : PROCESS_RUNNING;
    (void)map_put(&d->processes, str_from(p->name), p);
    *out = p;
    return true;
}

/* ---- commands ---- */

void process_forget(struct process **process)
{
    struct process *p = *process;

    *process = NULL;
    if (p == NULL || p->forgotten)
        return;
    p->forgotten = true;
    if (!p->done && (p->fd != -1 || p->respawn_at_ms > 0))
        process_stop(p, SIGKILL, 0);
    else if (p->fd == -1)
        process_clean_up(p);
}

void process_stop(struct process *p, int signo, int64_t grace_ms)
{
    struct shim_stop m = {.header = shim_header_make(SHIM_STOP, sizeof m),
        .signo = signo > 0 ? (uint32_t)signo : 0,
        .grace_ms = grace_ms > 0 ? (uint64_t)grace_ms : 0};

    if (p->phase == PROCESS_RUNNING)
        p->phase = PROCESS_STOPPING;
    p->stop_pending = p->fd == -1;
    p->stop_signo = signo;
    p->stop_grace_ms = grace_ms;
    link_send(p, &m, sizeof m);
}

void process_signal(struct process *p, int signo, bool group)
{
    struct shim_signal m = {.header = shim_header_make(SHIM_SIGNAL, sizeof m),
        .signo = (uint32_t)signo,
        .flags = group ? SHIM_TO_GROUP : 0};

    link_send(p, &m, sizeof m);
}

void process_lease(struct process *p, const struct process_lease *lease)
{
    struct shim_lease_message m = {
        .header = shim_header_make(SHIM_LEASE, sizeof m), .lease = spec_lease(lease)};

    link_send(p, &m, sizeof m);
}

void process_resume(struct process *p)
{
    struct shim_header m = shim_header_make(SHIM_START, sizeof m);

    link_send(p, &m, sizeof m);
}

void process_hold(struct process *p, bool on)
{
    struct shim_hold m = {.header = shim_header_make(SHIM_HOLD, sizeof m), .on = on};

    link_send(p, &m, sizeof m);
}

void process_ack(struct process *p, uint64_t number)
{
    struct shim_ack m = {.header = shim_header_make(SHIM_ACK, sizeof m), .number = number};

    if (number == 0 || number <= p->acked)
        return;
    import_delete_to(p, number);
    link_send(p, &m, sizeof m);
}

/* ---- what is known ---- */

void *process_owner(const struct process *p)
{
    return p->owner;
}

const char *process_service(const struct process *p)
{
    return p->service;
}

int process_slot(const struct process *p)
{
    return p->slot;
}

enum process_phase process_phase(const struct process *p)
{
    return p->phase;
}

int process_pid(const struct process *p)
{
    return p->state.pid;
}

int process_shim_pid(const struct process *p)
{
    return p->shim_pid;
}

uint64_t process_start_ticks(const struct process *p)
{
    return p->state.start_ticks;
}

uint64_t process_incarnation(const struct process *p)
{
    return p->state.incarnation;
}

uint64_t process_restarts(const struct process *p)
{
    return p->state.restarts;
}

uint64_t process_run_id(const struct process *p)
{
    return p->state.run_id;
}

int64_t process_started_boot_ns(const struct process *p)
{
    return p->state.started_boot_ns;
}

bool process_usage(const struct process *p, struct cgroup_usage *out)
{
    if (p->cgroup == NULL)
        return false;
    cgroup_read(p->cgroup, out);
    return out->memory_bytes >= 0 || out->cpu_us >= 0;
}
