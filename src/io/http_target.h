/* http_target.h - what a request line asks for: "/tend/v1/logs?service=web&grep=a%20b", decoded.
 *
 * Origin form only (RFC 9112, 3.2.1). The path is split at slashes first and decoded per segment,
 * so an encoded slash stays inside its segment. Refused with ERR_INVALID: a `%` without two hex
 * digits, an encoded zero byte, control bytes, segments `.` and `..` (decoded or not), text that is
 * not UTF-8. In the query `+` is a blank, as forms send it. Pure; any thread. */
#ifndef TEND_IO_HTTP_TARGET_H
#define TEND_IO_HTTP_TARGET_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_TARGET_BYTES_MAX 4096
#define HTTP_SEGMENTS_MAX     16
#define HTTP_PARAMETERS_MAX   32

struct http_parameter {
    struct str name, value;
};

/* The texts point into `text`: one struct, no allocation; do not copy it. */
struct http_target {
    struct str segments[HTTP_SEGMENTS_MAX]; /* "/" has none; "/a/" has "a" and "" */
    size_t segment_count;
    struct http_parameter parameters[HTTP_PARAMETERS_MAX];
    size_t parameter_count;
    char text[HTTP_TARGET_BYTES_MAX];
};

MUST_USE bool http_target_parse(struct http_target *out, struct str raw, struct err *err);
/* at == NULL if it is not there; the first one where it is given twice. */
struct str http_target_parameter(const struct http_target *t, const char *name);

#endif
