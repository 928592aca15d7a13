#include "test.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/cron.h"
#include "base/random.h"

#include <stdlib.h>

#define BERLIN   "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

static struct arena *arena;

static const struct zone *zone(const char *rule)
{
    const struct zone *z = zone_utc();

    if (arena == NULL)
        arena = arena_create(0);
    if (rule != NULL)
        CHECK(zone_parse_rule(arena, str_from(rule), &z, NULL));
    return z;
}

static struct cron cron(const char *text)
{
    struct cron c;
    struct cron_problem problem;

    CHECK_SAYING(cron_parse(str_from(text), &c, &problem), "%s: %s", text, problem.text);
    return c;
}

static int64_t at(const char *text)
{
    int64_t ns = 0;

    CHECK_SAYING(clock_parse(str_from(text), &ns), "no time: %s", text);
    return ns / NS_PER_S;
}

static const char *next(const char *text, const char *rule, const char *after)
{
    static char shown[CLOCK_TEXT_BYTES];
    struct cron c = cron(text);
    int64_t found = cron_next(&c, zone(rule), at(after));

    if (found == INT64_MAX)
        return "never";
    clock_format(found * NS_PER_S, 0, shown);
    return shown;
}

#define CHECK_NEXT(text, rule, after, want) CHECK_TEXT(next(text, rule, after), want)

/* ---- reading ---- */

CASE(each_way_of_writing_a_field_is_read)
{
    CHECK_NEXT("*/15 * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z");
    CHECK_NEXT("5,35 * * * *", NULL, "2026-01-01T00:05:00Z", "2026-01-01T00:35:00Z");
    CHECK_NEXT("0 9-17/4 * * *", NULL, "2026-01-01T09:00:00Z", "2026-01-01T13:00:00Z");
    CHECK_NEXT("0 9-17/4 * * *", NULL, "2026-01-01T17:00:00Z", "2026-01-02T09:00:00Z");
    CHECK_NEXT("7/20 * * * *", NULL, "2026-01-01T00:28:00Z", "2026-01-01T00:47:00Z");
    CHECK_NEXT("30 4 * FEB Mon-fri", NULL, "2026-01-01T00:00:00Z", "2026-02-02T04:30:00Z");
    CHECK_NEXT("0 0 ? jan-mar,dec ?", NULL, "2026-03-31T00:00:00Z", "2026-12-01T00:00:00Z");
    CHECK_NEXT(" 0\t0  1 1 *  ", NULL, "2026-03-31T00:00:00Z", "2027-01-01T00:00:00Z");
}

