#include "base/regex.h"

#include "base/buf.h"
#include "base/clock.h"

#include "test.h"

static struct regex *compile(const char *pattern)
{
    struct err err = ERR_INIT;
    struct regex *r = regex_compile(str_from(pattern), &err);

    CHECK_SAYING(r != NULL, "%s: %s", pattern, err.text);
    return r;
}

CASE(matching_is_anchored_at_both_ends)
{
    struct regex *r = compile("a+b|c");

    CHECK(regex_match(r, STR("aab")));
    CHECK(regex_match(r, STR("c")));
    CHECK(!regex_match(r, STR("xaab")));
    CHECK(!regex_match(r, STR("cc")));
    regex_free(&r);
    CHECK(r == NULL);
}

CASE(a_dot_matches_a_line_end)
{
    struct regex *r = compile("a.*b");

    CHECK(regex_match(r, STR("a\nb")));
    regex_free(&r);
}

CASE(groups_are_found_by_number_and_name)
{
    struct regex *r = compile("(?P<user>\\w+)@(\\w+)(x)?");
    struct str groups[5];

    CHECK_INT(regex_group_count(r), 3);
    CHECK_INT(regex_group_named(r, STR("user")), 1);
    CHECK_INT(regex_group_named(r, STR("nobody")), -1);
    CHECK(regex_match_groups(r, STR("me@here"), groups, 5));
    CHECK_STR(groups[0], "me@here");
    CHECK_STR(groups[1], "me");
    CHECK_STR(groups[2], "here");
    CHECK(groups[3].at == NULL && groups[4].at == NULL);
    regex_free(&r);
}

CASE(a_wrong_pattern_says_why)
{
    struct err err = ERR_INIT;

    CHECK(regex_compile(STR("a("), &err) == NULL);
    CHECK_INT(err.kind, ERR_INVALID);
    CHECK(strstr(err.text, "missing )") != NULL);
}

CASE(hostile_patterns_take_neither_time_nor_memory)
{
    struct err err = ERR_INIT;
    struct regex *r = compile("(a*)*b");
    struct buf text = BUF_INIT(1 << 20);
    int64_t start = clock_boot_ms();

    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, 'a');
    CHECK(!regex_match(r, buf_str(&text)));
    regex_free(&r);
    CHECK(regex_compile(STR("((((a{100}){100}){100}){100})"), &err) == NULL);
    CHECK(clock_boot_ms() - start < 5000);
    buf_fini(&text);
}

TEST_MAIN()
