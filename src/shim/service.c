#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

#define HANGUP_WAIT_MS 100 /* until an adopted service's parent has waited for it */

/* ---- starting ---- */

static uint64_t read_oom_kills(const struct shim *s)
{
    char text[1024];
    uint64_t count = 0;

    if (s->spec.oom_file == NULL ||
        sys_read_file(AT_FDCWD, s->spec.oom_file, text, sizeof text) <= 0)
        return 0;
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "oom_kill ", 9) != 0)
            continue;
        for (const char *at = line + 9; *at >= '0' && *at <= '9'; at++)
            count = count * 10 + (uint64_t)(*at - '0');
        return count;
    }
    return 0;
}

static void set_phase(struct shim *s, enum shim_phase phase)
{
    s->state.phase = (uint16_t)phase;
    if (phase != SHIM_PHASE_RUNNING && phase != SHIM_PHASE_STOPPING) {
        s->state.pid = 0;
        s->state.start_ticks = 0;
    }
    state_write(s);
}

static void set_retry(struct shim *s, uint64_t pause_ms)
{
    s->retry_at_ms = sys_boot_ms() + (int64_t)pause_ms;
}

static void start_failed(struct shim *s, const struct spawn_failure *failure)
{
    struct shim_record r = record_make(s, SHIM_EXEC_FAILED);

    r.pid = 0;
    r.code = failure->error;
    r.step = (uint16_t)failure->step;
    r.detail = failure->detail;
    r.next = SHIM_NEXT_WAIT;
    if (s->policy.lease.flags == 0 && !control_managed(s)) {
        r.next = SHIM_NEXT_DONE;
    } else if (!control_managed(s) && !s->policy.held) {
        r.next = SHIM_NEXT_RETRY;
        r.retry_ms = policy_slow_ms(&s->policy);
        set_retry(s, r.retry_ms);
    }
    record_write(s, &r);
    set_phase(s, r.next == SHIM_NEXT_DONE ? SHIM_PHASE_DONE : SHIM_PHASE_WAITING);
    control_tell_record(s, &r);
    if (r.next == SHIM_NEXT_DONE)
        shim_end(s, 0);
}

static void tell_last(struct shim *s)
{
    if (s->last_untold)
        control_tell_record(s, &s->last);
    s->last_untold = false;
}

static void started(struct shim *s, pid_t pid)
{
    struct process_stat stat;

    s->state.pid = pid;
    if (process_stat_read(pid, &stat))
        s->state.start_ticks = stat.start_ticks;
    struct shim_record r = record_make(s, SHIM_STARTED);
    record_write(s, &r);
    state_write(s);
    tell_last(s);
    control_tell_record(s, &r);
    s->oom_kills = read_oom_kills(s);
}

void service_start(struct shim *s)
{
    struct spawn_failure failure;

    s->retry_at_ms = s->kill_at_ms = 0;
    s->adopted = s->main_gone = s->killed = false;
    s->state.incarnation++;
    s->state.phase = SHIM_PHASE_RUNNING;
    s->state.start_ticks = 0;
    s->state.started_boot_ns = sys_boot_ns();
    pid_t pid = spawn_service(s, &failure);
    if (pid > 0) {
        started(s, pid);
        return;
    }
    s->state.pid = 0;
    tell_last(s);
    start_failed(s, &failure);
}

/* ---- the end ---- */

static void wait_for_manager(struct shim *s)
{
    set_phase(s, SHIM_PHASE_WAITING);
    tell_last(s);
}

static void act_on_last(struct shim *s)
{
    switch (s->last.next) {
    case SHIM_NEXT_RESTART:
        s->state.restarts++;
        service_start(s);
        break;
    case SHIM_NEXT_RETRY:
        set_retry(s, s->last.retry_ms);
        wait_for_manager(s);
        break;
    case SHIM_NEXT_WAIT:
        wait_for_manager(s);
        break;
    default:
        set_phase(s, SHIM_PHASE_DONE);
        tell_last(s);
        shim_end(s, 0);
    }
}

