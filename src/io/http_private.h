/* http_private.h - what http_server.c, http_listen.c, http_request.c and http_stream.c share.
 *
 * One HTTP thread owns everything below except what a stream's lock guards. libmicrohttpd is driven
 * from that thread (external epoll), so that none of its calls ever race:
 *
 *     epoll ─┬─ listening sockets ─▶ accept ─▶ MHD_add_connection
 *            ├─ libmicrohttpd's own epoll ─▶ MHD_run ─▶ http_on_request, read_stream
 *            ├─ wake (eventfd) ─▶ streams that somebody appended to ─▶ resume
 *            └─ suspended connections, for hang-ups only ─▶ close the stream, resume
 */
#ifndef TEND_IO_HTTP_PRIVATE_H
#define TEND_IO_HTTP_PRIVATE_H

#include "io/http_server.h"

#include "base/buf.h"

#include <microhttpd.h>
#include <pthread.h>

#define HTTP_HEADERS_EXTRA_MAX 8

struct http_listener {
    int fd;     /* -1: none */
    int dir_fd; /* of the UNIX socket's folder; -1: TCP */
    bool made;  /* the socket file is ours to remove */
    char name[108];
    int port;
};

/* Bind and listen; the UNIX one replaces a stale socket. */
MUST_USE bool http_listen_unix(struct http_listener *out, const char *path, struct err *err);
MUST_USE bool http_listen_tcp(struct http_listener *out, const char *address, struct err *err);
/* Closes, and removes the UNIX socket. */
void http_listener_close(struct http_listener *l);
void http_read_peer(int fd, struct http_peer *out);

struct http_connection {
    struct http_server *server;
    struct http_connection *next, **link;
    int fd;
    int64_t deadline_ms; /* the next head must be here by then; 0: not waiting for one */
    struct http_peer peer;
    char *raw_target;             /* of the request that is being read */
    struct http_request *current; /* NULL: between requests */
};

struct http_request {
    struct http_server *server;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    struct http_target *target;
    struct str method;
    struct buf body;
    bool body_allowed, in_head, head_only;
    const void *slot;
    int64_t started_ns;
    int status;                                       /* 0: not answered yet */
    struct MHD_Response *response;                    /* to be queued */
    struct http_stream *stream;                       /* the server's reference; NULL: none */
    bool suspended;                                   /* waits for its stream */
    struct http_header extra[HTTP_HEADERS_EXTRA_MAX]; /* owned copies */
    size_t extra_count;
};

#define STREAM_MAGIC 0x73747265u

struct http_stream {
    uint32_t magic;
    int refs; /* the owner's and the server's */
    enum http_framing framing;

    struct http_request *request; /* HTTP thread; NULL once it has gone */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t drained;
    struct http_server *server; /* NULL once it is closed */
    struct buf pending;
    size_t sent; /* bytes of `pending` that the client has */
    int status;  /* 0: nothing was decided yet */
    const char *content_type;
    bool whole;               /* answered at once: `pending` is the body */
    bool ended, cut, wanting; /* wanting: tell `room` when there is some */
    bool queued;              /* in the server's list of woken streams */
    struct http_stream *next_woken;
    int64_t last_ms; /* when something was last added */
    struct http_stream_hooks hooks;
};

struct http_server {
    struct http_handler handler;
    struct http_server_options options;
    struct MHD_Daemon *mhd;
    struct http_listener unix_listener, tcp_listener;
    int epoll_fd, wake_fd;
    pthread_t thread;
    struct http_connection *connections;
    unsigned tcp_count;
    int64_t accept_again_ms; /* out of descriptors: accepting rests until then; 0 it does not */

    uint64_t accepted; /* these three atomically, for http_server_counts */
    unsigned open, streams;

    pthread_mutex_t woken_lock; /* guards the two below; taken inside a stream's lock */
    struct http_stream *woken;
    bool stopping;
};

/* http_request.c */
enum MHD_Result http_on_request(void *server, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_len, void **slot);
void http_on_completed(
    void *server, struct MHD_Connection *mhd, void **slot, enum MHD_RequestTerminationCode code);
void http_put_headers(struct http_request *r, struct MHD_Response *response, const char *type);

/* http_server.c: watch a suspended connection for hang-ups, or stop doing so. */
void http_watch_hangup(struct http_request *r, bool watched);
/* Any thread, the stream's lock held. */
void http_wake(struct http_server *server, struct http_stream *s);

/* http_stream.c; HTTP thread */
struct MHD_Response *http_stream_response(struct http_request *r);
void http_stream_resume(struct http_stream *s);
/* The client has gone: nothing more is sent. */
void http_stream_close(struct http_stream *s);
void http_stream_heartbeat(struct http_stream *s, int64_t now_ms);
/* When it wants the next heartbeat; INT64_MAX: never. */
int64_t http_stream_due_ms(struct http_stream *s);
bool http_stream_is_decided(struct http_stream *s);
/* Its owner has said all. */
bool http_stream_is_ended(struct http_stream *s);
void http_stream_unref(struct http_stream *s);

#endif
