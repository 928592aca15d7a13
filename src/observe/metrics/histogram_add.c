/* Sums and differences of histograms: buckets of different resolution, zero buckets of different
 * width and custom bounds that differ are first made to fit. */
#include "observe/metrics/histogram.h"
#include "observe/metrics/histogram_private.h"

#include <string.h>

/* ---- counter reset hints ---- */

static bool combine_hints(struct histogram *h, const struct histogram *other)
{
    if (other->hint == h->hint || h->hint == HINT_GAUGE)
        return false;
    if (other->hint == HINT_GAUGE) {
        h->hint = HINT_GAUGE;
        return false;
    }
    bool collide = h->hint != HINT_UNKNOWN && other->hint != HINT_UNKNOWN;
    h->hint = HINT_UNKNOWN;
    return collide;
}

/* ---- zero buckets ---- */

/* Buckets that a wider zero bucket has swallowed go, and all that are empty. */
static uint32_t trim_side(
    struct bucket *b, struct bucket *c, uint32_t count, int32_t schema, double threshold)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        bool swallowed = histogram_bound(b[i].index - 1, schema) < threshold;
        if (swallowed || (b[i].count == 0 && (c == NULL || c[i].count == 0)))
            continue;
        if (c != NULL)
            c[n] = c[i];
        b[n++] = b[i];
    }
    return n;
}

static void widen_zero(struct histogram *h, double threshold, struct histogram *c)
{
    double c_zero;

    h->zero_count = histogram_zero_at(h, &threshold, c, &c_zero);
    h->zero_threshold = threshold;
    if (c != NULL)
        c->zero_count = c_zero;
    h->positive_count = trim_side(
        h->positive, c != NULL ? c->positive : NULL, h->positive_count, h->schema, threshold);
    h->negative_count = trim_side(
        h->negative, c != NULL ? c->negative : NULL, h->negative_count, h->schema, threshold);
    if (c != NULL) {
        c->positive_count = h->positive_count;
        c->negative_count = h->negative_count;
    }
}

/* Both zero buckets become as wide as the wider one: `h` is changed, of `other` the count is told.
 */
static double reconcile_zero(
    struct histogram *h, const struct histogram *other, struct histogram *c, double *out_c)
{
    double zero = other->zero_count, threshold = other->zero_threshold;

    *out_c = 0;
    while (threshold != h->zero_threshold) {
        if (h->zero_threshold > threshold) {
            threshold = h->zero_threshold;
            zero = histogram_zero_at(other, &threshold, NULL, out_c);
        }
        if (threshold > h->zero_threshold)
            widen_zero(h, threshold, c);
    }
    return zero;
}

/* ---- buckets ---- */

struct side {
    struct bucket *b, *c; /* counts and their compensation (NULL: none is kept) */
    uint32_t count;
};

static struct side new_side(struct arena *a, size_t room, bool compensated)
{
    struct side s = {.b = arena_new_array(a, room + 1, struct bucket)};

    if (compensated)
        s.c = arena_new_array(a, room + 1, struct bucket);
    return s;
}

static void put(struct side *s, int32_t index, double count, double c)
{
    s->b[s->count] = (struct bucket){index, count};
    if (s->c != NULL)
        s->c[s->count] = (struct bucket){index, c};
    s->count++;
}

/* The first bucket of y that counts: what lies below the zero threshold is in the zero bucket. */
static uint32_t first_above_zero(const struct side *y, const struct histogram *h)
{
    uint32_t k = 0;

    if (!histogram_is_custom(h))
        while (k < y->count && h->zero_threshold > 0 &&
               histogram_bound(y->b[k].index, h->schema) <= h->zero_threshold)
            k++;
    return k;
}

/* Whether x has all buckets that y has from `k` on: then nothing need be made. */
static bool covers(const struct side *x, const struct side *y, uint32_t k)
{
    for (uint32_t i = 0; k < y->count; k++, i++) {
        while (i < x->count && x->b[i].index < y->b[k].index)
            i++;
        if (i == x->count || x->b[i].index != y->b[k].index)
            return false;
    }
    return true;
}

static void add_bucket(
    const struct side *x, uint32_t i, const struct side *y, uint32_t k, double sign)
{
    double yc = y->c != NULL ? sign * y->c[k].count : 0;

    if (x->c == NULL) {
        x->b[i].count += sign * y->b[k].count;
        return;
    }
    histogram_kahan(sign * y->b[k].count, &x->b[i].count, &x->c[i].count);
    if (yc != 0)
        histogram_kahan(yc, &x->b[i].count, &x->c[i].count);
}

