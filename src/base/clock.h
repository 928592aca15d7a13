/* clock.h - the clocks, and times as text.
 *
 * Deadlines and durations use CLOCK_BOOTTIME (goes on during suspend, never steps); timestamps use
 * CLOCK_REALTIME; order comes from sequence numbers only. Pure code takes `now` as an argument.
 * Any thread. */
#ifndef TEND_BASE_CLOCK_H
#define TEND_BASE_CLOCK_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define MS_PER_S  INT64_C(1000)

/* Since boot. */
int64_t clock_boot_ns(void);
int64_t clock_boot_ms(void);
/* Since 1970-01-01T00:00:00Z. */
int64_t clock_wall_ns(void);

/* /proc/sys/kernel/random/boot_id, 36 characters; "" if it cannot be read. */
#define CLOCK_BOOT_ID_BYTES 37
const char *clock_boot_id(void);

/* RFC 3339 in UTC: "2026-11-23T21:06:00.123456789Z" with 0, 3, 6 or 9 digits behind the point. */
#define CLOCK_TEXT_BYTES 40
void clock_format(int64_t wall_ns, int digits, char out[CLOCK_TEXT_BYTES]);
/* RFC 3339 with any offset; nanoseconds since 1970. */
bool clock_parse(struct str text, int64_t *out_wall_ns) __attribute__((warn_unused_result));

#endif
