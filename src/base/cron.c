#include "base/cron.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/units.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- fields ---- */

static const char *const month_names[] = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY, FIELDS };

static const struct field_shape {
    const char *name;
    int min, max;
    const char *const *names; /* of min, min + 1, …; NULL: only numbers */
    bool may_be_question;
} shapes[FIELDS] = {
    {"minute",       0, 59, NULL,          false},
    {"hour",         0, 23, NULL,          false},
    {"day of month", 1, 31, NULL,          true },
    {"month",        1, 12, month_names,   false},
    {"weekday",      0, 7,  weekday_names, true },
};

struct parse {
    struct str all;
    struct cron_problem *problem;
};

static bool wrong(struct parse *p, struct str part, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool wrong(struct parse *p, struct str part, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(p->problem->text, sizeof p->problem->text, fmt, args);
    va_end(args);
    p->problem->at = (size_t)(part.at - p->all.at);
    p->problem->len = part.len > 0 ? part.len : 1;
    p->problem->help[0] = '\0';
    return false;
}

static bool help(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool help(struct parse *p, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(p->problem->help, sizeof p->problem->help, fmt, args);
    va_end(args);
    return false;
}

static int shown_len(struct str s)
{
    return (int)str_utf8_valid((struct str){.at = s.at, .len = s.len < 30 ? s.len : 30});
}

static bool find_name(const struct field_shape *f, struct str part, int *out)
{
    for (int k = 0; f->names != NULL && f->names[k] != NULL; k++)
        if (part.len == 3 && strncasecmp(part.at, f->names[k], 3) == 0) {
            *out = f->min + k;
            return true;
        }
    return false;
}

/* Letters that other programs know in days: last, nearest workday, the n-th; and Jenkins' hash. */
static bool refuse_letters(struct parse *p, struct str part)
{
    for (size_t k = 0; k < part.len; k++)
        if (strchr("LW#H", toupper((unsigned char)part.at[k])) != NULL) {
            (void)wrong(p, part, "not supported: '%.*s', which is no cron of crontab(5)",
                shown_len(part), part.at);
            return toupper((unsigned char)part.at[k]) == 'H'
                       ? help(p, "write a number, and `jitter` to spread the load")
                       : help(p, "write days as numbers or names");
        }
    return wrong(p, part, "'%.*s' is no number", shown_len(part), part.at);
}

static bool read_value(struct parse *p, const struct field_shape *f, struct str part, int *out)
{
    int64_t number;

    if (find_name(f, part, out))
        return true;
    if (part.len == 0)
        return wrong(p, part, "a value is missing in the field '%s'", f->name);
    if (!isdigit((unsigned char)part.at[0]) || part.len > 9 || !str_to_int(part, &number)) {
        if (f->names == NULL || !isalpha((unsigned char)part.at[0]))
            return refuse_letters(p, part);
        (void)wrong(p, part, "'%.*s' is no %s", shown_len(part), part.at, f->name);
        return f->names == month_names ? help(p, "jan, feb, mar, … dec, or 1 to 12")
                                       : help(p, "sun, mon, tue, … sat, or 0 to 7");
    }
    if (number < f->min || number > f->max) {
        (void)wrong(p, part, "%d is no %s", (int)number, f->name);
        return help(p, "from %d to %d", f->min, f->max);
    }
    *out = (int)number;
    return true;
}

static bool read_step(struct parse *p, const struct field_shape *f, struct str part, int *out)
{
    int64_t number;

    if (part.len == 0 || part.len > 9 || !str_to_int(part, &number) || number < 1) {
        (void)wrong(p, part, "'%.*s' is no step", shown_len(part), part.at);
        return help(p, "write a number from 1 behind '/', such as */5");
    }
    if (number > f->max) {
        (void)wrong(p, part, "a step of %d leads out of the field '%s'", (int)number, f->name);
        return help(p, "at most %d; longer intervals are written @every 90m", f->max);
    }
    *out = (int)number;
    return true;
}

/* "*", "5", "mon-fri": from where to where. */
static bool read_range(
    struct parse *p, const struct field_shape *f, struct str part, int *from, int *to)
{
    struct str rest = part, first = str_cut(&rest, '-');
    bool is_range = first.len < part.len;

    if (str_is(part, "*") || (f->may_be_question && str_is(part, "?"))) {
        *from = f->min;
        *to = f->max == 7 ? 6 : f->max;
        return true;
    }
    if (!read_value(p, f, first, from))
        return false;
    *to = *from;
    if (!is_range)
        return true;
    if (!read_value(p, f, rest, to))
        return false;
    if (f->max == 7 && *to == 0 && *from > 0)
        *to = 7; /* fri-sun */
    if (*from <= *to)
        return true;
    (void)wrong(p, part, "the range '%.*s' ends before it begins", shown_len(part), part.at);
    return help(p, "write two: %.*s-%s,%s-%.*s", shown_len(first), first.at,
        f->max == 7    ? "sat"
        : f->max == 12 ? "12"
        : f->max == 31 ? "31"
        : f->max == 59 ? "59"
                       : "23",
        f->max == 7   ? "sun"
        : f->min == 1 ? "1"
                      : "0",
        shown_len(rest), rest.at);
}

static bool read_part(struct parse *p, const struct field_shape *f, struct str part, uint64_t *bits)
{
    struct str step = part, range = str_cut(&step, '/');
    bool has_step = range.len < part.len;
    int from, to, every = 1;

    if (!read_range(p, f, range, &from, &to))
        return false;
    if (has_step && !read_step(p, f, step, &every))
        return false;
    if (has_step && str_find(range, '-') < 0)
        to = f->max == 7 ? 6 : f->max; /* 5/15 goes on to the end */
    for (int value = from; value <= to; value += every)
        *bits |= UINT64_C(1) << (f->max == 7 ? value % 7 : value);
    return true;
}

static bool read_field(
    struct parse *p, const struct field_shape *f, struct str text, uint64_t *bits)
{
    struct str rest = text;

    *bits = 0;
    for (;;) {
        bool more = str_find(rest, ',') >= 0;

        if (!read_part(p, f, str_cut(&rest, ','), bits))
            return false;
        if (!more)
            return true;
    }
}

/* ---- whole texts ---- */

static const struct {
    const char *name, *fields;
} shorthands[] = {
    {"@hourly",   "0 * * * *"},
    {"@daily",    "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly",   "0 0 * * 0"},
    {"@monthly",  "0 0 1 * *"},
    {"@yearly",   "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

static struct str next_word(struct str *rest)
{
    size_t len = 0;

    while (rest->len > 0 && (rest->at[0] == ' ' || rest->at[0] == '\t'))
        *rest = str_tail(*rest, 1);
    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\t')
        len++;
    struct str word = {.at = rest->at, .len = len};
    *rest = str_tail(*rest, len);
    return word;
}

static bool read_every(struct parse *p, struct str rest, struct cron *out)
{
    struct str text = str_trim(rest);
    int64_t ns;

    if (text.len == 0 || !units_parse_duration(text, &ns) || ns % NS_PER_S != 0 || ns == 0) {
        (void)wrong(p, text.len > 0 ? text : p->all, "@every takes a duration in whole seconds");
        return help(p, "such as @every 30s, @every 10m or @every 1h30m");
    }
    if (ns / NS_PER_S > CRON_EVERY_S_MAX)
        return wrong(p, text, "@every takes at most 366 days");
    out->every_s = ns / NS_PER_S;
    return true;
}

static bool parse_fields(struct parse *p, struct str text, struct cron *out);

static bool read_shorthand(struct parse *p, struct cron *out)
{
    struct str rest = p->all, word = next_word(&rest);
    const char *names[COUNT(shorthands) + 1];
    size_t count = 0;
    const char *nearest;

    if (str_is(word, "@every"))
        return read_every(p, rest, out);
    for (size_t k = 0; k < COUNT(shorthands); k++) {
        names[count++] = shorthands[k].name;
        if (str_is(word, shorthands[k].name) && str_trim(rest).len > 0)
            return wrong(p, str_trim(rest), "nothing stands behind %s", shorthands[k].name);
        if (str_is(word, shorthands[k].name))
            return parse_fields(p, str_from(shorthands[k].fields), out);
    }
    if (str_is(word, "@reboot")) {
        (void)wrong(p, word, "not supported: '@reboot'");
        return help(p, "a job without a schedule runs once; what runs always is a service");
    }
    names[count++] = "@every";
    (void)wrong(p, word, "'%.*s' is no schedule", shown_len(word), word.at);
    nearest = str_nearest(word, names, count);
    return nearest != NULL ? help(p, "did you mean '%s'?", nearest)
                           : help(p, "@hourly, @daily, @weekly, @monthly, @yearly or @every 10m");
}

static bool begins_with_star(struct str field)
{
    return str_starts(field, "*") || str_starts(field, "?");
}

/* 30 February never comes. */
static bool ever_comes(const struct cron *c)
{
    if (!c->weekday_is_star && !c->day_is_star)
        return true; /* one of its weekdays does */
    for (int month = 1; month <= 12; month++)
        if ((c->months >> month & 1) != 0)
            for (int day = 1; day <= calendar_days_in(2000, month); day++)
                if ((c->days >> day & 1) != 0)
                    return true;
    return false;
}

static bool parse_fields(struct parse *p, struct str text, struct cron *out)
{
    struct str words[FIELDS], rest = text;
    uint64_t bits[FIELDS];

    for (int k = 0; k < FIELDS; k++) {
        words[k] = next_word(&rest);
        if (words[k].len == 0) {
            (void)wrong(p, p->all, "a schedule has five fields, and this has %d", k);
            return help(p, "minute hour day-of-month month weekday, such as 30 4 * * mon-fri");
        }
    }
    if (str_trim(rest).len > 0) {
        (void)wrong(p, str_trim(rest), "a schedule has five fields, and this has more");
        return help(p, "seconds and years are not supported; there is @every 10s");
    }
    for (int k = 0; k < FIELDS; k++)
        if (!read_field(p, &shapes[k], words[k], &bits[k]))
            return false;
    *out = (struct cron){.minutes = bits[FIELD_MINUTE],
        .hours = (uint32_t)bits[FIELD_HOUR],
        .days = (uint32_t)bits[FIELD_DAY],
        .months = (uint32_t)bits[FIELD_MONTH],
        .weekdays = (uint8_t)bits[FIELD_WEEKDAY],
        .follows_hours = begins_with_star(words[FIELD_HOUR]),
        .day_is_star = begins_with_star(words[FIELD_DAY]),
        .weekday_is_star = begins_with_star(words[FIELD_WEEKDAY])};
    if (!ever_comes(out))
        return wrong(p, words[FIELD_DAY], "no such day ever comes in the months given");
    return true;
}

bool cron_parse(struct str text, struct cron *out, struct cron_problem *problem)
{
    struct parse p = {.all = str_trim(text), .problem = problem};
    bool ok;

    *out = (struct cron){0};
    *problem = (struct cron_problem){0};
    if (p.all.len == 0 || p.all.len > CRON_BYTES_MAX) {
        (void)wrong(&p, p.all, p.all.len == 0 ? "an empty schedule" : "a schedule that long");
        ok = help(&p, "minute hour day-of-month month weekday, such as 30 4 * * mon-fri");
    } else if (str_starts(p.all, "TZ=") || str_starts(p.all, "CRON_TZ=")) {
        (void)wrong(&p, p.all, "a schedule does not name its time zone");
        ok = help(&p, "write it beside the schedule: timezone: Europe/Berlin");
    } else
        ok = p.all.at[0] == '@' ? read_shorthand(&p, out) : parse_fields(&p, p.all, out);
    problem->at += (size_t)(p.all.at - text.at);
    if (problem->at >= text.len && text.len > 0)
        problem->at = text.len - 1; /* what is missing at the end */
    return ok;
}

/* ---- the next time ---- */

#define DAYS_AHEAD (9 * 366) /* 29 February comes after at most eight years */

static bool day_matches(const struct cron *c, int64_t day, const struct date *date)
{
    bool by_day = (c->days >> date->day & 1) != 0;
    bool by_weekday = (c->weekdays >> calendar_weekday(day) & 1) != 0;

    if ((c->months >> date->month & 1) == 0)
        return false;
    return c->day_is_star || c->weekday_is_star ? by_day && by_weekday : by_day || by_weekday;
}

/* The first minute of a day from `from` on that matches; -1. */
static int minute_of_day(const struct cron *c, int from)
{
    for (int hour = from / 60; hour < 24; hour++) {
        uint64_t left = c->minutes;

        if ((c->hours >> hour & 1) == 0)
            continue;
        if (hour == from / 60)
            left &= ~UINT64_C(0) << from % 60;
        if (left != 0)
            return hour * 60 + __builtin_ctzll(left);
    }
    return -1;
}

/* The first local time at or behind `local_s` that matches, without regard to any zone. */
static int64_t next_local(const struct cron *c, int64_t local_s)
{
    int second;
    int64_t first = calendar_day_of(local_s, &second), day = first;
    int from = (second + 59) / 60;

    while (day <= first + DAYS_AHEAD) {
        struct date date = calendar_date(day);
        int minute;

        if ((c->months >> date.month & 1) == 0) {
            day += calendar_days_in(date.year, date.month) - date.day + 1;
            from = 0;
            continue;
        }
        minute = from < 24 * 60 && day_matches(c, day, &date) ? minute_of_day(c, from) : -1;
        if (minute >= 0)
            return day * CALENDAR_DAY_S + minute * 60;
        day++;
        from = 0;
    }
    return INT64_MAX;
}

/* The first matching time at or behind `from_s` in this stretch, as its rules say. */
static int64_t next_in_stretch(const struct cron *c, const struct zone_stretch *s, int64_t from_s)
{
    int64_t from_local = from_s + s->offset_s, local;
    int change = s->from_s == INT64_MIN ? 0 : s->offset_s - s->before_s;

    if (!c->follows_hours && change > 0 && from_s == s->from_s &&
        next_local(c, s->from_s + s->before_s) < s->from_s + s->offset_s)
        return s->from_s; /* for all that were skipped */
    if (!c->follows_hours && change < 0 && from_local < s->from_s + s->before_s)
        from_local = s->from_s + s->before_s; /* what is repeated was */
    local = next_local(c, from_local);
    return local == INT64_MAX ? INT64_MAX : local - s->offset_s;
}

int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_s)
{
    int64_t from_s = after_s + 1, horizon_s = after_s + (int64_t)DAYS_AHEAD * CALENDAR_DAY_S;

    if (c->every_s > 0)
        return after_s + c->every_s;
    while (from_s <= horizon_s) {
        struct zone_stretch s = zone_at(z, from_s);
        int64_t found = next_in_stretch(c, &s, from_s);

        if (found < s.until_s)
            return found;
        if (s.until_s == INT64_MAX)
            return INT64_MAX;
        must(s.until_s > from_s);
        from_s = s.until_s;
    }
    return INT64_MAX;
}

/* The last one at or before until_s, given that there is one behind after_s. */
static int64_t search_latest(
    const struct cron *c, const struct zone *z, int64_t after_s, int64_t until_s)
{
    int64_t low = after_s, high = until_s;

    while (high - low > 1) { /* a time lies behind low; none behind high */
        int64_t middle = low + (high - low) / 2;

        if (cron_next(c, z, middle) <= until_s)
            low = middle;
        else
            high = middle;
    }
    return cron_next(c, z, low);
}

int64_t cron_latest(const struct cron *c, const struct zone *z, int64_t after_s, int64_t until_s,
    int count_max, int *out_count)
{
    int64_t latest = INT64_MAX, next = cron_next(c, z, after_s);

    *out_count = 0;
    if (c->every_s > 0 && next <= until_s) {
        int64_t count = (until_s - after_s) / c->every_s;

        *out_count = (int)(count < count_max ? count : count_max);
        return after_s + count * c->every_s;
    }
    while (next <= until_s && *out_count < count_max) {
        latest = next;
        (*out_count)++;
        next = cron_next(c, z, latest);
    }
    return next <= until_s ? search_latest(c, z, latest, until_s) : latest;
}
