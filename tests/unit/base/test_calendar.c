#include "test.h"

#include "base/calendar.h"

#include <time.h>

CASE(days_are_counted_as_timegm_counts_them)
{
    for (int64_t day = -800000; day < 800000; day += 13) {
        struct date date = calendar_date(day);
        struct tm tm = {.tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day};

        CHECK_INT(timegm(&tm), day * CALENDAR_DAY_S);
        CHECK_INT(tm.tm_wday, calendar_weekday(day));
        CHECK_INT(calendar_day(date.year, date.month, date.day), day);
    }
}

CASE(a_century_is_a_leap_year_once_in_four)
{
    CHECK_INT(calendar_days_in(1900, 2), 28);
    CHECK_INT(calendar_days_in(2000, 2), 29);
    CHECK_INT(calendar_days_in(2024, 2), 29);
    CHECK_INT(calendar_days_in(2026, 2), 28);
    CHECK_INT(calendar_days_in(2026, 12), 31);
}

CASE(a_second_before_1970_lies_in_the_day_before)
{
    int second;

    CHECK_INT(calendar_day_of(-1, &second), -1);
    CHECK_INT(second, CALENDAR_DAY_S - 1);
    CHECK_INT(calendar_day_of(CALENDAR_DAY_S, &second), 1);
    CHECK_INT(second, 0);
}

TEST_MAIN()