static void decide(struct shim *s)
{
    struct shim_record *r = &s->last;
    struct ending e = {
        .code = r->code,
        .signal = r->signal,
        .lost = r->flags & SHIM_EXIT_LOST,
    };
    uint64_t retry_ms = 0;

    if (s->state.phase == SHIM_PHASE_STOPPING) {
        r->flags |= SHIM_EXIT_STOPPED | (s->killed ? SHIM_EXIT_KILLED : 0);
        r->next = s->stay ? SHIM_NEXT_WAIT : SHIM_NEXT_DONE;
        s->policy.held = s->policy.held || s->stay;
        return;
    }
    r->next = (uint16_t)policy_decide(
        &s->policy, &e, r->alive_ns / 1000000, control_managed(s), &retry_ms);
    r->retry_ms = retry_ms;
}

/* The main process ended and nobody else is to be waited for. */
static void finish(struct shim *s)
{
    s->kill_at_ms = 0;
    s->main_gone = false;
    if (leftover_any(s))
        leftover_kill(s);
    output_drain(s);
    decide(s);
    record_write(s, &s->last);
    s->last_untold = true;
    act_on_last(s);
}

static void main_ended(struct shim *s, const struct ending *e, const struct rusage *usage)
{
    struct shim_record *r = &s->last;

    *r = record_make(s, SHIM_EXITED);
    r->code = e->code;
    r->signal = e->signal;
    r->flags = (e->core ? SHIM_EXIT_CORE : 0) | (e->lost ? SHIM_EXIT_LOST : 0);
    if (e->signal == SIGKILL && s->spec.oom_file != NULL && read_oom_kills(s) > s->oom_kills)
        r->flags |= SHIM_EXIT_OOM;
    if (s->state.started_boot_ns > 0 && r->boot_ns > s->state.started_boot_ns)
        r->alive_ns = (uint64_t)(r->boot_ns - s->state.started_boot_ns);
    if (usage != NULL) {
        r->cpu_us = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
                    (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
        r->memory_max_kb = (uint64_t)usage->ru_maxrss;
    }
    s->main_gone = true;
    bool in_grace = s->state.phase == SHIM_PHASE_STOPPING && !s->killed;
    if (in_grace && leftover_any(s))
        leftover_signal(s, s->stop_signal); /* until the grace is over: service_kill_due */
    else
        finish(s);
}

static struct ending ending_of(int status)
{
    if (WIFSIGNALED(status))
        return (struct ending){
            .code = -1, .signal = WTERMSIG(status), .core = WCOREDUMP(status) != 0};
    return (struct ending){.code = WEXITSTATUS(status)};
}

void service_reap(struct shim *s)
{
    siginfo_t info;
    struct rusage usage;
    int status;

    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 || info.si_pid == 0)
            break;
        bool is_main = info.si_pid == s->state.pid && !s->adopted && !s->main_gone;
        if (is_main && s->state.phase == SHIM_PHASE_RUNNING)
            (void)kill(-s->state.pid, SIGKILL); /* its group, while the zombie holds the number */
        if (wait4(info.si_pid, &status, 0, &usage) == info.si_pid && is_main) {
            struct ending e = ending_of(status);
            main_ended(s, &e, &usage);
        }
    }
    if (s->main_gone && !leftover_any(s))
        finish(s);
}

/* ---- a service that is not our child ---- */

/* Linux 6.15, linux/pidfd.h; the first version of it. */
struct pidfd_exit_info {
    uint64_t mask, cgroup_id;
    uint32_t ids[11];
    int32_t exit_code;
};
#define PIDFD_INFO_EXIT_BIT (UINT64_C(1) << 3)
#define PIDFD_GET_INFO_CALL _IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, sizeof(struct pidfd_exit_info))

/* As long as nobody waited for it, its zombie tells; afterwards the pidfd does. */
static bool find_exit_status(struct shim *s, int *out_status)
{
    struct process_stat stat;
    struct pidfd_exit_info info = {.mask = PIDFD_INFO_EXIT_BIT};
    struct pollfd hangup = {.fd = s->pid_fd};
    bool zombie = process_stat_read(s->state.pid, &stat) &&
                  stat.start_ticks == s->state.start_ticks && stat.state == 'Z';

    *out_status = zombie ? stat.exit_code : 0;
    /* 0 is also what a kernel says that does not want to tell about another user's process. */
    if (zombie && (stat.exit_code != 0 || !s->spec.change_user))
        return true;
    if (poll(&hangup, 1, HANGUP_WAIT_MS) <= 0 || !(hangup.revents & POLLHUP))
        return false;
    if (syscall(SYS_ioctl, s->pid_fd, (unsigned long)PIDFD_GET_INFO_CALL, &info) == -1)
        return false;
    *out_status = info.exit_code;
    return info.mask & PIDFD_INFO_EXIT_BIT;
}

