/* When there is no shim: after it was killed while we looked, or before this daemon lived. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"
#include "drive/process/process_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Between takeovers of one instance that follow each other closely: doubling. */
#define RESPAWN_PAUSE_FIRST_MS 50
#define RESPAWN_PAUSE_MAX_MS   5000
#define RESPAWN_CALM_MS        10000 /* a shim that lived so long begins anew */
#define SHIM_EXIT_FIRST        65    /* the shim's own start failed: shim/main.c */

bool takeover_read_state(const struct process *p, struct shim_state *out)
{
    char *path = mem_format("%s/state", p->dir);
    struct buf bytes = BUF_INIT(4096);
    bool ok = fs_read(path, &bytes, NULL) && shim_state_read(out, bytes.at, bytes.len);

    buf_fini(&bytes);
    free(path);
    return ok;
}

/* A spec with which a new shim can at least watch. */
static void make_least_spec(struct process *p)
{
    struct buf bytes = BUF_INIT(SHIM_SPEC_MAX);
    char *log_dir = mem_format("%s/%s", p->driver->log_dir, p->service);
    struct spec_parts parts = {
        .run_dir = p->dir, .log_dir = log_dir, .cgroup = p->cgroup, .run_id = p->state.run_id};

    (void)!fs_make_dirs(log_dir, 0700, NULL); /* the shim will say so */
    spec_encode_watch(&bytes, &parts, p->slot);
    size_t length = bytes.len;
    p->spec = (struct str){buf_take(&bytes), length};
    free(log_dir);
}

static bool was_running(const struct process *p)
{
    return p->state.pid > 0 &&
           (p->state.phase == SHIM_PHASE_RUNNING || p->state.phase == SHIM_PHASE_STOPPING);
}

static int64_t respawn_pause_ms(const struct process *p)
{
    int64_t pause_ms = RESPAWN_PAUSE_FIRST_MS;

    for (int row = 1; row < p->respawn_row && pause_ms < RESPAWN_PAUSE_MAX_MS; row++)
        pause_ms *= 2;
    return pause_ms < RESPAWN_PAUSE_MAX_MS ? pause_ms : RESPAWN_PAUSE_MAX_MS;
}

static void start_takeover(struct process *p)
{
    struct shim_adopt adopt = {
        .pid = was_running(p) ? p->state.pid : 0,
        .start_ticks = p->state.start_ticks,
        .incarnation = p->state.incarnation,
        .restarts = p->state.restarts,
        .record_high = p->state.record_high,
        .started_boot_ns = p->state.started_boot_ns,
    };
    uint64_t highest = import_highest(p);
    struct err err = ERR_INIT;

    if (adopt.record_high < highest)
        adopt.record_high = highest; /* killed between the record and the state */
    if (adopt.record_high < p->imported)
        adopt.record_high = p->imported;
    if (p->spec.len == 0)
        make_least_spec(p);
    p->respawned_ms = loop_now_ms(p->driver->loop);
    bool held = p->state.flags & SHIM_STATE_HELD;
    bool start = adopt.pid == 0 && !held && (p->restart_due || p->state.phase == SHIM_PHASE_NEW);
    if (launch_shim(p, &adopt, held, &err)) {
        link_hello(p);
        if (start)
            process_resume(p); /* killed just before it started something */
        return;
    }
    err_in(&err, "%s/%d: taking over from a killed shim", p->service, p->slot);
    process_trouble(p, &err);
    p->respawn_row++;
    p->respawn_at_ms = loop_now_ms(p->driver->loop) + respawn_pause_ms(p);
    driver_chores_in(p->driver, respawn_pause_ms(p));
}

void takeover_due(struct process *p)
{
    p->respawn_at_ms = 0;
    import_files(p);
    if (p->vanished && was_running(p) && !p->done && !p->forgotten)
        import_synthetic(p, PROCESS_EXITED, "", 0); /* it went with the machine */
    if (p->done || p->vanished)
        process_ended(p);
    else
        start_takeover(p);
}

