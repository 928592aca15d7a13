/* buckets.h - quantiles and fractions of histograms, native and classic. Part of the evaluator. */
#ifndef TEND_OBSERVE_PROMQL_BUCKETS_H
#define TEND_OBSERVE_PROMQL_BUCKETS_H

#include "observe/promql/query_private.h"

/* `at` is the argument that notes are about. */
double histogram_quantile_of(struct query *q, const struct node *at, double quantile,
    const struct histogram *h, const struct labels *labels);
double histogram_fraction_of(struct query *q, const struct node *at, double lower, double upper,
    const struct histogram *h, const struct labels *labels);
/* In scratch memory: until the next query_scratch. */
struct histogram_range *histogram_ranges_of(
    struct query *q, const struct histogram *h, size_t *out_count);

/* One bucket of a classic histogram: how many observations are not above `upper`. */
struct classic_bucket {
    double upper, count;
};

/* What had to be mended on the way. */
struct mended {
    bool forced; /* counts went down from one bucket to the next */
    double bucket_min, bucket_max, diff_max;
};

/* `b` in any order; it is sorted, and changed. */
double buckets_quantile(double q, struct classic_bucket *b, size_t count, struct mended *out);
double buckets_fraction(double lower, double upper, struct classic_bucket *b, size_t count);

#endif
