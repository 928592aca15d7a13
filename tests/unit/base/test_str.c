#include "test.h"

#include "base/str.h"

CASE(NULL_is_the_empty_text)
{
    CHECK_STR(str_from(NULL), "");
    CHECK(str_eq((struct str){0}, STR("")));
    CHECK(str_starts((struct str){0}, ""));
    CHECK(str_ends((struct str){0}, ""));
    CHECK_INT(str_find((struct str){0}, 'x'), -1);
    CHECK_INT(str_find_text((struct str){0}, STR("x")), -1);
}

CASE(texts_compare_by_bytes_and_a_prefix_comes_first)
{
    CHECK(str_cmp(STR("a"), STR("b")) < 0);
    CHECK(str_cmp(STR("ab"), STR("a")) > 0);
    CHECK(str_cmp(STR(""), STR("a")) < 0);
    CHECK(str_cmp(STR("\xff"), STR("a")) > 0);
    CHECK_INT(str_cmp(STR("web"), STR("web")), 0);
    CHECK(!str_eq(STR("web"), STR("we")));
}

CASE(starts_and_ends)
{
    CHECK(str_starts(STR("web/1"), "web"));
    CHECK(!str_starts(STR("we"), "web"));
    CHECK(str_ends(STR("web/1"), "/1"));
    CHECK(!str_ends(STR("1"), "/1"));
}

CASE(trimming_takes_blanks_of_both_sides_only)
{
    CHECK_STR(str_trim(STR(" \t a b\r\n")), "a b");
    CHECK_STR(str_trim(STR(" \n ")), "");
    CHECK_STR(str_trim((struct str){0}), "");
}

CASE(cutting_walks_through_the_parts)
{
    struct str rest = STR("a,,b");

    CHECK_STR(str_cut(&rest, ','), "a");
    CHECK_STR(str_cut(&rest, ','), "");
    CHECK_STR(str_cut(&rest, ','), "b");
    CHECK_INT(rest.len, 0);
}

CASE(searching_finds_the_first)
{
    CHECK_INT(str_find(STR("a=b=c"), '='), 1);
    CHECK_INT(str_find_text(STR("xxabab"), STR("ab")), 2);
    CHECK_INT(str_find_text(STR("xx"), STR("")), 0);
    CHECK_INT(str_find_text(STR("xx"), STR("xxx")), -1);
}

CASE(a_tail_past_the_end_is_empty)
{
    CHECK_STR(str_tail(STR("abc"), 1), "bc");
    CHECK_STR(str_tail(STR("abc"), 9), "");
}

CASE(whole_numbers_are_read_to_their_limits)
{
    int64_t number;
    uint64_t positive;

    CHECK(str_to_int(STR("9223372036854775807"), &number) && number == INT64_MAX);
    CHECK(str_to_int(STR("-9223372036854775808"), &number) && number == INT64_MIN);
    CHECK(!str_to_int(STR("9223372036854775808"), &number));
    CHECK(!str_to_int(STR("-9223372036854775809"), &number));
    CHECK(str_to_uint(STR("18446744073709551615"), &positive) && positive == UINT64_MAX);
    CHECK(!str_to_uint(STR("18446744073709551616"), &positive));
    CHECK(str_to_int(STR("-0"), &number) && number == 0);
}

CASE(what_is_no_whole_number_is_refused)
{
    static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "--1"};
    int64_t number;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_SAYING(!str_to_int(str_from(wrong[i]), &number), "taken: \"%s\"", wrong[i]);
}

CASE(distance_counts_typing_errors)
{
    CHECK_INT(str_distance(STR("command"), STR("command")), 0);
    CHECK_INT(str_distance(STR("comand"), STR("command")), 1);
    CHECK_INT(str_distance(STR("commnad"), STR("command")), 1);
    CHECK_INT(str_distance(STR(""), STR("abc")), 3);
    CHECK_INT(str_distance(STR("abc"), STR("")), 3);
    CHECK_INT(str_distance(STR("kitten"), STR("sitting")), 3);
}

CASE(a_very_long_word_is_near_nothing)
{
    char word[65];

    memset(word, 'a', sizeof word);
    CHECK(str_distance((struct str){word, 64}, STR("a")) == SIZE_MAX);
    CHECK(str_distance(STR("a"), (struct str){word, 64}) == SIZE_MAX);
    CHECK_INT(str_distance((struct str){word, 63}, STR("")), 63);
}

CASE(the_nearest_word_is_suggested_within_a_third)
{
    static const char *const words[] = {"command", "environment", "healthcheck", "ports"};

    CHECK_TEXT(str_nearest(STR("enviroment"), words, 4), "environment");
    CHECK_TEXT(str_nearest(STR("prots"), words, 4), "ports");
    CHECK(str_nearest(STR("volumes"), words, 4) == NULL);
    CHECK(str_nearest(STR("x"), words, 4) == NULL);
    CHECK(str_nearest(STR("x"), NULL, 0) == NULL);
}

CASE(valid_utf8_is_counted_whole)
{
    CHECK_INT(str_utf8_valid(STR("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80")), 15);
    CHECK_INT(str_utf8_valid(STR("\xef\xbf\xbf\xf4\x8f\xbf\xbf")), 7);
    CHECK_INT(str_utf8_valid(STR("")), 0);
}

CASE(utf8_that_rfc_3629_forbids_stops_the_count)
{
    static const char *const wrong[] = {"ab\x80", "ab\xc0\x80", "ab\xc1\xbf", "ab\xe0\x80\x80",
        "ab\xed\xa0\x80" /* a surrogate */, "ab\xf4\x90\x80\x80" /* past U+10FFFF */,
        "ab\xf8\x88\x80\x80\x80", "ab\xe2\x82" /* cut off */, "ab\xc3(", "ab\xff"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_INT(str_utf8_valid(str_from(wrong[i])), 2);
}

TEST_MAIN()
