#include "test.h"

#include "base/json.h"

#include <jansson.h>

#include <math.h>

static struct buf out = BUF_INIT(1 << 16);

static const char *written(void)
{
    static char text[4096];

    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(&out)));
    buf_fini(&out);
    return text;
}

CASE(an_object_holds_every_kind_of_value)
{
    struct json j = json_begin(&out);

    json_open_object(&j, NULL);
    json_text(&j, "name", "web");
    json_text(&j, "none", NULL);
    json_str(&j, "part", (struct str){"abcdef", 3});
    json_format(&j, "made", "%s/%d", "web", 1);
    json_int(&j, "least", INT64_MIN);
    json_bool(&j, "yes", true);
    json_bool(&j, "no", false);
    json_add_null(&j, "null");
    json_raw(&j, "raw", STR("[1]"));
    json_open_array(&j, "list");
    json_int(&j, NULL, 1);
    json_open_object(&j, NULL);
    json_end(&j);
    json_end(&j);
    json_str_key(&j, (struct str){"keyed", 3});
    json_int(&j, NULL, 7);
    json_end(&j);
    CHECK_TEXT(written(),
        "{\"name\":\"web\",\"none\":null,\"part\":\"abc\",\"made\":\"web/1\","
        "\"least\":-9223372036854775808,\"yes\":true,\"no\":false,\"null\":null,\"raw\":[1],"
        "\"list\":[1,{}],\"key\":7}");
}

CASE(numbers_are_the_shortest_that_read_back)
{
    struct json j = json_begin(&out);

    json_open_array(&j, NULL);
    json_number(&j, NULL, 0.1);
    json_number(&j, NULL, 1);
    json_number(&j, NULL, 1.0 / 3);
    json_number(&j, NULL, 1e300);
    json_number(&j, NULL, NAN);
    json_number(&j, NULL, -INFINITY);
    json_end(&j);
    CHECK_TEXT(written(), "[0.1,1,0.3333333333333333,1e+300,null,null]");
}

CASE(quotes_controls_and_bytes_that_are_no_utf8_are_written_safely)
{
    json_quote(&out, STR("a\"\\\n\t\x01\x7f\0z \xc3\xa9 \xff\xfe"));
    CHECK_TEXT(
        written(), "\"a\\\"\\\\\\n\\t\\u0001\\u007f\\u0000z \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\"");
}

CASE(a_json_reader_agrees_for_every_byte)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = {'<', (char)byte, '>'};
        json_quote(&out, (struct str){text, 3});
        json_t *back = json_loadb(out.at, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        CHECK_SAYING(back != NULL, "byte %d", byte);
        if (byte < 128)
            CHECK(memcmp(json_string_value(back), text, 3) == 0);
        json_decref(back);
        buf_reset(&out);
    }
    buf_fini(&out);
}

CASE(depth_is_allowed_up_to_its_bound)
{
    struct json j = json_begin(&out);

    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_open_array(&j, NULL);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_end(&j);
    CHECK_INT(strlen(written()), 2 * JSON_DEPTH_MAX);
}

TEST_MAIN()
