/* source.h - where the engine's data comes from: the interface that a store implements.
 *
 *     select(matchers, [mint, maxt])  ─▶  series: labels and a reference, in the order of labels
 *     read(reference, [mint, maxt])   ─▶  columns: times, values; times, histograms
 *
 * A store hands decoded columns straight in: the engine reads them in place and copies nothing.
 * `select` is called by the thread that runs the query; `read` by several at once, each with a
 * buffer of its own. What was selected stays readable and unchanged until it is released, which the
 * engine does once for each selection, in any case. */
#ifndef TEND_OBSERVE_PROMQL_SOURCE_H
#define TEND_OBSERVE_PROMQL_SOURCE_H

#include "base/arena.h"
#include "base/err.h"
#include "observe/metrics/histogram.h"
#include "observe/metrics/labels.h"
#include "observe/metrics/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A series ends at a sample with these bits: the target is gone, or no longer has it. */
#define STALE_BITS UINT64_C(0x7ff0000000000002)

static inline bool sample_is_stale(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits == STALE_BITS;
}

/* The samples of one series in a time range, oldest first, no time twice. A series may have floats
 * and histograms by turns. Stale markers are in; a stale histogram has a stale sum. Times are
 * milliseconds since 1970. */
struct samples {
    size_t count;
    const int64_t *times;
    const double *values;
    const int64_t *starts; /* start timestamps, 0 for none; NULL: none at all */
    size_t histogram_count;
    const int64_t *histogram_times;
    const struct histogram *const *histograms;
    const int64_t *histogram_starts;
};

struct source_series {
    const struct labels *labels;
    uint64_t reference;
};

struct selection {
    const struct source_series *series; /* sorted by labels_cmp, no label set twice */
    size_t count;
    void *pin; /* the store's */
};

/* Memory that a reader lends for decoding; grows by realloc, freed by its owner. What `read` gave
 * is valid until the next read into the same buffer. */
struct source_buffer {
    void *memory;
    size_t bytes;
};

struct source {
    void *self;
    /* Series that match and may have samples in [mint, maxt]. `arena` may hold what is made. */
    bool (*select)(void *self, const struct matcher *matchers, size_t count, int64_t mint,
        int64_t maxt, struct arena *arena, struct selection *out, struct err *err);
    bool (*read)(void *self, const struct selection *selection, uint64_t reference, int64_t mint,
        int64_t maxt, struct source_buffer *buffer, struct samples *out, struct err *err);
    void (*release)(void *self, struct selection *selection);
};

#endif
