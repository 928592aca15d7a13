#include "base/must.h"
#include "drive/process/process_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PACKETS_A_TURN 64

/* ---- packets ---- */

static void take_spec(struct process *p, int fd)
{
    struct stat st;

    if (p->spec.len > 0 || fstat(fd, &st) == -1 || st.st_size <= 0 || st.st_size > SHIM_SPEC_MAX)
        return;
    char *bytes = mem_alloc(1, (size_t)st.st_size);
    if (pread(fd, bytes, (size_t)st.st_size, 0) == st.st_size)
        p->spec = (struct str){bytes, (size_t)st.st_size};
    else
        free(bytes);
}

static enum process_phase phase_of(const struct shim_state *state)
{
    switch (state->phase) {
    case SHIM_PHASE_RUNNING:
        return PROCESS_RUNNING;
    case SHIM_PHASE_STOPPING:
        return PROCESS_STOPPING;
    case SHIM_PHASE_DONE:
        return PROCESS_GONE;
    default:
        return PROCESS_WAITING;
    }
}

static void take_state(struct process *p, const void *message, size_t bytes)
{
    const unsigned char *body = (const unsigned char *)message + sizeof(struct shim_header);
    struct shim_state state;

    if (!shim_state_read(&state, body, bytes - sizeof(struct shim_header)))
        return;
    p->state = state;
    p->shim_pid = state.shim_pid;
    p->phase = phase_of(&state);
    p->done = p->done || state.phase == SHIM_PHASE_DONE;
    if (state.record_high > p->imported)
        import_files(p);
    if (p->driver->callbacks.on_state != NULL && !p->forgotten)
        p->driver->callbacks.on_state(p->driver->data, p);
}

static void take_record(struct process *p, const void *message, size_t bytes)
{
    const unsigned char *body = (const unsigned char *)message + sizeof(struct shim_header);
    struct shim_record r;

    if (!shim_record_read(&r, body, bytes - sizeof(struct shim_header)))
        return;
    if (r.number > p->imported + 1)
        import_files(p);
    if (!p->forgotten && r.number > p->imported)
        import_record(p, &r);
}

static void take_notify(struct process *p, const void *message, size_t bytes)
{
    struct shim_notify m;

    if (p->driver->callbacks.on_notify == NULL)
        return;
    shim_take(&m, sizeof m, message, bytes);
    m.status[sizeof m.status - 1] = '\0';
    struct process_notice n = {
        .ready = m.flags & SHIM_NOTIFY_READY,
        .stopping = m.flags & SHIM_NOTIFY_STOPPING,
        .reloading = m.flags & SHIM_NOTIFY_RELOADING,
        .watchdog = m.flags & SHIM_NOTIFY_WATCHDOG,
        .status = m.flags & SHIM_NOTIFY_STATUS ? m.status : NULL,
        .incarnation = m.incarnation,
    };
    p->driver->callbacks.on_notify(p->driver->data, p, &n);
}

static void take_log(struct process *p, const void *message, size_t bytes)
{
    struct shim_log m;

    if (p->driver->callbacks.on_log == NULL)
        return;
    shim_take(&m, sizeof m, message, bytes);
    struct process_log_gap gap = {
        .error = (int)m.error,
        .dropped_bytes = m.dropped_bytes,
        .dropped_bytes_total = m.dropped_bytes_total,
    };
    p->driver->callbacks.on_log(p->driver->data, p, &gap);
}

static void take(struct process *p, const void *message, size_t bytes)
{
    struct shim_header h;

    if (!shim_header_read(&h, message, bytes) || (p->forgotten && h.type != SHIM_STATE))
        return;
    switch (h.type) {
    case SHIM_STATE:
        take_state(p, message, bytes);
        break;
    case SHIM_RECORD:
        take_record(p, message, bytes);
        break;
    case SHIM_NOTIFY:
        take_notify(p, message, bytes);
        break;
    case SHIM_LOG:
        take_log(p, message, bytes);
        break;
    default:
        break; /* a newer shim's */
    }
}

/* ---- the socket ---- */

/* Bytes, 0 at the end, -1 when there is nothing now. */
static ssize_t receive(struct process *p, void *message, size_t capacity)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = message, .iov_len = capacity};
    struct msghdr m = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(p->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got == -1)
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int))) {
        int fd;
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        take_spec(p, fd);
        (void)close(fd);
    }
    return got;
}

/* A callback may forget the process: its struct stays until the next turn, its descriptor may not.
 */
static void on_ready(void *data, int events)
{
    struct process *p = OBJ(process, PROCESS_MAGIC, data);
    uint64_t message[SHIM_MESSAGE_MAX / 8];
    int fd = p->fd;

    (void)events;
    for (int i = 0; i < PACKETS_A_TURN && p->fd == fd; i++) {
        ssize_t got = receive(p, message, sizeof message);
        if (got < 0)
            return;
        if (got == 0) {
            link_close(p);
            takeover_shim_gone(p);
            return;
        }
        take(p, message, (size_t)got);
    }
}

bool link_watch(struct process *p, int fd, struct err *err)
{
    if (!watch_create(&p->watch, p->driver->loop, fd, WATCH_READ, on_ready, p, err)) {
        (void)close(fd);
        return false;
    }
    p->fd = fd;
    if (p->stop_pending)
        process_stop(p, p->stop_signo, p->stop_grace_ms);
    return true;
}

void link_hello(struct process *p)
{
    struct shim_hello hello = {.header = shim_header_make(SHIM_HELLO, sizeof hello),
        .flags = SHIM_HELLO_MANAGER | SHIM_HELLO_SPEC,
        .pid = (uint32_t)getpid()};

    link_send(p, &hello, sizeof hello);
}

bool link_connect(struct process *p, struct err *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int dir_fd = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd == -1)
        return err_sys(err, "%s", p->dir);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/ctl", dir_fd);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (!ok)
        err_sys(err, "%s/ctl", p->dir);
    (void)close(dir_fd);
    if (!ok) {
        if (fd != -1)
            (void)close(fd);
        return false;
    }
    TRY(link_watch(p, fd, err));
    link_hello(p);
    return true;
}

void link_close(struct process *p)
{
    watch_destroy(&p->watch);
    if (p->fd != -1)
        (void)close(p->fd);
    p->fd = -1;
}

/* A shim that is gone is noticed by reading; a full queue means that it was stopped (SIGSTOP). */
void link_send(struct process *p, const void *message, size_t bytes)
{
    if (p->fd != -1)
        (void)!send(p->fd, message, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
}
