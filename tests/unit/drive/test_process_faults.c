#include "process_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static bool is_adopted(struct fixture *f)
{
    for (int i = 0; i < f->told_count; i++)
        if (f->told[i].kind == PROCESS_ADOPTED)
            return true;
    return false;
}

static bool has_exited(struct fixture *f)
{
    return f->told_count > 0 && fixture_last(f).kind == PROCESS_EXITED;
}

static bool is_dead_pid(struct fixture *f)
{
    reap_orphans();
    return process_is_dead((int)f->argument);
}

static bool log_has(struct fixture *f, const char *text)
{
    char *log = fixture_log(f, "1.log");
    bool has = strstr(log, text) != NULL;

    free(log);
    return has;
}

static const char *awaited_text;

static bool log_has_it(struct fixture *f)
{
    return log_has(f, awaited_text);
}

/* The loop sleeps while a log is awaited: look every 10 ms. */
static bool wait_for_log(struct fixture *f, const char *text)
{
    awaited_text = text;
    for (int i = 0; i < WAIT_MS / 10; i++) {
        if (log_has_it(f))
            return true;
        fixture_pass(f, 10);
    }
    return false;
}

static void wait_for_death(struct fixture *f, int pid)
{
    f->argument = pid;
    for (int i = 0; i < WAIT_MS / 10 && !is_dead_pid(f); i++)
        fixture_pass(f, 10);
    CHECK(process_is_dead(pid));
}

CASE(a_killed_shim_is_replaced_and_the_service_does_not_notice)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(
        ARGV("sh", "-c", "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.01; done"));

    fixture_start(f, &spec);
    CHECK(wait_for_log(f, "line 3\n"));
    int pid = process_pid(f->process), shim = process_shim_pid(f->process);
    CHECK(kill(shim, SIGKILL) == 0);
    CHECK(fixture_wait(f, is_adopted, 0));
    CHECK_INT(process_pid(f->process), pid);
    CHECK(!process_is_dead(pid));
    CHECK(process_shim_pid(f->process) != shim);
    CHECK(wait_for_log(f, "line 40\n"));
    char *log = fixture_log(f, "1.log"), *at = log;
    for (int n = 1; n <= 40; n++) { /* not one is missing */
        char line[32];
        (void)snprintf(line, sizeof line, " F line %d\n", n);
        at = strstr(at, line);
        CHECK_SAYING(at != NULL, "line %d is missing", n);
    }
    free(log);
    CHECK(kill(pid, SIGKILL) == 0); /* and its end is seen, too, and healed */
    CHECK(fixture_wait(f, told_so_many, 4));
    CHECK_INT(f->told[2].kind, PROCESS_EXITED);
    CHECK_INT(f->told[2].signal, SIGKILL);
    CHECK(!f->told[2].lost);
    CHECK_INT(f->told[3].kind, PROCESS_STARTED);
    CHECK_INT(f->told[3].incarnation, 2);
    fixture_free(f);
}

CASE(an_adopted_service_can_be_stopped)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep", "ignore-term"));

    fixture_start(f, &spec);
    fixture_pass(f, 50);
    CHECK(kill(process_shim_pid(f->process), SIGKILL) == 0);
    CHECK(fixture_wait(f, is_adopted, 0));
    int pid = process_pid(f->process);
    process_stop(f->process, SIGTERM, 100);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK(fixture_last(f).killed && fixture_last(f).stopped);
    CHECK_INT(fixture_last(f).signal, SIGKILL);
    CHECK(process_is_dead(pid));
    fixture_free(f);
}

CASE(daemon_and_shim_killed_the_next_daemon_takes_over)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));

    fixture_start(f, &spec);
    int pid = process_pid(f->process), shim = process_shim_pid(f->process);
    process_ack(f->process, 1);
    fixture_daemon_dies(f);
    CHECK(kill(shim, SIGKILL) == 0);
    wait_for_death(f, shim);
    fixture_daemon_returns(f);
    CHECK_INT(process_pid(f->process), pid);
    CHECK(fixture_wait(f, is_adopted, 0));
    CHECK_INT(f->told[0].number, 2);
    CHECK(!process_is_dead(pid));
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(fixture_wait(f, is_gone, 1)); /* nobody knows its spec: the end */
    CHECK_INT(fixture_last(f).signal, SIGKILL);
    CHECK_INT(fixture_last(f).next, PROCESS_NEXT_DONE);
    fixture_free(f);
}

