#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/vec.h"
#include "drive/process/cgroup_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (64u << 10)
#define CPU_PERIOD_US  100000
#define CPU_QUOTA_MIN  1000

struct cgroup {
    char *v2;                       /* NULL: none */
    char *dirs[CGROUP_CONTROLLERS]; /* where that controller is; v2's are copies of it */
    bool is_v2[CGROUP_CONTROLLERS];
    struct {
        VEC_OF(const char *);
    } v1; /* each v1 folder once, NULL behind it */
    char *oom_file;
};

/* ---- making ---- */

static bool make_dir(const char *dir, struct err *err)
{
    if (mkdir(dir, 0755) == 0 || errno == EEXIST)
        return true;
    if (errno == ENOENT) /* the project's folder was empty, and somebody removed it */
        return fs_make_dirs(dir, 0755, err);
    return err_sys(err, "%s", dir);
}

static bool is_listed(const struct cgroup *g, const char *dir)
{
    for (size_t i = 0; i < g->v1.count; i++)
        if (strcmp(g->v1.at[i], dir) == 0)
            return true;
    return false;
}

static MUST_USE bool put_limit(const struct cgroup *g, enum cgroup_controller c, const char *file,
    int64_t value, struct err *err)
{
    char *path = mem_format("%s/%s", g->dirs[c], file), text[32];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    bool ok = fs_put(path, str_from(text), err);
    free(path);
    return ok;
}

static MUST_USE bool limit_cpu(const struct cgroup *g, double cpus, struct err *err)
{
    int64_t quota = (int64_t)(cpus * CPU_PERIOD_US);
    char *path = mem_format("%s/cpu.max", g->dirs[CGROUP_CPU]), text[64];

    quota = quota < CPU_QUOTA_MIN ? CPU_QUOTA_MIN : quota; /* the kernel's smallest */
    (void)snprintf(text, sizeof text, "%lld %d", (long long)quota, CPU_PERIOD_US);
    bool ok = g->is_v2[CGROUP_CPU]
                  ? fs_put(path, str_from(text), err)
                  : put_limit(g, CGROUP_CPU, "cpu.cfs_period_us", CPU_PERIOD_US, err) &&
                        put_limit(g, CGROUP_CPU, "cpu.cfs_quota_us", quota, err);
    free(path);
    return ok;
}

/* v1's 2 … 262144 are v2's 1 … 10000. */
static MUST_USE bool weigh_cpu(const struct cgroup *g, int shares, struct err *err)
{
    int64_t wanted = shares < 2 ? 2 : shares;

    return g->is_v2[CGROUP_CPU]
               ? put_limit(g, CGROUP_CPU, "cpu.weight", 1 + (wanted - 2) * 9999 / 262142, err)
               : put_limit(g, CGROUP_CPU, "cpu.shares", wanted, err);
}

/* v1 counts memory and swap together, v2 swap alone. */
static MUST_USE bool limit_swap(
    const struct cgroup *g, const struct cgroup_limits *limits, struct err *err)
{
    int64_t both = limits->memory_swap_bytes;

    if (both > 0 && both < limits->memory_bytes)
        return err_set(err, ERR_INVALID, "memswap_limit is below the memory limit");
    if (both > 0 && limits->memory_bytes < 0)
        return err_set(err, ERR_INVALID, "memswap_limit needs a memory limit");
    if (!g->is_v2[CGROUP_MEMORY])
        return put_limit(g, CGROUP_MEMORY, "memory.memsw.limit_in_bytes", both, err);
    if (both > 0)
        return put_limit(g, CGROUP_MEMORY, "memory.swap.max", both - limits->memory_bytes, err);
    char *path = mem_format("%s/memory.swap.max", g->dirs[CGROUP_MEMORY]);
    bool ok = fs_put(path, STR("max"), err);
    free(path);
    return ok;
}

static bool is_wanted(const struct cgroup_world *w, const struct cgroup_limits *limits, int c)
{
    switch (c) {
    case CGROUP_CPU:
        return limits->cpus > 0 || limits->cpu_shares > 0;
    case CGROUP_PIDS:
        return limits->pids >= 0;
    case CGROUP_FREEZER:
        return !w->has_kill; /* freeze, kill, thaw takes its place */
    default:
        return true; /* usage, and the proof of an OOM kill */
    }
}

