#include "observe/logs/cri.h"

#include "base/clock.h"
#include "base/mem.h"
#include "test.h"

#define TIME_TEXT "2026-11-23T21:06:00.123456789Z"

static struct cri_clock clock_seen;

static struct cri_record parse(const char *bytes)
{
    return cri_parse(str_from(bytes), &clock_seen);
}

CASE(a_record_has_time_stream_tag_and_text)
{
    int64_t want;
    CHECK(clock_parse(STR(TIME_TEXT), &want));
    for (int i = 0; i < 2; i++) { /* the second time its minute is known */
        struct cri_record r = parse(TIME_TEXT " stdout F hello  world ");
        CHECK(!r.malformed && !r.partial);
        CHECK_INT(r.at_ns, want);
        CHECK_INT(r.stream, LOG_STDOUT);
        CHECK_STR(r.text, "hello  world ");
        r = parse(TIME_TEXT " stderr P x");
        CHECK(r.partial && r.stream == LOG_STDERR);
        CHECK_STR(parse(TIME_TEXT " stdout F ").text, "");
        CHECK_STR(parse(TIME_TEXT " stdout F").text, "");
    }
}

CASE(other_writers_times_and_tags_are_read_too)
{
    struct cri_record r = parse("2026-11-23T22:06:00.5+01:00 stderr F:x hi");
    CHECK(!r.malformed);
    CHECK_STR(r.text, "hi");
    int64_t want;
    CHECK(clock_parse(STR("2026-11-23T21:06:00.5Z"), &want));
    CHECK_INT(r.at_ns, want);
}

CASE(each_second_and_minute_comes_out_as_the_clock_has_it)
{
    char line[80];
    for (int64_t ns = 1795467590 * NS_PER_S; ns < 1795467790 * NS_PER_S; ns += 777777777) {
        char text[CLOCK_TEXT_BYTES];
        clock_format(ns, 9, text);
        (void)snprintf(line, sizeof line, "%s stdout F x", text);
        CHECK_INT(parse(line).at_ns, ns);
    }
    CHECK(parse("2026-11-23T21:06:60.123456789Z stdout F x").malformed ||
          parse("2026-11-23T21:06:60.123456789Z stdout F x").at_ns > 0);
}

CASE(anything_else_is_malformed_and_kept_whole)
{
    static const char *const wrong[] = {"", "hello",
        "Traceback (most recent call last):", TIME_TEXT, TIME_TEXT " stdout",
        TIME_TEXT " stdlog F x", TIME_TEXT " stdout X x", TIME_TEXT " stdout FF x",
        "2026-13-23T21:06:00.123456789Z stdout F x", "2026-11-23T21:06:00.12345678xZ stdout F x",
        " stdout F x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cri_record r = parse(wrong[i]);
        CHECK_SAYING(r.malformed, "taken: %s", wrong[i]);
        CHECK_STR(r.text, wrong[i]);
    }
}

CASE(a_clock_that_has_seen_no_minute_knows_none)
{
    static const char bytes[] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "01.123456789Z stderr P a";
    struct cri_clock fresh = {0};
    CHECK(cri_parse((struct str){bytes, sizeof bytes - 1}, &fresh).malformed);
}

static bool feed(struct cri_join *j, const char *bytes, struct log_line *out)
{
    struct cri_record r = parse(bytes);

    return cri_join_feed(j, &r, out);
}

CASE(partial_records_of_two_streams_are_joined_apart)
{
    struct cri_join j = {0};
    struct log_line line;
    CHECK(!feed(&j, TIME_TEXT " stdout P one ", &line));
    CHECK(!feed(&j, "2026-11-23T21:06:01.000000000Z stderr P a ", &line));
    CHECK(feed(&j, "2026-11-23T21:06:02.000000000Z stdout F two", &line));
    CHECK_STR(line.text, "one two");
    CHECK(!line.continues && line.stream == LOG_STDOUT);
    CHECK_INT(line.at_ns, parse(TIME_TEXT " stdout F x").at_ns);
    CHECK(feed(&j, TIME_TEXT " stdout F next", &line));
    CHECK_STR(line.text, "next");
    CHECK(feed(&j, "2026-11-23T21:06:02.000000000Z stderr F b", &line));
    CHECK_STR(line.text, "a b");
    CHECK(!cri_join_flush(&j, &line));
    cri_join_fini(&j);
}

CASE(a_line_without_an_end_comes_in_pieces_of_a_mebibyte)
{
    struct cri_join j = {0};
    struct log_line line;
    char *text = mem_alloc(1, LOG_PIECE_BYTES + 64);
    (void)strcpy(text, TIME_TEXT " stdout P ");
    memset(text + strlen(text), 'x', LOG_PIECE_BYTES);
    int pieces = 0;
    for (int i = 0; i < 3 * 64 + 1; i++)
        if (feed(&j, text, &line)) {
            pieces++;
            CHECK_INT(line.text.len, LOG_LINE_BYTES_MAX);
            CHECK(line.continues);
        }
    CHECK_INT(pieces, 3);
    CHECK(feed(&j, TIME_TEXT " stdout F end", &line));
    CHECK_INT(line.text.len, LOG_PIECE_BYTES + 3);
    CHECK(!line.continues);
    free(text);
    cri_join_fini(&j);
}

CASE(what_never_ended_is_flushed_as_going_on)
{
    struct cri_join j = {0};
    struct log_line line = {.service = "web"};
    CHECK(!feed(&j, TIME_TEXT " stderr P half", &line));
    CHECK(cri_join_flush(&j, &line));
    CHECK_STR(line.text, "half");
    CHECK(line.continues && line.stream == LOG_STDERR);
    CHECK_TEXT(line.service, "web");
    CHECK(!cri_join_flush(&j, &line));
    cri_join_fini(&j);
}

CASE(a_malformed_record_is_given_the_time_before_it)
{
    struct cri_join j = {0};
    struct log_line line;
    CHECK(feed(&j, TIME_TEXT " stdout F x", &line));
    CHECK(feed(&j, "what?", &line));
    CHECK(line.malformed && line.at_ns == parse(TIME_TEXT " stdout F x").at_ns);
    cri_join_fini(&j);
}

TEST_MAIN()
