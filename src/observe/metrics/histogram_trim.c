/* The operators `</` and `>/`: cutting a histogram off above or below a value. What is cut in the
 * middle of a bucket is estimated as quantiles estimate it; so is the sum that is left. */
#include "observe/metrics/histogram.h"

#include <math.h>

struct kept {
    double count, middle; /* observations that stay, and the value they count for in the sum */
};

struct trimming {
    const struct histogram *h;
    double limit;
    bool upper; /* above the limit is cut */
    double count, sum;
    bool trimmed;
};

/* ---- the middle of a stretch of a bucket ---- */

static double middle_of(double lower, double upper, bool positive, bool linear)
{
    if (isinf(lower))
        return isinf(upper) ? 0 : upper > 0 ? upper / 2 : upper;
    if (isinf(upper))
        return lower;
    if (linear)
        return (lower + upper) / 2;
    double mean = sqrt(fabs(lower * upper));
    return positive ? mean : -mean;
}

/* The share of a bucket's observations up to `value`, which lies inside. */
static double share_below(const struct histogram_range *b, double value, bool linear)
{
    if (linear)
        return (value - b->lower) / (b->upper - b->lower);
    double lower = log2(fabs(b->lower)), upper = log2(fabs(b->upper)), at = log2(fabs(value));
    return value > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

static double or_zero(double v)
{
    return isinf(v) ? 0 : v;
}

/* The first or last custom bucket, which have no end on one side. */
static struct kept cut_open(const struct trimming *t, const struct histogram_range *b)
{
    double limit = t->limit;

    if (isinf(b->lower)) {
        bool inside = limit > 0 && b->upper > 0 && !isinf(b->upper);
        if (t->upper) {
            if (limit >= b->upper)
                return (struct kept){b->count, 0};
            if (inside)
                return (struct kept){b->count * limit / b->upper, limit / 2};
            return b->upper <= 0 ? (struct kept){b->count, limit}
                                 : (struct kept){0, or_zero(b->upper)};
        }
        if (limit <= b->lower)
            return (struct kept){b->count, 0};
        if (limit >= 0 && b->upper > limit && !isinf(b->upper))
            return (struct kept){b->count * (1 - limit / b->upper), (limit + b->upper) / 2};
        return (struct kept){0, or_zero(b->upper)};
    }
    if (!t->upper && limit >= b->lower)
        return (struct kept){b->count, limit};
    return (struct kept){0, or_zero(b->lower)};
}

static struct kept cut(const struct trimming *t, const struct histogram_range *b, bool positive)
{
    bool linear = histogram_is_custom(t->h);

    if (isinf(b->lower) || isinf(b->upper))
        return cut_open(t, b);
    double below = t->limit <= b->lower   ? 0
                   : t->limit >= b->upper ? b->count
                                          : b->count * share_below(b, t->limit, linear);
    if (t->upper)
        return (struct kept){below, middle_of(b->lower, t->limit, positive, linear)};
    return (struct kept){b->count - below, middle_of(t->limit, b->upper, positive, linear)};
}

static void trim_bucket(
    struct trimming *t, struct bucket *bucket, const struct histogram_range *b, bool positive)
{
    bool all = t->upper ? b->upper <= t->limit : b->lower >= t->limit;
    bool some = t->upper ? b->lower < t->limit : b->upper > t->limit;
    struct kept kept = {0, 0};

    if (all)
        kept = (struct kept){
            b->count, middle_of(b->lower, b->upper, positive, histogram_is_custom(t->h))};
    else if (some)
        kept = cut(t, b, positive);
    t->count += kept.count;
    t->sum += kept.middle * kept.count;
    t->trimmed |= kept.count != bucket->count;
    bucket->count = kept.count;
}

/* The zero bucket reaches only to zero on a side where the histogram has nothing. */
static struct kept cut_zero(const struct trimming *t, bool has_negative, bool has_positive)
{
    double lower = has_positive && !has_negative ? 0 : -t->h->zero_threshold;
    double upper = has_negative && !has_positive ? 0 : t->h->zero_threshold;
    double limit = t->limit, count = t->h->zero_count;

    if (t->upper ? limit <= lower : limit >= upper)
        return (struct kept){0, 0};
    if (t->upper ? limit >= upper : limit <= lower)
        return (struct kept){count, (lower + upper) / 2};
    if (t->upper)
        return (struct kept){count * ((limit - lower) / (upper - lower)), (lower + limit) / 2};
    return (struct kept){count * ((upper - limit) / (upper - lower)), (limit + upper) / 2};
}

static struct histogram_range bounds(
    const struct histogram *h, const struct bucket *b, bool positive)
{
    if (histogram_is_custom(h)) {
        int64_t i = b->index;
        return (struct histogram_range){.lower = i <= 0 ? -INFINITY : h->custom[i - 1],
            .upper = i < h->custom_count ? h->custom[i] : INFINITY,
            .count = b->count};
    }
    double near = histogram_bound(b->index - 1, h->schema),
           far = histogram_bound(b->index, h->schema);
    return (struct histogram_range){
        .lower = positive ? near : -far, .upper = positive ? far : -near, .count = b->count};
}

static bool trim_side(struct trimming *t, struct bucket *b, uint32_t count, bool positive)
{
    bool any = false;

    for (uint32_t i = 0; i < count; i++) {
        if (b[i].count == 0)
            continue;
        any = true;
        struct histogram_range r = bounds(t->h, &b[i], positive);
        trim_bucket(t, &b[i], &r, positive);
    }
    return any;
}

void histogram_trim(struct histogram *h, double limit, bool upper)
{
    struct trimming t = {.h = h, .limit = limit, .upper = upper};
    bool positive = trim_side(&t, h->positive, h->positive_count, true);
    bool negative = trim_side(&t, h->negative, h->negative_count, false);

    if (h->zero_count > 0) {
        struct kept kept = cut_zero(&t, negative, positive);
        t.trimmed |= kept.count != h->zero_count;
        t.count += kept.count;
        t.sum += kept.middle * kept.count;
        h->zero_count = kept.count;
    }
    if (!t.trimmed)
        return;
    h->count = t.count;
    h->sum = t.sum;
    histogram_compact(h);
}
