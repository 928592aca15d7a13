/* probing.h - for tests of probes: a loop that runs until so many results came, and servers on
 * loopback that behave as told, a thread each. */
#ifndef TEND_TESTS_UNIT_OBSERVE_PROBING_H
#define TEND_TESTS_UNIT_OBSERVE_PROBING_H

#include "base/clock.h"
#include "io/loop.h"
#include "observe/probe/probe.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS     10000
#define RESULTS_MAX 256

struct seen_result {
    bool ok, timed_out;
    char detail[256];
    int64_t duration_ns;
};

struct probing {
    struct loop *loop;
    struct prober *prober;
    struct probe *probe;
    struct timer *guard;
    bool late;
    int wanted, count, failures;
    struct seen_result seen[RESULTS_MAX]; /* the first ones */
    void (*during)(struct probing *w);    /* called within each result */
};

static void on_guard(void *data)
{
    struct probing *w = data;

    w->late = true;
    loop_stop(w->loop);
}

static void on_result(void *data, const struct probe_result *r)
{
    struct probing *w = data;

    if (w->count < RESULTS_MAX) {
        struct seen_result *s = &w->seen[w->count];
        s->ok = r->ok;
        s->timed_out = r->timed_out;
        s->duration_ns = r->duration_ns;
        (void)snprintf(s->detail, sizeof s->detail, "%s", r->detail);
    }
    w->count++;
    w->failures += !r->ok;
    if (w->during != NULL)
        w->during(w);
    if (w->count >= w->wanted)
        loop_stop(w->loop);
}

static void probing_begin(struct probing *w)
{
    struct err e = ERR_INIT;

    memset(w, 0, sizeof *w);
    CHECK_OK(loop_create(&w->loop, &e), &e);
    CHECK_OK(prober_create(&w->prober, w->loop, &e), &e);
    w->guard = timer_create_on(w->loop, on_guard, w);
}

static void probing_end(struct probing *w)
{
    probe_destroy(&w->probe);
    prober_destroy(&w->prober);
    timer_destroy(&w->guard);
    loop_destroy(&w->loop);
}

/* Run until there are `count` results in all, within `ms`. */
static bool probing_wait_ms(struct probing *w, int count, int64_t ms)
{
    w->wanted = count;
    w->late = false;
    timer_set(w->guard, ms);
    if (w->count < count)
        loop_run(w->loop);
    timer_clear(w->guard);
    return w->count >= count;
}

static bool probing_wait(struct probing *w, int count)
{
    return probing_wait_ms(w, count, WAIT_MS);
}

/* One probe, run to its first result. */
static struct seen_result probe_once(const struct probe_target *target)
{
    struct probing w;
    struct err e = ERR_INIT;

    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, target, on_result, &w, &e), &e);
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(probing_wait(&w, 1));
    struct seen_result first = w.seen[0];
    probing_end(&w);
    return first;
}

/* ---- servers ---- */

struct server {
    int fd, port;
    void (*serve)(int client);
    atomic_int served;
    pthread_t thread;
};

static void *serve_all(void *data)
{
    struct server *s = data;

    for (int client; (client = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) != -1;) {
        s->serve(client);
        (void)close(client);
        s->served++;
    }
    return NULL;
}

/* `serve` NULL: listens and accepts nothing. */
static void server_start(struct server *s, void (*serve)(int client))
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    memset(s, 0, sizeof *s);
    s->serve = serve;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s->fd, (struct sockaddr *)&a, len) == 0 && listen(s->fd, 128) == 0);
    CHECK(getsockname(s->fd, (struct sockaddr *)&a, &len) == 0);
    s->port = ntohs(a.sin_port);
    if (serve != NULL)
        CHECK(pthread_create(&s->thread, NULL, serve_all, s) == 0);
}

static void server_stop(struct server *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    if (s->serve != NULL)
        (void)pthread_join(s->thread, NULL);
    (void)close(s->fd);
}

/* Read a request to its blank line; false when the client went away. */
static bool read_request(int client, char *out, size_t bytes)
{
    size_t len = 0;

    while (len < bytes - 1) {
        ssize_t n = read(client, out + len, bytes - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        out[len] = 0;
        if (strstr(out, "\r\n\r\n") != NULL)
            return true;
    }
    return false;
}

static void write_text(int client, const char *text)
{
    (void)!send(client, text, strlen(text), MSG_NOSIGNAL);
}

/* Until the client closes. */
static void wait_for_close(int client)
{
    char c[512];

    while (read(client, c, sizeof c) > 0)
        ;
}

/* A port on which nobody listens. */
static int free_port(void)
{
    struct server s;

    server_start(&s, NULL);
    server_stop(&s);
    return s.port;
}

#endif