static const char *shim_failure(int code)
{
    static const char *const names[] = {"its spec", "run directory", "lock", "log directory",
        "output pipes", "control socket", "notify socket", "control group", "signals"};
    int i = code - SHIM_EXIT_FIRST;

    return i >= 0 && (size_t)i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static void end_by_failure(struct process *p, const char *what)
{
    struct err err = ERR_INIT;

    err_set(&err, ERR_IO, "%s/%d: tend-shim could not start: %s", p->service, p->slot, what);
    process_trouble(p, &err);
    if (!p->forgotten)
        import_synthetic(p, PROCESS_EXEC_FAILED, what, EIO);
    process_ended(p);
}

void takeover_shim_gone(struct process *p)
{
    int code = launch_exit_code(p);
    const char *failure = shim_failure(code);
    int64_t now_ms = loop_now_ms(p->driver->loop);
    struct shim_state state;

    p->shim_pid = 0;
    if (takeover_read_state(p, &state)) {
        p->state = state;
        p->done = p->done || state.phase == SHIM_PHASE_DONE;
    }
    import_files(p);
    if (p->done) {
        process_ended(p);
        return;
    }
    if (failure != NULL) {
        p->done = true;
        end_by_failure(p, failure);
        return;
    }
    if (p->respawned_ms == 0 || now_ms - p->respawned_ms >= RESPAWN_CALM_MS) {
        p->respawn_row = 0;
        start_takeover(p);
        return;
    }
    p->respawn_row++;
    p->respawn_at_ms = now_ms + respawn_pause_ms(p);
    driver_chores_in(p->driver, respawn_pause_ms(p));
}

/* ---- all that is there when a daemon starts ---- */

static MUST_USE bool parse_name(const char *name, char **out_service, int *out_slot)
{
    const char *dot = strrchr(name, '.');
    int64_t slot;

    if (dot == NULL || dot == name || !str_to_int(str_from(dot + 1), &slot) || slot < 1 ||
        slot > INT32_MAX)
        return false;
    *out_service = mem_format("%.*s", (int)(dot - name), name);
    *out_slot = (int)slot;
    return true;
}

static void prepare_takeover(struct process *p, const struct process_adoption *adoption)
{
    struct process_driver *d = p->driver;
    struct cgroup_limits none = {-1, 0, -1};
    struct process_spec spec;
    struct err err = ERR_INIT;

    if (adoption->spec_of != NULL && adoption->spec_of(d->data, p->service, p->slot, &spec)) {
        if (process_prepare(p, &spec, p->state.run_id, &err))
            return;
        err_in(&err, "%s/%d", p->service, p->slot);
        process_trouble(p, &err);
    }
    if (d->cgroups != NULL && p->cgroup == NULL &&
        !cgroup_open(&p->cgroup, d->cgroups, p->name, &none, &err))
        process_trouble(p, &err);
}

/* The rest comes from the chores, so that no callback comes from inside process_adopt_all. */
static void take_over_found(struct process *p, const struct process_adoption *adoption, bool known)
{
    if (!known) {
        p->done = true; /* killed before it did anything: there is nothing to tell */
    } else {
        p->done = p->state.phase == SHIM_PHASE_DONE;
        p->vanished = !str_is(str_from((const char *)p->state.boot_id), clock_boot_id());
    }
    if (!p->done && !p->vanished)
        prepare_takeover(p, adoption);
    p->respawn_at_ms = 1;
    driver_chores_in(p->driver, 0);
}

static void adopt_one(struct process_driver *d, const struct process_adoption *adoption,
    const char *service, int slot)
{
    struct process *p = process_new(d, service, slot);
    struct cgroup_limits none = {-1, 0, -1};

    if (map_get(&d->processes, str_from(p->name)) != NULL) {
        process_free(p);
        return;
    }
    (void)map_put(&d->processes, str_from(p->name), p);
    bool known = takeover_read_state(p, &p->state); /* the shim's answer may differ, if it lives */
    p->owner = adoption->found != NULL ? adoption->found(d->data, p) : NULL;
    if (!link_connect(p, NULL)) {
        take_over_found(p, adoption, known);
        return;
    }
    if (d->cgroups != NULL)
        (void)!cgroup_open(&p->cgroup, d->cgroups, p->name, &none, NULL); /* only for its usage */
}

bool process_adopt_all(
    struct process_driver *d, const struct process_adoption *adoption, struct err *err)
{
    DIR *dir = opendir(d->instance_dir);

    if (dir == NULL)
        return err_sys(err, "%s", d->instance_dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char *service;
        int slot;
        if (!parse_name(entry->d_name, &service, &slot))
            continue;
        adopt_one(d, adoption, service, slot);
        free(service);
    }
    (void)closedir(dir);
    return true;
}
