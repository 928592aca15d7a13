#include "io/http_target.h"

#include "test.h"

static struct http_target target;
static struct err err;

static bool parse(const char *text)
{
    return http_target_parse(&target, str_from(text), &err);
}

CASE(a_path_is_split_and_decoded)
{
    CHECK_OK(parse("/tend/v1/services/my%20web"), &err);
    CHECK_INT(target.segment_count, 4);
    CHECK_STR(target.segments[0], "tend");
    CHECK_STR(target.segments[3], "my web");
}

CASE(the_root_has_no_segments_and_a_slash_at_the_end_gives_an_empty_one)
{
    CHECK_OK(parse("/"), &err);
    CHECK_INT(target.segment_count, 0);
    CHECK_OK(parse("/a/"), &err);
    CHECK_INT(target.segment_count, 2);
    CHECK_STR(target.segments[1], "");
}

CASE(an_encoded_slash_stays_in_its_segment)
{
    CHECK_OK(parse("/services/web%2f1"), &err);
    CHECK_INT(target.segment_count, 2);
    CHECK_STR(target.segments[1], "web/1");
}

CASE(parameters_are_decoded_with_plus_as_a_blank)
{
    CHECK_OK(parse("/logs?service=web&grep=a+b%2Bc%26&follow&&x=1=2&service=second"), &err);
    CHECK_INT(target.parameter_count, 5);
    CHECK_STR(http_target_parameter(&target, "service"), "web");
    CHECK_STR(http_target_parameter(&target, "grep"), "a b+c&");
    CHECK_STR(http_target_parameter(&target, "follow"), "");
    CHECK(http_target_parameter(&target, "follow").at != NULL);
    CHECK_STR(http_target_parameter(&target, "x"), "1=2");
    CHECK(http_target_parameter(&target, "tail").at == NULL);
}

CASE(a_plus_in_the_path_is_a_plus)
{
    CHECK_OK(parse("/a+b"), &err);
    CHECK_STR(target.segments[0], "a+b");
}

CASE(what_cannot_be_decoded_is_refused)
{
    static const char *const bad[] = {"", "x", "*", "http://h/", "/%", "/%4", "/%zz", "/a%00b",
        "/?x=%00", "/a b", "/a\tb", "/a\x7f", "/%ff", "/?q=%c3%28", "/..", "/a/../b", "/%2e%2e/b",
        "/a/.", "/a#b", "/%c0%af"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_SAYING(!parse(bad[i]), "taken: %s", bad[i]);
        CHECK_INT(err.kind, ERR_INVALID);
        CHECK_SAYING(strstr(err.text, "request target: ") == err.text, "%s", err.text);
    }
}

CASE(counts_and_sizes_are_bounded)
{
    char text[HTTP_TARGET_BYTES_MAX + 1];

    memset(text, 'a', sizeof text);
    text[0] = '/';
    text[sizeof text - 1] = '\0';
    CHECK(!parse(text));
    CHECK_INT(err.kind, ERR_LIMIT);
    text[sizeof text - 2] = '\0';
    CHECK_OK(parse(text), &err);
    CHECK(!parse("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"));
    CHECK_OK(parse("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), &err);
    for (size_t i = 0; i < 66; i += 2)
        memcpy(text + i, "a&", 3);
    memcpy(text, "/?", 2);
    CHECK_OK(parse(text), &err);
    CHECK_INT(target.parameter_count, HTTP_PARAMETERS_MAX);
    memcpy(text + 66, "a&", 3);
    CHECK(!parse(text));
}

TEST_MAIN()
