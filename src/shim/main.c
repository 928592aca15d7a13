#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static struct shim shim;

/* Exit codes of the shim itself: the daemon says which step failed. Keep to sysexits' range. */
enum {
    EXIT_SPEC = 65,
    EXIT_DIR,
    EXIT_LOCK,
    EXIT_LOG,
    EXIT_FIFO,
    EXIT_CONTROL,
    EXIT_NOTIFY,
    EXIT_CGROUP,
    EXIT_SIGNALS
};

_Noreturn void shim_end(struct shim *s, int status)
{
    (void)unlinkat(s->dir_fd, "ctl", 0);
    if (s->spec.notify != NULL && s->spec.notify[0] == '/')
        (void)unlink(s->spec.notify);
    _exit(status);
}

/* ---- start ---- */

static void reset_signals(struct shim *s)
{
    sigset_t all, child;

    for (int signo = 1; signo < 65; signo++)
        (void)signal(signo, SIG_DFL); /* the daemon may ignore some; some cannot be changed */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    s->signal_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signal_fd == -1)
        _exit(EXIT_SIGNALS);
}

static void detach(struct shim *s)
{
    (void)syscall(SYS_close_range, SHIM_FD_CONTROL + 1, ~0u, 0);
    s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && s->null_fd != -1; fd++)
        (void)dup2(s->null_fd, fd);
    (void)setsid();
    s->outer_umask = (uint32_t)umask(077);
    (void)chdir("/"); /* so that no file system is held */
}

static void load_spec(struct shim *s)
{
    struct stat st;

    s->spec_fd = SHIM_FD_SPEC;
    if (fcntl(s->spec_fd, F_SETFD, FD_CLOEXEC) == -1 || fstat(s->spec_fd, &st) == -1 ||
        st.st_size <= 0 || st.st_size > SHIM_SPEC_MAX)
        _exit(EXIT_SPEC);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, s->spec_fd, 0);
    if (bytes == MAP_FAILED || spec_read(&s->spec, bytes, (size_t)st.st_size) != NULL)
        _exit(EXIT_SPEC);
}

