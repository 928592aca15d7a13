#include "base/clock.h"
#include "base/fs.h"
#include "drive/process/process_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *step_name(int step)
{
    static const char *const names[] = {
        [SHIM_STEP_NONE] = "",
        [SHIM_STEP_FORK] = "fork",
        [SHIM_STEP_CGROUP] = "control group",
        [SHIM_STEP_LIMITS] = "limits",
        [SHIM_STEP_GROUPS] = "groups",
        [SHIM_STEP_USER] = "user",
        [SHIM_STEP_CWD] = "working directory",
        [SHIM_STEP_EXEC] = "exec",
        [SHIM_STEP_OOM_SCORE] = "oom_score_adj",
        [SHIM_STEP_CPUS] = "cpuset",
        [SHIM_STEP_MOUNTS] = "volumes",
        [SHIM_STEP_FILES] = "configs and secrets",
        [SHIM_STEP_READ_ONLY] = "read_only",
        [SHIM_STEP_CAPS] = "cap_add, cap_drop",
        [SHIM_STEP_HOSTNAME] = "hostname",
    };

    return step >= 0 && (size_t)step < sizeof names / sizeof names[0] ? names[step] : "start";
}

static const char *describe_step(struct process *p, const struct shim_record *r)
{
    const char *text = NULL;

    if (r->step == SHIM_STEP_MOUNTS || r->step == SHIM_STEP_FILES)
        text = view_step(p, r->step, r->detail, p->step, sizeof p->step);
    return text != NULL ? text : step_name(r->step);
}

static struct process_record translate(struct process *p, const struct shim_record *r)
{
    bool failed = r->kind == SHIM_EXEC_FAILED;

    return (struct process_record){
        .kind = (enum process_record_kind)r->kind,
        .run_id = r->run_id,
        .number = r->number,
        .incarnation = r->incarnation,
        .restarts = r->restarts,
        .boot_ns = r->boot_ns,
        .wall_ns = r->wall_ns,
        .pid = r->pid,
        .start_ticks = r->start_ticks,
        .code = failed ? -1 : r->code,
        .signal = r->signal,
        .oom = r->flags & SHIM_EXIT_OOM,
        .core = r->flags & SHIM_EXIT_CORE,
        .lost = r->flags & SHIM_EXIT_LOST,
        .stopped = r->flags & SHIM_EXIT_STOPPED,
        .killed = r->flags & SHIM_EXIT_KILLED,
        .next = (enum process_next)r->next,
        .retry_ms = (int64_t)r->retry_ms,
        .alive_ns = (int64_t)r->alive_ns,
        .cpu_us = (int64_t)r->cpu_us,
        .memory_max_bytes = (int64_t)r->memory_max_kb * 1024,
        .error = failed ? r->code : 0,
        .step = describe_step(p, r),
        .merged = r->merged,
    };
}

/* What the record says about how things are now. */
static void apply(struct process *p, const struct shim_record *r)
{
    if (r->incarnation < p->state.incarnation)
        return;
    p->restart_due = r->next == SHIM_NEXT_RESTART || r->next == SHIM_NEXT_RETRY;
    p->state.run_id = r->run_id;
    p->state.incarnation = r->incarnation;
    p->state.restarts = r->restarts;
    if (r->kind == SHIM_STARTED || r->kind == SHIM_ADOPTED) {
        p->state.pid = r->pid;
        p->state.start_ticks = r->start_ticks;
        if (r->kind == SHIM_STARTED)
            p->state.started_boot_ns = r->boot_ns;
        if (p->phase != PROCESS_STOPPING)
            p->phase = PROCESS_RUNNING;
    } else if (r->kind == SHIM_EXITED || r->kind == SHIM_EXEC_FAILED) {
        p->state.pid = 0;
        p->state.start_ticks = 0;
        p->phase = r->next == SHIM_NEXT_DONE ? PROCESS_GONE : PROCESS_WAITING;
        p->done = r->next == SHIM_NEXT_DONE;
    }
}

void import_record(struct process *p, const struct shim_record *r)
{
    struct process_record told = translate(p, r);

    if (p->imported == 0)
        p->acked = r->number - 1;
    p->imported = r->number;
    if (r->number >= p->state.record_high) { /* an old one says nothing about now */
        p->state.record_high = r->number;
        apply(p, r);
    }
    p->driver->callbacks.on_record(p->driver->data, p, &told);
}

/* ---- files ---- */

struct numbers {
    VEC_OF(uint64_t);
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static struct numbers list_numbers(const struct process *p, uint64_t above)
{
    struct numbers list = {0};
    DIR *dir = opendir(p->dir);

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct str name = str_from(entry->d_name);
        uint64_t number;
        if (str_starts(name, "r.") && str_to_uint(str_tail(name, 2), &number) && number > above)
            vec_push(&list, number);
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (list.count > 1)
        qsort(list.at, list.count, sizeof *list.at, by_number);
    return list;
}

uint64_t import_highest(const struct process *p)
{
    struct numbers list = list_numbers(p, 0);
    uint64_t highest = list.count > 0 ? list.at[list.count - 1] : 0;

    vec_fini(&list);
    return highest;
}

static bool read_record(const struct process *p, uint64_t number, struct shim_record *out)
{
    char path[4200];
    struct buf bytes = BUF_INIT(SHIM_MESSAGE_MAX);

    (void)snprintf(path, sizeof path, "%s/r.%llu", p->dir, (unsigned long long)number);
    bool ok = fs_read(path, &bytes, NULL) && shim_record_read(out, bytes.at, bytes.len) &&
              out->number == number;
    buf_fini(&bytes);
    return ok;
}

void import_files(struct process *p)
{
    struct numbers list = list_numbers(p, p->imported);

    VEC_EACH (&list, uint64_t, number) {
        struct shim_record r;
        if (!p->forgotten && *number > p->imported && read_record(p, *number, &r))
            import_record(p, &r);
    }
    vec_fini(&list);
}

void import_delete_to(struct process *p, uint64_t number)
{
    int dir_fd = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char name[32];

    if (number > p->imported)
        number = p->imported;
    for (; p->acked < number; p->acked++) {
        (void)snprintf(name, sizeof name, "r.%llu", (unsigned long long)p->acked + 1);
        if (dir_fd != -1)
            (void)unlinkat(dir_fd, name, 0); /* a merged one is not there */
    }
    if (dir_fd != -1)
        (void)close(dir_fd);
}

void import_synthetic(struct process *p, enum process_record_kind kind, const char *step, int error)
{
    uint64_t newest = p->imported > p->state.record_high ? p->imported : p->state.record_high;
    struct process_record told = {
        .kind = kind,
        .run_id = p->state.run_id,
        .number = newest + 1, /* no shim lives that could use it */
        .incarnation = p->state.incarnation,
        .restarts = p->state.restarts,
        .boot_ns = clock_boot_ns(),
        .wall_ns = clock_wall_ns(),
        .pid = p->state.pid,
        .start_ticks = p->state.start_ticks,
        .code = -1,
        .lost = kind == PROCESS_EXITED,
        .next = PROCESS_NEXT_DONE,
        .error = error,
        .step = step,
    };

    p->imported = newest + 1;
    p->state.pid = 0;
    p->done = true;
    p->phase = PROCESS_GONE;
    p->driver->callbacks.on_record(p->driver->data, p, &told);
}
