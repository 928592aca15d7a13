#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 8

/* A path below /proc, because a socket's has 107 bytes and the run directory's may have more. */
static struct sockaddr_un address_in(int dir_fd, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char *at = text_number(text_add(a.sun_path, "/proc/self/fd/"), (uint64_t)dir_fd);

    (void)text_add(text_add(at, "/"), name);
    return a;
}

bool control_open(struct shim *s)
{
    struct sockaddr_un a = address_in(s->dir_fd, "ctl");

    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        s->connections[i].fd = -1;
    s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listen_fd == -1)
        return false;
    (void)unlinkat(s->dir_fd, "ctl", 0); /* a killed shim's */
    if (bind(s->listen_fd, (struct sockaddr *)&a, sizeof a) == -1)
        return false;
    (void)fchmodat(s->dir_fd, "ctl", 0600, 0); /* the directory is closed to others anyway */
    if (listen(s->listen_fd, BACKLOG) == -1)
        return false;
    /* The daemon that started us decides from the first moment. */
    if (fcntl(SHIM_FD_CONTROL, F_SETFD, FD_CLOEXEC) == 0) {
        int flags = fcntl(SHIM_FD_CONTROL, F_GETFL);
        (void)fcntl(SHIM_FD_CONTROL, F_SETFL, flags | O_NONBLOCK);
        s->connections[0] = (struct connection){.fd = SHIM_FD_CONTROL, .manager = true};
    }
    return true;
}

bool control_managed(const struct shim *s)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd != -1 && s->connections[i].manager)
            return true;
    return false;
}

static void hang_up(struct shim *s, struct connection *c)
{
    bool was_manager = c->manager;

    (void)close(c->fd);
    *c = (struct connection){.fd = -1};
    if (was_manager && !control_managed(s))
        service_unmanaged(s);
}

/* ---- telling ---- */

static void send_packet(struct connection *c, const void *message, size_t bytes, int fd)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = bytes};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd != -1) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&m);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    /* One that has gone is noticed when it is read from. */
    if (sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 &&
        (errno == EAGAIN || errno == ENOBUFS))
        c->lagging = true;
}

void control_tell(struct shim *s, const void *message, size_t bytes)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd != -1 && !s->connections[i].lagging)
            send_packet(&s->connections[i], message, bytes, -1);
}

void control_tell_record(struct shim *s, const struct shim_record *r)
{
    struct shim_record_message m = {shim_header_make(SHIM_RECORD, sizeof m), *r};

    control_tell(s, &m, sizeof m);
}

void control_tell_log(struct shim *s)
{
    struct log_file *log = &s->log;
    struct shim_log m = {
        .header = shim_header_make(SHIM_LOG, sizeof m),
        .error = (uint32_t)log->error,
        .dropped_bytes = log->gap_bytes,
        .dropped_bytes_total = log->gap_bytes_total + (log->error != 0 ? log->gap_bytes : 0),
    };

    log->report = false;
    if (log->error == 0)
        log->gap_bytes = 0;
    state_write(s);
    control_tell(s, &m, sizeof m);
}

static void tell_state_to(struct shim *s, struct connection *c, int fd)
{
    struct shim_state_message m = {shim_header_make(SHIM_STATE, sizeof m), s->state};

    send_packet(c, &m, sizeof m, fd);
}

void control_tell_state(struct shim *s)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd != -1)
            tell_state_to(s, &s->connections[i], -1);
}

void control_writable(struct shim *s, struct connection *c)
{
    c->lagging = false;
    tell_state_to(s, c, -1); /* its record_high says which files to read */
}

/* ---- being told ---- */

static void set_hold(struct shim *s, bool on)
{
    s->policy.held = on;
    if (on)
        s->retry_at_ms = 0;
    else if (s->state.phase == SHIM_PHASE_WAITING && !control_managed(s))
        service_unmanaged(s);
    state_write(s);
}

static void take_lease(struct shim *s, const void *message, size_t bytes)
{
    struct shim_lease_message m;

    shim_take(&m, sizeof m, message, bytes);
    policy_renew(&s->policy, &m.lease);
}

static void take_hello(struct shim *s, struct connection *c, const void *message, size_t bytes)
{
    struct shim_hello m;

    shim_take(&m, sizeof m, message, bytes);
    c->manager = c->manager || m.flags & SHIM_HELLO_MANAGER; /* a planned own retry still comes */
    state_write(s);
    tell_state_to(s, c, m.flags & SHIM_HELLO_SPEC ? s->spec_fd : -1);
}

static void take_start(struct shim *s)
{
    s->policy.held = false;
    if (s->state.phase == SHIM_PHASE_WAITING || s->state.phase == SHIM_PHASE_NEW)
        service_start(s);
}

static void take(struct shim *s, struct connection *c, const struct shim_header *h,
    const void *message, size_t bytes)
{
    union {
        struct shim_signal signal;
        struct shim_stop stop;
        struct shim_ack ack;
        struct shim_hold hold;
    } m;

    switch (h->type) {
    case SHIM_HELLO:
        take_hello(s, c, message, bytes);
        break;
    case SHIM_LEASE:
        take_lease(s, message, bytes);
        break;
    case SHIM_SIGNAL:
        shim_take(&m.signal, sizeof m.signal, message, bytes);
        if (m.signal.signo >= 1 && m.signal.signo <= 64)
            service_signal(s, (int)m.signal.signo, m.signal.flags & SHIM_TO_GROUP);
        break;
    case SHIM_STOP:
        shim_take(&m.stop, sizeof m.stop, message, bytes);
        service_stop(s, &m.stop);
        break;
    case SHIM_START:
        take_start(s);
        break;
    case SHIM_ACK:
        shim_take(&m.ack, sizeof m.ack, message, bytes);
        if (m.ack.number >= s->record_low && m.ack.number <= s->state.record_high)
            s->record_low = m.ack.number + 1;
        break;
    case SHIM_HOLD:
        shim_take(&m.hold, sizeof m.hold, message, bytes);
        set_hold(s, m.hold.on != 0);
        break;
    default:
        break; /* a newer daemon's */
    }
}

void control_read(struct shim *s, struct connection *c)
{
    uint64_t message[SHIM_MESSAGE_MAX / 8]; /* aligned for any of them */
    struct shim_header h;
    ssize_t got = recv(c->fd, message, sizeof message, MSG_DONTWAIT);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        hang_up(s, c);
    else if (shim_header_read(&h, message, (size_t)got))
        take(s, c, &h, message, (size_t)got);
}

void control_accept(struct shim *s)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd == -1)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
        (peer.uid == 0 || peer.uid == geteuid()))
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
            if (s->connections[i].fd == -1) {
                s->connections[i] = (struct connection){.fd = fd};
                return;
            }
    (void)close(fd);
}
