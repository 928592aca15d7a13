#include "observe/metrics/histogram.h"

#include "base/decimal.h"
#include "observe/metrics/histogram_private.h"

#include <math.h>
#include <string.h>

/* ---- copies and comparison ---- */

static struct bucket *copy_buckets(struct arena *a, const struct bucket *from, uint32_t count)
{
    struct bucket *to = arena_new_array(a, (size_t)count + 1, struct bucket);

    if (count > 0)
        memcpy(to, from, count * sizeof *to);
    return to;
}

struct histogram *histogram_copy(struct arena *a, const struct histogram *h)
{
    struct histogram *copy = arena_new(a, struct histogram);

    *copy = *h;
    copy->positive = copy_buckets(a, h->positive, h->positive_count);
    copy->negative = copy_buckets(a, h->negative, h->negative_count);
    if (h->custom_count > 0) {
        double *custom = arena_new_array(a, h->custom_count, double);
        memcpy(custom, h->custom, h->custom_count * sizeof *custom);
        copy->custom = custom;
    }
    return copy;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same_buckets(
    const struct bucket *a, uint32_t a_count, const struct bucket *b, uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (a[i].index != b[i].index || !same_bits(a[i].count, b[i].count))
            return false;
    return true;
}

static bool same_bounds(const struct histogram *a, const struct histogram *b)
{
    if (a->custom_count != b->custom_count)
        return false;
    for (uint32_t i = 0; i < a->custom_count; i++)
        if (a->custom[i] != b->custom[i])
            return false;
    return true;
}

bool histogram_eq(const struct histogram *a, const struct histogram *b)
{
    return a->schema == b->schema && same_bits(a->count, b->count) && same_bits(a->sum, b->sum) &&
           (!histogram_is_custom(a) || same_bounds(a, b)) &&
           a->zero_threshold == b->zero_threshold && same_bits(a->zero_count, b->zero_count) &&
           same_buckets(a->negative, a->negative_count, b->negative, b->negative_count) &&
           same_buckets(a->positive, a->positive_count, b->positive, b->positive_count);
}

/* ---- arithmetic with a number ---- */

static uint32_t compact(struct bucket *b, uint32_t count)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++)
        if (b[i].count != 0)
            b[n++] = b[i];
    return n;
}

void histogram_compact(struct histogram *h)
{
    h->positive_count = compact(h->positive, h->positive_count);
    h->negative_count = compact(h->negative, h->negative_count);
}

void histogram_scale(struct histogram *h, double factor)
{
    h->zero_count *= factor;
    h->count *= factor;
    h->sum *= factor;
    for (uint32_t i = 0; i < h->positive_count; i++)
        h->positive[i].count *= factor;
    for (uint32_t i = 0; i < h->negative_count; i++)
        h->negative[i].count *= factor;
    if (factor < 0)
        h->hint = HINT_GAUGE;
}

void histogram_divide(struct histogram *h, double divisor)
{
    h->zero_count /= divisor;
    h->count /= divisor;
    h->sum /= divisor;
    if (divisor == 0) {
        h->positive_count = h->negative_count = 0;
        return;
    }
    for (uint32_t i = 0; i < h->positive_count; i++)
        h->positive[i].count /= divisor;
    for (uint32_t i = 0; i < h->negative_count; i++)
        h->negative[i].count /= divisor;
    if (divisor < 0)
        h->hint = HINT_GAUGE;
}

bool histogram_overflows(const struct histogram *h)
{
    bool inf = isinf(h->zero_count) || isinf(h->count) || isinf(h->sum);

    for (uint32_t i = 0; i < h->positive_count; i++)
        inf |= isinf(h->positive[i].count) != 0;
    for (uint32_t i = 0; i < h->negative_count; i++)
        inf |= isinf(h->negative[i].count) != 0;
    return inf;
}

bool histogram_is_small(const struct histogram *h)
{
    const double most = __DBL_MAX__ / 4;
    bool small = fabs(h->zero_count) < most && fabs(h->count) < most && !(fabs(h->sum) >= most);

    for (uint32_t i = 0; i < h->positive_count; i++)
        small &= fabs(h->positive[i].count) < most;
    for (uint32_t i = 0; i < h->negative_count; i++)
        small &= fabs(h->negative[i].count) < most;
    return small;
}

/* ---- bounds ---- */

