#include "shim/shim.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DATAGRAM_BYTES 4096
#define FDS_MAX        16

bool notify_open(struct shim *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *name = s->spec.notify;
    socklen_t length = sizeof a;
    int on = 1;

    if (name == NULL)
        return true;
    if (strlen(name) >= sizeof a.sun_path)
        return false;
    (void)text_add(a.sun_path, name);
    if (name[0] == '@') { /* abstract: for users who cannot reach into the run directory */
        a.sun_path[0] = '\0';
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    } else {
        (void)unlink(name);
    }
    s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return s->notify_fd != -1 &&
           setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
           bind(s->notify_fd, (struct sockaddr *)&a, length) == 0;
}

static uint32_t flag_of(const char *line, size_t length)
{
    static const struct {
        const char *text;
        uint32_t flag;
    } known[] = {
        {"READY=1",     SHIM_NOTIFY_READY    },
        {"STOPPING=1",  SHIM_NOTIFY_STOPPING },
        {"RELOADING=1", SHIM_NOTIFY_RELOADING},
        {"WATCHDOG=1",  SHIM_NOTIFY_WATCHDOG },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i].text) == length && memcmp(known[i].text, line, length) == 0)
            return known[i].flag;
    return 0;
}

static void take_status(struct shim_notify *out, const char *text, size_t length)
{
    size_t kept = length < sizeof out->status - 1 ? length : sizeof out->status - 1;

    memcpy(out->status, text, kept);
    out->status[kept] = '\0';
    out->flags |= SHIM_NOTIFY_STATUS;
}

bool notify_parse(struct shim_notify *out, const char *text, size_t length)
{
    const char *end = text + length;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((newline != NULL ? newline : end) - text);
        if (line >= 7 && memcmp(text, "STATUS=", 7) == 0)
            take_status(out, text + 7, line - 7);
        else
            out->flags |= flag_of(text, line);
        text += line + 1;
    }
    return out->flags != 0;
}

/* Who sent it; descriptors that came along are closed, which is what sd_notify_barrier awaits. */
static bool look_at_control(struct msghdr *m, struct ucred *out)
{
    bool known = false;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(out, CMSG_DATA(c), sizeof *out);
            known = true;
        } else if (c->cmsg_type == SCM_RIGHTS) {
            size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < count; i++) {
                int fd;
                memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                (void)close(fd);
            }
        }
    }
    return known;
}

void notify_read(struct shim *s)
{
    char text[DATAGRAM_BYTES];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr m = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes};
    struct ucred sender = {0};
    struct shim_notify n = {.header = shim_header_make(SHIM_NOTIFY, sizeof n)};
    ssize_t got = recvmsg(s->notify_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got < 0)
        return;
    uid_t expected = s->spec.change_user ? s->spec.user.uid : geteuid();
    if (!look_at_control(&m, &sender) || (sender.uid != expected && sender.uid != 0))
        return;
    if (m.msg_flags & MSG_TRUNC || !notify_parse(&n, text, (size_t)got))
        return;
    n.pid = (uint32_t)sender.pid;
    n.incarnation = s->state.incarnation;
    control_tell(s, &n, sizeof n);
}
