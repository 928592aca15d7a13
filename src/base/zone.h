/* zone.h - time zones: how far local time is from UTC, and when that changes. Pure but for
 * zone_load.
 *
 *     UTC     ──────────────┬───────────────────────┬──────────────▶
 *     offset     +1 h       │        +2 h           │    +1 h          a *stretch* each
 *     local   … 01:59 ──▶ 03:00 … 02:59 ──▶ 02:00 …
 *                      skipped                repeated
 *
 * Files are TZif (RFC 9636, versions 1 to 4) as the system keeps them under /usr/share/zoneinfo:
 * a list of changes, then a rule for the years after it, which is a POSIX TZ text such as
 * "CET-1CEST,M3.5.0,M10.5.0/3". Leap seconds are not counted, as nowhere else. A zone is immutable
 * and lives in the arena that it was read into. Times are seconds since 1970. Any thread. */
#ifndef TEND_BASE_ZONE_H
#define TEND_BASE_ZONE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define ZONE_FILE_BYTES_MAX (256u << 10)

struct zone;

/* A time in which the offset stays. */
struct zone_stretch {
    int64_t from_s, until_s; /* INT64_MIN, INT64_MAX where there is no end */
    int32_t offset_s;        /* east of UTC */
    int32_t before_s;        /* the offset until from_s */
};

const struct zone *zone_utc(void);
/* The bytes of a TZif file. */
MUST_USE bool zone_parse(
    struct arena *a, struct str bytes, const struct zone **out, struct err *err);
/* A POSIX TZ text. */
MUST_USE bool zone_parse_rule(
    struct arena *a, struct str text, const struct zone **out, struct err *err);
/* By IANA name; NULL is this machine's own (/etc/localtime, or UTC where there is none). Reads a
 * file. ERR_INVALID: this is no name. ERR_MISSING: no zone has it, or the system has no zones. */
MUST_USE bool zone_load(
    struct arena *a, const char *name, const struct zone **out, struct err *err);
/* The zone's name nearest to what was typed, in the arena; NULL. Reads the system's list. */
const char *zone_nearest(struct arena *a, struct str typed);

struct zone_stretch zone_at(const struct zone *z, int64_t at_s);

#endif
