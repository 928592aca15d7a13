/* reply.h - what a container engine answers: HTTP/1.1 (RFC 9112) as bytes come, without waiting.
 *
 *     bytes ─▶ reply_feed ─▶ status, then the body piece by piece (chunked, counted, or to the end)
 *
 * Bounded: a head has at most REPLY_HEAD_BYTES_MAX bytes; the body is handed on as it comes, so
 * that its bound is the taker's. Pure; one thread at a time. */
#ifndef TEND_DRIVE_DOCKER_REPLY_H
#define TEND_DRIVE_DOCKER_REPLY_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_HEAD_BYTES_MAX 65536u
#define REPLY_LINE_BYTES_MAX 8192u

enum reply_state {
    REPLY_STATUS,
    REPLY_FIELDS,
    REPLY_COUNTED, /* so many bytes are left */
    REPLY_TO_END,  /* until the connection is closed */
    REPLY_CHUNK_SIZE,
    REPLY_CHUNK,
    REPLY_CHUNK_END,
    REPLY_TRAILER,
    REPLY_DONE,
};

struct reply {
    enum reply_state state;
    int status; /* 0 until it is known */
    bool chunked, counted;
    uint64_t left;
    size_t head_bytes, line_len;
    char line[REPLY_LINE_BYTES_MAX];
};

typedef void (*reply_body_fn)(void *data, struct str bytes);

/* A zeroed struct is ready. False, and ERR_CORRUPT, for what is no HTTP; then it takes no more. */
MUST_USE bool reply_feed(
    struct reply *r, struct str bytes, reply_body_fn on_body, void *data, struct err *err);
/* The connection was closed: whether the reply was complete. */
MUST_USE bool reply_end(struct reply *r, struct err *err);

#endif
