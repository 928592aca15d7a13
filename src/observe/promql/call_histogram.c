/* Functions of native histograms, one sample at a time. Classic buckets: call_buckets.c. */
#include "observe/promql/buckets.h"
#include "observe/promql/calls.h"

#include <math.h>

typedef double (*of_histogram_fn)(struct query *q, const struct histogram *h);

static void each_histogram(struct query *q, const struct node *n, const struct grid *g,
    of_histogram_fn of, struct value *out)
{
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    for (size_t k = 0; k < out->vector.count; k++) {
        struct row *row = &out->vector.rows[k];
        for (ptrdiff_t i = -1; (i = bits_next(row->present, g->count, i)) >= 0;) {
            const struct histogram *h = row_histogram(row, (size_t)i);
            if (h == NULL)
                bit_clear(row->present, (size_t)i);
            else
                row->values[i] = of(q, h);
        }
        row->histograms = NULL;
        row_lose_name(q, row);
    }
    matrix_drop_empty(&out->vector, g);
}

static double count_of(struct query *q, const struct histogram *h)
{
    (void)q;
    return h->count;
}

static double sum_of(struct query *q, const struct histogram *h)
{
    (void)q;
    return h->sum;
}

static double average_of(struct query *q, const struct histogram *h)
{
    (void)q;
    return h->sum / h->count;
}

struct histogram_range *histogram_ranges_of(
    struct query *q, const struct histogram *h, size_t *out_count)
{
    size_t bytes = (histogram_range_count(h) + 1) * sizeof(struct histogram_range);
    struct histogram_range *r = (void *)query_scratch(q, bytes / sizeof(double) + 1);

    *out_count = histogram_range_count(h);
    histogram_ranges(h, r);
    return r;
}

/* Every observation counts as the middle of its bucket. */
static double variance_of(struct query *q, const struct histogram *h)
{
    double mean = h->sum / h->count, sum = 0, c = 0;
    size_t count;
    struct histogram_range *r = histogram_ranges_of(q, h, &count);

    for (size_t i = 0; i < count; i++) {
        if (r[i].count == 0)
            continue;
        double middle;
        if (histogram_is_custom(h))
            middle = (r[i].upper + r[i].lower) / 2;
        else if (r[i].lower <= 0 && r[i].upper >= 0)
            middle = 0;
        else
            middle = copysign(sqrt(r[i].upper * r[i].lower), r[i].upper);
        double delta = middle - mean;
        kahan_add(r[i].count * delta * delta, &sum, &c);
    }
    return (sum + c) / h->count;
}

static double deviation_of(struct query *q, const struct histogram *h)
{
    return sqrt(variance_of(q, h));
}

CALL(call_histogram_count)
{
    each_histogram(q, n, g, count_of, out);
}

CALL(call_histogram_sum)
{
    each_histogram(q, n, g, sum_of, out);
}

CALL(call_histogram_avg)
{
    each_histogram(q, n, g, average_of, out);
}

CALL(call_histogram_stdvar)
{
    each_histogram(q, n, g, variance_of, out);
}

CALL(call_histogram_stddev)
{
    each_histogram(q, n, g, deviation_of, out);
}

/* ---- quantiles ---- */

static bool is_open_below(const struct histogram_range *r)
{
    return isinf(r->lower) && r->lower < 0;
}

/* The zero bucket reaches only to zero on a side where there is nothing. */
static void cut_zero(const struct histogram *h, struct histogram_range *r)
{
    if (h->negative_count == 0 && h->positive_count > 0)
        r->lower = 0;
    else if (h->positive_count == 0 && h->negative_count > 0)
        r->upper = 0;
}

static double inside(const struct histogram *h, const struct histogram_range *r, double fraction)
{
    if (histogram_is_custom(h) || (r->lower <= 0 && r->upper >= 0))
        return r->lower + (r->upper - r->lower) * fraction;
    double lower = log2(fabs(r->lower)), upper = log2(fabs(r->upper));
    if (r->lower > 0)
        return exp2(lower + (upper - lower) * fraction);
    return -exp2(upper + (lower - upper) * (1 - fraction));
}

