/* A TCP check: a connection is accepted. */
#include "observe/probe/probe_private.h"

#include <errno.h>

struct tcp_probe {
    struct probe base;
    struct probe_address address;
    int fd;
};

static struct tcp_probe *tcp(struct probe *p)
{
    return (struct tcp_probe *)p;
}

static bool tcp_init(struct probe *p, const struct probe_target *target, struct err *err)
{
    const struct healthcheck *check = target->check;

    tcp(p)->fd = -1;
    return probe_resolve(
        check->host, check->port != 0 ? check->port : target->port, &tcp(p)->address, err);
}

static void hang_up(struct tcp_probe *t)
{
    if (t->fd == -1)
        return;
    probe_unwatch(&t->base, t->fd, 0);
    probe_close(&t->fd);
}

static void judge(struct tcp_probe *t, int why)
{
    if (why == 0 && probe_is_itself(t->fd, &t->address))
        why = ECONNREFUSED;
    hang_up(t);
    if (probe_is_own_trouble(why))
        probe_skip(&t->base, "connect", why);
    else if (why == 0)
        probe_finish(&t->base, true, "connected");
    else
        probe_finish(&t->base, false, "connect: %s", strerror(why));
}

static void tcp_begin(struct probe *p)
{
    struct tcp_probe *t = tcp(p);
    bool connected = false;

    t->fd = probe_connect(&t->address, &connected);
    int why = t->fd == -1 ? errno : connected ? 0 : probe_connect_result(t->fd, &t->address);
    if (why != EINPROGRESS)
        judge(t, why);
    else if (!probe_watch(p, t->fd, 0, EPOLLOUT))
        judge(t, errno);
}

static void tcp_ready(struct probe *p, unsigned which, uint32_t events)
{
    struct tcp_probe *t = tcp(p);
    int why = probe_connect_result(t->fd, &t->address);

    (void)which;
    (void)events;
    if (why != EINPROGRESS)
        judge(t, why);
}

static void tcp_drop(struct probe *p)
{
    hang_up(tcp(p));
}

const struct probe_ops probe_tcp_ops = {
    .bytes = sizeof(struct tcp_probe),
    .init = tcp_init,
    .begin = tcp_begin,
    .ready = tcp_ready,
    .drop = tcp_drop,
};
