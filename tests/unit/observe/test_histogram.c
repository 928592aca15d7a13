#include "observe/metrics/histogram.h"

#include "base/must.h"

#include "test.h"

#include <math.h>

static struct arena *arena;

static struct histogram *make(int32_t schema, double zero_threshold, double zero_count,
    int32_t offset, size_t count, const double *counts)
{
    if (arena == NULL)
        arena = arena_create(0);
    struct histogram *h = arena_new(arena, struct histogram);
    h->schema = schema;
    h->zero_threshold = zero_threshold;
    h->zero_count = h->count = zero_count;
    h->positive = arena_new_array(arena, count + 1, struct bucket);
    h->positive_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        h->positive[i] = (struct bucket){offset + (int32_t)i, counts[i]};
        h->count += counts[i];
    }
    return h;
}

#define BUCKETS(...)                                                   \
    sizeof((double[]){__VA_ARGS__}) / sizeof(double), (const double[]) \
    {                                                                  \
        __VA_ARGS__                                                    \
    }

static const char *text_of(const struct histogram *h)
{
    static struct buf b = BUF_INIT(4096);

    buf_reset(&b);
    histogram_format(&b, h);
    return b.at;
}

CASE(bounds_are_powers_of_the_schemas_base)
{
    CHECK(
        histogram_bound(0, 0) == 1 && histogram_bound(1, 0) == 2 && histogram_bound(-1, 0) == 0.5);
    CHECK(histogram_bound(1, -1) == 4 && histogram_bound(2, 1) == 2);
    CHECK(fabs(histogram_bound(1, 1) - sqrt(2)) < 1e-15);
    CHECK(histogram_bound(1024, 0) == __DBL_MAX__ && isinf(histogram_bound(1025, 0)));
}

CASE(sums_meet_at_the_coarser_schema)
{
    struct histogram *a = make(1, 0, 0, 1, BUCKETS(1, 2, 3));
    struct histogram *b = make(0, 0, 0, 1, BUCKETS(10));
    struct histogram_note note = {0};

    CHECK(histogram_add(arena, a, b, &note));
    CHECK_INT(a->schema, 0);
    CHECK_TEXT(text_of(a), "{count:16, sum:0, (1,2]:13, (2,4]:3}");
    CHECK(histogram_sub(arena, a, b, &note));
    histogram_compact(a);
    CHECK_TEXT(text_of(a), "{count:6, sum:0, (1,2]:3, (2,4]:3}");
}

CASE(a_wider_zero_bucket_swallows_the_buckets_below_it)
{
    struct histogram *a = make(0, 0.25, 1, 0, BUCKETS(2, 4)); /* (0.5,1] (1,2] */
    struct histogram *b = make(0, 1, 8, 1, BUCKETS(16));
    struct histogram_note note = {0};

    CHECK(histogram_add(arena, a, b, &note));
    CHECK_TEXT(text_of(a), "{count:31, sum:0, [-1,1]:11, (1,2]:20}");
}

CASE(a_zero_bucket_that_cuts_a_bucket_grows_to_its_end)
{
    struct histogram *a = make(0, 0, 0, 1, BUCKETS(4)); /* (1,2] */
    struct histogram *b = make(0, 1.5, 1, 2, BUCKETS(1));
    struct histogram_note note = {0};

    CHECK(histogram_add(arena, a, b, &note));
    CHECK_TEXT(text_of(a), "{count:6, sum:0, [-2,2]:5, (2,4]:1}");
}

CASE(custom_bounds_that_differ_leave_the_common_ones)
{
    const double one[] = {1, 2, 3}, two[] = {1, 3};
    struct histogram *a = make(HISTOGRAM_CUSTOM, 0, 0, 0, BUCKETS(1, 2, 3, 4));
    struct histogram *b = make(HISTOGRAM_CUSTOM, 0, 0, 0, BUCKETS(10, 20, 30));
    struct histogram_note note = {0};

    a->custom = one;
    a->custom_count = 3;
    b->custom = two;
    b->custom_count = 2;
    CHECK(histogram_add(arena, a, b, &note));
    CHECK(note.reconciled);
    CHECK_TEXT(text_of(a), "{count:70, sum:0, [-Inf,1]:11, (1,3]:25, (3,+Inf]:34}");
}

CASE(exponential_and_custom_do_not_go_together)
{
    struct histogram *a = make(HISTOGRAM_CUSTOM, 0, 0, 0, BUCKETS(1));
    struct histogram *b = make(0, 0, 0, 0, BUCKETS(1)), *c = NULL;
    struct histogram_note note = {0};

    CHECK(!histogram_add(arena, a, b, &note) && !histogram_sub(arena, b, a, &note));
    CHECK(!histogram_add_kahan(arena, a, b, &c, &note));
}

CASE(compensated_sums_keep_what_plain_ones_lose)
{
    const double values[] = {1e100, 1, -1e100};
    struct histogram *sum = NULL, *c = NULL;
    struct histogram_note note = {0};

    for (size_t i = 0; i < 3; i++) {
        struct histogram *h = make(0, 0, 0, 0, BUCKETS(1));
        h->positive[0].count = h->sum = values[i];
        if (sum == NULL)
            sum = h;
        else
            CHECK(histogram_add_kahan(arena, sum, h, &c, &note));
    }
    CHECK(histogram_add(arena, sum, c, &note));
    CHECK(sum->sum == 1 && sum->positive[0].count == 1);
}

CASE(a_reset_shows_in_any_bucket)
{
    struct histogram *before = make(0, 0, 1, 0, BUCKETS(2, 3));
    struct histogram *more = make(0, 0, 2, 0, BUCKETS(2, 3, 1));
    struct histogram *moved = make(0, 0, 2, 0, BUCKETS(1, 5));
    struct histogram *coarser = make(-1, 0, 2, 0, BUCKETS(2, 4));

    CHECK(!histogram_was_reset(arena, more, before));
    CHECK(histogram_was_reset(arena, moved, before));
    CHECK(histogram_was_reset(arena, before, more));
    CHECK(!histogram_was_reset(arena, coarser, before));
    CHECK(histogram_was_reset(arena, more, coarser)); /* the resolution went up */
    more->hint = HINT_RESET;
    CHECK(histogram_was_reset(arena, more, before));
    moved->hint = HINT_NOT_RESET;
    CHECK(!histogram_was_reset(arena, moved, before));
}

CASE(trimming_estimates_within_a_bucket)
{
    struct histogram *h = make(0, 0, 0, 1, BUCKETS(8, 8)); /* (1,2] (2,4] */

    histogram_trim(h, 2, true);
    CHECK_TEXT(text_of(h), "{count:8, sum:11.313708498984761, (1,2]:8}");
    histogram_trim(h, sqrt(2), false);
    CHECK(fabs(h->count - 4) < 1e-9);
}

TEST_MAIN()
