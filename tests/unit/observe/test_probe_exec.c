#include "base/buf.h"
#include "base/fs.h"
#include "observe/probe/probe.h"
#include "probing.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>

#ifdef __SANITIZE_THREAD__
#define VFORK_IS_FORK true /* ThreadSanitizer's: why an exec failed does not come back */
#else
#define VFORK_IS_FORK false
#endif

static const char *const plain_environment[] = {"PATH=/usr/bin:/bin", "COLOUR=green", NULL};

static struct seen_result run(const char *const *argv, int64_t timeout_ms)
{
    struct healthcheck check = {.kind = PROBE_EXEC,
        .argv = argv,
        .interval_ns = 20 * NS_PER_MS,
        .timeout_ns = timeout_ms * NS_PER_MS};
    struct probe_target target = {
        .check = &check, .environment = plain_environment, .working_dir = "/usr"};

    return probe_once(&target);
}

static struct seen_result run_shell(const char *script, int64_t timeout_ms)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};

    return run(argv, timeout_ms);
}

CASE(exit_code_zero_is_healthy_and_any_other_is_not)
{
    struct seen_result r = run_shell("exit 0", 5000);
    CHECK(r.ok);
    CHECK_TEXT(r.detail, "exit code 0");
    r = run_shell("echo connecting; echo 'no such host' >&2; exit 7", 5000);
    CHECK(!r.ok && !r.timed_out);
    CHECK_TEXT(r.detail, "exit code 7: no such host");
    r = run_shell("kill -SEGV $$", 5000);
    CHECK_TEXT(r.detail, "killed by SIGSEGV");
}

CASE(it_gets_the_services_environment_directory_and_path)
{
    struct seen_result r = run_shell("echo $COLOUR $HOME $PWD", 5000);
    CHECK_TEXT(r.detail, "exit code 0: green /usr");
    const char *const argv[] = {"true", NULL};
    CHECK(run(argv, 5000).ok);
}

CASE(it_has_no_descriptors_but_the_three_and_default_signals)
{
    (void)signal(SIGPIPE, SIG_IGN);
    struct seen_result r = run_shell("ls /proc/self/fd | tr '\\n' ' '", 5000);
    CHECK_TEXT(r.detail, "exit code 0: 0 1 2 3"); /* 3 is the folder that ls reads */
    r = run_shell("grep -E 'SigIgn|SigBlk' /proc/self/status | tr -s '\\n\\t' ' '", 5000);
    CHECK_TEXT(r.detail, "exit code 0: SigBlk: 0000000000000000 SigIgn: 0000000000000000");
}

CASE(a_program_that_is_not_there_is_named)
{
    if (VFORK_IS_FORK)
        SKIP("vfork is a fork here");
    const char *const missing[] = {"no-such-program", NULL};
    struct seen_result r = run(missing, 5000);
    CHECK(!r.ok);
    CHECK_TEXT(r.detail, "run no-such-program: No such file or directory");
    const char *const folder[] = {"/tmp", NULL};
    CHECK_TEXT(run(folder, 5000).detail, "run /tmp: Permission denied");
}

static int processes_with(const char *mark)
{
    DIR *proc = opendir("/proc");
    int count = 0;

    for (struct dirent *e; (e = readdir(proc)) != NULL;) {
        char path[300];
        struct buf line = BUF_INIT(4096);
        (void)snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && fs_read(path, &line, NULL))
            for (size_t at = 0; at < line.len; at += strlen(line.at + at) + 1)
                count += strcmp(line.at + at, mark) == 0;
        buf_fini(&line);
    }
    (void)closedir(proc);
    return count;
}

/* Killed ones need a moment to leave /proc. */
static bool gone(const char *mark)
{
    for (int i = 0; i < 500; i++) {
        if (processes_with(mark) == 0)
            return true;
        (void)usleep(10000);
    }
    return false;
}

