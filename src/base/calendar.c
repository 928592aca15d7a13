#include "base/calendar.h"

#include <stdbool.h>

/* Years are taken to begin in March, so that the odd day is the last one of a year; an era has 400
 * of them, and 146097 days. */
#define ERA_DAYS  146097
#define ERA_BEGIN 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t divide_down(int64_t a, int64_t b)
{
    int64_t q = a / b;

    return a % b < 0 ? q - 1 : q;
}

int64_t calendar_day(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = divide_down(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           ERA_BEGIN;
}

struct date calendar_date(int64_t day)
{
    int64_t era = divide_down(day + ERA_BEGIN, ERA_DAYS);
    int64_t day_of_era = day + ERA_BEGIN - era * ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (ERA_DAYS - 1)) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);

    return (struct date){.year = (int)(year_of_era + era * 400) + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

int calendar_weekday(int64_t day)
{
    int64_t weekday = (day + 4) % 7;

    return (int)(weekday < 0 ? weekday + 7 : weekday);
}

int calendar_days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

int64_t calendar_day_of(int64_t seconds, int *out_second)
{
    int64_t day = divide_down(seconds, CALENDAR_DAY_S);

    *out_second = (int)(seconds - day * CALENDAR_DAY_S);
    return day;
}
