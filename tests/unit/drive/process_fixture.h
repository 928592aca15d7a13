/* process_fixture.h - a driver with real shims in a directory of its own, and what it told. */
#ifndef TEND_TESTS_UNIT_DRIVE_PROCESS_FIXTURE_H
#define TEND_TESTS_UNIT_DRIVE_PROCESS_FIXTURE_H

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "drive/process/process.h"
#include "io/loop.h"

#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TINY     BUILD_DIR "/tests/programs/tiny"
#define SHIM     BUILD_DIR "/tend-shim"
#define TOLD_MAX 512
#define WAIT_MS  10000

struct fixture {
    char dir[64], run[128], logs[128];
    struct loop *loop;
    struct timer *timeout;
    struct process_driver *driver;
    struct process *process; /* the latest that was started or found */
    struct process_record told[TOLD_MAX];
    int told_count, gone_count, found_count, state_count, trouble_count;
    struct process_notice notice;
    char status[256];
    int watchdogs;
    struct process_log_gap gap;
    int gaps;
    bool acknowledge, timed_out, no_mounts;
    bool (*until)(struct fixture *f);
    int64_t argument;
    char trouble[ERR_TEXT_BYTES];
};

static void fixture_on_record(void *data, struct process *p, const struct process_record *r)
{
    struct fixture *f = data;

    if (f->told_count < TOLD_MAX)
        f->told[f->told_count++] = *r;
    if (f->acknowledge)
        process_ack(p, r->number);
}

static void fixture_on_state(void *data, struct process *p)
{
    (void)p;
    ((struct fixture *)data)->state_count++;
}

static void fixture_on_notify(void *data, struct process *p, const struct process_notice *n)
{
    struct fixture *f = data;

    (void)p;
    f->notice.ready = f->notice.ready || n->ready;
    f->watchdogs += n->watchdog;
    if (n->status != NULL)
        (void)snprintf(f->status, sizeof f->status, "%s", n->status);
}

static void fixture_on_log(void *data, struct process *p, const struct process_log_gap *gap)
{
    struct fixture *f = data;

    (void)p;
    f->gap = *gap;
    f->gaps++;
}

static void fixture_on_gone(void *data, struct process *p)
{
    (void)p;
    ((struct fixture *)data)->gone_count++;
}

static void fixture_on_trouble(void *data, struct process *p, const struct err *trouble)
{
    struct fixture *f = data;

    (void)p;
    f->trouble_count++;
    (void)snprintf(f->trouble, sizeof f->trouble, "%s", trouble->text);
}

static void *fixture_found(void *data, struct process *p)
{
    struct fixture *f = data;

    f->process = p;
    f->found_count++;
    return f;
}

static void fixture_timeout(void *data)
{
    struct fixture *f = data;

    f->timed_out = true;
    loop_stop(f->loop);
}

static void fixture_look(void *data)
{
    struct fixture *f = data;

    if (f->until != NULL && f->until(f))
        loop_stop(f->loop);
}

static void fixture_driver(struct fixture *f)
{
    static const struct process_callbacks callbacks = {
        .on_record = fixture_on_record,
        .on_state = fixture_on_state,
        .on_notify = fixture_on_notify,
        .on_log = fixture_on_log,
        .on_gone = fixture_on_gone,
        .on_trouble = fixture_on_trouble,
    };
    struct process_settings settings = {.run_dir = f->run,
        .log_dir = f->logs,
        .project = "test",
        .shim_path = SHIM,
        .no_mounts = f->no_mounts};
    struct err err = ERR_INIT;

    CHECK_OK(process_driver_create(&f->driver, f->loop, &settings, &callbacks, f, &err), &err);
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err = ERR_INIT;

    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/tend-process-XXXXXX");
    CHECK(mkdtemp(f->dir) != NULL);
    (void)snprintf(f->run, sizeof f->run, "%s/run-%s", f->dir, f->dir + strlen(f->dir) - 6);
    (void)snprintf(f->logs, sizeof f->logs, "%s/logs", f->dir);
    CHECK_OK(loop_create(&f->loop, &err), &err);
    f->timeout = timer_create_on(f->loop, fixture_timeout, f);
    loop_after_turn(f->loop, fixture_look, f);
    fixture_driver(f);
    return f;
}

