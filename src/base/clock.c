#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t); /* cannot fail for these clocks */
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_boot_ns(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_boot_ms(void)
{
    return clock_boot_ns() / NS_PER_MS;
}

int64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

const char *clock_boot_id(void)
{
    static _Thread_local char id[CLOCK_BOOT_ID_BYTES];

    if (id[0] == '\0') {
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        if (fd == -1)
            return id;
        if (read(fd, id, CLOCK_BOOT_ID_BYTES - 1) != CLOCK_BOOT_ID_BYTES - 1)
            id[0] = '\0';
        (void)close(fd);
    }
    return id;
}

void clock_format(int64_t wall_ns, int digits, char out[CLOCK_TEXT_BYTES])
{
    int64_t seconds = wall_ns / NS_PER_S;
    int64_t rest = wall_ns % NS_PER_S;
    struct tm tm;

    if (rest < 0) {
        rest += NS_PER_S;
        seconds--;
    }
    time_t t = (time_t)seconds;
    (void)gmtime_r(&t, &tm);
    size_t len = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    for (int i = digits; i < 9; i++)
        rest /= 10;
    if (digits > 0)
        (void)snprintf(out + len, CLOCK_TEXT_BYTES - len, ".%0*ldZ", digits, (long)rest);
    else
        (void)snprintf(out + len, CLOCK_TEXT_BYTES - len, "Z");
}

/* Exactly `count` digits; -1 if they are not there. */
static int take_digits(struct str *text, size_t count)
{
    int value = 0;

    if (text->len < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char c = text->at[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *text = str_tail(*text, count);
    return value;
}

static bool take_byte(struct str *text, const char *any_of)
{
    if (text->len == 0 || strchr(any_of, text->at[0]) == NULL)
        return false;
    *text = str_tail(*text, 1);
    return true;
}

/* A point and at least one digit; digits past nanoseconds are dropped. */
static bool take_fraction(struct str *text, int64_t *out_ns)
{
    int64_t scale = NS_PER_S / 10, ns = 0;

    *out_ns = 0;
    if (!take_byte(text, "."))
        return true;
    if (text->len == 0 || text->at[0] < '0' || text->at[0] > '9')
        return false;
    while (text->len > 0 && text->at[0] >= '0' && text->at[0] <= '9') {
        ns += scale * (text->at[0] - '0');
        scale /= 10;
        *text = str_tail(*text, 1);
    }
    *out_ns = ns;
    return true;
}

static bool take_offset(struct str *text, int64_t *out_seconds)
{
    *out_seconds = 0;
    if (take_byte(text, "Zz"))
        return true;
    if (text->len == 0 || (text->at[0] != '+' && text->at[0] != '-'))
        return false;
    int sign = text->at[0] == '-' ? -1 : 1;
    *text = str_tail(*text, 1);
    int hours = take_digits(text, 2);
    if (hours < 0 || hours > 23 || !take_byte(text, ":"))
        return false;
    int minutes = take_digits(text, 2);
    if (minutes < 0 || minutes > 59)
        return false;
    *out_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool take_date(struct str *text, struct tm *out)
{
    int year = take_digits(text, 4);
    if (year < 1 || !take_byte(text, "-"))
        return false;
    int month = take_digits(text, 2);
    if (month < 1 || month > 12 || !take_byte(text, "-"))
        return false;
    int day = take_digits(text, 2);
    if (day < 1 || day > days_of_month(year, month))
        return false;
    *out = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return true;
}

static bool take_time(struct str *text, struct tm *out)
{
    out->tm_hour = take_digits(text, 2);
    if (out->tm_hour < 0 || out->tm_hour > 23 || !take_byte(text, ":"))
        return false;
    out->tm_min = take_digits(text, 2);
    if (out->tm_min < 0 || out->tm_min > 59 || !take_byte(text, ":"))
        return false;
    out->tm_sec = take_digits(text, 2);
    return out->tm_sec >= 0 && out->tm_sec <= 60; /* 60: a leap second */
}

bool clock_parse(struct str text, int64_t *out_wall_ns)
{
    struct tm tm;
    int64_t ns, offset;

    if (!take_date(&text, &tm) || !take_byte(&text, "Tt ") || !take_time(&text, &tm) ||
        !take_fraction(&text, &ns) || !take_offset(&text, &offset) || text.len > 0)
        return false;
    int64_t seconds = (int64_t)timegm(&tm) - offset;
    if (seconds > INT64_MAX / NS_PER_S - 1 || seconds < INT64_MIN / NS_PER_S + 1)
        return false;
    *out_wall_ns = seconds * NS_PER_S + ns;
    return true;
}
