/* time_text.h - moments as clients write them in a query: RFC 3339, or a duration before now. */
#ifndef TEND_SERVE_TIME_TEXT_H
#define TEND_SERVE_TIME_TEXT_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* "2026-11-23T21:06:00Z" or "1h30m"; `name` is the parameter's, for the error. Pure. */
MUST_USE bool time_text_parse(
    struct str text, const char *name, int64_t now_ns, int64_t *out_ns, struct err *err);

#endif
