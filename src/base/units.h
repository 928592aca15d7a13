/* units.h - durations, sizes, shares and counts as people write them.
 *
 * Durations follow the Compose Specification and Prometheus: "1h30m", "500ms", "1.5s", "2d", "1w";
 * a bare number is seconds where the caller allows it. Sizes follow Compose: "50b", "64k", "512m",
 * "1.5gb", "1GiB" (powers of 1024 all), a bare number is bytes. Any thread. */
#ifndef TEND_BASE_UNITS_H
#define TEND_BASE_UNITS_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds, 0 to about 292 years; false for anything else. */
bool units_parse_duration(struct str text, int64_t *out_ns) __attribute__((warn_unused_result));
/* Bytes, 0 to INT64_MAX. */
bool units_parse_bytes(struct str text, int64_t *out_bytes) __attribute__((warn_unused_result));

#define UNITS_TEXT_BYTES 32
/* Exact and short: "1h30m", "1.5s", "250ms", "0s". */
void units_format_duration(int64_t ns, char out[UNITS_TEXT_BYTES]);
/* For people, two places at most: "3 d 4 h", "12 min", "1.5 s", "41 ms". */
void units_format_about(int64_t ns, char out[UNITS_TEXT_BYTES]);
/* "512 MiB", "1.5 GiB", "17 B". */
void units_format_bytes(int64_t bytes, char out[UNITS_TEXT_BYTES]);

#endif
