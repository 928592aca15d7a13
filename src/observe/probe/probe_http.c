/* An HTTP check: connect, send at once, read the status line, be done.
 *
 *     IDLE ─begin─▶ SENDING ─sent─▶ READING ─status─▶ DRAINING ─closed by peer, bound, time─▶ IDLE
 *
 * The verdict is given with the status line. The rest of the answer is thrown away without
 * copying it, so that a server that is still writing sees no reset; whoever does not close behind
 * "Connection: close" is left after the probe's timeout. */
#include "base/must.h"
#include "observe/probe/http_status.h"
#include "observe/probe/probe_private.h"

#include <errno.h>
#include <stdio.h>

#define REQUEST_BYTES_MAX (8u << 10)
#define DRAIN_BYTES_MAX   (1u << 20)
#define READ_BYTES        2048

struct http_probe {
    struct probe base;
    struct probe_address address;
    char *request;
    size_t request_len;
    int fd;
    bool sent;
    size_t drained;
    struct http_status status;
};

static struct http_probe *http(struct probe *p)
{
    return (struct http_probe *)p;
}

static bool path_is_plain(const char *path)
{
    for (const char *c = path; *c != 0; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    return path[0] == '/';
}

static bool http_init(struct probe *p, const struct probe_target *target, struct err *err)
{
    struct http_probe *h = http(p);
    const struct healthcheck *check = target->check;
    const char *path = check->path != NULL ? check->path : "/";
    const char *host = check->host != NULL ? check->host : "127.0.0.1";
    int port = check->port != 0 ? check->port : target->port;

    h->fd = -1;
    TRY(probe_resolve(host, port, &h->address, err));
    if (!path_is_plain(path))
        return err_set(
            err, ERR_INVALID, "the path \"%s\" must start with / and hold no blanks", path);
    bool bare_v6 = strchr(host, ':') != NULL && host[0] != '[';
    h->request = mem_format("GET %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nUser-Agent: tend-probe\r\n"
                            "Accept: */*\r\nConnection: close\r\n\r\n",
        path, bare_v6 ? "[" : "", host, bare_v6 ? "]" : "", port);
    h->request_len = strlen(h->request);
    if (h->request_len > REQUEST_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the path is longer than %u bytes", REQUEST_BYTES_MAX);
    return true;
}

static void hang_up(struct http_probe *h)
{
    if (h->fd == -1)
        return;
    probe_unwatch(&h->base, h->fd, 0);
    probe_close(&h->fd);
}

static void fail(struct http_probe *h, const char *doing, int why)
{
    hang_up(h);
    if (probe_is_own_trouble(why))
        probe_skip(&h->base, doing, why);
    else
        probe_finish(&h->base, false, "%s: %s", doing, strerror(why));
}

/* 0, EAGAIN while not connected yet, or why not. A request fits a new socket's buffer. */
static int send_request(struct http_probe *h)
{
    ssize_t n = send(h->fd, h->request, h->request_len, MSG_NOSIGNAL);

    if (n == -1)
        return errno == EPIPE ? ECONNRESET : errno;
    h->sent = true;
    return (size_t)n == h->request_len ? 0 : ENOBUFS;
}

static void http_begin(struct probe *p)
{
    struct http_probe *h = http(p);
    bool connected;

    h->sent = false;
    h->drained = 0;
    h->status = (struct http_status){0};
    h->fd = probe_connect(&h->address, &connected);
    if (h->fd == -1) {
        fail(h, "connect", errno);
        return;
    }
    int why = send_request(h);
    if (why != 0 && why != EAGAIN)
        fail(h, "connect", why);
    else if (!probe_watch(p, h->fd, 0, EPOLLIN | EPOLLRDHUP | (h->sent ? 0 : EPOLLOUT)))
        fail(h, "epoll", errno);
}

/* False: the check has ended, or it is still not connected. */
static bool send_late(struct http_probe *h)
{
    int why = send_request(h);

    if (why == EAGAIN)
        return false;
    if (why != 0) {
        fail(h, "connect", why);
        return false;
    }
    probe_rewatch(&h->base, h->fd, 0, EPOLLIN | EPOLLRDHUP);
    return true;
}

static void drain(struct http_probe *h)
{
    /* MSG_TRUNC throws the bytes of a TCP socket away without copying them: tcp(7). */
    ssize_t n = recv(h->fd, NULL, DRAIN_BYTES_MAX, MSG_TRUNC);

    if (n > 0)
        h->drained += (size_t)n;
    if ((n == -1 && errno == EAGAIN) || (n > 0 && h->drained < DRAIN_BYTES_MAX))
        return;
    hang_up(h);
    h->base.remains_ns = PROBE_NEVER;
    probe_replan(&h->base);
}

static void answer(struct http_probe *h, bool closed)
{
    int code = h->status.code;

    if (closed)
        hang_up(h);
    else
        h->base.remains_ns = h->base.deadline_ns;
    probe_finish(&h->base, code >= 200 && code <= 399, "HTTP %d", code);
}

static void complain(struct http_probe *h)
{
    char shown[HTTP_STATUS_SHOWN + 8];

    hang_up(h);
    probe_show((struct str){h->status.start, h->status.shown}, shown, sizeof shown);
    probe_finish(&h->base, false, "not an HTTP/1 answer: \"%s\"", shown);
}

static void ended(struct http_probe *h)
{
    hang_up(h);
    if (h->status.bytes == 0)
        probe_finish(&h->base, false, "closed without an answer");
    else
        probe_finish(
            &h->base, false, "closed within the head, after %u bytes", (unsigned)h->status.bytes);
}

static void read_answer(struct http_probe *h, uint32_t events)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(h->fd, bytes, sizeof bytes, 0);

    if (n == -1) {
        if (errno != EAGAIN)
            fail(h, "read", errno);
        return;
    }
    if (n == 0) {
        ended(h);
        return;
    }
    switch (http_status_feed(&h->status, (struct str){bytes, (size_t)n})) {
    case HTTP_STATUS_DONE:
        answer(h, (events & EPOLLRDHUP) != 0 && (size_t)n < sizeof bytes);
        break;
    case HTTP_STATUS_GARBAGE:
        complain(h);
        break;
    case HTTP_STATUS_MORE:
        break;
    }
}

static void http_ready(struct probe *p, unsigned which, uint32_t events)
{
    struct http_probe *h = http(p);

    (void)which;
    if (!p->checking)
        drain(h);
    else if (h->sent || send_late(h))
        read_answer(h, events);
}

static void http_drop(struct probe *p)
{
    hang_up(http(p));
}

static void http_fini(struct probe *p)
{
    free(http(p)->request);
}

const struct probe_ops probe_http_ops = {
    .bytes = sizeof(struct http_probe),
    .init = http_init,
    .begin = http_begin,
    .ready = http_ready,
    .drop = http_drop,
    .fini = http_fini,
};