void service_lost(struct shim *s)
{
    struct ending e = {.code = -1, .lost = true};
    int status;

    if (s->pid_fd != -1 && find_exit_status(s, &status))
        e = ending_of(status);
    if (s->pid_fd != -1)
        (void)close(s->pid_fd);
    s->pid_fd = -1;
    main_ended(s, &e, NULL);
}

static bool is_same_process(const struct shim *s)
{
    struct process_stat stat;

    if (!process_stat_read(s->state.pid, &stat))
        return false;
    if (s->state.start_ticks == 0) /* the shim was killed while it started: our session at least */
        return stat.session == s->state.pid;
    return stat.start_ticks == s->state.start_ticks;
}

void service_adopt(struct shim *s)
{
    const struct shim_adopt *adopt = &s->spec.adopt;

    s->state.pid = adopt->pid;
    s->state.start_ticks = adopt->start_ticks;
    s->state.started_boot_ns = adopt->started_boot_ns;
    s->adopted = true;
    s->pid_fd = (int)syscall(SYS_pidfd_open, adopt->pid, 0);
    if (s->pid_fd != -1 && !is_same_process(s)) {
        (void)close(s->pid_fd);
        s->pid_fd = -1;
    }
    s->state.phase = SHIM_PHASE_RUNNING;
    if (s->pid_fd == -1) {
        service_lost(s);
        return;
    }
    (void)fcntl(s->pid_fd, F_SETFD, FD_CLOEXEC);
    struct process_stat stat;
    if (s->state.start_ticks == 0 && process_stat_read(adopt->pid, &stat))
        s->state.start_ticks = stat.start_ticks;
    s->oom_kills = read_oom_kills(s);
    struct shim_record r = record_make(s, SHIM_ADOPTED);
    record_write(s, &r);
    state_write(s);
    control_tell_record(s, &r);
}

/* ---- what the daemon asks for ---- */

void service_signal(struct shim *s, int signo, bool group)
{
    if (s->state.pid <= 0 || s->main_gone)
        return;
    if (s->adopted) {
        bool lives = syscall(SYS_pidfd_send_signal, s->pid_fd, group ? 0 : signo, NULL, 0) == 0;
        if (!lives || !group)
            return; /* gone: its number may be somebody else's */
    }
    (void)kill(group ? -s->state.pid : s->state.pid, signo);
}

void service_stop(struct shim *s, const struct shim_stop *stop)
{
    int64_t at = sys_boot_ms() + (int64_t)(stop->grace_ms < INT32_MAX ? stop->grace_ms : INT32_MAX);
    int signo = stop->signo > 0 && stop->signo <= 64 ? (int)stop->signo : (int)s->spec.stop_signal;

    s->stay = stop->flags & SHIM_STOP_STAY;
    s->retry_at_ms = 0;
    if (s->state.phase != SHIM_PHASE_RUNNING && s->state.phase != SHIM_PHASE_STOPPING) {
        s->policy.held = true;
        set_phase(s, s->stay ? SHIM_PHASE_WAITING : SHIM_PHASE_DONE);
        control_tell_state(s);
        if (!s->stay)
            shim_end(s, 0);
        return;
    }
    s->stop_signal = signo;
    s->kill_at_ms = s->kill_at_ms > 0 && s->kill_at_ms < at ? s->kill_at_ms : at;
    set_phase(s, SHIM_PHASE_STOPPING);
    if (stop->grace_ms == 0) {
        service_kill_due(s);
        return;
    }
    service_signal(s, signo, !(stop->flags & SHIM_STOP_MAIN));
    service_signal(s, SIGCONT, true); /* a stopped one could not hear it */
}

void service_kill_due(struct shim *s)
{
    s->killed = true;
    s->kill_at_ms = sys_boot_ms() + KILL_AGAIN_MS;
    if (s->main_gone) {
        finish(s);
        return;
    }
    service_signal(s, SIGKILL, true);
    leftover_kill_once(s);
}

void service_retry_due(struct shim *s)
{
    s->retry_at_ms = 0;
    s->state.restarts++;
    service_start(s);
}

void service_unmanaged(struct shim *s)
{
    if (s->state.phase == SHIM_PHASE_WAITING && !s->policy.held && s->policy.lease.flags != 0)
        set_retry(s, policy_slow_ms(&s->policy));
}
