#include "io/http_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK_BYTES    (4u << 10) /* to clients of HTTP/1.0; chunks take the connection's own */
#define ROOM_BYTES     (HTTP_STREAM_BYTES_MAX * 3 / 4) /* free again: producers may go on */
#define LAST_WORDS     512                             /* kept free for the error of a cut */
#define ANSWER_MAX     (64u << 20)
#define EVENT_ID_BYTES 32

static void lock(struct http_stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

static void unlock(struct http_stream *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

static size_t unsent(const struct http_stream *s)
{
    return s->pending.len - s->sent;
}

static size_t free_bytes(const struct http_stream *s)
{
    size_t used = unsent(s);

    return used < HTTP_STREAM_BYTES_MAX ? HTTP_STREAM_BYTES_MAX - used : 0;
}

static bool is_open(const struct http_stream *s)
{
    return s->server != NULL && !s->ended && !s->cut;
}

void http_stream_unref(struct http_stream *s)
{
    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    buf_fini(&s->pending);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->drained);
    free(s);
}

struct http_stream *http_stream_open(struct http_request *r, enum http_framing framing)
{
    must(r->stream == NULL && r->status == 0 && !r->in_head);
    struct http_stream *s = mem_new(struct http_stream);
    pthread_condattr_t attributes;

    *s = (struct http_stream){.magic = STREAM_MAGIC,
        .refs = 2,
        .framing = framing,
        .request = r,
        .server = r->server,
        .last_ms = clock_boot_ms()};
    buf_init(&s->pending, ANSWER_MAX);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->drained, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    r->stream = s;
    (void)__atomic_add_fetch(&r->server->streams, 1, __ATOMIC_RELAXED);
    return s;
}

void http_stream_hook(struct http_stream *s, const struct http_stream_hooks *hooks)
{
    lock(s);
    s->hooks = *hooks;
    bool closed = s->server == NULL;
    unlock(s);
    if (closed && hooks->closed != NULL)
        hooks->closed(hooks->data);
}

void http_stream_answer(
    struct http_stream *s, int status, const char *content_type, struct str body)
{
    lock(s);
    if (is_open(s) && s->status == 0) {
        s->status = status;
        s->content_type = content_type;
        s->whole = true;
        buf_add_str(&s->pending, body);
        http_wake(s->server, s);
    }
    unlock(s);
}

/* One value in the stream's framing. */
static void put(struct http_stream *s, uint64_t id, const char *event, struct str json)
{
    if (s->framing == HTTP_LINES) {
        buf_add_str(&s->pending, json);
        buf_add_byte(&s->pending, '\n');
        return;
    }
    if (id != 0)
        buf_format(&s->pending, "id: %llu\n", (unsigned long long)id);
    if (event != NULL)
        buf_format(&s->pending, "event: %s\n", event);
    buf_add_text(&s->pending, "data: ");
    buf_add_str(&s->pending, json);
    buf_add_text(&s->pending, "\n\n");
}

static void begin(struct http_stream *s)
{
    if (s->status != 0)
        return;
    s->status = 200;
    s->content_type =
        s->framing == HTTP_EVENTS ? "text/event-stream; charset=utf-8" : "application/x-ndjson";
}

void http_stream_begin(struct http_stream *s)
{
    lock(s);
    if (is_open(s) && s->status == 0) {
        begin(s);
        http_wake(s->server, s);
    }
    unlock(s);
}

static bool add_line(struct http_stream *s, uint64_t id, const char *event, struct str json)
{
    size_t needed = json.len + EVENT_ID_BYTES + (event != NULL ? strlen(event) : 0) + LAST_WORDS;

    if (!is_open(s) || s->whole)
        return false;
    begin(s);
    s->cut = needed > free_bytes(s);
    if (s->cut)
        put(s, 0, "error",
            STR("{\"v\":1,\"error\":{\"kind\":\"limit\",\"text\":\"the reader is too slow: lines "
                "were lost here\",\"help\":\"ask again, from the last line on\"}}"));
    else
        put(s, id, event, json);
    s->last_ms = clock_boot_ms();
    http_wake(s->server, s);
    return !s->cut;
}

bool http_stream_line(struct http_stream *s, uint64_t id, const char *event, struct str json)
{
    lock(s);
    bool added = add_line(s, id, event, json);
    unlock(s);
    return added;
}

size_t http_stream_room(struct http_stream *s)
{
    lock(s);
    size_t room = is_open(s) ? free_bytes(s) : 0;
    if (room < ROOM_BYTES)
        s->wanting = true;
    unlock(s);
    return room > LAST_WORDS ? room - LAST_WORDS : 0;
}

bool http_stream_wait(struct http_stream *s, size_t bytes, int64_t timeout_ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + timeout_ms % MS_PER_S * NS_PER_MS;
    until.tv_sec += timeout_ms / MS_PER_S + ns / NS_PER_S;
    until.tv_nsec = ns % NS_PER_S;
    lock(s);
    int code = 0;
    while (is_open(s) && free_bytes(s) < bytes + LAST_WORDS + EVENT_ID_BYTES && code == 0)
        code = pthread_cond_timedwait(&s->drained, &s->lock, &until);
    bool fits = is_open(s) && code == 0;
    unlock(s);
    return fits;
}

bool http_stream_is_closed(struct http_stream *s)
{
    lock(s);
    bool closed = !is_open(s);
    unlock(s);
    return closed;
}

void http_stream_end(struct http_stream **s)
{
    if (*s == NULL)
        return;
    lock(*s);
    if ((*s)->server != NULL) {
        if (!(*s)->whole)
            begin(*s);
        http_wake((*s)->server, *s);
    }
    (*s)->ended = true;
    unlock(*s);
    http_stream_unref(*s);
    *s = NULL;
}

/* ---- the HTTP thread's side ---- */

bool http_stream_is_decided(struct http_stream *s)
{
    lock(s);
    bool decided = s->status != 0;
    unlock(s);
    return decided;
}

bool http_stream_is_ended(struct http_stream *s)
{
    lock(s);
    bool ended = s->ended;
    unlock(s);
    return ended;
}

/* Takes up to `max` bytes for the client; the lock is held. */
static size_t take(struct http_stream *s, char *out, size_t max)
{
    size_t len = unsent(s) < max ? unsent(s) : max;

    memcpy(out, s->pending.at + s->sent, len);
    s->sent += len;
    if (s->sent == s->pending.len) {
        buf_fini(&s->pending); /* idle streams hold no memory */
        s->sent = 0;
    } else if (s->sent >= HTTP_STREAM_BYTES_MAX / 2) {
        buf_drop(&s->pending, s->sent);
        s->sent = 0;
    }
    return len;
}

/* Whether, and what, to tell a producer that waits for room; the lock is held. */
static struct http_stream_hooks room_to_tell(struct http_stream *s)
{
    struct http_stream_hooks none = {0};

    if (free_bytes(s) < ROOM_BYTES)
        return none;
    (void)pthread_cond_broadcast(&s->drained);
    if (!s->wanting || !is_open(s))
        return none;
    s->wanting = false;
    return s->hooks;
}

static ssize_t read_stream(void *data, uint64_t at, char *out, size_t max)
{
    struct http_stream *s = OBJ(http_stream, STREAM_MAGIC, data);
    struct http_stream_hooks hooks = {0};
    ssize_t got = 0;

    (void)at;
    lock(s);
    if (s->server == NULL) {
        got = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (unsent(s) > 0) {
        got = (ssize_t)take(s, out, max);
        hooks = room_to_tell(s);
    } else if (s->ended || s->cut) {
        got = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        http_watch_hangup(s->request, true); /* under the lock: an append comes behind it */
    }
    unlock(s);
    if (hooks.room != NULL)
        hooks.room(hooks.data);
    return got;
}

struct MHD_Response *http_stream_response(struct http_request *r)
{
    struct http_stream *s = r->stream;
    struct MHD_Response *response;

    lock(s);
    r->status = s->status;
    if (s->whole) {
        size_t len = s->pending.len;
        response =
            MHD_create_response_from_buffer(len, buf_take(&s->pending), MHD_RESPMEM_MUST_FREE);
    } else {
        response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, s, NULL);
    }
    http_put_headers(r, response, s->content_type);
    if (!s->whole)
        (void)MHD_add_response_header(response, "X-Accel-Buffering", "no");
    unlock(s);
    return response;
}

void http_stream_resume(struct http_stream *s)
{
    if (s->request != NULL && s->request->suspended)
        http_watch_hangup(s->request, false);
}

void http_stream_close(struct http_stream *s)
{
    lock(s);
    bool was_open = s->server != NULL;
    struct http_stream_hooks hooks = s->hooks;
    s->server = NULL;
    s->hooks = (struct http_stream_hooks){0};
    (void)pthread_cond_broadcast(&s->drained);
    unlock(s);
    if (was_open && hooks.closed != NULL)
        hooks.closed(hooks.data);
}

static bool wants_heartbeats(const struct http_stream *s)
{
    return s->framing == HTTP_EVENTS && is_open(s) && s->status == 200 && !s->whole;
}

int64_t http_stream_due_ms(struct http_stream *s)
{
    lock(s);
    int64_t due = wants_heartbeats(s) ? s->last_ms + s->server->options.heartbeat_ms : INT64_MAX;
    unlock(s);
    return due;
}

void http_stream_heartbeat(struct http_stream *s, int64_t now_ms)
{
    lock(s);
    if (wants_heartbeats(s) && now_ms - s->last_ms >= s->server->options.heartbeat_ms) {
        if (unsent(s) == 0)
            buf_add_text(&s->pending, ":\n\n");
        s->last_ms = now_ms;
        http_wake(s->server, s);
    }
    unlock(s);
}
