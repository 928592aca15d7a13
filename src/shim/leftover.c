#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIST_BYTES        4096
#define KILL_MS_MAX       2000
#define ROUND_WAIT_MS     5
#define ROUNDS_ONE_BY_ONE 4
#define NAME_OFFSET       19 /* of struct linux_dirent64 */

typedef void (*pid_fn)(int pid, int signo);

static void signal_one(int pid, int signo)
{
    (void)kill(pid, signo);
}

/* A child that was not waited for holds its pid and group: nobody else can be hit. */
static void signal_group_of(int pid, int signo)
{
    int group = getpgid(pid);

    if (group > 1 && group != getpgrp())
        (void)kill(-group, signo);
    (void)kill(pid, signo);
}

/* Each number in a file of numbers; false if there was none. */
static bool each_listed(int dir_fd, const char *path, pid_fn fn, int signo)
{
    char text[LIST_BYTES];
    ssize_t length = sys_read_file(dir_fd, path, text, sizeof text);
    bool any = false, open_end = length == (ssize_t)sizeof text - 1;
    int pid = 0;

    for (ssize_t i = 0; i < length; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            pid = pid * 10 + (text[i] - '0');
            continue;
        }
        if (pid > 0 && fn != NULL)
            fn(pid, signo);
        any = any || pid > 0;
        pid = 0;
    }
    if (pid > 0 && !open_end && fn != NULL) /* the last one may be cut off: next round */
        fn(pid, signo);
    return any || pid > 0;
}

static bool each_child(pid_fn fn, int signo)
{
    char path[PATH_BYTES];

    (void)text_add(
        text_number(text_add(path, "/proc/self/task/"), (uint64_t)getpid()), "/children");
    return each_listed(AT_FDCWD, path, fn, signo);
}

static int pid_of_entry(const char *name)
{
    int pid = 0;

    for (; *name >= '0' && *name <= '9'; name++)
        pid = pid * 10 + (*name - '0');
    return *name == '\0' ? pid : 0;
}

/* Of an adopted service without a cgroup: what is in its session. */
static bool each_of_session(int session, pid_fn fn, int signo)
{
    char entries[LIST_BYTES] __attribute__((aligned(8)));
    struct process_stat stat;
    bool any = false;
    long got;
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    while (fd != -1 && (got = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
        for (long at = 0; at < got;) {
            uint16_t bytes;
            memcpy(&bytes, entries + at + 16, sizeof bytes);
            int pid = pid_of_entry(entries + at + NAME_OFFSET);
            at += bytes;
            if (pid <= 1 || !process_stat_read(pid, &stat) || stat.session != session ||
                stat.state == 'Z' || stat.state == 'X')
                continue;
            any = true;
            if (fn != NULL)
                fn(pid, signo);
        }
    if (fd != -1)
        (void)close(fd);
    return any;
}

static bool each_of_cgroup(struct shim *s, pid_fn fn, int signo)
{
    char path[4096];
    const char *dir = s->spec.cgroup_v2 != NULL ? s->spec.cgroup_v2 : s->spec.cgroup_v1[0];

    if (strlen(dir) + sizeof "/cgroup.procs" > sizeof path)
        return false;
    (void)text_add(text_add(path, dir), "/cgroup.procs");
    return each_listed(AT_FDCWD, path, fn, signo);
}

static bool has_cgroup(const struct shim *s)
{
    return s->spec.cgroup_v2 != NULL || s->spec.cgroup_v1_count > 0;
}

static bool each_left(struct shim *s, pid_fn one, pid_fn child, int signo)
{
    if (!s->adopted)
        return each_child(child, signo);
    if (has_cgroup(s))
        return each_of_cgroup(s, one, signo);
    return each_of_session(s->last.pid, one, signo);
}

bool leftover_any(struct shim *s)
{
    siginfo_t info;

    if (s->adopted)
        return each_left(s, NULL, NULL, 0);
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void leftover_signal(struct shim *s, int signo)
{
    (void)each_left(s, signal_one, signal_group_of, signo);
}

static void set_frozen(struct shim *s, const char *state)
{
    char path[4096];

    if (s->spec.freezer == NULL || strlen(s->spec.freezer) + sizeof "/freezer.state" > sizeof path)
        return;
    (void)text_add(text_add(path, s->spec.freezer), "/freezer.state");
    (void)sys_write_file(AT_FDCWD, path, state);
}

static void kill_round(struct shim *s, bool all_at_once)
{
    if (all_at_once && s->cgroup_v2_fd != -1 && sys_write_file(s->cgroup_v2_fd, "cgroup.kill", "1"))
        return;
    set_frozen(s, "FROZEN"); /* so that nobody forks away */
    if (has_cgroup(s))
        (void)each_of_cgroup(s, signal_one, SIGKILL);
    (void)each_left(s, signal_one, signal_group_of, SIGKILL);
    set_frozen(s, "THAWED");
}

void leftover_kill_once(struct shim *s)
{
    kill_round(s, true);
}

void leftover_kill(struct shim *s)
{
    int64_t until = sys_boot_ms() + KILL_MS_MAX;
    struct pollfd ended = {.fd = s->signal_fd, .events = POLLIN};
    char drained[128 * 4];

    /* cgroup.kill only for what forks faster than it is killed: it makes the next start slower. */
    for (int round = 0; leftover_any(s) && sys_boot_ms() < until; round++) {
        kill_round(s, round >= ROUNDS_ONE_BY_ONE);
        (void)poll(&ended, s->adopted ? 0 : 1, ROUND_WAIT_MS);
        (void)!read(s->signal_fd, drained, sizeof drained);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}
