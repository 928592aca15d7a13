#include "observe/probe/exec_spawn.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What the child could not do; it writes here because a vforked child shares our memory. */
struct failure {
    const char *doing;
    int why;
};

static const char run_it[] = "run";

struct strings {
    VEC_OF(char *);
};

static char **copy_strings(const char *const *from)
{
    struct strings s = {0};

    for (; from != NULL && *from != NULL; from++)
        vec_push(&s, mem_copy_string(*from));
    vec_push(&s, NULL);
    return s.at;
}

static void free_strings(char **strings)
{
    for (char **s = strings; s != NULL && *s != NULL; s++)
        free(*s);
    free(strings);
}

static struct str path_of(char **environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return str_from(*environment + 5);
    return STR(PATH_DEFAULT);
}

static char **find_candidates(const char *name, char **environment)
{
    struct strings s = {0};
    struct str rest = path_of(environment);

    if (strchr(name, '/') != NULL)
        rest = STR("");
    else if (rest.len == 0)
        rest = STR(PATH_DEFAULT);
    if (rest.len == 0)
        vec_push(&s, mem_copy_string(name));
    while (rest.len > 0) {
        struct str dir = str_cut(&rest, ':');
        if (dir.len > 0)
            vec_push(&s, mem_format("%.*s/%s", STR_ARG(dir), name));
    }
    vec_push(&s, NULL);
    return s.at;
}

bool probe_exec_program_init(
    struct exec_program *program, const struct probe_target *target, struct err *err)
{
    const char *const *argv = target->check->argv;

    if (argv == NULL || argv[0] == NULL || argv[0][0] == 0)
        return err_set(err, ERR_INVALID, "the command is empty");
    program->argv = copy_strings(argv);
    program->environment = copy_strings(target->environment);
    program->candidates = find_candidates(argv[0], program->environment);
    if (target->working_dir != NULL)
        program->working_dir = mem_copy_string(target->working_dir);
    program->view_pid = target->view_pid;
    if (target->user == NULL)
        return true;
    program->switch_user = true;
    program->user = *target->user;
    gid_t *groups = mem_new_array(program->user.group_count + 1, gid_t);
    for (size_t i = 0; i < program->user.group_count; i++)
        groups[i] = target->user->groups[i];
    program->user.groups = groups;
    return true;
}

void probe_exec_program_fini(struct exec_program *program)
{
    free_strings(program->argv);
    free_strings(program->candidates);
    free_strings(program->environment);
    free(program->working_dir);
    if (program->switch_user)
        free((gid_t *)program->user.groups);
}

/* ---- the child: system calls only, it shares its parent's memory ---- */

static void reset_signals(void)
{
    static const uint64_t by_default[4]; /* the kernel's struct sigaction: no handler, no flags */
    sigset_t none;

    /* The system call, because glibc refuses 32 and 33, which GNU make leaves ignored. Some cannot
     * be set, and need not be. */
    for (int signo = 1; signo < NSIG; signo++)
        (void)syscall(SYS_rt_sigaction, signo, by_default, NULL, sizeof(uint64_t));
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* glibc's functions would change all threads of the parent: the system calls change one. */
static bool become(const struct probe_user *user)
{
    return syscall(SYS_setgroups, user->group_count, user->groups) == 0 &&
           syscall(SYS_setresgid, user->gid, user->gid, user->gid) == 0 &&
           syscall(SYS_setresuid, user->uid, user->uid, user->uid) == 0;
}

/* Its mount namespace; root and working directory become those of it, too. */
static bool enter_view(int pid)
{
    char path[40] = "/proc/", digits[12];
    size_t count = 0, at = strlen(path);
    const char *rest = "/ns/mnt";

    for (; pid > 0; pid /= 10)
        digits[count++] = (char)('0' + pid % 10);
    while (count > 0)
        path[at++] = digits[--count];
    for (; *rest != 0; rest++)
        path[at++] = *rest;
    path[at] = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd != -1 && setns(fd, CLONE_NEWNS) == 0;
}

static const char *prepare(const struct exec_program *program, int output_fd)
{
    int null_fd = open("/dev/null", O_RDONLY);

    if (null_fd == -1 || dup2(null_fd, STDIN_FILENO) == -1 ||
        dup2(output_fd, STDOUT_FILENO) == -1 || dup2(output_fd, STDERR_FILENO) == -1)
        return "redirect";
    (void)syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC); /* they have the flag anyhow */
    (void)setsid();
    if (program->view_pid > 0 && !enter_view(program->view_pid))
        return "see what the service sees";
    if (program->switch_user && !become(&program->user))
        return "become the service's user";
    if (program->working_dir != NULL && chdir(program->working_dir) == -1)
        return "enter the working directory";
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return NULL;
}

static void run_first(const struct exec_program *program, volatile struct failure *failure)
{
    int why = ENOENT;

    for (char **path = program->candidates; *path != NULL; path++) {
        (void)execve(*path, program->argv, program->environment);
        if (errno != ENOENT && errno != ENOTDIR)
            why = errno;
    }
    failure->doing = run_it;
    failure->why = why;
}

static __attribute__((noinline)) pid_t spawn_child(
    const struct exec_program *program, int output_fd, volatile struct failure *failure)
{
    pid_t pid = vfork();

    if (pid != 0)
        return pid;
    reset_signals();
    const char *doing = prepare(program, output_fd);
    if (doing != NULL) {
        failure->doing = doing;
        failure->why = errno;
    } else {
        run_first(program, failure);
    }
    _exit(127);
}

static pid_t spawn_quietly(
    const struct exec_program *program, int output_fd, volatile struct failure *failure)
{
    sigset_t all, before;

    /* No handler of ours may run in the child. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = spawn_child(program, output_fd, failure);
    int why = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return pid;
}

static void explain(
    const struct exec_program *program, const volatile struct failure *failure, struct err *err)
{
    if (failure->why == 0) {
        err_sys(err, "pidfd of %s", program->argv[0]);
        return;
    }
    errno = failure->why;
    if (failure->doing == run_it)
        err_sys(err, "%s %s", run_it, program->argv[0]);
    else
        err_sys(err, "%s", failure->doing);
}

bool probe_exec_spawn(const struct exec_program *program, pid_t *out_pid, int *out_pid_fd,
    int *out_output_fd, struct err *err)
{
    volatile struct failure failure = {0};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1)
        return err_sys(err, "pipe");
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK); /* a fresh pipe takes it */
    pid_t pid = spawn_quietly(program, ends[1], &failure);
    (void)close(ends[1]);
    if (pid == -1) {
        err_sys(err, "fork");
        goto fail;
    }
    int pid_fd = -1;
    if (failure.why == 0)
        pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid_fd == -1) {
        explain(program, &failure, err);
        (void)kill(pid, SIGKILL); /* where it did start */
        (void)waitpid(pid, NULL, 0);
        goto fail;
    }
    *out_pid = pid;
    *out_pid_fd = pid_fd;
    *out_output_fd = ends[0];
    return true;
fail:
    (void)close(ends[0]);
    return false;
}
