#include "cli/when.h"

#include "base/clock.h"
#include "base/units.h"

#include <stdio.h>
#include <time.h>

#define DAY_S 86400

/* "14:02", "14:02:31", "2026-11-24", "2026-11-24 14:02[:31]" in local time. */
static bool parse_local(const char *text, int64_t now_ns, int64_t *out_ns)
{
    static const char *const forms[] = {
        "%H:%M:%S", "%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    time_t now_s = (time_t)(now_ns / NS_PER_S), at_s;

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm;
        const char *end;

        (void)localtime_r(&now_s, &tm); /* fails only past the year 2^31 */
        tm.tm_sec = 0;
        if (i >= 2)
            tm.tm_hour = tm.tm_min = 0;
        tm.tm_isdst = -1;
        end = strptime(text, forms[i], &tm);
        if (end == NULL || *end != '\0')
            continue;
        tm.tm_isdst = -1;
        at_s = mktime(&tm);
        if (i < 2 && at_s > now_s)
            at_s -= DAY_S;
        *out_ns = (int64_t)at_s * NS_PER_S;
        return true;
    }
    return false;
}

bool when_parse(struct str text, int64_t now_ns, int64_t *out_ns, struct err *err)
{
    char terminated[64];
    int64_t ago_ns;

    if (units_parse_duration(text, &ago_ns)) {
        *out_ns = now_ns > ago_ns ? now_ns - ago_ns : 0;
        return true;
    }
    if (clock_parse(text, out_ns))
        return true;
    (void)snprintf(terminated, sizeof terminated, "%.*s", STR_ARG(text));
    if (text.len < sizeof terminated && parse_local(terminated, now_ns, out_ns))
        return true;
    return err_set(err, ERR_INVALID,
        "\"%.60s\" is no time: write 10m (ago), 14:02, 2026-11-24 or 2026-11-24T14:02:31Z",
        terminated);
}

void when_format(int64_t wall_ns, int64_t now_ns, char out[WHEN_TEXT_BYTES])
{
    time_t at_s = (time_t)(wall_ns / NS_PER_S), now_s = (time_t)(now_ns / NS_PER_S);
    struct tm at, now;
    size_t len;

    (void)localtime_r(&at_s, &at); /* fails only past the year 2^31 */
    (void)localtime_r(&now_s, &now);
    if (at.tm_year == now.tm_year && at.tm_yday == now.tm_yday)
        len = strftime(out, WHEN_TEXT_BYTES, "%H:%M:%S", &at);
    else
        len = strftime(out, WHEN_TEXT_BYTES, "%Y-%m-%d %H:%M:%S", &at);
    (void)snprintf(
        out + len, WHEN_TEXT_BYTES - len, ".%03d", (int)(wall_ns % NS_PER_S / NS_PER_MS));
}
