#include "observe/promql/buckets.h"

#include <math.h>
#include <stdlib.h>

#define TOLERANCE 1e-12 /* relative: what floating point makes of equal sums */

static int compare_buckets(const void *x, const void *y)
{
    const struct classic_bucket *a = x, *b = y;

    return (a->upper > b->upper) - (a->upper < b->upper);
}

/* Buckets of the same bound (say "1" and "1.0") become one. */
static size_t coalesce(struct classic_bucket *b, size_t count)
{
    size_t n = 0;

    for (size_t i = 1; i < count; i++) {
        if (b[i].upper == b[n].upper)
            b[n].count += b[i].count;
        else
            b[++n] = b[i];
    }
    return n + 1;
}

static bool almost_equal(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);
    if (a == 0 || b == 0 || sum < 2.2250738585072014e-308)
        return diff < TOLERANCE * 2.2250738585072014e-308;
    return diff / fmin(sum, 1.7976931348623157e308) < TOLERANCE;
}

/* Counts must not go down; tiny differences either way are rounding, and are ignored. */
static void make_monotonic(struct classic_bucket *b, size_t count, struct mended *out)
{
    double before = b[0].count;

    *out = (struct mended){.bucket_min = INFINITY, .bucket_max = -INFINITY};
    for (size_t i = 1; i < count; i++) {
        double now = b[i].count;
        if (now == before)
            continue;
        if (almost_equal(before, now)) {
            b[i].count = before;
        } else if (now < before) {
            b[i].count = before;
            out->forced = true;
            out->bucket_min = fmin(out->bucket_min, b[i].upper);
            out->bucket_max = fmax(out->bucket_max, b[i].upper);
            out->diff_max = fmax(out->diff_max, before - now);
        } else {
            before = now;
        }
    }
}

/* They mostly are sorted. False if the last bound is not infinity. */
static bool sort(struct classic_bucket *b, size_t count)
{
    size_t sorted = 1;

    while (sorted < count && !(b[sorted - 1].upper > b[sorted].upper))
        sorted++;
    if (sorted < count)
        qsort(b, count, sizeof *b, compare_buckets);
    return isinf(b[count - 1].upper) == 1;
}

double buckets_quantile(double q, struct classic_bucket *b, size_t count, struct mended *out)
{
    *out = (struct mended){0};
    if (isnan(q))
        return NAN;
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    if (!sort(b, count))
        return NAN;
    count = coalesce(b, count);
    make_monotonic(b, count, out);
    double observations = b[count - 1].count;
    if (count < 2 || observations == 0)
        return NAN;
    double rank = q * observations;
    size_t i = 0;
    while (i < count - 1 && !(b[i].count >= rank))
        i++;
    if (i == count - 1)
        return b[count - 2].upper;
    if (i == 0 && b[0].upper <= 0)
        return b[0].upper;
    double start = i > 0 ? b[i - 1].upper : 0, below = i > 0 ? b[i - 1].count : 0;
    return start + (b[i].upper - start) * ((rank - below) / (b[i].count - below));
}

struct limit {
    double at, rank;
    bool set;
};

static void meet(struct limit *l, double lower, double upper, double rank, double count)
{
    if (l->set)
        return;
    if (lower >= l->at) {
        l->rank = rank;
        l->set = true;
    } else if (upper > l->at) {
        l->rank = isinf(lower) ? count : rank + (count - rank) * (l->at - lower) / (upper - lower);
        l->set = true;
    }
}

double buckets_fraction(double lower, double upper, struct classic_bucket *b, size_t count)
{
    struct limit low = {.at = lower}, high = {.at = upper};
    double rank = 0;

    if (!sort(b, count))
        return NAN;
    count = coalesce(b, count);
    double all = b[count - 1].count;
    if (all == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    for (size_t i = 0; i < count; i++) {
        double from = i > 0 ? b[i - 1].upper : b[0].upper <= 0 ? -INFINITY : 0;
        meet(&low, from, b[i].upper, rank, b[i].count);
        meet(&high, from, b[i].upper, rank, b[i].count);
        rank = b[i].count;
    }
    double to = !high.set || high.rank > all ? all : high.rank;
    double start = !low.set || low.rank > all ? all : low.rank;
    return (to - start) / all;
}