static bool is_limited(const struct cgroup_limits *limits, int c)
{
    return (c == CGROUP_MEMORY && (limits->memory_bytes >= 0 || limits->reserved_bytes > 0 ||
                                      limits->memory_swap_bytes != 0)) ||
           (c == CGROUP_CPU && (limits->cpus > 0 || limits->cpu_shares > 0)) ||
           (c == CGROUP_PIDS && limits->pids >= 0);
}

static MUST_USE bool make_v1(
    struct cgroup *g, struct cgroup_world *w, const char *name, int c, bool needed, struct err *err)
{
    char *dir = mem_format("%s/%s", w->dirs[c], name);
    struct stat st;

    /* Groups of a former run with other limits are taken over, wanted or not. */
    if (!needed && stat(dir, &st) == -1) {
        free(dir);
        return true;
    }
    if (!make_dir(dir, err)) {
        free(dir);
        return false;
    }
    g->dirs[c] = dir;
    if (!is_listed(g, dir))
        vec_push(&g->v1, dir);
    return true;
}

static MUST_USE bool make_groups(struct cgroup *g, struct cgroup_world *w, const char *name,
    const struct cgroup_limits *limits, struct err *err)
{
    if (w->v2_dir != NULL) {
        g->v2 = mem_format("%s/%s", w->v2_dir, name);
        TRY(make_dir(g->v2, err));
    }
    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        if (is_limited(limits, c) && w->dirs[c] == NULL)
            return err_set(err, ERR_UNSUPPORTED, "limits: %s", w->why[c]);
        g->is_v2[c] = w->is_v2[c];
        if (w->dirs[c] == NULL)
            continue;
        if (w->is_v2[c])
            g->dirs[c] = mem_copy_string(g->v2);
        else
            TRY(make_v1(g, w, name, c, is_wanted(w, limits, c), err));
    }
    return true;
}

static MUST_USE bool set_limits(
    struct cgroup *g, const struct cgroup_limits *limits, struct err *err)
{
    if (limits->memory_bytes >= 0)
        TRY(put_limit(g, CGROUP_MEMORY,
            g->is_v2[CGROUP_MEMORY] ? "memory.max" : "memory.limit_in_bytes", limits->memory_bytes,
            err));
    if (limits->memory_swap_bytes != 0)
        TRY(limit_swap(g, limits, err));
    if (limits->reserved_bytes > 0)
        TRY(put_limit(g, CGROUP_MEMORY,
            g->is_v2[CGROUP_MEMORY] ? "memory.low" : "memory.soft_limit_in_bytes",
            limits->reserved_bytes, err));
    if (limits->cpu_shares > 0)
        TRY(weigh_cpu(g, limits->cpu_shares, err));
    if (limits->cpus > 0)
        TRY(limit_cpu(g, limits->cpus, err));
    if (limits->pids >= 0)
        TRY(put_limit(g, CGROUP_PIDS, "pids.max", limits->pids, err));
    return true;
}

bool cgroup_open(struct cgroup **out, struct cgroup_world *w, const char *name,
    const struct cgroup_limits *limits, struct err *err)
{
    struct cgroup *g = mem_new(struct cgroup);
    bool ok = make_groups(g, w, name, limits, err) && set_limits(g, limits, err);

    *out = NULL;
    vec_push(&g->v1, NULL);
    g->v1.count--;
    if (!ok) {
        (void)cgroup_remove(g); /* what could be made of it */
        cgroup_close(&g);
        return err_in(err, "control group");
    }
    if (g->dirs[CGROUP_MEMORY] != NULL)
        g->oom_file = mem_format("%s/%s", g->dirs[CGROUP_MEMORY],
            g->is_v2[CGROUP_MEMORY] ? "memory.events" : "memory.oom_control");
    *out = g;
    return true;
}

void cgroup_close(struct cgroup **group)
{
    struct cgroup *g = *group;

    if (g == NULL)
        return;
    *group = NULL;
    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        free(g->dirs[c]);
    vec_fini(&g->v1);
    free(g->oom_file);
    free(g->v2);
    free(g);
}

/* ---- the end ---- */

static bool remove_dir(const char *dir)
{
    return dir == NULL || rmdir(dir) == 0 || errno == ENOENT;
}

