#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES 16384

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

/* The child shares our memory until exec, so it can leave here what went wrong. */
static struct spawn_failure failure;
static struct shim *child_of;

IN_CHILD static void fail(enum shim_step step)
{
    failure.step = step;
    failure.error = errno;
    syscall(SYS_exit_group, 127);
}

/* Entering through `tasks` spares the lock that cgroup.procs takes: 20 us instead of 10 ms. */
IN_CHILD static void enter_cgroups(struct shim *s, bool born_inside)
{
    for (uint32_t i = 0; i < s->spec.cgroup_v1_count; i++)
        if (write(s->cgroup_v1_fds[i], "0", 1) != 1)
            fail(SHIM_STEP_CGROUP);
    if (s->cgroup_v2_fd != -1 && !born_inside) {
        int fd = openat(s->cgroup_v2_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (fd == -1 || write(fd, "0", 1) != 1)
            fail(SHIM_STEP_CGROUP);
    }
}

IN_CHILD static void make_mounts(const struct spec *spec)
{
    struct spawn_failure why = {SHIM_STEP_NONE, 0, 0};

    if (mounts_make(spec, &why))
        return;
    failure.detail = why.detail;
    fail(why.step);
}

IN_CHILD static void set_limits(const struct spec *spec)
{
    for (uint32_t i = 0; i < spec->limit_count; i++) {
        const struct shim_limit *l = &spec->limits[i];
        uint64_t pair[2] = {l->soft, l->hard};
        if (syscall(SYS_prlimit64, 0, l->resource, pair, NULL) == -1)
            fail(SHIM_STEP_LIMITS);
    }
}

IN_CHILD static void set_oom_score(const struct spec *spec)
{
    if (spec->oom_score == NULL)
        return;
    size_t length = 0;
    while (spec->oom_score[length] != '\0')
        length++;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd == -1 || write(fd, spec->oom_score, length) == -1)
        fail(SHIM_STEP_OOM_SCORE);
    (void)close(fd);
}

/* By bare system calls: the C library's would run a signal round over threads that are not there.
 */
IN_CHILD static void become_user(const struct spec *spec)
{
    if (!spec->change_user)
        return;
    if (syscall(SYS_setgroups, spec->group_count, spec->groups) == -1)
        fail(SHIM_STEP_GROUPS);
    if (syscall(SYS_setresgid, spec->user.gid, spec->user.gid, spec->user.gid) == -1)
        fail(SHIM_STEP_GROUPS);
    if (syscall(SYS_setresuid, spec->user.uid, spec->user.uid, spec->user.uid) == -1)
        fail(SHIM_STEP_USER);
}

/* Should we be killed now, the next shim still knows the service. */
IN_CHILD static void leave_pid(struct shim *s)
{
    s->state.pid = (int32_t)syscall(SYS_getpid);
    (void)!pwrite(s->state_fd, &s->state, sizeof s->state, 0); /* full disk: known a bit later */
}

IN_CHILD static void run_child(struct shim *s, bool born_inside)
{
    uint64_t no_signals = 0;

    (void)setsid(); /* cannot fail in a new process */
    leave_pid(s);
    enter_cgroups(s, born_inside);
    set_oom_score(&s->spec);
    if (s->spec.has_cpus &&
        syscall(SYS_sched_setaffinity, 0, sizeof s->spec.cpus, s->spec.cpus) == -1)
        fail(SHIM_STEP_CPUS);
    make_mounts(&s->spec);
    set_limits(&s->spec);
    if (!rights_name_host(&s->spec))
        fail(SHIM_STEP_HOSTNAME);
    if (!rights_bound(&s->spec))
        fail(SHIM_STEP_CAPS);
    become_user(&s->spec);
    if (!rights_raise(&s->spec))
        fail(SHIM_STEP_CAPS);
    (void)umask(s->spec.has_umask ? s->spec.umask : s->outer_umask);
    if (s->spec.cwd != NULL && chdir(s->spec.cwd) == -1)
        fail(SHIM_STEP_CWD);
    if (s->spec.flags & SHIM_SPEC_NO_NEW_PRIVILEGES)
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)dup2(s->null_fd, 0);
    bool no_log = s->spec.flags & SHIM_SPEC_NO_LOG;
    (void)dup2(no_log ? s->null_fd : s->streams[0].write_fd, 1);
    (void)dup2(no_log ? s->null_fd : s->streams[1].write_fd, 2);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    (void)execve(s->spec.program, s->spec.arguments, s->spec.variables);
    fail(SHIM_STEP_EXEC);
}

#if defined(__x86_64__)
static unsigned char stack[STACK_BYTES] __attribute__((aligned(16)));

IN_CHILD static void child_entry(void)
{
    run_child(child_of, true);
}

/* clone3 with a stack of its own for the child: a bare system call cannot return twice here. */
static long clone_into(struct clone_arguments *arguments)
{
    long result;

    arguments->stack = (uint64_t)(uintptr_t)stack;
    arguments->stack_size = sizeof stack;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "call *%[entry]\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "a"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments), [entry] "r"(child_entry)
        : "rcx", "r11", "memory", "cc");
    return result;
}
#else
static long clone_into(struct clone_arguments *arguments)
{
    (void)arguments;
    return -ENOSYS;
}
#endif

/* Once cgroup.kill was used on a group, Linux (since 6.14) kills whatever is born into it before
 * it takes a step; entering by cgroup.procs still works. The pid that the child leaves tells. */
static bool is_stillborn(const struct shim *s, long pid)
{
    return pid > 0 && s->state.pid == 0 && waitpid((pid_t)pid, NULL, 0) == pid;
}

static long clone_child(struct shim *s)
{
    child_of = s;
    s->state.pid = 0;
    if (s->cgroup_v2_fd != -1) {
        struct clone_arguments a = {
            .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
            .exit_signal = SIGCHLD,
            .cgroup = (uint64_t)s->cgroup_v2_fd,
        };
        long pid = clone_into(&a);
        bool refused = pid == -ENOSYS || pid == -EINVAL || pid == -E2BIG || pid == -EPERM;
        if (!refused && !is_stillborn(s, pid))
            return pid;
    }
    pid_t pid = vfork();
    if (pid == 0)
        run_child(s, false);
    return pid == -1 ? -errno : pid;
}

pid_t spawn_service(struct shim *s, struct spawn_failure *out_failure)
{
    failure = (struct spawn_failure){SHIM_STEP_NONE, 0, 0};
    long pid = clone_child(s);
    if (pid < 0)
        failure = (struct spawn_failure){
            pid == -EAGAIN || pid == -ENOMEM ? SHIM_STEP_FORK : SHIM_STEP_CGROUP, (int)-pid, 0};
    else if (failure.step != SHIM_STEP_NONE)
        (void)waitpid((pid_t)pid, NULL, 0);
    *out_failure = failure;
    return failure.step == SHIM_STEP_NONE ? (pid_t)pid : -1;
}
