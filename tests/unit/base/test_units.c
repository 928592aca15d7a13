#include "test.h"

#include "base/clock.h"
#include "base/units.h"

static char text[UNITS_TEXT_BYTES];

static int64_t duration(const char *from)
{
    int64_t ns = -1;

    CHECK_SAYING(units_parse_duration(str_from(from), &ns), "not taken: %s", from);
    return ns;
}

static int64_t bytes(const char *from)
{
    int64_t n = -1;

    CHECK_SAYING(units_parse_bytes(str_from(from), &n), "not taken: %s", from);
    return n;
}

static const char *shown(int64_t ns)
{
    units_format_duration(ns, text);
    return text;
}

static const char *about(int64_t ns)
{
    units_format_about(ns, text);
    return text;
}

static const char *size(int64_t n)
{
    units_format_bytes(n, text);
    return text;
}

CASE(durations_are_read_as_people_write_them)
{
    CHECK_INT(duration("0"), 0);
    CHECK_INT(duration("0s"), 0);
    CHECK_INT(duration("500ms"), 500 * NS_PER_MS);
    CHECK_INT(duration("1.5s"), 1500 * NS_PER_MS);
    CHECK_INT(duration("1h30m"), 5400 * NS_PER_S);
    CHECK_INT(duration("2d"), 172800 * NS_PER_S);
    CHECK_INT(duration("1w"), 604800 * NS_PER_S);
    CHECK_INT(duration("1m0.5s"), 60500 * NS_PER_MS);
    CHECK_INT(duration("3us"), 3000);
    CHECK_INT(duration("3\xc2\xb5s"), 3000);
    CHECK_INT(duration("7ns"), 7);
}

CASE(what_is_no_duration_is_refused)
{
    static const char *const wrong[] = {"", "5", "s", "1x", "-1s", "1s ", " 1s", "1.2.3s", ".s",
        "1S", "1h30", "300y", "99999999999999999999s", "1e3s", "inf"};
    int64_t ns;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_SAYING(!units_parse_duration(str_from(wrong[i]), &ns), "taken: \"%s\"", wrong[i]);
}

CASE(sizes_are_powers_of_1024)
{
    CHECK_INT(bytes("0"), 0);
    CHECK_INT(bytes("123"), 123);
    CHECK_INT(bytes("50b"), 50);
    CHECK_INT(bytes("64k"), 65536);
    CHECK_INT(bytes("64K"), 65536);
    CHECK_INT(bytes("512m"), 536870912);
    CHECK_INT(bytes("1.5gb"), 1610612736);
    CHECK_INT(bytes("1GiB"), 1073741824);
    CHECK_INT(bytes("2 TB"), INT64_C(2199023255552));
}

CASE(what_is_no_size_is_refused)
{
    static const char *const wrong[] = {
        "", "k", "-1k", "1kk", "1 k b", "1.5.5k", "lots", "9999999t"};
    int64_t n;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_SAYING(!units_parse_bytes(str_from(wrong[i]), &n), "taken: \"%s\"", wrong[i]);
}

CASE(durations_are_written_exact_and_short)
{
    CHECK_TEXT(shown(0), "0s");
    CHECK_TEXT(shown(5400 * NS_PER_S), "1h30m");
    CHECK_TEXT(shown(1500 * NS_PER_MS), "1.5s");
    CHECK_TEXT(shown(250 * NS_PER_MS), "250ms");
    CHECK_TEXT(shown(61 * NS_PER_S), "1m1s");
    CHECK_TEXT(shown(3600 * NS_PER_S), "1h");
    CHECK_TEXT(shown(1500), "1.5us");
    CHECK_TEXT(shown(5), "5ns");
    CHECK_TEXT(shown(48 * 3600 * NS_PER_S), "48h");
}

CASE(a_written_duration_reads_back_the_same)
{
    static const int64_t times[] = {1, 999, 1001, 60 * NS_PER_S + 50000, 3600 * NS_PER_S + 5,
        3661001001001, 59999999999, 24 * 3600 * NS_PER_S + 1};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        CHECK_INT(duration(shown(times[i])), times[i]);
}

CASE(times_for_people_have_two_places)
{
    CHECK_TEXT(about(-5), "0 s");
    CHECK_TEXT(about(0), "0.0 ms");
    CHECK_TEXT(about(1200000), "1.2 ms");
    CHECK_TEXT(about(41 * NS_PER_MS), "41 ms");
    CHECK_TEXT(about(1500 * NS_PER_MS), "1.5 s");
    CHECK_TEXT(about(42 * NS_PER_S), "42 s");
    CHECK_TEXT(about(90 * NS_PER_S), "1 min 30 s");
    CHECK_TEXT(about(720 * NS_PER_S), "12 min");
    CHECK_TEXT(about(3660 * NS_PER_S), "1 h 1 min");
    CHECK_TEXT(about(76 * 3600 * NS_PER_S), "3 d 4 h");
}

CASE(sizes_for_people)
{
    CHECK_TEXT(size(0), "0 B");
    CHECK_TEXT(size(17), "17 B");
    CHECK_TEXT(size(512 << 20), "512 MiB");
    CHECK_TEXT(size(INT64_C(1536) << 20), "1.5 GiB");
    CHECK_TEXT(size(INT64_MAX), "8.0 EiB");
}

TEST_MAIN()