bool cgroup_remove(struct cgroup *g)
{
    bool gone = remove_dir(g->v2);

    for (size_t i = 0; i < g->v1.count; i++)
        gone = remove_dir(g->v1.at[i]) && gone;
    return gone;
}

static void kill_listed(const char *dir)
{
    char *path = mem_format("%s/cgroup.procs", dir);
    struct buf list = BUF_INIT(FILE_BYTES_MAX);

    if (fs_read(path, &list, NULL))
        for (struct str rest = buf_str(&list); rest.len > 0;) {
            int64_t pid;
            if (str_to_int(str_cut(&rest, '\n'), &pid) && pid > 1)
                (void)kill((pid_t)pid, SIGKILL);
        }
    buf_fini(&list);
    free(path);
}

void cgroup_kill(struct cgroup *g)
{
    char *path = g->v2 != NULL ? mem_format("%s/cgroup.kill", g->v2) : NULL;
    bool killed = path != NULL && fs_put(path, STR("1"), NULL);

    free(path);
    if (!killed && (g->v2 != NULL || g->v1.count > 0))
        kill_listed(g->v2 != NULL ? g->v2 : g->v1.at[0]);
}

/* ---- usage ---- */

static bool read_text(const char *dir, const char *file, struct buf *out)
{
    char path[4096];

    buf_reset(out);
    return dir != NULL && snprintf(path, sizeof path, "%s/%s", dir, file) < (int)sizeof path &&
           fs_read(path, out, NULL);
}

static int64_t read_number(const char *dir, const char *file, struct buf *scratch)
{
    int64_t number;

    if (!read_text(dir, file, scratch) || !str_to_int(str_trim(buf_str(scratch)), &number))
        return -1;
    return number;
}

/* The number behind "key " in a file of such lines. */
static int64_t read_keyed(const char *dir, const char *file, const char *key, struct buf *scratch)
{
    int64_t number;

    if (!read_text(dir, file, scratch))
        return -1;
    for (struct str rest = buf_str(scratch); rest.len > 0;) {
        struct str value = str_cut(&rest, '\n');
        if (str_is(str_cut(&value, ' '), key) && str_to_int(str_trim(value), &number))
            return number;
    }
    return -1;
}

void cgroup_read(const struct cgroup *g, struct cgroup_usage *out)
{
    struct buf scratch = BUF_INIT(FILE_BYTES_MAX);
    bool memory_v2 = g->is_v2[CGROUP_MEMORY], cpu_v2 = g->is_v2[CGROUP_CPU];
    const char *memory = g->dirs[CGROUP_MEMORY], *cpuacct = g->dirs[CGROUP_CPUACCT];

    out->memory_bytes =
        read_number(memory, memory_v2 ? "memory.current" : "memory.usage_in_bytes", &scratch);
    out->oom_kills = read_keyed(
        memory, memory_v2 ? "memory.events" : "memory.oom_control", "oom_kill", &scratch);
    if (g->is_v2[CGROUP_CPUACCT]) {
        out->cpu_us = read_keyed(cpuacct, "cpu.stat", "usage_usec", &scratch);
    } else {
        int64_t nanos = read_number(cpuacct, "cpuacct.usage", &scratch);
        out->cpu_us = nanos >= 0 ? nanos / 1000 : -1;
    }
    out->pids = read_number(g->dirs[CGROUP_PIDS], "pids.current", &scratch);
    int64_t throttled = read_keyed(
        g->dirs[CGROUP_CPU], "cpu.stat", cpu_v2 ? "throttled_usec" : "throttled_time", &scratch);
    out->throttled_us = throttled >= 0 && !cpu_v2 ? throttled / 1000 : throttled;
    buf_fini(&scratch);
}

/* ---- for the shim ---- */

const char *cgroup_v2_dir(const struct cgroup *g)
{
    return g->v2;
}

const char *const *cgroup_v1_dirs(const struct cgroup *g)
{
    return g->v1.at;
}

const char *cgroup_freezer_dir(const struct cgroup *g)
{
    return g->is_v2[CGROUP_FREEZER] ? NULL : g->dirs[CGROUP_FREEZER];
}

const char *cgroup_oom_file(const struct cgroup *g)
{
    return g->oom_file;
}
