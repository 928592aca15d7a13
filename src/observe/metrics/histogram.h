/* histogram.h - native histograms: a distribution as one sample.
 *
 * A histogram has a count, a sum and buckets. With an exponential schema s from -4 to 8, bucket i
 * covers (b^(i-1), b^i] with b = 2^(2^-s); negative buckets mirror that, and a zero bucket covers
 * [-zero_threshold, zero_threshold]. With the schema HISTOGRAM_CUSTOM ("NHCB"), bucket i covers
 * (custom[i-1], custom[i]], the first from -Inf, the last to +Inf, as classic buckets do.
 *
 * Buckets are kept sparse: pairs of index and count, sorted by index. Counts are floats, since sums
 * and rates are histograms too, and may be negative there. Values are immutable once they are in a
 * store; functions that change one say so. What is built lies in the arena given.
 * Follows: prometheus.io/docs/specs/native_histograms. Any thread. */
#ifndef TEND_OBSERVE_METRICS_HISTOGRAM_H
#define TEND_OBSERVE_METRICS_HISTOGRAM_H

#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_CUSTOM     (-53)
#define HISTOGRAM_SCHEMA_MIN (-4)
#define HISTOGRAM_SCHEMA_MAX 8

/* What is known about a counter's reset between the sample before and this one. */
enum histogram_hint { HINT_UNKNOWN, HINT_RESET, HINT_NOT_RESET, HINT_GAUGE };

struct bucket {
    int32_t index;
    double count;
};

struct histogram {
    enum histogram_hint hint;
    int32_t schema;
    uint32_t positive_count, negative_count, custom_count;
    double zero_threshold, zero_count;
    double count, sum;
    struct bucket *positive, *negative;
    const double *custom; /* upper bounds, ascending; shared between histograms */
};

/* A bucket with its bounds, in the order of values: what quantiles and printing walk over. */
struct histogram_range {
    double lower, upper, count;
    bool lower_inclusive, upper_inclusive;
};

static inline bool histogram_is_custom(const struct histogram *h)
{
    return h->schema == HISTOGRAM_CUSTOM;
}

struct histogram *histogram_copy(struct arena *a, const struct histogram *h);
/* Bit for bit, hints aside; both compacted. */
bool histogram_eq(const struct histogram *a, const struct histogram *b);
/* Drops buckets that count zero; changes `h`. */
void histogram_compact(struct histogram *h);
void histogram_scale(struct histogram *h, double factor);
void histogram_divide(struct histogram *h, double divisor);
bool histogram_overflows(const struct histogram *h);
/* Whether two such can be added without overflow. */
bool histogram_is_small(const struct histogram *h);
/* At a coarser schema (not above its own; the same for custom buckets). */
struct histogram *histogram_at_schema(struct arena *a, const struct histogram *h, int32_t schema);

/* What adding two found out besides the sum. */
struct histogram_note {
    bool resets_collide; /* one says reset, the other not reset */
    bool reconciled;     /* custom bounds differ: only the common ones are left */
};

/* h += other, h -= other; false, and nothing is done, if one has custom buckets and the other has
 * not. */
bool histogram_add(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram_note *note);
bool histogram_sub(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram_note *note);
/* h += other with the rounding errors gathered in `compensation`, which is made when it is NULL;
 * the precise sum is h + compensation. */
bool histogram_add_kahan(struct arena *a, struct histogram *h, const struct histogram *other,
    struct histogram **compensation, struct histogram_note *note);

/* Whether a counter was reset between `before` and `h`, by the hint or by what got smaller. */
bool histogram_was_reset(
    struct arena *a, const struct histogram *h, const struct histogram *before);

/* All buckets that are there, lowest first; the zero bucket in its place if it counts. */
size_t histogram_range_count(const struct histogram *h);
void histogram_ranges(const struct histogram *h, struct histogram_range *out);
/* The upper bound of an exponential bucket. */
double histogram_bound(int32_t index, int32_t schema);

/* What lies above (upper) or below `limit` is cut off: the operators `</` and `>/`. */
void histogram_trim(struct histogram *h, double limit, bool upper);

/* "{count:10, sum:2.5, (0.5,1]:4, …}", as count_values labels it. */
void histogram_format(struct buf *out, const struct histogram *h);

#endif