/* Runs the loop until `until` holds; false when that took too long. */
static bool fixture_wait(struct fixture *f, bool (*until)(struct fixture *f), int64_t argument)
{
    f->argument = argument;
    f->until = until;
    f->timed_out = false;
    if (until(f))
        return true;
    timer_set(f->timeout, WAIT_MS);
    while (!until(f) && !f->timed_out)
        loop_run(f->loop); /* a stop of the last wait may end it early */
    timer_clear(f->timeout);
    f->until = NULL;
    return !f->timed_out;
}

static bool fixture_never(struct fixture *f)
{
    (void)f;
    return false;
}

/* Lets the loop run for so long. */
static void fixture_pass(struct fixture *f, int64_t ms)
{
    f->until = fixture_never;
    f->timed_out = false;
    timer_set(f->timeout, ms);
    while (!f->timed_out)
        loop_run(f->loop);
    f->until = NULL;
}

static bool told_so_many(struct fixture *f)
{
    return f->told_count >= f->argument;
}

static bool is_gone(struct fixture *f)
{
    return f->gone_count >= f->argument;
}

static bool has_state(struct fixture *f)
{
    return f->state_count >= f->argument;
}

/* Closes the driver as a daemon's death would: nobody is told. */
static void fixture_daemon_dies(struct fixture *f)
{
    process_driver_destroy(&f->driver);
    f->process = NULL;
    f->told_count = f->gone_count = f->found_count = f->state_count = 0;
}

static void fixture_daemon_returns(struct fixture *f)
{
    struct process_adoption adoption = {.found = fixture_found};
    struct err err = ERR_INIT;

    fixture_driver(f);
    CHECK_OK(process_adopt_all(f->driver, &adoption, &err), &err);
}

/* A spec that restarts three times by itself. */
static struct process_spec fixture_spec(const char *const *argv)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "SECRET=hunter2", NULL};

    return (struct process_spec){
        .service = "web",
        .slot = 1,
        .argv = argv,
        .environment = environment,
        .working_dir = "/",
        .umask = -1,
        .limits = {-1,          0,                  -1                  },
        .log_bytes_max = 10 << 20,
        .log_files_max = 3,
        .lease = { .restart_on_failure = true, .burst = 3, .stable_ms = 10000, .slow_first_ms = 100},
    };
}

static void fixture_start(struct fixture *f, const struct process_spec *spec)
{
    struct err err = ERR_INIT;

    CHECK_OK(process_start(f->driver, spec, f, &f->process, &err), &err);
    CHECK(fixture_wait(f, told_so_many, f->told_count + 1));
}

#define ARGV(...)         \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }

static struct process_record fixture_last(const struct fixture *f)
{
    return f->told[f->told_count - 1];
}

/* Dead, or about to be: a zombie counts. */
static bool process_is_dead(int pid)
{
    char path[64];
    struct buf text = BUF_INIT(4096);

    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    bool dead = !fs_read(path, &text, NULL) || strstr(text.at, ") Z ") != NULL ||
                strstr(text.at, ") X ") != NULL;
    buf_fini(&text);
    return dead;
}

static void reap_orphans(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* Everything that was started ends with the case. */
static void fixture_free(struct fixture *f)
{
    if (f->process != NULL && f->gone_count == 0) {
        process_stop(f->process, SIGKILL, 0);
        CHECK(fixture_wait(f, is_gone, 1));
    }
    process_forget(&f->process);
    fixture_pass(f, 20);
    process_driver_destroy(&f->driver);
    timer_destroy(&f->timeout);
    loop_destroy(&f->loop);
    CHECK(fs_remove_tree(f->dir, NULL));
    reap_orphans();
    free(f);
}

static char *fixture_log(struct fixture *f, const char *name)
{
    char path[256];
    struct buf text = BUF_INIT(64 << 20);

    (void)snprintf(path, sizeof path, "%s/web/%s", f->logs, name);
    (void)!fs_read(path, &text, NULL);
    return buf_take(&text);
}

#endif