static struct process_spec returned_spec;

static bool give_spec(void *data, const char *service, int slot, struct process_spec *out)
{
    (void)data;
    CHECK_TEXT(service, "web");
    CHECK_INT(slot, 1);
    *out = returned_spec;
    return true;
}

CASE(daemon_shim_and_service_killed_at_once_it_is_started_again)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));
    struct process_adoption adoption = {.found = fixture_found, .spec_of = give_spec};
    struct err err = ERR_INIT;

    fixture_start(f, &spec);
    int pid = process_pid(f->process), shim = process_shim_pid(f->process);
    fixture_daemon_dies(f);
    CHECK(kill(shim, SIGKILL) == 0 && kill(pid, SIGKILL) == 0);
    wait_for_death(f, shim);
    wait_for_death(f, pid); /* and waited for: its status is nobody's */
    returned_spec = spec;
    fixture_driver(f);
    CHECK_OK(process_adopt_all(f->driver, &adoption, &err), &err);
    CHECK(fixture_wait(f, told_so_many, 3));
    CHECK_INT(f->told[1].kind, PROCESS_EXITED);
    CHECK(f->told[1].lost);
    CHECK_INT(f->told[1].next, PROCESS_NEXT_RESTART);
    CHECK_INT(f->told[2].kind, PROCESS_STARTED);
    CHECK_INT(f->told[2].incarnation, 2);
    CHECK(!process_is_dead(process_pid(f->process)));
    fixture_free(f);
}

CASE(what_a_former_boot_has_left_is_told_as_lost)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));
    struct shim_state state;
    char path[256];

    fixture_start(f, &spec);
    int pid = process_pid(f->process), shim = process_shim_pid(f->process);
    fixture_daemon_dies(f);
    CHECK(kill(shim, SIGKILL) == 0 && kill(pid, SIGKILL) == 0);
    wait_for_death(f, shim);
    (void)snprintf(path, sizeof path, "%s/i/web.1/state", f->run);
    int fd = open(path, O_RDWR);
    CHECK(pread(fd, &state, sizeof state, 0) == sizeof state);
    state.boot_id[0] ^= 1;
    state.pid = (int32_t)getpid(); /* a number that means somebody else now */
    CHECK(pwrite(fd, &state, sizeof state, 0) == sizeof state);
    (void)close(fd);
    fixture_daemon_returns(f);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK_INT(fixture_last(f).kind, PROCESS_EXITED);
    CHECK(fixture_last(f).lost);
    fixture_free(f);
}

CASE(a_reused_pid_is_not_taken_for_the_service)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));
    struct shim_state state;
    char path[256];

    fixture_start(f, &spec);
    int pid = process_pid(f->process), shim = process_shim_pid(f->process);
    fixture_daemon_dies(f);
    CHECK(kill(shim, SIGKILL) == 0 && kill(pid, SIGKILL) == 0);
    wait_for_death(f, shim);
    (void)usleep(30000); /* start times count in ticks of 10 ms: it is to have another one */
    pid_t innocent = fork();
    if (innocent == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* with us, should the case fail */
        (void)pause();
        _exit(0);
    }
    (void)snprintf(path, sizeof path, "%s/i/web.1/state", f->run);
    int fd = open(path, O_RDWR);
    CHECK(pread(fd, &state, sizeof state, 0) == sizeof state);
    state.pid = innocent;
    CHECK(pwrite(fd, &state, sizeof state, 0) == sizeof state);
    (void)close(fd);
    for (int number = 1; number <= 9; number++) { /* the state alone says who it was */
        (void)snprintf(path, sizeof path, "%s/i/web.1/r.%d", f->run, number);
        (void)unlink(path);
    }
    fixture_daemon_returns(f);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK_INT(fixture_last(f).kind, PROCESS_EXITED);
    CHECK(fixture_last(f).lost);
    CHECK(!process_is_dead(innocent));
    CHECK(kill(innocent, SIGKILL) == 0);
    fixture_free(f);
}