/* What the service leaves behind becomes ours, unless it is to live on without it. */
static void take_orphans(const struct shim *s)
{
    if ((s->spec.flags & SHIM_SPEC_KEEP_ORPHANS) == 0)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool open_cgroups(struct shim *s)
{
    char path[4096];

    s->cgroup_v2_fd = -1;
    if (s->spec.cgroup_v2 != NULL) {
        s->cgroup_v2_fd = open(s->spec.cgroup_v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->cgroup_v2_fd == -1)
            return false;
    }
    for (uint32_t i = 0; i < s->spec.cgroup_v1_count; i++) {
        if (strlen(s->spec.cgroup_v1[i]) + sizeof "/tasks" > sizeof path)
            return false;
        (void)text_add(text_add(path, s->spec.cgroup_v1[i]), "/tasks");
        s->cgroup_v1_fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        if (s->cgroup_v1_fds[i] == -1)
            return false;
    }
    return true;
}

static void init_state(struct shim *s)
{
    const struct shim_adopt *adopt = &s->spec.adopt;

    s->state = (struct shim_state){
        .magic = SHIM_MAGIC,
        .version = SHIM_VERSION,
        .bytes = sizeof s->state,
        .phase = SHIM_PHASE_NEW,
        .run_id = s->spec.run_id,
        .shim_pid = (int32_t)getpid(),
        .incarnation = adopt->incarnation,
        .restarts = adopt->restarts,
        .record_high = adopt->record_high,
    };
    if (s->spec.boot_id != NULL && strlen(s->spec.boot_id) < sizeof s->state.boot_id)
        memcpy(s->state.boot_id, s->spec.boot_id, strlen(s->spec.boot_id));
    s->record_low =
        adopt->record_high >= SHIM_RECORDS_MAX ? adopt->record_high - SHIM_RECORDS_MAX + 2 : 1;
}

static void expect(bool ok, int status)
{
    if (!ok)
        _exit(status);
}

static void open_all(struct shim *s)
{
    s->notify_fd = s->pid_fd = -1;
    s->dir_fd = open(s->spec.run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    expect(s->dir_fd != -1, EXIT_DIR);
    expect(record_open(s), EXIT_LOCK);
    expect(log_open(&s->log, &s->spec), EXIT_LOG);
    expect(output_open(s), EXIT_FIFO);
    expect(open_cgroups(s), EXIT_CGROUP);
    expect(notify_open(s), EXIT_NOTIFY);
    expect(control_open(s), EXIT_CONTROL);
}

static void begin(struct shim *s)
{
    policy_init(&s->policy, &s->spec.lease);
    s->policy.held = s->spec.flags & SHIM_SPEC_HELD;
    init_state(s);
    if (s->spec.has_adopt && s->spec.adopt.pid > 0) {
        service_adopt(s);
    } else if (s->spec.has_adopt || s->policy.held || s->spec.program == NULL) {
        s->state.phase = SHIM_PHASE_WAITING;
        state_write(s);
        control_tell_state(s);
    } else {
        service_start(s);
    }
}

/* ---- the loop ---- */

enum {
    SLOT_CHILD,
    SLOT_PID,
    SLOT_OUT,
    SLOT_ERR,
    SLOT_NOTIFY,
    SLOT_LISTEN,
    SLOT_CONNECTION,
    SLOT_COUNT = SLOT_CONNECTION + CONNECTIONS_MAX
};

static void fill_slots(const struct shim *s, struct pollfd slots[SLOT_COUNT])
{
    slots[SLOT_CHILD] = (struct pollfd){s->signal_fd, POLLIN, 0};
    slots[SLOT_PID] = (struct pollfd){s->pid_fd, POLLIN, 0};
    slots[SLOT_OUT] = (struct pollfd){s->streams[0].read_fd, POLLIN, 0};
    slots[SLOT_ERR] = (struct pollfd){s->streams[1].read_fd, POLLIN, 0};
    slots[SLOT_NOTIFY] = (struct pollfd){s->notify_fd, POLLIN, 0};
    slots[SLOT_LISTEN] = (struct pollfd){s->listen_fd, POLLIN, 0};
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        slots[SLOT_CONNECTION + i] = (struct pollfd){
            s->connections[i].fd, (short)(POLLIN | (s->connections[i].lagging ? POLLOUT : 0)), 0};
}

static int next_timeout_ms(const struct shim *s)
{
    int64_t deadlines[] = {s->kill_at_ms, s->retry_at_ms, s->release_at_ms,
        s->streams[0].held_until_ms, s->streams[1].held_until_ms,
        s->log.error != 0 ? s->log.retry_at_ms : 0, s->log.report ? 1 : 0};
    int64_t next = 0, now = sys_boot_ms();

    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++)
        if (deadlines[i] > 0 && (next == 0 || deadlines[i] < next))
            next = deadlines[i];
    if (next == 0)
        return -1;
    if (next <= now)
        return 0;
    return next - now < INT32_MAX ? (int)(next - now) : INT32_MAX;
}

static void serve_slots(struct shim *s, const struct pollfd slots[SLOT_COUNT])
{
    if (slots[SLOT_CHILD].revents != 0) {
        struct signalfd_siginfo drained[4];
        while (read(s->signal_fd, drained, sizeof drained) > 0)
            ;
        service_reap(s);
    }
    if (slots[SLOT_PID].revents != 0 && s->pid_fd == slots[SLOT_PID].fd)
        service_lost(s);
    for (int i = 0; i < 2; i++)
        if (slots[SLOT_OUT + i].revents != 0)
            output_read(s, &s->streams[i]);
    if (slots[SLOT_NOTIFY].revents != 0)
        notify_read(s);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        const struct pollfd *slot = &slots[SLOT_CONNECTION + i];
        if (slot->revents & POLLOUT)
            control_writable(s, &s->connections[i]);
        if (slot->revents & ~POLLOUT)
            control_read(s, &s->connections[i]);
    }
    if (slots[SLOT_LISTEN].revents != 0)
        control_accept(s);
}

static void serve_deadlines(struct shim *s)
{
    int64_t now_ms = sys_boot_ms();

    if (s->kill_at_ms > 0 && s->kill_at_ms <= now_ms)
        service_kill_due(s);
    if (s->retry_at_ms > 0 && s->retry_at_ms <= now_ms)
        service_retry_due(s);
    output_due(s, now_ms);
}

int main(void)
{
    struct shim *s = &shim;
    struct pollfd slots[SLOT_COUNT];

    detach(s);
    reset_signals(s);
    load_spec(s);
    take_orphans(s);
    open_all(s);
    begin(s);
    for (;;) {
        fill_slots(s, slots);
        if (poll(slots, SLOT_COUNT, next_timeout_ms(s)) > 0)
            serve_slots(s, slots);
        serve_deadlines(s);
    }
}
