/* histogram_private.h - what the files of histograms share. */
#ifndef TEND_OBSERVE_METRICS_HISTOGRAM_PRIVATE_H
#define TEND_OBSERVE_METRICS_HISTOGRAM_PRIVATE_H

#include "observe/metrics/histogram.h"

static inline void histogram_kahan(double inc, double *sum, double *c)
{
    double t = *sum + inc;

    if (__builtin_isinf(t))
        *c = 0;
    else if (__builtin_fabs(*sum) >= __builtin_fabs(inc))
        *c += (*sum - t) + inc;
    else
        *c += (inc - t) + *sum;
    *sum = t;
}

/* Buckets of a coarser schema from those of a finer one, into `out`, which has room for `count`. */
uint32_t histogram_reduce(
    const struct bucket *from, uint32_t count, int32_t schema, int32_t target, struct bucket *out);
/* The zero bucket as it is with a larger threshold, which grows on to the end of a bucket that it
 * cuts. `c`: compensation, or NULL. */
double histogram_zero_at(
    const struct histogram *h, double *threshold, const struct histogram *c, double *c_zero);

#endif
