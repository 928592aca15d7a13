/* http_status.h - the status code at the head of an HTTP/1 answer (RFC 9112, section 4), fed in any
 * pieces. Interim answers (100 to 199) are skipped. Pure. */
#ifndef TEND_OBSERVE_PROBE_HTTP_STATUS_H
#define TEND_OBSERVE_PROBE_HTTP_STATUS_H

#include "base/str.h"

#include <stdint.h>

/* A head that is longer than this before its status is known is no answer. */
#define HTTP_STATUS_BYTES_MAX (64u << 10)
#define HTTP_STATUS_SHOWN     32

enum http_status_outcome { HTTP_STATUS_MORE, HTTP_STATUS_DONE, HTTP_STATUS_GARBAGE };

/* Zeroed is the start. */
struct http_status {
    int code;              /* valid with DONE */
    uint32_t bytes;        /* fed so far */
    uint8_t phase, column; /* where in the status line */
    uint8_t line_ends;     /* in the head of an interim answer: ends in a row */
    uint8_t shown;
    char start[HTTP_STATUS_SHOWN]; /* the first bytes, to show garbage */
};

/* After DONE or GARBAGE nothing more may be fed. */
enum http_status_outcome http_status_feed(struct http_status *s, struct str bytes);

#endif