static struct side merge_in_place(
    const struct side *x, const struct side *y, uint32_t k, double sign)
{
    for (uint32_t i = 0; k < y->count; k++) {
        while (x->b[i].index < y->b[k].index)
            i++;
        add_bucket(x, i, y, k, sign);
    }
    return *x;
}

/* x + sign·y */
static struct side merge(struct arena *a, const struct side *x, const struct side *y, double sign,
    const struct histogram *h)
{
    uint32_t i = 0, k = first_above_zero(y, h);

    if (covers(x, y, k))
        return merge_in_place(x, y, k, sign);
    struct side out = new_side(a, (size_t)x->count + y->count, x->c != NULL);
    while (i < x->count || k < y->count) {
        bool from_x = k >= y->count || (i < x->count && x->b[i].index <= y->b[k].index);
        bool from_y = i >= x->count || (k < y->count && y->b[k].index <= x->b[i].index);
        double xc = from_x && x->c != NULL ? x->c[i].count : 0;
        double yc = from_y && y->c != NULL ? sign * y->c[k].count : 0;
        if (from_x && from_y) {
            put(&out, x->b[i].index, x->b[i].count, xc);
            struct side last = {
                &out.b[out.count - 1], out.c != NULL ? &out.c[out.count - 1] : NULL, 1};
            add_bucket(&last, 0, y, k, sign);
        } else if (from_x) {
            put(&out, x->b[i].index, x->b[i].count, xc);
        } else {
            put(&out, y->b[k].index, sign * y->b[k].count, yc);
        }
        i += from_x;
        k += from_y;
    }
    return out;
}

static int32_t target_index(int32_t index, int32_t schema, int32_t target)
{
    return ((index - 1) >> (schema - target)) + 1;
}

/* At a coarser schema; compensated, both counts and compensation go in carefully. */
static struct side reduce(struct arena *a, const struct side *x, int32_t schema, int32_t target)
{
    struct side out = new_side(a, x->count, x->c != NULL);

    if (x->c == NULL) {
        out.count = histogram_reduce(x->b, x->count, schema, target, out.b);
        return out;
    }
    for (uint32_t i = 0; i < x->count; i++) {
        int32_t index = target_index(x->b[i].index, schema, target);
        if (out.count == 0 || out.b[out.count - 1].index != index) {
            put(&out, index, x->b[i].count, x->c[i].count);
            continue;
        }
        double *sum = &out.b[out.count - 1].count, *c = &out.c[out.count - 1].count;
        histogram_kahan(x->b[i].count, sum, c);
        histogram_kahan(x->c[i].count, sum, c);
    }
    return out;
}

/* ---- custom bounds ---- */

static bool same_bounds(const struct histogram *x, const struct histogram *y)
{
    return x->custom_count == y->custom_count &&
           (x->custom == y->custom || x->custom_count == 0 ||
               memcmp(x->custom, y->custom, x->custom_count * sizeof *x->custom) == 0);
}

static double *common_bounds(
    struct arena *a, const struct histogram *x, const struct histogram *y, uint32_t *out_count)
{
    double *bounds = arena_new_array(a, (size_t)x->custom_count + 1, double);
    uint32_t i = 0, k = 0, n = 0;

    while (i < x->custom_count && k < y->custom_count) {
        if (x->custom[i] == y->custom[k]) {
            bounds[n++] = x->custom[i];
            i++;
            k++;
        } else if (x->custom[i] < y->custom[k]) {
            i++;
        } else {
            k++;
        }
    }
    *out_count = n;
    return bounds;
}

/* Adds what `h` has into buckets with fewer bounds. */
static void pour(const struct histogram *h, const struct side *s, double sign, const double *bounds,
    uint32_t bound_count, double *sums, double *cs)
{
    uint32_t target = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t index = (uint32_t)s->b[i].index, to = bound_count;
        if (index < h->custom_count) {
            while (target < bound_count && bounds[target] < h->custom[index])
                target++;
            to = target;
        }
        histogram_kahan(sign * s->b[i].count, &sums[to], &cs[to]);
        if (s->c != NULL)
            histogram_kahan(s->c[i].count, &sums[to], &cs[to]);
    }
}

