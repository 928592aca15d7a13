#include "test.h"

#include "base/clock.h"

static char text[CLOCK_TEXT_BYTES];

static const char *shown(int64_t wall_ns, int digits)
{
    clock_format(wall_ns, digits, text);
    return text;
}

static int64_t parsed(const char *from)
{
    int64_t ns = -12345;

    CHECK_SAYING(clock_parse(str_from(from), &ns), "not taken: %s", from);
    return ns;
}

CASE(times_are_written_with_the_digits_asked_for)
{
    int64_t at = INT64_C(1763931960123456789);

    CHECK_TEXT(shown(at, 9), "2025-11-23T21:06:00.123456789Z");
    CHECK_TEXT(shown(at, 6), "2025-11-23T21:06:00.123456Z");
    CHECK_TEXT(shown(at, 3), "2025-11-23T21:06:00.123Z");
    CHECK_TEXT(shown(at, 0), "2025-11-23T21:06:00Z");
    CHECK_TEXT(shown(0, 3), "1970-01-01T00:00:00.000Z");
}

CASE(a_time_before_1970_counts_forward_from_its_second)
{
    CHECK_TEXT(shown(-1, 9), "1969-12-31T23:59:59.999999999Z");
}

CASE(what_is_written_reads_back_the_same)
{
    static const int64_t times[] = {0, 1, -1, INT64_C(1763931960123456789),
        INT64_C(951782400000000000) /* 2000-02-29 */, INT64_C(-2208988800000000001)};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        CHECK_INT(parsed(shown(times[i], 9)), times[i]);
}

CASE(offsets_are_taken_off)
{
    CHECK_INT(parsed("1970-01-01T02:00:00+02:00"), 0);
    CHECK_INT(parsed("1969-12-31T18:30:00-05:30"), 0);
    CHECK_INT(parsed("1970-01-01t00:00:00z"), 0);
    CHECK_INT(parsed("1970-01-01 00:00:01.5Z"), 1500000000);
}

CASE(digits_past_nanoseconds_are_dropped)
{
    CHECK_INT(parsed("1970-01-01T00:00:00.0000000019Z"), 1);
}

CASE(what_is_no_time_is_refused)
{
    static const char *const wrong[] = {"", "now", "2025-11-23", "2025-11-23T21:06:00",
        "2025-11-23T21:06:00Zx", "2025-11-23T21:06Z", "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z", "2025-02-29T00:00:00Z", "2024-02-30T00:00:00Z",
        "2100-02-29T00:00:00Z", "2025-04-31T00:00:00Z", "2025-01-00T00:00:00Z",
        "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z", "2025-01-01T00:00:61Z",
        "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00+24:00", "2025-01-01T00:00:00+00:60",
        "2025-01-01T00:00:00+0000", "0000-01-01T00:00:00Z", "9999-01-01T00:00:00Z",
        "1000-01-01T00:00:00Z", "+025-01-01T00:00:00Z"};
    int64_t ns;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_SAYING(!clock_parse(str_from(wrong[i]), &ns), "taken: %s", wrong[i]);
}

CASE(leap_days_and_leap_seconds_are_times)
{
    CHECK_INT(parsed("2000-02-29T00:00:00Z"), INT64_C(951782400000000000));
    CHECK_INT(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
}

CASE(the_clocks_go_forward)
{
    int64_t boot = clock_boot_ns();

    CHECK(boot > 0);
    CHECK(clock_boot_ns() >= boot);
    CHECK(clock_boot_ms() >= boot / NS_PER_MS);
    CHECK(clock_wall_ns() > INT64_C(1700000000) * NS_PER_S);
}

CASE(the_boot_id_has_36_characters_and_stays)
{
    CHECK_INT(strlen(clock_boot_id()), 36);
    CHECK_TEXT(clock_boot_id(), clock_boot_id());
}

TEST_MAIN()
