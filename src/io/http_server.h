/* http_server.h - HTTP/1.1 for the daemon: one thread, a UNIX socket and a TCP address, streams.
 *
 *     clients ──▶ accept ──▶ head(request) ──▶ body ──▶ request(request) ──▶ http_answer
 *                              │ may refuse              │
 *                              ▼ before the body         └─▶ http_stream_open ─▶ appended to from
 *                          http_answer                         any thread, until http_stream_end
 *
 * Words: a *request* is only valid inside the two callbacks of the handler, which run on the HTTP
 * thread and must not block: snapshots are read there, everything slower goes to a worker or the
 * control thread, with a *stream* that is answered later. A stream's owner (whoever opened it, or
 * to whom it was given) must end it exactly once, on any thread, even when the client has gone.
 *
 * Framing is strict: two Content-Lengths, Content-Length with Transfer-Encoding, a transfer coding
 * other than chunked, those two headers in folded lines, header names that are not tokens (a blank
 * in front of the colon) and control characters in values are answered 400, and the connection is
 * closed. A request has a body only where its `head` allowed one. Sizes, counts and times are
 * bounded; the bounds are in http_server.c. libmicrohttpd parses; accepting, waiting and waking are
 * done here, so its thread is the only one that touches it. */
#ifndef TEND_IO_HTTP_SERVER_H
#define TEND_IO_HTTP_SERVER_H

#include "base/err.h"
#include "base/str.h"

#include "io/http_target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_server;
struct http_request;
struct http_stream;

struct http_header {
    const char *name, *value;
};

struct http_handler {
    void *data;
    /* The head is here, the body is not: refuse with http_answer, or call http_allow_body, or do
     * nothing (then a body is refused with 413). */
    void (*head)(void *data, struct http_request *r);
    /* All is here: http_answer or http_stream_open, exactly one. */
    void (*request)(void *data, struct http_request *r);
    /* Behind each answer (a stream's too, once it has ended): for counters; NULL for none. */
    void (*answered)(void *data, int status, int64_t duration_ns);
};

struct http_server_options {
    const char *unix_path;             /* NULL: none. Made with mode 0600 */
    const char *tcp_address;           /* "127.0.0.1:8363", "[::1]:0"; NULL: none */
    const char *server_name;           /* for texts: "tendd" */
    const struct http_header *headers; /* put on every answer; a NULL name ends them */
    unsigned connections_max;          /* 0: 256 */
    int64_t head_timeout_ms;           /* to send a whole head, 0: 15 s */
    int64_t heartbeat_ms;              /* comment on a silent SSE stream, 0: 15 s */
};

/* A stale UNIX socket is replaced when nobody answers on it. An address that is taken is
 * ERR_CONFLICT and names the process that holds it where that is known. The handler's texts and
 * options are borrowed until the stop. */
MUST_USE bool http_server_start(struct http_server **out, const struct http_server_options *options,
    const struct http_handler *handler, struct err *err);
/* Sends what is complete (for half a second at most), closes all connections and streams (their
 * owners still end them), then the sockets. Not from a callback. */
void http_server_stop(struct http_server **server);
/* The TCP port that was bound, 0 for none. */
int http_server_port(const struct http_server *server);

struct http_server_counts {
    uint64_t accepted; /* connections since the start */
    unsigned open;
    unsigned streams;
};
/* Any thread. */
struct http_server_counts http_server_counts(const struct http_server *server);

/* Nobody listens there, so that a server could. Any thread. */
bool http_address_is_free(const char *address);

/* ---- a request; HTTP thread, inside the callbacks; texts live as long as the request ---- */
struct http_peer {
    bool local; /* by the UNIX socket: then uid, gid and pid are the kernel's word */
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

struct str http_request_method(const struct http_request *r);
/* Decoded path and parameters. */
const struct http_target *http_request_target(const struct http_request *r);
/* The first header of that name (any case); at == NULL if there is none. */
struct str http_request_header(const struct http_request *r, const char *name);
/* How many headers of that name there are. */
unsigned http_request_header_count(const struct http_request *r, const char *name);
struct str http_request_body(const struct http_request *r);
const struct http_peer *http_request_peer(const struct http_request *r);
/* The TCP port that the server listens on, 0 for none. */
int http_request_server_port(const struct http_request *r);

/* A slot for the handler, from head to request. */
void http_request_set(struct http_request *r, const void *data);
const void *http_request_get(const struct http_request *r);

/* In `head` only. */
void http_allow_body(struct http_request *r, size_t bytes_max);

/* Answer it all at once; the bytes are copied. */
void http_answer(struct http_request *r, int status, const char *content_type, struct str body);
/* One more header for this answer: call it before the answer or the open. Copied. */
void http_add_header(struct http_request *r, const char *name, const char *value);

/* ---- streams ---- */
enum http_framing {
    HTTP_LINES,  /* application/x-ndjson: one value a line */
    HTTP_EVENTS, /* text/event-stream, as in the HTML standard, with heartbeats */
};

struct http_stream_hooks {
    void *data; /* must live until `closed` was called: count a reference for the hooks */
    /* The buffer has drained below a quarter: more may be produced. HTTP thread, no lock held. */
    void (*room)(void *data);
    /* The last call, exactly once: the client or the server has gone, or all of an ended stream
     * was sent. HTTP thread (or from http_stream_hook, on a stream that closed before). */
    void (*closed)(void *data);
};

#define HTTP_STREAM_BYTES_MAX (256u << 10) /* waiting for a reader */

/* Leave the request open for an answer from elsewhere. Nothing is sent before _answer or the first
 * line. */
struct http_stream *http_stream_open(struct http_request *r, enum http_framing framing);
/* Any thread, once; hooks may come at once. */
void http_stream_hook(struct http_stream *s, const struct http_stream_hooks *hooks);
/* Any thread: answer as http_answer does, instead of lines; ignored after the first line. */
void http_stream_answer(
    struct http_stream *s, int status, const char *content_type, struct str body);
/* Any thread: send the head now, for a stream whose first line may be long in coming. */
void http_stream_begin(struct http_stream *s);
/* Any thread, never blocks. `json` is one value without line ends; `id` 0 and `event` NULL leave
 * that field of the framing out. False: the client has gone or the line does not fit; a reader that
 * is too slow gets what was kept, one line {"v":1,"error":{"kind":"limit",…}}, and the end. */
bool http_stream_line(struct http_stream *s, uint64_t id, const char *event, struct str json);
/* Any thread: bytes that may be added before it does not fit; 0 once it is closed. Where that is
 * less than three quarters of the buffer, `room` will be called. */
size_t http_stream_room(struct http_stream *s);
/* Workers: wait until `bytes` fit; false when the time has passed or the stream is closed. */
MUST_USE bool http_stream_wait(struct http_stream *s, size_t bytes, int64_t timeout_ms);
bool http_stream_is_closed(struct http_stream *s);
/* Any thread: no more comes; gives the stream back and sets the pointer to NULL. NULL is fine. */
void http_stream_end(struct http_stream **s);

#endif
