#include "cli/when.h"

#include "base/clock.h"
#include "test.h"

#include <time.h>

#define NOW (INT64_C(1795485600) * NS_PER_S) /* 2026-11-24T02:00:00Z */

static int64_t parsed(const char *text)
{
    struct err e = ERR_INIT;
    int64_t ns;

    CHECK_OK(when_parse(str_from(text), NOW, &ns, &e), &e);
    return (ns - NOW) / NS_PER_S;
}

static void use_utc(void)
{
    (void)setenv("TZ", "UTC", 1);
    tzset();
}

CASE(a_duration_is_so_long_ago)
{
    CHECK_INT(parsed("10m"), -600);
    CHECK_INT(parsed("1h30m"), -5400);
}

CASE(a_time_of_day_is_the_latest_one)
{
    use_utc();
    CHECK_INT(parsed("01:30"), -1800);
    CHECK_INT(parsed("01:59:30"), -30);
    CHECK_INT(parsed("03:00"), 3600 - 86400);
}

CASE(a_date_begins_at_midnight)
{
    use_utc();
    CHECK_INT(parsed("2026-11-24"), -7200);
    CHECK_INT(parsed("2026-11-23 12:00"), -14 * 3600);
    CHECK_INT(parsed("2026-11-24T01:00:00Z"), -3600);
}

CASE(anything_else_is_refused)
{
    struct err e = ERR_INIT;
    int64_t ns;

    CHECK(!when_parse(STR("soon"), NOW, &ns, &e));
    CHECK(!when_parse(STR("25:00"), NOW, &ns, &e));
    CHECK(!when_parse(STR(""), NOW, &ns, &e));
}

CASE(a_time_of_today_needs_no_date)
{
    char out[WHEN_TEXT_BYTES];

    use_utc();
    when_format(NOW - 1877 * NS_PER_MS, NOW, out);
    CHECK_TEXT(out, "01:59:58.123");
    when_format(NOW - 86400 * NS_PER_S, NOW, out);
    CHECK_TEXT(out, "2026-11-23 02:00:00.000");
}

TEST_MAIN()
