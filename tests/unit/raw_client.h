/* raw_client.h - a client that sends what it is told, byte for byte, and reads with a bound. */
#ifndef TEND_TESTS_UNIT_RAW_CLIENT_H
#define TEND_TESTS_UNIT_RAW_CLIENT_H

#include "base/buf.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_WAIT_MS 5000

struct client {
    int fd;
    struct buf got; /* all that came so far */
    bool ended;     /* the server has closed */
};

static void client_open_tcp(struct client *c, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    buf_init(&c->got, 16 << 20);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        (void)printf("# connect: %s\n", strerror(errno));
}

static void client_open_unix(struct client *c, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    *c = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    buf_init(&c->got, 16 << 20);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        (void)printf("# connect: %s\n", strerror(errno));
}

static void client_close(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    buf_fini(&c->got);
}

static void client_send(struct client *c, const char *text)
{
    (void)!send(c->fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Some more bytes; false at the end or when the time has passed. */
static bool client_read_some(struct client *c, int64_t until_ms)
{
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};
    int64_t left = until_ms - clock_boot_ms();
    char bytes[16384];

    if (c->ended || left <= 0 || poll(&fd, 1, (int)left) <= 0)
        return false;
    ssize_t len = recv(c->fd, bytes, sizeof bytes, 0);
    if (len <= 0) {
        c->ended = true;
        return false;
    }
    buf_add(&c->got, bytes, (size_t)len);
    return true;
}

static bool client_has(const struct client *c, const char *text)
{
    return str_find_text(buf_str(&c->got), str_from(text)) >= 0;
}

/* Read until `text` has come. */
static bool client_wait(struct client *c, const char *text)
{
    int64_t until = clock_boot_ms() + CLIENT_WAIT_MS;

    while (!client_has(c, text))
        if (!client_read_some(c, until))
            return client_has(c, text);
    return true;
}

/* Read until the server closes. */
static bool client_wait_end(struct client *c)
{
    int64_t until = clock_boot_ms() + CLIENT_WAIT_MS;

    while (client_read_some(c, until))
        ;
    return c->ended;
}

/* The status of the first answer, 0 for none. */
static int client_status(const struct client *c)
{
    int status = 0;

    (void)sscanf(c->got.at != NULL ? c->got.at : "", "HTTP/1.%*c %d", &status);
    return status;
}

/* Sends a request and reads one answer with its whole body. */
static int client_ask(struct client *c, const char *request)
{
    int64_t until = clock_boot_ms() + CLIENT_WAIT_MS;

    buf_reset(&c->got);
    client_send(c, request);
    for (;;) {
        const char *body = c->got.at != NULL ? strstr(c->got.at, "\r\n\r\n") : NULL;
        const char *length = body != NULL ? strcasestr(c->got.at, "\ncontent-length: ") : NULL;
        if (length != NULL && strncmp(request, "HEAD", 4) == 0)
            return client_status(c);
        if (length != NULL &&
            c->got.len - (size_t)(body + 4 - c->got.at) >= strtoul(length + 17, NULL, 10))
            return client_status(c);
        if (body != NULL && length == NULL && str_ends(buf_str(&c->got), "\r\n0\r\n\r\n"))
            return client_status(c);
        if (!client_read_some(c, until))
            return client_status(c);
    }
}

/* Takes the chunks' sizes out of a complete answer, where there are any. */
static void client_join_chunks(struct client *c)
{
    char *from = c->got.at != NULL ? strstr(c->got.at, "\r\n\r\n") : NULL, *to;
    size_t size;

    if (from == NULL || strcasestr(c->got.at, "\ntransfer-encoding: chunked") == NULL)
        return;
    to = from += 4;
    while ((size = strtoul(from, &from, 16)) > 0 && from + 2 + size < c->got.at + c->got.len) {
        memmove(to, from + 2, size);
        to += size;
        from += 2 + size + 2;
    }
    *to = '\0';
    c->got.len = (size_t)(to - c->got.at);
}

static const char *client_body(const struct client *c)
{
    const char *body = c->got.at != NULL ? strstr(c->got.at, "\r\n\r\n") : NULL;

    return body != NULL ? body + 4 : "";
}

#endif
