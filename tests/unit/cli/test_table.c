#include "cli/table.h"

#include "test.h"

static struct terminal pipe_ = {.columns = 80}, narrow = {.columns = 20, .is_tty = true};

CASE(columns_are_as_wide_as_their_widest_cell)
{
    struct table t;
    struct buf out = BUF_INIT(4096);

    table_init(&t, &pipe_, "NAME", ">N", "LAST", NULL);
    table_cell(&t, TONE_GOOD, "漢字字");
    table_cell(&t, TONE_PLAIN, "%d", 7);
    table_cell(&t, TONE_PLAIN, "x");
    table_cell(&t, TONE_PLAIN, "web");
    table_cell(&t, TONE_PLAIN, "%d", 1234);
    table_cell(&t, TONE_PLAIN, "y");
    table_render(&t, &out);
    CHECK_TEXT(out.at, "NAME       N  LAST\n"
                       "漢字字     7  x\n"
                       "web     1234  y\n");
    table_fini(&t);
    buf_fini(&out);
}

CASE(the_last_column_is_cut_at_the_edge_of_a_terminal)
{
    struct table t;
    struct buf out = BUF_INIT(4096);

    table_init(&t, &narrow, "NAME", "LAST", NULL);
    table_cell(&t, TONE_PLAIN, "web");
    table_cell(&t, TONE_PLAIN, "abcdefghijklmnopqrstuvwxyz");
    table_render(&t, &out);
    CHECK_TEXT(out.at, "NAME  LAST\nweb   abcdefghijklmn\n");
    table_fini(&t);
    buf_fini(&out);
}

CASE(cells_are_escaped)
{
    struct table t;
    struct buf out = BUF_INIT(4096);

    table_init(&t, &pipe_, "NAME", NULL);
    table_cell(&t, TONE_PLAIN, "%s", "a\033[2J\nb");
    table_render(&t, &out);
    CHECK_TEXT(out.at, "NAME\na\\x1b[2J\\x0ab\n");
    table_fini(&t);
    buf_fini(&out);
}

TEST_MAIN()
