#include "cli/text.h"

#include "test.h"

static struct buf out = BUF_INIT(4096);

static const char *escaped(struct str text, enum text_colours colours)
{
    buf_reset(&out);
    text_escape(&out, text, colours);
    return out.at != NULL ? out.at : "";
}

CASE(plain_text_stays_as_it_is)
{
    CHECK_TEXT(escaped(STR("a\tb ü 漢 🙂"), TEXT_NO_COLOURS), "a\tb ü 漢 🙂");
}

CASE(control_bytes_are_shown_not_done)
{
    CHECK_TEXT(escaped(STR("\033]0;title\007x"), TEXT_KEEP_COLOURS), "\\x1b]0;title\\x07x");
    CHECK_TEXT(escaped(STR("a\rb\bc\0d"), TEXT_NO_COLOURS), "a\\x0db\\x08c\\x00d");
    CHECK_TEXT(escaped(STR("\033[2J\033[31"), TEXT_KEEP_COLOURS), "\\x1b[2J\\x1b[31");
}

CASE(the_second_set_of_controls_is_shown_too)
{
    CHECK_TEXT(escaped(STR("\xc2\x9b"
                           "2J"),
                   TEXT_KEEP_COLOURS),
        "\\u{9b}2J");
}

CASE(direction_overrides_are_shown)
{
    CHECK_TEXT(escaped(STR("a\xe2\x80\xae"
                           "b"),
                   TEXT_NO_COLOURS),
        "a\\u{202e}b");
}

CASE(broken_bytes_are_shown)
{
    CHECK_TEXT(escaped(STR("\xff\xc3(\xe2\x82"), TEXT_NO_COLOURS), "\\xff\\xc3(\\xe2\\x82");
    CHECK_TEXT(escaped(STR("\xed\xa0\x80"), TEXT_NO_COLOURS), "\\xed\\xa0\\x80");
    CHECK_TEXT(escaped(STR("\xc0\xaf"), TEXT_NO_COLOURS), "\\xc0\\xaf");
}

CASE(colours_are_kept_and_ended_or_dropped)
{
    CHECK_TEXT(escaped(STR("\033[1;31mred"), TEXT_KEEP_COLOURS), "\033[1;31mred\033[0m");
    CHECK_TEXT(escaped(STR("\033[1;31mred"), TEXT_NO_COLOURS), "red");
}

CASE(wide_and_combining_characters_have_their_width)
{
    CHECK_INT(text_width(STR("web")), 3);
    CHECK_INT(text_width(STR("ü")), 1);
    CHECK_INT(text_width(STR("漢字")), 4);
    CHECK_INT(text_width(STR("e\xcc\x81")), 1);
    CHECK_INT(text_width(STR("\033[31mred\033[0m")), 3);
}

CASE(text_is_cut_at_whole_characters)
{
    CHECK_STR(text_fit(STR("漢字"), 3), "漢");
    CHECK_STR(text_fit(STR("abc"), 3), "abc");
    CHECK_STR(text_fit(STR("abc"), 0), "");
}

TEST_MAIN()
