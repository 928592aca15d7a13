#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "drive/process/process_private.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FILES_WANTED    65536
#define CHORES_AGAIN_MS 50
#define MODE_PRIVATE    0700

/* ---- background ---- */

void driver_chores_in(struct process_driver *d, int64_t delay_ms)
{
    timer_set(d->chores, delay_ms);
}

static bool free_buried(struct process_driver *d)
{
    for (size_t i = d->buried.count; i > 0; i--) {
        struct process *p = d->buried.at[i - 1];
        if (p->cgroup != NULL && !cgroup_remove(p->cgroup))
            continue; /* the kernel still counts a dying one */
        vec_remove(&d->buried, i - 1);
        process_free(p);
    }
    return d->buried.count == 0;
}

static bool take_over_due(struct process_driver *d)
{
    int64_t now_ms = loop_now_ms(d->loop);
    bool none = true;

    for (size_t i = 0; i < d->processes.used; i++) { /* the map may change meanwhile */
        struct map_entry *e = &d->processes.entries[i];
        struct process *p = e->key.at != NULL ? e->value : NULL;
        if (p == NULL || p->respawn_at_ms == 0)
            continue;
        if (p->respawn_at_ms <= now_ms)
            takeover_due(p);
        else
            none = false;
    }
    return none;
}

static void on_chores(void *data)
{
    struct process_driver *d = OBJ(process_driver, PROCESS_DRIVER_MAGIC, data);
    bool idle = take_over_due(d);

    launch_wait_children(d);
    idle = free_buried(d) && idle;
    if (!idle || d->children.count > 0)
        driver_chores_in(d, CHORES_AGAIN_MS);
}

/* ---- create ---- */

static void raise_open_files(struct process_driver *d)
{
    (void)getrlimit(RLIMIT_NOFILE, &d->files);
    struct rlimit wanted = d->files;
    if (wanted.rlim_max < FILES_WANTED && geteuid() == 0)
        wanted.rlim_max = FILES_WANTED;
    wanted.rlim_cur = wanted.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
        return;
    wanted = d->files; /* a bounded root: as far as it goes */
    wanted.rlim_cur = wanted.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &wanted);
}

/* They mostly fail together, for one reason: one line tells them all. */
static void note_cgroups(struct process_driver *d)
{
    static const char *const names[CGROUP_CONTROLLERS] = {
        "memory", "cpu", "cpu accounting", "pids", "freezer"};
    const char *reason = NULL;
    struct buf text = BUF_INIT(sizeof d->no_cgroups - 1);

    for (int c = 0; d->cgroups != NULL && c < CGROUP_CONTROLLERS; c++) {
        const char *why = cgroup_degraded(d->cgroups, (enum cgroup_controller)c);

        if (why == NULL)
            continue;
        buf_format(
            &text, "%s%s", reason == NULL ? "no limits and control groups for " : ", ", names[c]);
        if (reason == NULL)
            reason = why;
    }
    if (reason != NULL) {
        (void)snprintf(d->no_cgroups, sizeof d->no_cgroups, "%s (%s)", buf_str(&text).at, reason);
        vec_push(&d->degraded, d->no_cgroups);
    }
    buf_fini(&text);
}

static void note_degraded(struct process_driver *d)
{
    note_cgroups(d);
    if (geteuid() != 0)
        vec_push(&d->degraded, "only root can start a service as another user");
    vec_push(&d->degraded, NULL);
}

bool process_driver_create(struct process_driver **out, struct loop *l,
    const struct process_settings *settings, const struct process_callbacks *callbacks, void *data,
    struct err *err)
{
    struct process_driver *d = mem_new(struct process_driver);

    d->magic = PROCESS_DRIVER_MAGIC;
    d->loop = l;
    d->callbacks = *callbacks;
    d->data = data;
    d->run_dir = fs_absolute("/", str_from(settings->run_dir));
    d->instance_dir = mem_format("%s/i", d->run_dir);
    d->log_dir = fs_absolute("/", str_from(settings->log_dir));
    d->project = mem_copy_string(settings->project);
    d->shim_path = mem_copy_string(settings->shim_path);
    if (settings->volumes_dir != NULL)
        d->volumes_dir = fs_absolute("/", str_from(settings->volumes_dir));
    d->can_mount = !settings->no_mounts && geteuid() == 0 &&
                   prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 1;
    d->chores = timer_create_on(l, on_chores, d);
    raise_open_files(d);
    if (!settings->no_cgroups) {
        /* The run directory's name is the project's with a hash: no two daemons share it. */
        d->cgroups = cgroup_world_create(strrchr(d->run_dir, '/') + 1);
    }
    note_degraded(d);
    bool ok = fs_make_dirs(d->instance_dir, MODE_PRIVATE, err) &&
              fs_make_dirs(d->log_dir, MODE_PRIVATE, err) &&
              (access(d->shim_path, X_OK) == 0 || err_sys(err, "%s", d->shim_path));
    if (!ok)
        process_driver_destroy(&d);
    *out = d;
    return ok;
}

void process_driver_destroy(struct process_driver **driver)
{
    struct process_driver *d = *driver;

    if (d == NULL)
        return;
    *driver = NULL;
    MAP_EACH (&d->processes, e)
        process_free(e->value);
    VEC_EACH (&d->buried, struct process *, p)
        process_free(*p);
    launch_wait_children(d);
    map_fini(&d->processes);
    vec_fini(&d->buried);
    vec_fini(&d->children);
    vec_fini(&d->degraded);
    timer_destroy(&d->chores);
    cgroup_world_destroy(&d->cgroups);
    free(d->run_dir);
    free(d->instance_dir);
    free(d->log_dir);
    free(d->volumes_dir);
    free(d->project);
    free(d->shim_path);
    free(d);
}

const char *const *process_driver_degraded(const struct process_driver *d)
{
    return d->degraded.at;
}
