#include "observe/probe/probe_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

static bool parse_host(struct str host, int port, struct probe_address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->at;
    char text[INET6_ADDRSTRLEN];

    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct str){host.at + 1, host.len - 2};
    if (str_is(host, "localhost"))
        host = STR("127.0.0.1");
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        out->len = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        out->len = sizeof *v6;
        return true;
    }
    return false;
}

bool probe_resolve(const char *host, int port, struct probe_address *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (port < 1 || port > 65535)
        return err_set(err, ERR_INVALID, "port %d is not one", port);
    if (parse_host(str_from(host != NULL ? host : "127.0.0.1"), port, out))
        return true;
    return err_set(err, ERR_UNSUPPORTED,
        "not supported: the host \"%s\" by name; write its address, or localhost", host);
}

int probe_connect(const struct probe_address *a, bool *out_connected)
{
    int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return -1;
    *out_connected = connect(fd, (const struct sockaddr *)&a->at, a->len) == 0;
    if (*out_connected || errno == EINPROGRESS)
        return fd;
    int why = errno;
    (void)close(fd);
    errno = why;
    return -1;
}

int probe_connect_result(int fd, const struct probe_address *a)
{
    /* A second connect tells without waiting for an event: on loopback the first has long succeeded
     * although it said EINPROGRESS. */
    if (connect(fd, (const struct sockaddr *)&a->at, a->len) == 0 || errno == EISCONN)
        return 0;
    return errno == EALREADY ? EINPROGRESS : errno;
}

bool probe_is_itself(int fd, const struct probe_address *a)
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof own;

    return getsockname(fd, (struct sockaddr *)&own, &len) == 0 && len == a->len &&
           memcmp(&own, &a->at, len) == 0;
}

void probe_close(int *fd)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* else an ordinary close */
    (void)close(*fd);
    *fd = -1;
}