CASE(sunday_is_0_and_7_and_ends_a_week)
{
    CHECK_NEXT("0 0 * * 7", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
    CHECK_NEXT("0 0 * * 0", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
    CHECK_NEXT("0 0 * * sun", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
    CHECK_NEXT("0 0 * * fri-sun", NULL, "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z");
    CHECK_NEXT("0 0 * * 5-7", NULL, "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z");
    CHECK_NEXT("0 0 * * */2", NULL, "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z");
}

CASE(shorthands_say_what_they_say)
{
    CHECK_NEXT("@hourly", NULL, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z");
    CHECK_NEXT("@daily", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    CHECK_NEXT("@midnight", NULL, "2026-01-01T00:00:01Z", "2026-01-02T00:00:00Z");
    CHECK_NEXT("@weekly", NULL, "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
    CHECK_NEXT("@monthly", NULL, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    CHECK_NEXT("@yearly", NULL, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    CHECK_NEXT("@every 1h30m", NULL, "2026-01-01T00:00:07Z", "2026-01-01T01:30:07Z");
}

CASE(two_restricted_fields_of_days_are_an_or_as_in_cron)
{
    CHECK_NEXT("0 0 13 * fri", NULL, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    CHECK_NEXT("0 0 13 * fri", NULL, "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z");
    CHECK_NEXT("0 0 */2 * fri", NULL, "2026-01-01T00:00:00Z", "2026-01-09T00:00:00Z");
    CHECK_NEXT("0 0 13 * *", NULL, "2026-01-01T00:00:00Z", "2026-01-13T00:00:00Z");
    CHECK_NEXT("0 0 30 2 mon", NULL, "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z");
}

CASE(a_leap_day_is_waited_for)
{
    CHECK_NEXT("0 12 29 2 *", NULL, "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z");
    CHECK_NEXT("0 12 29 2 *", NULL, "2096-02-29T12:00:00Z", "2104-02-29T12:00:00Z");
    CHECK_NEXT("0 0 31 * *", NULL, "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z");
}

/* ---- what cannot be read ---- */

static const struct cron_problem *problem_of(const char *text)
{
    static struct cron_problem problem;
    struct cron c;

    CHECK_SAYING(!cron_parse(str_from(text), &c, &problem), "taken: %s", text);
    CHECK_SAYING(problem.at + problem.len <= strlen(text) || strlen(text) == 0, "%s", text);
    return &problem;
}

#define CHECK_PROBLEM(schedule, at_, len_, part)                                      \
    do {                                                                              \
        const struct cron_problem *p_ = problem_of(schedule);                         \
        CHECK_INT(p_->at, at_);                                                       \
        CHECK_INT(p_->len, len_);                                                     \
        CHECK_SAYING(strstr(p_->text, (part)) != NULL, "%s: %s", schedule, p_->text); \
    } while (0)

CASE(a_problem_has_its_place)
{
    CHECK_PROBLEM("60 * * * *", 0, 2, "60 is no minute");
    CHECK_PROBLEM("* 24 * * *", 2, 2, "24 is no hour");
    CHECK_PROBLEM("* * 0 * *", 4, 1, "0 is no day of month");
    CHECK_PROBLEM("* * * 5,13 *", 8, 2, "13 is no month");
    CHECK_PROBLEM("* * * * 1-8", 10, 1, "8 is no weekday");
    CHECK_PROBLEM("* * * * mo", 8, 2, "'mo' is no weekday");
    CHECK_PROBLEM("5,,6 * * * *", 2, 1, "missing");
    CHECK_PROBLEM("*/0 * * * *", 2, 1, "no step");
    CHECK_PROBLEM("*/90 * * * *", 2, 2, "leads out");
    CHECK_PROBLEM("30-10 * * * *", 0, 5, "ends before it begins");
    CHECK_PROBLEM("x * * * *", 0, 1, "'x' is no number");
    CHECK_PROBLEM("* * * *", 0, 7, "five fields, and this has 4");
    CHECK_PROBLEM("0 0 0 * * *", 10, 1, "more");
    CHECK_PROBLEM("0 0 30 2 *", 4, 2, "ever comes");
    CHECK_PROBLEM("0 0 31 4,6 *", 4, 2, "ever comes");
    CHECK_PROBLEM("* * L * *", 4, 1, "not supported");
    CHECK_PROBLEM("H * * * *", 0, 1, "not supported");
    CHECK_PROBLEM("* * * * 5#2", 8, 3, "not supported");
    CHECK_PROBLEM("@every", 0, 6, "duration");
    CHECK_PROBLEM("@every 500ms", 7, 5, "whole seconds");
    CHECK_PROBLEM("@every 9000h", 7, 5, "366 days");
    CHECK_PROBLEM("@dayly", 0, 6, "no schedule");
    CHECK_PROBLEM("@daily 5", 7, 1, "nothing stands behind");
    CHECK_PROBLEM("@reboot", 0, 7, "not supported");
    CHECK_PROBLEM("CRON_TZ=UTC 0 0 * * *", 0, 21, "time zone");
    CHECK_PROBLEM("  61 * * * *", 2, 2, "61");
    CHECK_TEXT(problem_of("@dayly")->help, "did you mean '@daily'?");
    CHECK_TEXT(problem_of("* * * * fri-mon")->help, "write two: fri-sat,sun-mon");
    CHECK_PROBLEM("* * * * 5,", 9, 1, "missing");
    (void)problem_of("");
    (void)problem_of("   ");
}

/* ---- when clocks are changed ---- */

CASE(times_that_are_skipped_run_once_at_the_change)
{
    CHECK_NEXT("30 2 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    CHECK_NEXT("30 2 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
    CHECK_NEXT("*/10 2 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    CHECK_NEXT("*/10 2 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z");
    CHECK_NEXT("0 2,3 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    CHECK_NEXT("0 2,3 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z");
    CHECK_NEXT("30 2 * * *", NEW_YORK, "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z");
    CHECK_NEXT("30 2 * * mon", BERLIN, "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z");
}

CASE(times_that_are_repeated_run_the_first_time_only)
{
    CHECK_NEXT("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
    CHECK_NEXT("30 2 * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
    CHECK_NEXT("0 3 * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z");
    CHECK_NEXT("30 1 * * *", NEW_YORK, "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z");
    CHECK_NEXT("30 1 * * *", NEW_YORK, "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z");
}

CASE(the_job_of_every_hour_follows_the_real_time)
{
    CHECK_NEXT("30 * * * *", BERLIN, "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z");
    CHECK_NEXT("30 * * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
    CHECK_NEXT("*/20 * * * *", BERLIN, "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z");
}

/* A slow reading of the promise, minute by minute, from the text and the offset alone. */
struct slow {
    bool minute[60], hour[24], day[32], month[13], weekday[8];
    bool hour_star, day_star, weekday_star;
};

static bool slow_matches(const struct slow *s, int64_t local_s)
{
    int second;
    int64_t day = calendar_day_of(local_s, &second);
    struct date d = calendar_date(day);
    int weekday = calendar_weekday(day);
    bool in_days = s->day[d.day], in_weekdays = s->weekday[weekday];

    if (!s->minute[second / 60 % 60] || !s->hour[second / 3600] || !s->month[d.month])
        return false;
    if (!s->day_star && !s->weekday_star)
        return in_days || in_weekdays;
    return in_days && in_weekdays;
}

static bool was_before(const struct zone *z, int64_t at_s, int64_t local_s)
{
    for (int64_t t = at_s - 60; t >= at_s - 4 * 3600; t -= 60)
        if (t + zone_at(z, t).offset_s == local_s)
            return true;
    return false;
}

static bool slow_runs_at(const struct slow *s, const struct zone *z, int64_t at_s)
{
    int64_t local = at_s + zone_at(z, at_s).offset_s,
            before = at_s - 60 + zone_at(z, at_s - 60).offset_s;

    if (s->hour_star)
        return slow_matches(s, local);
    for (int64_t skipped = before + 60; skipped < local; skipped += 60)
        if (slow_matches(s, skipped))
            return true;
    return slow_matches(s, local) && !was_before(z, at_s, local);
}

static void set_some(struct random *r, bool *set, int min, int max, char *out, size_t bytes)
{
    int from = min + (int)random_below(r, (uint64_t)(max - min + 1));
    int to = from + (int)random_below(r, (uint64_t)(max - from + 1));
    int step = 1 + (int)random_below(r, 7);

    switch (random_below(r, 4)) {
    case 0:
        (void)snprintf(out, bytes, "%d", from);
        set[from] = true;
        return;
    case 1:
        (void)snprintf(out, bytes, "%d-%d/%d", from, to, step);
        break;
    case 2:
        (void)snprintf(out, bytes, "%d,%d", from, to);
        set[from] = set[to] = true;
        return;
    default:
        (void)snprintf(out, bytes, "%d-%d", from, to);
        step = 1;
        break;
    }
    for (int k = from; k <= to; k += step)
        set[k] = true;
}

static bool star_or_some(
    struct random *r, int one_in, bool *set, int min, int max, char *out, size_t bytes)
{
    if (random_below(r, (uint64_t)one_in) != 0) {
        (void)snprintf(out, bytes, "*");
        for (int k = min; k <= max; k++)
            set[k] = true;
        return true;
    }
    set_some(r, set, min, max, out, bytes);
    return false;
}

static void make_schedule(struct random *r, struct slow *s, char text[120])
{
    char minute[20], hour[20], day[20], month[20], weekday[20];

    *s = (struct slow){0};
    (void)star_or_some(r, 1 + (int)random_below(r, 2), s->minute, 0, 59, minute, sizeof minute);
    s->hour_star = star_or_some(r, 1 + (int)random_below(r, 2), s->hour, 0, 23, hour, sizeof hour);
    s->day_star = star_or_some(r, 3, s->day, 1, 31, day, sizeof day);
    (void)star_or_some(r, 8, s->month, 1, 12, month, sizeof month);
    s->weekday_star = star_or_some(r, 3, s->weekday, 0, 6, weekday, sizeof weekday);
    (void)snprintf(text, 120, "%s %s %s %s %s", minute, hour, day, month, weekday);
}

static void compare(
    const struct slow *s, const char *text, const struct zone *z, int64_t from_s, int days)
{
    struct cron c;
    struct cron_problem problem;
    int64_t fast;

    if (!cron_parse(str_from(text), &c, &problem)) {
        CHECK_SAYING(strstr(problem.text, "ever comes") != NULL, "%s: %s", text, problem.text);
        return;
    }
    fast = cron_next(&c, z, from_s);
    for (int64_t t = from_s + 60; t < from_s + days * INT64_C(86400); t += 60) {
        bool runs = slow_runs_at(s, z, t);

        CHECK_SAYING(runs == (fast == t), "'%s' at %lld: slow %d, fast %lld", text, (long long)t,
            runs, (long long)fast);
        if (runs)
            fast = cron_next(&c, z, t);
    }
}

CASE(the_next_time_is_what_a_slow_search_finds)
{
    static const struct {
        const char *rule, *around;
    } places[] = {
        {BERLIN,                                 "2026-03-27T20:00:00Z"},
        {BERLIN,                                 "2026-10-23T20:00:00Z"},
        {NEW_YORK,                               "2026-03-06T20:00:00Z"},
        {NEW_YORK,                               "2026-10-30T20:00:00Z"},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-03T20:00:00Z"}, /* by half an hour */
        {"EET-2EEST,M3.5.0/0,M10.5.0/0",         "2026-03-27T20:00:00Z"}, /* at midnight */
        {NULL,                                   "2028-02-27T00:00:00Z"},
        {NULL,                                   "2026-12-30T00:00:00Z"},
    };
    struct random r = {.state = 7};

    for (int k = 0; k < 160; k++) {
        size_t place = (size_t)k % (sizeof places / sizeof *places);
        struct slow s;
        char text[120];

        make_schedule(&r, &s, text);
        compare(&s, text, zone(places[place].rule), at(places[place].around), 4);
    }
}

CASE(the_latest_and_the_count_are_those_of_a_walk)
{
    struct random r = {.state = 11};

    for (int k = 0; k < 300; k++) {
        struct slow s;
        char text[120];
        struct cron c;
        struct cron_problem problem;
        const struct zone *z = zone(k % 2 ? BERLIN : NEW_YORK);
        int64_t from = at("2026-03-01T00:00:00Z") + (int64_t)random_below(&r, 40 * 86400),
                until = from + (int64_t)random_below(&r, 40 * 86400), latest = INT64_MAX, t = from;
        int count = 0, found;

        make_schedule(&r, &s, text);
        if (!cron_parse(str_from(text), &c, &problem))
            continue;
        while ((t = cron_next(&c, z, t)) <= until) {
            latest = t;
            count++;
        }
        CHECK_INT(cron_latest(&c, z, from, until, 1000000, &found), latest);
        CHECK_INT(found, count);
        CHECK_INT(cron_latest(&c, z, from, until, 3, &found), latest);
        CHECK_INT(found, count < 3 ? count : 3);
    }
}

CASE(what_was_missed_in_years_is_found_at_once)
{
    struct cron every_minute = cron("* * * * *"), every = cron("@every 90s");
    int64_t from = at("2020-01-01T00:00:00Z"), until = at("2030-01-01T00:00:30Z");
    int count;

    CHECK_INT(cron_latest(&every_minute, zone(BERLIN), from, until, 100, &count), until - 30);
    CHECK_INT(count, 100);
    CHECK_INT(cron_latest(&every, zone(NULL), 0, 300, 100, &count), 270);
    CHECK_INT(count, 3);
    CHECK_INT(cron_latest(&every, zone(NULL), 0, 89, 100, &count), INT64_MAX);
    CHECK_INT(count, 0);
}

TEST_MAIN()
