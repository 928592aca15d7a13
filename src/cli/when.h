/* when.h - times as people type and read them: "10m" (ago), "14:02", "2026-11-24", RFC 3339.
 * Pure but for the time zone; any thread. */
#ifndef TEND_CLI_WHEN_H
#define TEND_CLI_WHEN_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* Nanoseconds since 1970. A time of day is the latest one that is not after `now_ns`. */
MUST_USE bool when_parse(struct str text, int64_t now_ns, int64_t *out_ns, struct err *err);

/* "14:02:07.123" in local time, on another day than `now_ns` with the date before it. */
#define WHEN_TEXT_BYTES 40
void when_format(int64_t wall_ns, int64_t now_ns, char out[WHEN_TEXT_BYTES]);

#endif