static int pid_of_daemon_child(struct fixture *f)
{
    char path[300];
    struct buf text = BUF_INIT(4096);
    int pid = 0;

    for (int i = 0; i < WAIT_MS / 10 && pid == 0; i++) {
        (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", process_shim_pid(f->process),
            process_shim_pid(f->process));
        buf_reset(&text);
        int first = 0, second = 0;
        if (fs_read(path, &text, NULL) && sscanf(text.at, "%d %d", &first, &second) == 2)
            pid = first != process_pid(f->process) ? first : second;
        else
            fixture_pass(f, 10);
    }
    buf_fini(&text);
    return pid;
}

CASE(what_the_service_left_behind_dies_before_the_restart_and_at_the_stop)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "daemon"));

    fixture_start(f, &spec);
    int left = pid_of_daemon_child(f);
    CHECK(left > 0 && !process_is_dead(left));
    CHECK(kill(process_pid(f->process), SIGKILL) == 0);
    CHECK(fixture_wait(f, told_so_many, 3));
    CHECK(process_is_dead(left));
    left = pid_of_daemon_child(f);
    CHECK(left > 0 && !process_is_dead(left));
    process_stop(f->process, SIGTERM, 3000);
    CHECK(fixture_wait(f, is_gone, 1));
    CHECK(process_is_dead(left));
    fixture_free(f);
}

CASE(arguments_and_secrets_of_the_service_are_not_in_the_shims_argv_or_environment)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "environment", "argument-secret"));
    char path[64];
    struct buf text = BUF_INIT(65536);

    fixture_start(f, &spec);
    (void)snprintf(path, sizeof path, "/proc/%d/environ", process_shim_pid(f->process));
    CHECK(fs_read(path, &text, NULL));
    CHECK_INT(text.len, 0);
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", process_shim_pid(f->process));
    CHECK(fs_read(path, &text, NULL));
    CHECK_INT(text.len, sizeof "tend-shim\0test\0web/1");
    CHECK(memcmp(text.at, "tend-shim\0test\0web/1", text.len) == 0);
    CHECK(wait_for_log(f, " stdout F SECRET=hunter2\n")); /* the service itself has it */
    buf_fini(&text);
    fixture_free(f);
}

CASE(a_missing_program_names_each_place_that_was_tried)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV("no-such-program-here"));
    struct err err = ERR_INIT;

    CHECK(!process_start(f->driver, &spec, f, &f->process, &err));
    CHECK_INT(err.kind, ERR_MISSING);
    CHECK_TEXT(err.text, "no program \"no-such-program-here\" in PATH; tried /usr/bin, /bin");
    CHECK(f->process == NULL);
    f->gone_count = 1;
    fixture_free(f);
}

CASE(a_program_that_goes_away_is_told_with_its_step)
{
    struct fixture *f = fixture_new();
    char copy[128];

    (void)snprintf(copy, sizeof copy, "%s/program", f->dir);
    struct buf bytes = BUF_INIT(16 << 20);
    CHECK(fs_read(TINY, &bytes, NULL) && fs_write_volatile(copy, buf_str(&bytes), 0700, NULL));
    buf_fini(&bytes);
    struct process_spec spec = fixture_spec(ARGV(copy, "sleep"));
    fixture_start(f, &spec);
    CHECK(unlink(copy) == 0);
    CHECK(kill(process_pid(f->process), SIGKILL) == 0);
    CHECK(fixture_wait(f, told_so_many, 3));
    CHECK_INT(f->told[2].kind, PROCESS_EXEC_FAILED);
    CHECK_INT(f->told[2].error, ENOENT);
    CHECK_TEXT(f->told[2].step, "exec");
    CHECK_INT(f->told[2].next, PROCESS_NEXT_WAIT);
    CHECK(process_phase(f->process) == PROCESS_WAITING);
    fixture_free(f);
}

