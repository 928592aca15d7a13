#include "base/text_diff.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "base/vec.h"

#include "test.h"

static char *differ(const char *before, const char *after, size_t context, size_t lines_max)
{
    struct buf out = BUF_INIT(1 << 20);

    text_diff(str_from(before), str_from(after), context, lines_max, &out);
    return buf_take(&out);
}

#define CHECK_DIFF(before, after, context, max, want)              \
    do {                                                           \
        char *made_ = differ((before), (after), (context), (max)); \
        CHECK_TEXT(made_, (want));                                 \
        free(made_);                                               \
    } while (0)

CASE(equal_texts_differ_nowhere)
{
    CHECK_DIFF("", "", 3, 100, "");
    CHECK_DIFF("a\nb\n", "a\nb\n", 3, 100, "");
}

CASE(a_changed_line_stands_in_its_context)
{
    CHECK_DIFF("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\nfour\n5\n6\n7\n", 1, 100,
        "@@ -3,3 +3,3 @@\n 3\n-4\n+four\n 5\n");
}

CASE(a_text_from_nothing_and_to_nothing_is_counted_as_diff_does)
{
    CHECK_DIFF("", "a\nb\n", 3, 100, "@@ -0,0 +1,2 @@\n+a\n+b\n");
    CHECK_DIFF("a\n", "", 3, 100, "@@ -1 +0,0 @@\n-a\n");
}

CASE(a_missing_line_end_is_told)
{
    CHECK_DIFF("a\nb", "a\nb\n", 0, 100, "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+b\n");
}

CASE(changes_far_apart_are_hunks_of_their_own_and_near_ones_share_one)
{
    CHECK_DIFF("a\n1\n2\n3\n4\n5\nb\n", "A\n1\n2\n3\n4\n5\nB\n", 1, 100,
        "@@ -1,2 +1,2 @@\n-a\n+A\n 1\n@@ -6,2 +6,2 @@\n 5\n-b\n+B\n");
    CHECK_DIFF("a\n1\n2\nb\n", "A\n1\n2\nB\n", 1, 100, "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n-b\n+B\n");
}

CASE(what_is_too_long_is_counted)
{
    CHECK_DIFF("", "1\n2\n3\n4\n5\n", 3, 2, "@@ -0,0 +1,5 @@\n+1\n+2\n… 3 more lines\n");
}

/* Applies what the diff of full context says; the texts have whole lines. */
static char *apply(const char *diff)
{
    struct buf out = BUF_INIT(1 << 20);
    struct str rest = str_from(diff);

    (void)str_cut(&rest, '\n');
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');

        if (line.at[0] != '-') {
            buf_add_str(&out, str_tail(line, 1));
            buf_add_byte(&out, '\n');
        }
    }
    return buf_take(&out);
}

CASE(any_two_texts_become_each_other)
{
    struct random random = {.state = 7};

    for (int round = 0; round < 300; round++) {
        struct buf texts[2] = {BUF_INIT(1 << 20), BUF_INIT(1 << 20)};

        for (int t = 0; t < 2; t++)
            for (uint64_t n = 1 + random_below(&random, 30); n > 0; n--)
                buf_format(&texts[t], "%llu\n", (unsigned long long)random_below(&random, 6));
        char *diff = differ(texts[0].at, texts[1].at, 1000, 10000);
        char *made = diff[0] != 0 ? apply(diff) : mem_copy_string(texts[1].at);
        CHECK_TEXT(made, texts[1].at);
        free(diff);
        free(made);
        buf_fini(&texts[0]);
        buf_fini(&texts[1]);
    }
}

CASE(texts_with_nothing_in_common_take_bounded_work)
{
    struct buf a = BUF_INIT(1 << 22), b = BUF_INIT(1 << 22), out = BUF_INIT(1 << 22);

    for (int i = 0; i < 50000; i++) {
        buf_format(&a, "a%d\n", i);
        buf_format(&b, "b%d\n", i);
    }
    text_diff(buf_str(&a), buf_str(&b), 3, 10, &out);
    CHECK(strstr(out.at, "@@ -1,50000 +1,50000 @@") != NULL);
    CHECK(strstr(out.at, "more lines") != NULL);
    buf_fini(&a);
    buf_fini(&b);
    buf_fini(&out);
}

TEST_MAIN()
