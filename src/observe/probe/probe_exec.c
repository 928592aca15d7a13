/* An exec check: a program of the user's exits with 0.
 *
 *     begin ─▶ running ─exited─▶ result: exit code and last line of its output
 *                 └─deadline, dropped─▶ its process group is killed; the prober reaps it
 *
 * Whatever it left in its process group ends with it: a check has no business behind its exit. */
#include "base/must.h"
#include "observe/probe/exec_spawn.h"
#include "observe/probe/probe_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_BYTES   4096 /* its end is kept */
#define READS_AT_ONCE  16   /* a check that pours does not hold the loop */
#define LAST_LINE_SHOW 200

enum { OUTPUT, EXIT };

struct exec_probe {
    struct probe base;
    struct exec_program program;
    pid_t pid; /* 0: none */
    int pid_fd, output_fd;
    size_t output_len;
    char output[OUTPUT_BYTES];
};

static struct exec_probe *exec(struct probe *p)
{
    return (struct exec_probe *)p;
}

static bool exec_init(struct probe *p, const struct probe_target *target, struct err *err)
{
    exec(p)->pid_fd = exec(p)->output_fd = -1;
    return probe_exec_program_init(&exec(p)->program, target, err);
}

static void close_output(struct exec_probe *x)
{
    if (x->output_fd == -1)
        return;
    probe_unwatch(&x->base, x->output_fd, OUTPUT);
    (void)close(x->output_fd);
    x->output_fd = -1;
}

/* Append, dropping from the front. */
static void keep_end(struct exec_probe *x, const char *bytes, size_t len)
{
    size_t over = x->output_len + len > OUTPUT_BYTES ? x->output_len + len - OUTPUT_BYTES : 0;

    memmove(x->output, x->output + over, x->output_len - over);
    memcpy(x->output + x->output_len - over, bytes, len);
    x->output_len += len - over;
}

static void read_output(struct exec_probe *x)
{
    char bytes[OUTPUT_BYTES / 2];

    for (int i = 0; i < READS_AT_ONCE && x->output_fd != -1; i++) {
        ssize_t n = read(x->output_fd, bytes, sizeof bytes);
        if (n > 0)
            keep_end(x, bytes, (size_t)n);
        else if (n == -1 && errno == EAGAIN)
            return;
        else
            close_output(x);
    }
}

static struct str last_line(const struct exec_probe *x)
{
    struct str text = str_trim((struct str){x->output, x->output_len});
    const char *end = text.len > 0 ? memrchr(text.at, '\n', text.len) : NULL;

    return end != NULL ? str_tail(text, (size_t)(end + 1 - text.at)) : text;
}

static void exec_drop(struct probe *p)
{
    struct exec_probe *x = exec(p);

    close_output(x);
    if (x->pid == 0)
        return;
    probe_unwatch(p, x->pid_fd, EXIT);
    (void)kill(-x->pid, SIGKILL); /* not reaped, so the group's number is still its own */
    prober_reap(p->prober, p, x->pid, x->pid_fd);
    x->pid = 0;
    x->pid_fd = -1;
}

static void exec_begin(struct probe *p)
{
    struct exec_probe *x = exec(p);
    struct err e = ERR_INIT;

    x->output_len = 0;
    if (prober_is_reaping(p->prober, p)) {
        probe_finish_silent(p, "the check before does not die of SIGKILL");
        return;
    }
    if (!probe_exec_spawn(&x->program, &x->pid, &x->pid_fd, &x->output_fd, &e)) {
        if (probe_is_own_trouble(e.sys) || e.sys == EAGAIN) /* no more processes */
            probe_skip(p, "run a check", e.sys);
        else
            probe_finish(p, false, "%s", e.text);
        return;
    }
    if (!probe_watch(p, x->pid_fd, EXIT, EPOLLIN) ||
        !probe_watch(p, x->output_fd, OUTPUT, EPOLLIN)) {
        int why = errno;
        exec_drop(p);
        probe_finish(p, false, "epoll: %s", strerror(why));
    }
}

static void finish(struct exec_probe *x, const siginfo_t *info)
{
    char shown[LAST_LINE_SHOW], how[48];
    struct str line = last_line(x);
    bool ok = info->si_code == CLD_EXITED && info->si_status == 0;
    struct probe *p = &x->base;

    probe_show(line, shown, sizeof shown);
    if (info->si_code == CLD_EXITED)
        (void)snprintf(how, sizeof how, "exit code %d", info->si_status);
    else
        (void)snprintf(how, sizeof how, "killed by SIG%s",
            sigabbrev_np(info->si_status) != NULL ? sigabbrev_np(info->si_status) : "?");
    /* While starting, two thirds of the time belong to the service. */
    p->least_startup_delay_ns = 2 * (clock_boot_ns() - p->begun_ns);
    probe_finish(p, ok, "%s%s%s", how, line.len > 0 ? ": " : "", shown);
}

static void exited(struct exec_probe *x)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, (id_t)x->pid_fd, &info, WEXITED | WNOHANG | WNOWAIT) == -1 ||
        info.si_pid == 0)
        return;
    (void)kill(-x->pid, SIGKILL);
    (void)waitid(P_PIDFD, (id_t)x->pid_fd, &info, WEXITED | WNOHANG);
    probe_unwatch(&x->base, x->pid_fd, EXIT);
    (void)close(x->pid_fd);
    x->pid_fd = -1;
    x->pid = 0;
    read_output(x);
    close_output(x);
    finish(x, &info);
}

static void exec_ready(struct probe *p, unsigned which, uint32_t events)
{
    (void)events;
    if (which == OUTPUT)
        read_output(exec(p));
    else
        exited(exec(p));
}

static void exec_fini(struct probe *p)
{
    probe_exec_program_fini(&exec(p)->program);
}

const struct probe_ops probe_exec_ops = {
    .bytes = sizeof(struct exec_probe),
    .init = exec_init,
    .begin = exec_begin,
    .ready = exec_ready,
    .drop = exec_drop,
    .fini = exec_fini,
};