double histogram_bound(int32_t index, int32_t schema)
{
    if (schema < 0) {
        int64_t exponent = (int64_t)index * (INT64_C(1) << -schema);
        if (exponent == 1024)
            return __DBL_MAX__; /* the last bucket before infinity */
        return exponent > 1024 ? INFINITY : exponent < -2000 ? 0 : ldexp(1, (int)exponent);
    }
    int32_t per_power = (int32_t)1 << schema;
    int32_t fraction = index & (per_power - 1);
    int32_t exponent = (index >> schema) + 1;
    double bound = fraction == 0 ? 0.5 : exp2((double)fraction / per_power - 1);
    if (bound == 0.5 && exponent == 1025)
        return __DBL_MAX__;
    return ldexp(bound, exponent);
}

static void bounds_of(
    const struct histogram *h, int32_t index, bool positive, struct histogram_range *r)
{
    if (histogram_is_custom(h)) {
        int64_t i = index;
        r->lower = i <= 0 ? -INFINITY : i <= h->custom_count ? h->custom[i - 1] : INFINITY;
        r->upper = i < 0 ? -INFINITY : i < h->custom_count ? h->custom[i] : INFINITY;
        r->lower_inclusive = i == 0;
        r->upper_inclusive = true;
        return;
    }
    double upper = histogram_bound(index, h->schema), lower = histogram_bound(index - 1, h->schema);
    r->lower = positive ? lower : -upper;
    r->upper = positive ? upper : -lower;
    r->lower_inclusive = r->lower < 0;
    r->upper_inclusive = r->upper > 0;
}

size_t histogram_range_count(const struct histogram *h)
{
    return (size_t)h->positive_count + h->negative_count + (h->zero_count > 0);
}

/* A bucket that the zero bucket reaches into begins where that ends. */
static void cut_at_zero(const struct histogram *h, struct histogram_range *r)
{
    if (r->upper < 0 && r->upper > -h->zero_threshold)
        r->upper = -h->zero_threshold;
    else if (r->lower > 0 && r->lower < h->zero_threshold)
        r->lower = h->zero_threshold;
}

void histogram_ranges(const struct histogram *h, struct histogram_range *out)
{
    for (uint32_t i = h->negative_count; i > 0; i--, out++) {
        bounds_of(h, h->negative[i - 1].index, false, out);
        out->count = h->negative[i - 1].count;
        cut_at_zero(h, out);
    }
    if (h->zero_count > 0)
        *out++ = (struct histogram_range){
            -h->zero_threshold, h->zero_threshold, h->zero_count, true, true};
    for (uint32_t i = 0; i < h->positive_count; i++, out++) {
        bounds_of(h, h->positive[i].index, true, out);
        out->count = h->positive[i].count;
        cut_at_zero(h, out);
    }
}

/* ---- other schemas, other zero buckets ---- */

static int32_t target_index(int32_t index, int32_t schema, int32_t target)
{
    return ((index - 1) >> (schema - target)) + 1;
}

uint32_t histogram_reduce(
    const struct bucket *from, uint32_t count, int32_t schema, int32_t target, struct bucket *out)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        int32_t index = target_index(from[i].index, schema, target);
        if (n > 0 && out[n - 1].index == index)
            out[n - 1].count += from[i].count;
        else
            out[n++] = (struct bucket){index, from[i].count};
    }
    return n;
}

struct histogram *histogram_at_schema(struct arena *a, const struct histogram *h, int32_t schema)
{
    struct histogram *copy = histogram_copy(a, h);

    if (schema >= h->schema)
        return copy;
    copy->schema = schema;
    copy->hint = HINT_UNKNOWN;
    copy->positive_count =
        histogram_reduce(h->positive, h->positive_count, h->schema, schema, copy->positive);
    copy->negative_count =
        histogram_reduce(h->negative, h->negative_count, h->schema, schema, copy->negative);
    return copy;
}

/* Adds the buckets of one side that lie below the threshold; true if it grew. */
static bool zero_of_side(const struct bucket *b, uint32_t count, const struct bucket *c,
    int32_t schema, double *threshold, double *zero, double *c_zero)
{
    for (uint32_t i = 0; i < count; i++) {
        double lower = histogram_bound(b[i].index - 1, schema);
        double upper = histogram_bound(b[i].index, schema);
        if (lower >= *threshold)
            break;
        histogram_kahan(b[i].count, zero, c_zero);
        if (c != NULL)
            histogram_kahan(c[i].count, zero, c_zero);
        if (upper > *threshold) {
            if (b[i].count == 0)
                break;
            *threshold = upper;
            return true;
        }
    }
    return false;
}