/* From the bottom for small quantiles and where observations may be not-a-number, else from the
 * top: rounding errors are least near the end one starts from. */
double histogram_quantile_of(struct query *q, const struct node *at, double quantile,
    const struct histogram *h, const struct labels *labels)
{
    if (quantile < 0 || quantile > 1)
        return quantile < 0 ? -INFINITY : INFINITY;
    if (h->count == 0 || isnan(quantile))
        return NAN;
    size_t ranges;
    struct histogram_range *all = histogram_ranges_of(q, h, &ranges), r = {0};
    bool has_nan = isnan(h->sum), up = has_nan || quantile < 0.5;
    double rank = (up ? quantile : 1 - quantile) * h->count, count = 0;
    size_t i = 0;
    while (i < ranges) {
        r = all[up ? i : ranges - 1 - i];
        i++;
        if (r.count == 0)
            continue;
        count += r.count;
        if (count >= rank)
            break;
    }
    if (!histogram_is_custom(h) && r.lower < 0 && r.upper > 0) {
        cut_zero(h, &r);
    } else if (histogram_is_custom(h) && is_open_below(&r)) {
        if (r.upper <= 0)
            return r.upper;
        r.lower = 0;
    } else if (histogram_is_custom(h) && isinf(r.upper)) {
        return r.lower;
    }
    if (count > h->count)
        count = h->count;
    if (count < rank) {
        if (!has_nan)
            return r.upper;
        (void)query_info(q, at, "input to histogram_quantile has NaN observations, result is NaN%s",
            query_for_metric(q, labels));
        return NAN;
    }
    rank = up ? rank - (count - r.count) : count - rank;
    for (; has_nan && i < ranges; i++)
        count += all[i].count;
    if (has_nan && count < h->count)
        (void)query_info(q, at,
            "input to histogram_quantile has NaN observations, result is skewed higher%s",
            query_for_metric(q, labels));
    return inside(h, &r, rank / r.count);
}

/* ---- fractions ---- */

struct limit {
    double at, rank;
    bool set;
};

/* How many observations of the bucket are below the limit, if it is in there. */
static void meet(struct limit *l, const struct histogram *h, const struct histogram_range *r,
    double rank, bool zero)
{
    if (l->set)
        return;
    if (r->lower >= l->at) {
        *l = (struct limit){l->at, rank, true};
        return;
    }
    if (!(r->upper > l->at))
        return;
    l->set = true;
    bool linear = histogram_is_custom(h) || zero;
    if (linear && is_open_below(r)) {
        l->rank = r->count;
        return;
    }
    double share;
    if (linear) {
        share = (l->at - r->lower) / (r->upper - r->lower);
    } else {
        double lower = log2(fabs(r->lower)), upper = log2(fabs(r->upper)), at = log2(fabs(l->at));
        share = l->at > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
    }
    l->rank = rank + r->count * share;
}

double histogram_fraction_of(struct query *q, const struct node *at, double lower, double upper,
    const struct histogram *h, const struct labels *labels)
{
    struct limit low = {.at = lower}, high = {.at = upper};
    double rank = 0, count = 0;
    size_t ranges;

    if (h->count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    struct histogram_range *all = histogram_ranges_of(q, h, &ranges);
    for (size_t i = 0; i < ranges; i++) {
        bool zero = all[i].lower <= 0 && all[i].upper >= 0;
        count += all[i].count;
        if (zero)
            cut_zero(h, &all[i]);
        meet(&low, h, &all[i], rank, zero);
        meet(&high, h, &all[i], rank, zero);
        rank += all[i].count;
    }
    if (!isnan(h->sum))
        count = h->count;
    else if (count < h->count)
        (void)query_info(q, at,
            "input to histogram_fraction has NaN observations, which are excluded from all "
            "fractions%s",
            query_for_metric(q, labels));
    double to = !high.set || high.rank > count ? count : high.rank;
    double from = !low.set || low.rank > count ? count : low.rank;
    return (to - from) / h->count;
}
