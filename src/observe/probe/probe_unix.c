/* A UNIX socket check: a stream connection is accepted. Connecting never waits, so the check ends
 * where it begins. */
#include "base/fs.h"
#include "observe/probe/probe_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

struct unix_probe {
    struct probe base;
    char *path;
};

static struct unix_probe *local(struct probe *p)
{
    return (struct unix_probe *)p;
}

static bool unix_init(struct probe *p, const struct probe_target *target, struct err *err)
{
    const char *path = target->check->path;

    if (path == NULL || path[0] == 0)
        return err_set(err, ERR_INVALID, "the path of the socket is empty");
    local(p)->path = path[0] == '/' || target->working_dir == NULL
                         ? mem_copy_string(path)
                         : fs_absolute(target->working_dir, str_from(path));
    return true;
}

/* A path that does not fit an address is reached through a descriptor of the socket's file. */
static int connect_path(int fd, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int place = -1;

    if (strlen(path) < sizeof a.sun_path) {
        memcpy(a.sun_path, path, strlen(path) + 1);
    } else {
        place = open(path, O_PATH | O_CLOEXEC);
        if (place == -1)
            return errno;
        (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d", place);
    }
    int why = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
    if (place != -1)
        (void)close(place);
    return why;
}

static void unix_begin(struct probe *p)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why = fd == -1 ? errno : connect_path(fd, local(p)->path);

    if (fd != -1)
        (void)close(fd);
    if (probe_is_own_trouble(why))
        probe_skip(p, "connect", why);
    else if (why == 0)
        probe_finish(p, true, "connected");
    else if (why == EAGAIN)
        probe_finish(p, false, "connect: its queue is full, it accepts nothing");
    else
        probe_finish(p, false, "connect: %s", strerror(why));
}

static void unix_fini(struct probe *p)
{
    free(local(p)->path);
}

const struct probe_ops probe_unix_ops = {
    .bytes = sizeof(struct unix_probe),
    .init = unix_init,
    .begin = unix_begin,
    .fini = unix_fini,
};
