#include "drive/docker/call.h"

#include "base/mem.h"
#include "base/must.h"
#include "drive/docker/reply.h"
#include "io/loop.h"

#include <jansson.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CALL_MAGIC 0x63616c6c
#define READS_MAX  16 /* in one turn of the loop: others want to be heard too */

struct call {
    uint32_t magic;
    struct loop *loop;
    struct watch *watch;
    struct timer *timer;
    int fd;
    int64_t deadline_ms;
    bool is_connected, is_done;
    struct err failed; /* found while starting: told by the timer */
    struct buf out, body;
    size_t sent;
    int body_fd;
    int64_t body_at, body_bytes; /* of body_fd: read so far, of so many */
    struct reply reply;
    call_piece_fn on_piece;
    call_done_fn on_done;
    void *data;
};

static void release(struct call *c)
{
    watch_destroy(&c->watch);
    timer_destroy(&c->timer);
    if (c->fd != -1)
        (void)close(c->fd);
    buf_fini(&c->out);
    buf_fini(&c->body);
    c->magic = 0;
    free(c);
}

void call_cancel(struct call **pointer)
{
    if (*pointer == NULL)
        return;
    struct call *c = OBJ(call, CALL_MAGIC, *pointer);
    *pointer = NULL;
    release(c);
}

static void finish(struct call *c, const struct err *err)
{
    struct buf body = c->body;
    call_done_fn on_done = c->on_done;
    void *data = c->data;
    int status = c->reply.status;
    struct err kept = err != NULL ? *err : (struct err)ERR_INIT;

    c->body = (struct buf)BUF_INIT(1);
    release(c);
    on_done(data, status, buf_str(&body), err != NULL ? &kept : NULL);
    buf_fini(&body);
}

/* ---- connecting ---- */

static void tell_denied(const char *path, struct err *err)
{
    struct stat st;
    struct group group, *found = NULL;
    char text[1024];

    if (stat(path, &st) == 0)
        (void)getgrgid_r(st.st_gid, &group, text, sizeof text, &found);
    (void)err_set(err, ERR_DENIED,
        "no permission for the container engine's socket %s: become a member of the group '%s'",
        path, found != NULL ? found->gr_name : "docker");
}

static void tell_unreachable(const char *path, int error, struct err *err)
{
    if (error == EACCES || error == EPERM)
        tell_denied(path, err);
    else if (error == ENOENT)
        (void)err_set(err, ERR_UNREACHABLE,
            "no container engine: there is no %s (start Docker or Podman, or set DOCKER_HOST)",
            path);
    else
        (void)err_set(
            err, ERR_UNREACHABLE, "no container engine answers at %s: %s", path, strerror(error));
}

static bool connect_to(struct call *c, const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_LIMIT, "the path of the engine's socket is too long: %s", path);
    (void)strcpy(address.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd == -1)
        return err_sys(err, "socket");
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0)
        return true;
    tell_unreachable(path, errno, err);
    return false;
}

/* ---- talking ---- */

static void take_piece(void *data, struct str bytes)
{
    struct call *c = data;

    if (c->on_piece != NULL && c->reply.status < 400)
        c->on_piece(c->data, bytes);
    else
        buf_add_str(&c->body, bytes);
}

/* The next piece of a body that is a file. False when there is none. */
static bool refill(struct call *c)
{
    char bytes[65536];
    int64_t left = c->body_bytes - c->body_at;
    size_t want = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes;
    ssize_t n = left > 0 ? pread(c->body_fd, bytes, want, c->body_at) : 0;

    if (n <= 0)
        return false;
    c->body_at += n;
    c->sent = 0;
    buf_reset(&c->out);
    buf_add(&c->out, bytes, (size_t)n);
    return true;
}

static bool send_more(struct call *c, struct err *err)
{
    for (int pieces = 0; c->sent < c->out.len || refill(c);) {
        if (c->sent == 0 && ++pieces > READS_MAX)
            return true;
        ssize_t n = send(c->fd, c->out.at + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n == -1)
            return errno == EPIPE || err_sys(err, "send to the container engine");
        c->sent += (size_t)n;
    }
    watch_set(c->watch, WATCH_READ);
    return true;
}