CASE(a_hang_that_ignores_TERM_ends_with_its_whole_group)
{
    char mark[32], script[200];
    (void)snprintf(mark, sizeof mark, "9%d.25", (int)getpid());
    (void)snprintf(script, sizeof script, "trap '' TERM INT; sleep %s & sleep %s", mark, mark);
    struct seen_result r = run_shell(script, 150);
    CHECK(!r.ok && r.timed_out);
    CHECK_TEXT(r.detail, "no answer in 150 ms");
    CHECK(r.duration_ns < 3 * NS_PER_S);
    CHECK(gone(mark));
}

CASE(what_a_check_leaves_running_ends_with_it)
{
    char mark[32], script[200];
    (void)snprintf(mark, sizeof mark, "8%d.25", (int)getpid());
    (void)snprintf(script, sizeof script, "sleep %s & exit 0", mark);
    struct seen_result r = run_shell(script, 5000);
    CHECK(r.ok && r.duration_ns < 3 * NS_PER_S); /* the pipe it holds delays nothing */
    CHECK(gone(mark));
}

CASE(a_check_that_pours_is_read_to_its_last_line)
{
    struct seen_result r =
        run_shell("dd if=/dev/zero bs=1024 count=300 2>/dev/null; printf '\\nlast\\n\\n'", 9000);
    CHECK_TEXT(r.detail, "exit code 0: last");
    r = run_shell("printf 'a\\033[31mb\\377'; exit 1", 5000);
    CHECK_TEXT(r.detail, "exit code 1: a.[31mb.");
    CHECK(run_shell("yes", 200).timed_out);
}

CASE(it_runs_as_the_services_user)
{
    if (geteuid() != 0)
        SKIP("needs root");
    const char *const argv[] = {"/bin/sh", "-c", "echo $(id -u) $(id -G)", NULL};
    const gid_t groups[] = {1234, 4321};
    const struct probe_user user = {.uid = 65534, .gid = 1234, .groups = groups, .group_count = 2};
    struct healthcheck check = {
        .kind = PROBE_EXEC, .argv = argv, .interval_ns = NS_PER_S, .timeout_ns = 5 * NS_PER_S};
    struct probe_target target = {.check = &check, .user = &user, .environment = plain_environment};
    CHECK_TEXT(probe_once(&target).detail, "exit code 0: 65534 1234 4321");
    CHECK_INT(geteuid(), 0);
    if (VFORK_IS_FORK)
        return;
    target.working_dir = "/root/none";
    CHECK(strncmp(probe_once(&target).detail, "enter the working directory: ", 29) == 0);
}

static void destroy_within(struct probing *w)
{
    probe_destroy(&w->probe);
}

CASE(destroying_a_probe_ends_its_check)
{
    struct probing w;
    struct err e = ERR_INIT;
    char mark[32];
    (void)snprintf(mark, sizeof mark, "7%d.25", (int)getpid());
    const char *const argv[] = {"sleep", mark, NULL};
    struct healthcheck check = {.kind = PROBE_EXEC, .argv = argv, .interval_ns = NS_PER_S};
    struct probe_target target = {.check = &check};

    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(!probing_wait_ms(&w, 1, 50));
    CHECK_INT(processes_with(mark), 1);
    probe_destroy(&w.probe);
    (void)probing_wait_ms(&w, 1, 50); /* reaped meanwhile */
    CHECK(gone(mark));
    w.during = destroy_within;
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probing_end(&w);
}

CASE(an_empty_command_is_refused)
{
    struct probing w;
    struct err e = ERR_INIT;
    const char *const argv[] = {NULL};
    struct healthcheck check = {.kind = PROBE_EXEC, .argv = argv};
    struct probe_target target = {.check = &check};

    probing_begin(&w);
    CHECK(!probe_create(&w.probe, w.prober, &target, on_result, &w, &e));
    CHECK_INT(e.kind, ERR_INVALID);
    probing_end(&w);
}

TEST_MAIN()
