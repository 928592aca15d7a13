/* http_response.h - an HTTP/1.1 response (RFC 9112), taken in as the bytes come.
 *
 *     struct http_response r;
 *     http_response_init(&r);
 *     while (!http_response_done(&r))
 *         http_response_feed(&r, &bytes_read, &body, &err)
 *
 * Strict and bounded: a head of at most 16 KiB, no obsolete line folding, no Content-Length beside
 * Transfer-Encoding, chunked as the only coding, chunk lines of at most 1 KiB. The body comes out
 * decoded into a buffer of the caller, which may empty it between two calls. Pure; one thread. */
#ifndef TEND_CLI_HTTP_RESPONSE_H
#define TEND_CLI_HTTP_RESPONSE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES_MAX (16u << 10)
#define HTTP_CHUNK_LINE_MAX 1024u

enum http_response_state {
    HTTP_STATUS_LINE,
    HTTP_FIELDS,
    HTTP_BODY_LENGTH, /* `left` bytes to come */
    HTTP_BODY_CLOSE,  /* until the connection ends */
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_DATA, /* `left` bytes to come */
    HTTP_CHUNK_END,
    HTTP_TRAILERS,
    HTTP_DONE,
};

struct http_response {
    enum http_response_state state;
    int status;
    bool has_length, chunked, close;
    uint64_t left;
    size_t head_bytes;
    char content_type[64]; /* lower case, without parameters */
    char line[1024];       /* the line that is being read; longer ones fail */
    size_t line_len;
};

void http_response_init(struct http_response *r);
/* Takes bytes off the front of `input` and appends body bytes to `body`; stops behind the end of
 * the response. ERR_CORRUPT on what is no HTTP, ERR_LIMIT past a bound or the buffer's. */
MUST_USE bool http_response_feed(
    struct http_response *r, struct str *input, struct buf *body, struct err *err);
/* The connection ended: fine only where that ends the body. */
MUST_USE bool http_response_end(struct http_response *r, struct err *err);

static inline bool http_response_head_done(const struct http_response *r)
{
    return r->state > HTTP_FIELDS;
}

static inline bool http_response_done(const struct http_response *r)
{
    return r->state == HTTP_DONE;
}

#endif