/* False when the call is over: with `err`, or complete. */
static bool receive(struct call *c, struct err *err)
{
    char bytes[65536];

    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n == -1)
            return err_sys(err, "receive from the container engine");
        if (n == 0) {
            (void)!reply_end(&c->reply, err); /* over in any case */
            return false;
        }
        if (!reply_feed(&c->reply, (struct str){bytes, (size_t)n}, take_piece, c, err))
            return false;
        if (buf_full(&c->body))
            return err_set(err, ERR_LIMIT, "the engine's answer is larger than %u MiB",
                CALL_BODY_BYTES_MAX >> 20);
        if (c->deadline_ms != INT64_MAX && c->on_piece != NULL)
            timer_set(c->timer, c->deadline_ms);
        if (c->reply.state == REPLY_DONE)
            return false;
    }
    return true;
}

static void on_ready(void *data, int events)
{
    struct call *c = OBJ(call, CALL_MAGIC, data);
    struct err err = ERR_INIT;

    if ((c->sent < c->out.len || c->body_at < c->body_bytes) && (events & WATCH_WRITE) &&
        !send_more(c, &err)) {
        finish(c, &err);
        return;
    }
    if ((events & (WATCH_READ | WATCH_HANGUP)) && !receive(c, &err))
        finish(c, err.kind != ERR_NONE ? &err : NULL);
}

static void on_deadline(void *data)
{
    struct call *c = OBJ(call, CALL_MAGIC, data);
    struct err err = ERR_INIT;

    if (c->failed.kind != ERR_NONE) {
        finish(c, &c->failed);
        return;
    }
    (void)err_set(&err, ERR_TIMEOUT, "the container engine does not answer within %lld ms",
        (long long)c->deadline_ms);
    finish(c, &err);
}

static void write_request(struct call *c, const struct call_request *r)
{
    buf_format(&c->out,
        "%s %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: tend\r\nConnection: close\r\n", r->method,
        r->target);
    if (r->field != NULL)
        buf_format(&c->out, "%s\r\n", r->field);
    if (r->body.len > 0)
        buf_add_text(&c->out, "Content-Type: application/json\r\n");
    if (r->body_fd_bytes > 0)
        buf_format(&c->out, "Content-Type: application/x-tar\r\nContent-Length: %lld\r\n",
            (long long)r->body_fd_bytes);
    else if (r->body.len > 0 || strcmp(r->method, "POST") == 0)
        buf_format(&c->out, "Content-Length: %zu\r\n", r->body.len);
    buf_add_text(&c->out, "\r\n");
    buf_add_str(&c->out, r->body);
}

struct call *call_start(struct loop *l, const struct call_request *r)
{
    struct call *c = mem_new(struct call);

    c->magic = CALL_MAGIC;
    c->loop = l;
    c->fd = -1;
    c->deadline_ms = r->deadline_ms;
    c->failed = (struct err)ERR_INIT;
    c->out = (struct buf)BUF_INIT(CALL_BODY_BYTES_MAX);
    c->body = (struct buf)BUF_INIT(CALL_BODY_BYTES_MAX);
    c->on_piece = r->on_piece;
    c->on_done = r->on_done;
    c->data = r->data;
    c->body_fd = r->body_fd;
    c->body_bytes = r->body_fd_bytes;
    c->timer = timer_create_on(l, on_deadline, c);
    write_request(c, r);
    if (!connect_to(c, r->socket_path, &c->failed) ||
        !watch_create(&c->watch, l, c->fd, WATCH_READ | WATCH_WRITE, on_ready, c, &c->failed))
        timer_set(c->timer, 0);
    else if (r->deadline_ms != INT64_MAX)
        timer_set(c->timer, r->deadline_ms);
    return c;
}

void call_message(int status, struct str body, char *out, size_t bytes)
{
    json_t *answer = json_loadb(body.at != NULL ? body.at : "", body.len, 0, NULL);
    const char *message = json_string_value(json_object_get(answer, "message"));

    if (message != NULL)
        (void)snprintf(out, bytes, "%s", message);
    else
        (void)snprintf(out, bytes, "HTTP %d: %.*s", status, (int)(body.len < 200 ? body.len : 200),
            body.at != NULL ? body.at : "");
    for (char *at = out; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    json_decref(answer);
}
