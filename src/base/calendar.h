/* calendar.h - days and dates of the proleptic Gregorian calendar, without zones and clocks.
 *
 * A *day* is a number: 0 is 1970-01-01, a Thursday. Years from -9999 to 9999. Any thread. */
#ifndef TEND_BASE_CALENDAR_H
#define TEND_BASE_CALENDAR_H

#include <stdint.h>

#define CALENDAR_DAY_S 86400

struct date {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

int64_t calendar_day(int year, int month, int day);
struct date calendar_date(int64_t day);
/* 0 is Sunday. */
int calendar_weekday(int64_t day);
int calendar_days_in(int year, int month);
/* The day that holds a second, and the second within it; seconds before 1970 too. */
int64_t calendar_day_of(int64_t seconds, int *out_second);

#endif