static bool is_watched(struct fixture *f)
{
    return f->notice.ready && f->watchdogs >= 2 && f->status[0] != '\0';
}

CASE(readiness_status_and_heartbeat_come_through)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "notify"));

    spec.notify = true;
    spec.watchdog_us = 40000;
    fixture_start(f, &spec);
    CHECK(fixture_wait(f, is_watched, 0));
    CHECK_TEXT(f->status, "warm and ready");
    fixture_free(f);
}

CASE(a_held_service_starts_when_resumed_and_a_hold_stops_restarts)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));
    struct err err = ERR_INIT;

    spec.held = true;
    CHECK_OK(process_start(f->driver, &spec, f, &f->process, &err), &err);
    CHECK(fixture_wait(f, has_state, 1));
    CHECK(process_phase(f->process) == PROCESS_WAITING);
    CHECK_INT(f->told_count, 0);
    process_resume(f->process);
    CHECK(fixture_wait(f, told_so_many, 1));
    process_hold(f->process, true);
    process_signal(f->process, SIGKILL, true);
    CHECK(fixture_wait(f, has_exited, 0));
    CHECK_INT(fixture_last(f).next, PROCESS_NEXT_WAIT);
    fixture_daemon_dies(f); /* a hold outlives the daemon */
    (void)poll(NULL, 0, 300);
    fixture_daemon_returns(f);
    CHECK(fixture_wait(f, has_state, 1));
    CHECK(process_phase(f->process) == PROCESS_WAITING);
    process_resume(f->process);
    CHECK(fixture_wait(f, told_so_many, f->told_count + 1));
    CHECK_INT(fixture_last(f).kind, PROCESS_STARTED);
    fixture_free(f);
}

CASE(a_run_directory_deeper_than_a_socket_name_works)
{
    struct fixture *f = fixture_new();

    process_driver_destroy(&f->driver);
    (void)snprintf(f->run, sizeof f->run, "%s/%.90s/run", f->dir,
        "a-directory-name-that-is-so-long-that-the-path-of-the-socket-would-not-fit-into-sun-path-"
        "x");
    fixture_driver(f);
    struct process_spec spec = fixture_spec(ARGV(TINY, "notify"));
    spec.notify = true;
    spec.watchdog_us = 40000;
    fixture_start(f, &spec);
    CHECK(fixture_wait(f, is_watched, 0));
    fixture_daemon_dies(f);
    fixture_daemon_returns(f);
    CHECK(fixture_wait(f, has_state, 1));
    fixture_free(f);
}

CASE(a_service_runs_as_its_user_with_its_groups_alone)
{
    struct fixture *f = fixture_new();
    struct process_spec spec =
        fixture_spec(ARGV("sh", "-c", "id; ulimit -n; echo err >/dev/stderr; sleep 100"));

    if (geteuid() != 0) {
        f->gone_count = 1;
        fixture_free(f);
        SKIP("needs root");
    }
    spec.user = "nobody:daemon";
    fixture_start(f, &spec);
    CHECK(wait_for_log(f, " stderr F err\n"));
    CHECK(log_has(f, "uid=65534(nobody) gid=1(daemon) groups=1(daemon)\n"));
    fixture_free(f);
}

CASE(somebody_who_forgets_a_running_service_ends_it)
{
    struct fixture *f = fixture_new();
    struct process_spec spec = fixture_spec(ARGV(TINY, "sleep"));
    char path[256];

    fixture_start(f, &spec);
    int pid = process_pid(f->process);
    (void)snprintf(path, sizeof path, "%s/i/web.1", f->run);
    CHECK(fs_exists(path));
    process_forget(&f->process);
    CHECK(f->process == NULL);
    wait_for_death(f, pid);
    for (int i = 0; i < WAIT_MS / 10 && fs_exists(path); i++)
        fixture_pass(f, 10);
    CHECK(!fs_exists(path));
    fixture_free(f);
}

TEST_MAIN()
