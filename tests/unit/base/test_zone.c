#include "test.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/zone.h"

#include <stdlib.h>
#include <time.h>

static struct arena *arena;

static const struct zone *by_rule(const char *text)
{
    const struct zone *z = NULL;
    struct err err = ERR_INIT;

    if (arena == NULL)
        arena = arena_create(0);
    CHECK_SAYING(zone_parse_rule(arena, str_from(text), &z, &err), "%s: %s", text, err.text);
    return z;
}

static int64_t at(const char *text)
{
    int64_t ns = 0;

    CHECK_SAYING(clock_parse(str_from(text), &ns), "no time: %s", text);
    return ns / NS_PER_S;
}

static int offset(const struct zone *z, const char *text)
{
    return zone_at(z, at(text)).offset_s;
}

CASE(UTC_is_always_the_same)
{
    struct zone_stretch s = zone_at(zone_utc(), 0);

    CHECK_INT(s.offset_s, 0);
    CHECK_INT(s.from_s, INT64_MIN);
    CHECK_INT(s.until_s, INT64_MAX);
}

CASE(the_rule_of_central_europe_changes_in_March_and_October)
{
    const struct zone *z = by_rule("CET-1CEST,M3.5.0,M10.5.0/3");
    struct zone_stretch s = zone_at(z, at("2026-06-01T00:00:00Z"));

    CHECK_INT(offset(z, "2026-03-29T00:59:59Z"), 3600);
    CHECK_INT(offset(z, "2026-03-29T01:00:00Z"), 7200);
    CHECK_INT(offset(z, "2026-10-25T00:59:59Z"), 7200);
    CHECK_INT(offset(z, "2026-10-25T01:00:00Z"), 3600);
    CHECK_INT(s.from_s, at("2026-03-29T01:00:00Z"));
    CHECK_INT(s.until_s, at("2026-10-25T01:00:00Z"));
    CHECK_INT(s.before_s, 3600);
}

CASE(the_south_has_its_summer_over_the_new_year)
{
    const struct zone *z = by_rule("AEST-10AEDT,M10.1.0,M4.1.0/3");

    CHECK_INT(offset(z, "2026-01-01T00:00:00Z"), 11 * 3600);
    CHECK_INT(offset(z, "2026-07-01T00:00:00Z"), 10 * 3600);
    CHECK_INT(offset(z, "2026-12-31T23:59:59Z"), 11 * 3600);
}

CASE(rules_may_name_days_and_odd_offsets)
{
    CHECK_INT(offset(by_rule("<+0545>-5:45"), "2026-01-01T00:00:00Z"), 20700);
    CHECK_INT(offset(by_rule("XYZ3ABC,J60/0,J300/0"), "2024-03-01T02:59:59Z"), -10800);
    CHECK_INT(offset(by_rule("XYZ3ABC,J60/0,J300/0"), "2024-03-01T03:00:00Z"), -7200);
    CHECK_INT(offset(by_rule("XYZ3ABC,59/0,300/0"), "2024-02-29T03:00:00Z"), -7200);
    /* summer time all year (RFC 9636, 3.3.1) */
    CHECK_INT(offset(by_rule("XXX3EDT4,0/0,J365/23"), "2026-01-01T03:30:00Z"), -14400);
    CHECK_INT(offset(by_rule("XXX3EDT4,0/0,J365/23"), "2026-07-01T03:30:00Z"), -14400);
}

CASE(what_is_no_rule_is_refused)
{
    static const char *const bad[] = {"", "C", "CET", "CET-1CEST", "CET-25", "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "<CET-1",
        "CET-1CEST,M3.5.0,M10.5.0x"};
    const struct zone *z;
    struct arena *a = arena_create(0);

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        CHECK_SAYING(!zone_parse_rule(a, str_from(bad[k]), &z, NULL), "taken: %s", bad[k]);
    arena_destroy(&a);
}

/* A file of version 1 with one change at 1000, from UTC to +1 h. */
static const char small[] = "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\4"
                            "\0\0\3\350\1\0\0\0\0\0\0\0\0\16\20\1\0UTC";

CASE(a_file_of_the_first_version_is_read)
{
    struct arena *a = arena_create(0);
    const struct zone *z;

    CHECK(zone_parse(a, (struct str){.at = small, .len = sizeof small}, &z, NULL));
    CHECK_INT(zone_at(z, 999).offset_s, 0);
    CHECK_INT(zone_at(z, 1000).offset_s, 3600);
    CHECK_INT(zone_at(z, 1000).before_s, 0);
    CHECK_INT(zone_at(z, 999).until_s, 1000);
    arena_destroy(&a);
}

CASE(a_file_that_was_cut_anywhere_is_refused)
{
    struct arena *a = arena_create(0);
    const struct zone *z;

    for (size_t len = 0; len < sizeof small - 1; len++)
        CHECK_SAYING(!zone_parse(a, (struct str){.at = small, .len = len}, &z, NULL), "%zu", len);
    arena_destroy(&a);
}

/* Every day of some decades, and around each change. */
static void compare_with_libc(const struct zone *z, const char *name, int64_t at_s)
{
    time_t t = (time_t)at_s;
    struct tm tm;

    CHECK(localtime_r(&t, &tm) != NULL);
    CHECK_SAYING(zone_at(z, at_s).offset_s == tm.tm_gmtoff, "%s at %lld: %d, not %ld", name,
        (long long)at_s, zone_at(z, at_s).offset_s, tm.tm_gmtoff);
}

CASE(the_zones_of_this_system_are_as_the_C_library_says)
{
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Sydney",
        "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin",
        "America/Sao_Paulo"};
    struct arena *a = arena_create(0);

    if (!fs_exists("/usr/share/zoneinfo/Europe/Berlin"))
        SKIP("no tzdata");
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const struct zone *z;
        struct err err = ERR_INIT;

        CHECK_SAYING(zone_load(a, names[k], &z, &err), "%s", err.text);
        (void)setenv("TZ", names[k], 1);
        tzset();
        for (int64_t day = -20000; day < 40000; day += 1) {
            struct zone_stretch s = zone_at(z, day * 86400);

            compare_with_libc(z, names[k], day * 86400);
            if (s.until_s < INT64_C(3000000000)) {
                compare_with_libc(z, names[k], s.until_s);
                compare_with_libc(z, names[k], s.until_s - 1);
            }
        }
    }
    (void)unsetenv("TZ");
    tzset();
    arena_destroy(&a);
}

CASE(a_name_leads_nowhere_but_to_zones)
{
    static const char *const bad[] = {"", "/etc/localtime", "../../../etc/passwd", "Europe//Berlin",
        "Europe/Berlin ", "Europe\nBerlin"};
    struct arena *a = arena_create(0);
    const struct zone *z;
    struct err err = ERR_INIT;

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        CHECK_SAYING(!zone_load(a, bad[k], &z, &err), "taken: %s", bad[k]);
        CHECK_INT(err.kind, ERR_INVALID);
    }
    CHECK(zone_load(a, "UTC", &z, NULL));
    CHECK(zone_load(a, NULL, &z, NULL));
    arena_destroy(&a);
}

TEST_MAIN()
