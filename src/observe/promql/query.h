/* query.h - running an expression over a source: one instant, or a range of steps.
 *
 *     struct query_options o = QUERY_OPTIONS_DEFAULT;
 *     o.start_ms = …; o.end_ms = …; o.step_ms = 15000;
 *     struct query_result *r = query_run(expression, source, &o, &err);
 *     … r->series …
 *     query_result_destroy(&r);
 *
 * A run is a pure function of its arguments. It writes everything it builds into one arena, within
 * `memory_bytes_max`; a query that needs more is refused with ERR_LIMIT and a text that says which
 * limit, and what it would have taken. So are too many points or samples; a deadline or a cancelled
 * run is ERR_TIMEOUT or ERR_CANCELLED. What is wrong with the query on this data (several series
 * where one is wanted) is ERR_INVALID: the API's "execution". */
#ifndef TEND_OBSERVE_PROMQL_QUERY_H
#define TEND_OBSERVE_PROMQL_QUERY_H

#include "base/err.h"
#include "io/worker.h"
#include "observe/metrics/histogram.h"
#include "observe/metrics/labels.h"
#include "observe/promql/expression.h"
#include "observe/promql/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prometheus 3, or the way 2.42 did it: windows and lookback closed on the left, names dropped at
 * once instead of at the end. */
enum query_profile { PROFILE_3, PROFILE_2_42 };

/* Memory of all runs and results that share it. Any thread. */
struct query_budget {
    _Atomic size_t used_bytes;
    size_t bytes_max;
};

/* Threads that a run may use besides its own: `run` calls task(data, 0) to task(data, count - 1),
 * several at once as it likes, and returns when all are done. Results do not depend on it. */
struct query_helpers {
    void *self;
    unsigned threads; /* how many tasks it is worth to make */
    void (*run)(void *self, void (*task)(void *data, unsigned index), void *data, unsigned count);
};

struct query_options {
    int64_t start_ms, end_ms;
    int64_t step_ms; /* 0: an instant query at start_ms */
    int64_t lookback_ms;
    int64_t subquery_step_ms; /* where [range:] names none */
    enum query_profile profile;
    bool start_timestamps; /* rate() and the like look at them */
    bool type_and_unit;    /* __type__ and __unit__ are part of a metric's name */
    size_t memory_bytes_max;
    struct query_budget *budget; /* of all queries together; NULL: none. Outlives the results */
    size_t samples_max;          /* read from the source, in all; 0: no limit of its own */
    size_t points_max;           /* steps of the run, and of each subquery */
    struct cancel *cancel;       /* NULL: none; borrowed */
    const struct query_helpers *helpers; /* NULL: none; borrowed */
};

#define QUERY_OPTIONS_DEFAULT                                                             \
    {                                                                                     \
        .lookback_ms = 300000, .subquery_step_ms = 60000, .memory_bytes_max = 256u << 20, \
        .points_max = 1000000                                                             \
    }

struct result_series {
    const struct labels *labels;
    size_t count;
    const int64_t *times;
    const double *values;
    size_t histogram_count;
    const int64_t *histogram_times;
    const struct histogram *const *histograms;
};

struct annotation {
    bool warning;     /* else info */
    const char *text; /* "PromQL info: … (1:6)" */
};

struct query_result {
    /* A range query always gives TYPE_MATRIX. Of a vector each series has one sample. */
    enum value_type type;
    int64_t time_ms; /* of a scalar, string or vector */
    double scalar;
    struct str string;
    struct result_series *series;
    size_t series_count;
    struct annotation *annotations;
    size_t annotation_count;
    size_t samples_read, memory_bytes; /* what it took */
    struct arena *arena;
    struct query_budget *budget; /* what it still claims of it */
    size_t claimed_bytes;
};

/* NULL on failure. */
struct query_result *query_run(const struct expression *e, const struct source *source,
    const struct query_options *options, struct err *err);
void query_result_destroy(struct query_result **r);

#endif
