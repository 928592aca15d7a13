/* memory_source.h - a source that is plain arrays: for tests and the conformance runner.
 *
 * Written by one thread before it is read; then any number may read. */
#ifndef TEND_OBSERVE_PROMQL_MEMORY_SOURCE_H
#define TEND_OBSERVE_PROMQL_MEMORY_SOURCE_H

#include "observe/promql/source.h"

struct memory_source;

struct memory_source *memory_source_create(void);
void memory_source_destroy(struct memory_source **m);
/* The interface; lives as long as `m`. */
const struct source *memory_source_interface(struct memory_source *m);

/* Samples in any order; a later one at the same time replaces the earlier, be it a float or a
 * histogram. Labels and histograms are copied. `start_ms` 0: none. What a histogram read back says
 * of counter resets is what Prometheus' storage would say. */
void memory_source_add(struct memory_source *m, const struct labels *labels, int64_t time_ms,
    double value, int64_t start_ms);
void memory_source_add_histogram(struct memory_source *m, const struct labels *labels,
    int64_t time_ms, const struct histogram *h, int64_t start_ms);

#endif