static struct side merge_custom(struct arena *a, struct histogram *h, const struct side *x,
    const struct histogram *other, const struct side *y, double sign)
{
    uint32_t count;
    double *bounds = common_bounds(a, h, other, &count);
    double *sums = arena_new_array(a, (size_t)count + 1, double);
    double *cs = arena_new_array(a, (size_t)count + 1, double);
    struct side out = new_side(a, (size_t)count + 1, x->c != NULL);

    pour(h, x, 1, bounds, count, sums, cs);
    pour(other, y, sign, bounds, count, sums, cs);
    for (uint32_t i = 0; i <= count; i++)
        if (sums[i] != 0 || cs[i] != 0)
            put(&out, (int32_t)i, sums[i], cs[i]);
    h->custom = bounds;
    h->custom_count = count;
    return out;
}

/* ---- the whole ---- */

static void set_positive(struct histogram *h, struct histogram *c, const struct side *s)
{
    h->positive = s->b;
    h->positive_count = s->count;
    if (c != NULL) {
        c->positive = s->c;
        c->positive_count = s->count;
    }
}

static void set_negative(struct histogram *h, struct histogram *c, const struct side *s)
{
    h->negative = s->b;
    h->negative_count = s->count;
    if (c != NULL) {
        c->negative = s->c;
        c->negative_count = s->count;
    }
}

static void combine_buckets(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram *c, double sign, struct histogram_note *note)
{
    struct side x = {h->positive, c != NULL ? c->positive : NULL, h->positive_count};
    struct side y = {other->positive, NULL, other->positive_count};
    struct side xn = {h->negative, c != NULL ? c->negative : NULL, h->negative_count};
    struct side yn = {other->negative, NULL, other->negative_count};
    struct side sum;

    if (histogram_is_custom(h)) {
        bool same = same_bounds(h, other);
        note->reconciled |= !same;
        sum = same ? merge(a, &x, &y, sign, h) : merge_custom(a, h, &x, other, &y, sign);
        set_positive(h, c, &sum);
        return;
    }
    if (other->schema < h->schema) {
        x = reduce(a, &x, h->schema, other->schema);
        xn = reduce(a, &xn, h->schema, other->schema);
        h->schema = other->schema;
    } else if (other->schema > h->schema) {
        if (c != NULL) {
            y.c = arena_new_array(a, (size_t)y.count + 1, struct bucket);
            yn.c = arena_new_array(a, (size_t)yn.count + 1, struct bucket);
        }
        y = reduce(a, &y, other->schema, h->schema);
        yn = reduce(a, &yn, other->schema, h->schema);
    }
    sum = merge(a, &x, &y, sign, h);
    set_positive(h, c, &sum);
    sum = merge(a, &xn, &yn, sign, h);
    set_negative(h, c, &sum);
}

static bool combine(struct arena *a, struct histogram *h, const struct histogram *other,
    double sign, struct histogram_note *note)
{
    double zero_c;

    if (histogram_is_custom(h) != histogram_is_custom(other))
        return false;
    note->resets_collide |= combine_hints(h, other);
    if (!histogram_is_custom(h)) {
        double zero = reconcile_zero(h, other, NULL, &zero_c);
        h->zero_count += sign * zero;
    }
    h->count += sign * other->count;
    h->sum += sign * other->sum;
    combine_buckets(a, h, other, NULL, sign, note);
    return true;
}

bool histogram_add(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram_note *note)
{
    return combine(a, h, other, 1, note);
}

bool histogram_sub(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram_note *note)
{
    return combine(a, h, other, -1, note);
}

static struct histogram *new_compensation(struct arena *a, const struct histogram *h)
{
    struct histogram *c = histogram_copy(a, h);

    c->zero_count = c->count = c->sum = 0;
    for (uint32_t i = 0; i < c->positive_count; i++)
        c->positive[i].count = 0;
    for (uint32_t i = 0; i < c->negative_count; i++)
        c->negative[i].count = 0;
    return c;
}

bool histogram_add_kahan(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram **compensation, struct histogram_note *note)
{
    double zero_c;

    if (histogram_is_custom(h) != histogram_is_custom(other))
        return false;
    note->resets_collide |= combine_hints(h, other);
    if (*compensation == NULL)
        *compensation = new_compensation(a, h);
    struct histogram *c = *compensation;
    if (!histogram_is_custom(h)) {
        double zero = reconcile_zero(h, other, c, &zero_c);
        histogram_kahan(zero, &h->zero_count, &c->zero_count);
        histogram_kahan(zero_c, &h->zero_count, &c->zero_count);
    }
    histogram_kahan(other->count, &h->count, &c->count);
    histogram_kahan(other->sum, &h->sum, &c->sum);
    combine_buckets(a, h, other, c, 1, note);
    c->schema = h->schema;
    c->zero_threshold = h->zero_threshold;
    c->custom = h->custom;
    c->custom_count = h->custom_count;
    return true;
}