double histogram_zero_at(
    const struct histogram *h, double *threshold, const struct histogram *c, double *c_zero)
{
    double zero;

    *c_zero = c != NULL ? c->zero_count : 0;
    if (*threshold == h->zero_threshold)
        return h->zero_count;
    do {
        zero = h->zero_count;
        (void)zero_of_side(h->positive, h->positive_count, c != NULL ? c->positive : NULL,
            h->schema, threshold, &zero, c_zero);
    } while (zero_of_side(h->negative, h->negative_count, c != NULL ? c->negative : NULL, h->schema,
        threshold, &zero, c_zero));
    return zero;
}

/* ---- counter resets ---- */

/* Between each two common bounds, has the count gone down? */
static double sum_between(const struct histogram *h, uint32_t *at, double upper)
{
    double sum = 0;

    while (*at < h->positive_count) {
        int32_t i = h->positive[*at].index;
        double bound = i >= 0 && (uint32_t)i < h->custom_count ? h->custom[i] : INFINITY;
        if (bound > upper)
            break;
        sum += h->positive[(*at)++].count;
    }
    return sum;
}

static bool custom_was_reset(const struct histogram *h, const struct histogram *before)
{
    uint32_t i = 0, k = 0, at = 0, at_before = 0;

    while (i <= h->custom_count && k <= before->custom_count) {
        double x = i < h->custom_count ? h->custom[i] : INFINITY;
        double y = k < before->custom_count ? before->custom[k] : INFINITY;
        if (x == y) {
            if (sum_between(h, &at, x) < sum_between(before, &at_before, x))
                return true;
            i++;
            k++;
        } else if (x < y) {
            i++;
        } else {
            k++;
        }
    }
    return false;
}

static bool side_was_reset(const struct bucket *now, uint32_t count, const struct bucket *before,
    uint32_t before_count, const struct histogram *h)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < before_count; i++) {
        bool in_zero = !histogram_is_custom(h) && h->zero_threshold > 0 &&
                       histogram_bound(before[i].index, h->schema) <= h->zero_threshold;
        if (in_zero || before[i].count == 0)
            continue;
        while (k < count && now[k].index < before[i].index)
            k++;
        double have = k < count && now[k].index == before[i].index ? now[k].count : 0;
        if (have < before[i].count)
            return true;
    }
    return false;
}

bool histogram_was_reset(struct arena *a, const struct histogram *h, const struct histogram *before)
{
    if (h->hint == HINT_RESET || h->hint == HINT_NOT_RESET)
        return h->hint == HINT_RESET;
    if (h->count < before->count)
        return true;
    if (histogram_is_custom(h)) {
        if (!histogram_is_custom(before))
            return true;
        if (!same_bounds(h, before))
            return custom_was_reset(h, before);
    }
    if (h->schema > before->schema || h->zero_threshold < before->zero_threshold)
        return true;
    double threshold = h->zero_threshold, c;
    double zero = histogram_zero_at(before, &threshold, NULL, &c);
    if (threshold != h->zero_threshold || h->zero_count < zero)
        return true;
    if (before->schema != h->schema)
        before = histogram_at_schema(a, before, h->schema);
    return side_was_reset(
               h->positive, h->positive_count, before->positive, before->positive_count, h) ||
           side_was_reset(
               h->negative, h->negative_count, before->negative, before->negative_count, h);
}

/* ---- text ---- */

static void add_number(struct buf *out, double value)
{
    char text[DECIMAL_TEXT_BYTES];

    buf_add(out, text, decimal_format_g(value, text));
}

static void add_range(struct buf *out, const struct histogram_range *r)
{
    buf_add_text(out, r->lower_inclusive ? ", [" : ", (");
    add_number(out, r->lower);
    buf_add_byte(out, ',');
    add_number(out, r->upper);
    buf_add_text(out, r->upper_inclusive ? "]:" : "):");
    add_number(out, r->count);
}

void histogram_format(struct buf *out, const struct histogram *h)
{
    struct histogram_range r;

    buf_add_text(out, "{count:");
    add_number(out, h->count);
    buf_add_text(out, ", sum:");
    add_number(out, h->sum);
    for (uint32_t i = h->negative_count; i > 0; i--) {
        bounds_of(h, h->negative[i - 1].index, false, &r);
        r.count = h->negative[i - 1].count;
        if (r.count != 0)
            add_range(out, &r);
    }
    r = (struct histogram_range){-h->zero_threshold, h->zero_threshold, h->zero_count, true, true};
    if (h->zero_count != 0)
        add_range(out, &r);
    for (uint32_t i = 0; i < h->positive_count; i++) {
        bounds_of(h, h->positive[i].index, true, &r);
        r.count = h->positive[i].count;
        if (r.count != 0)
            add_range(out, &r);
    }
    buf_add_byte(out, '}');
}
