/* cron.h - schedules as crontab(5) and Kubernetes' CronJob write them. Pure.
 *
 *     ┌ minute  0-59            *  any        5,10    these       5/15   every 15th from the 5th
 *     │ ┌ hour  0-23            7  this one   9-17    from, to    9-17/2  every second of these
 *     │ │ ┌ day of month 1-31   jan-dec and sun-sat in any case; weekday 7 is Sunday, too
 *     │ │ │ ┌ month 1-12        ?  as *, in a field of days
 *     │ │ │ │ ┌ weekday 0-7
 *     0 7 * * mon-fri           @hourly @daily @midnight @weekly @monthly @yearly @annually
 *                               @every 10m, at least a second
 *
 * As in cron, a day must match both of its fields, but where both are restricted (neither begins
 * with `*` or `?`), one is enough: `0 0 13 * fri` is each 13th and each Friday.
 *
 * Where clocks are changed (zone.h), as in Vixie cron: a schedule with fixed hours runs once for
 * all of its times that are skipped, at the moment of the change, and only the first time in an
 * hour that is repeated. A schedule whose hours begin with `*` follows the real time: the job of
 * every hour, or of every five minutes, neither stops nor doubles. `@every` knows no wall clock.
 *
 * Times are seconds since 1970 in UTC. Any thread. */
#ifndef TEND_BASE_CRON_H
#define TEND_BASE_CRON_H

#include "base/str.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRON_BYTES_MAX   200
#define CRON_EVERY_S_MAX (366 * 86400)

/* Plain data; a bit for each value of a field. */
struct cron {
    int64_t every_s; /* @every; 0: by its fields */
    uint64_t minutes;
    uint32_t hours, days, months; /* of days and months, bit 0 is not used */
    uint8_t weekdays;             /* bit 0 is Sunday */
    bool follows_hours;           /* its hours begin with * */
    bool day_is_star, weekday_is_star;
};

/* What is wrong, where in the text, and what to write instead ("" where nothing comes to mind). */
struct cron_problem {
    size_t at, len;
    char text[120], help[120];
};

bool cron_parse(struct str text, struct cron *out, struct cron_problem *problem)
    __attribute__((warn_unused_result));

/* The first time behind `after_s`; INT64_MAX if there is none. @every counts from `after_s`. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_s);
/* The last time at or before `until_s` that is behind `after_s`, and how many there are in all, at
 * most `count_max` (then there are as many or more); INT64_MAX and 0 if there is none. */
int64_t cron_latest(const struct cron *c, const struct zone *z, int64_t after_s, int64_t until_s,
    int count_max, int *out_count);

#endif
