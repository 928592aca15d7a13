#include "test.h"

#include "base/buf.h"

CASE(appending_keeps_the_text_terminated)
{
    struct buf b = BUF_INIT(1000);

    CHECK_STR(buf_str(&b), "");
    buf_add_text(&b, "web");
    buf_add_byte(&b, '/');
    buf_format(&b, "%d", 12);
    buf_add_str(&b, STR("!"));
    CHECK_TEXT(b.at, "web/12!");
    CHECK_INT(b.len, 7);
    buf_fini(&b);
    CHECK(b.at == NULL);
}

CASE(the_bound_is_exact)
{
    struct buf b = BUF_INIT(4);

    buf_add_text(&b, "1234");
    CHECK(!buf_full(&b));
    buf_add_byte(&b, '5');
    CHECK(buf_full(&b));
    CHECK_TEXT(b.at, "1234");
    buf_fini(&b);
}

CASE(past_the_bound_nothing_more_is_taken)
{
    struct buf b = BUF_INIT(4);

    buf_add_text(&b, "12");
    buf_add_text(&b, "3456");
    CHECK(buf_full(&b));
    buf_add_byte(&b, '3'); /* would fit, but would leave a hole */
    buf_format(&b, "%d", 4);
    CHECK_TEXT(b.at, "12");
    CHECK(buf_room(&b, 1) == NULL);
    buf_reset(&b);
    buf_add_text(&b, "new");
    CHECK_TEXT(b.at, "new");
    buf_fini(&b);
}

CASE(a_bound_of_nothing_takes_nothing)
{
    struct buf b = BUF_INIT(0);

    buf_add(&b, NULL, 0);
    CHECK(!buf_full(&b));
    buf_add_byte(&b, 'x');
    CHECK(buf_full(&b));
    buf_fini(&b);
}

CASE(it_grows_over_many_appends)
{
    struct buf b = BUF_INIT(1 << 20);

    for (int i = 0; i < 10000; i++)
        buf_format(&b, "%04d,", i);
    CHECK_INT(b.len, 50000);
    CHECK(memcmp(b.at + 49995, "9999,", 5) == 0);
    buf_fini(&b);
}

CASE(room_can_be_filled_by_somebody_else)
{
    struct buf b = BUF_INIT(100);
    char *room = buf_room(&b, 50);

    CHECK(room != NULL);
    memcpy(room, "hello", 5);
    buf_grew(&b, 5);
    CHECK_TEXT(b.at, "hello");
    buf_fini(&b);
}

CASE(dropping_moves_the_rest_to_the_front)
{
    struct buf b = BUF_INIT(100);

    buf_drop(&b, 0);
    buf_add_text(&b, "line1\nline2");
    buf_drop(&b, 6);
    CHECK_TEXT(b.at, "line2");
    buf_drop(&b, 5);
    CHECK_TEXT(b.at, "");
    buf_fini(&b);
}

CASE(taking_leaves_an_empty_buffer_with_the_same_bound)
{
    struct buf b = BUF_INIT(10);
    char *nothing = buf_take(&b);
    buf_add_text(&b, "abc");
    char *text = buf_take(&b);

    CHECK_TEXT(nothing, "");
    CHECK_TEXT(text, "abc");
    CHECK(b.at == NULL && b.len == 0 && b.bytes_max == 10);
    free(nothing);
    free(text);
}

TEST_MAIN()
