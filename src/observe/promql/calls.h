/* calls.h - functions that evaluate their own arguments (function_node_fn), by file. */
#ifndef TEND_OBSERVE_PROMQL_CALLS_H
#define TEND_OBSERVE_PROMQL_CALLS_H

#include "observe/promql/query_private.h"

#define CALL(name) \
    void name(struct query *q, const struct node *n, const struct grid *g, struct value *out)

/* call_scalar.c */
CALL(call_time);
CALL(call_pi);
CALL(call_scalar);
CALL(call_vector);
CALL(call_max_of);
CALL(call_min_of);
CALL(call_start);
CALL(call_end);
CALL(call_step);
CALL(call_range);

/* call_element.c */
CALL(call_clamp);
CALL(call_clamp_min);
CALL(call_clamp_max);
CALL(call_round);
CALL(call_date); /* without an argument: of the evaluation time */
CALL(call_timestamp);
CALL(call_start_timestamp);
double date_day_of_month(double t);
double date_day_of_week(double t);
double date_day_of_year(double t);
double date_days_in_month(double t);
double date_hour(double t);
double date_minute(double t);
double date_month(double t);
double date_year(double t);

/* call_series.c */
CALL(call_absent);
CALL(call_absent_over_time);
CALL(call_sort);
CALL(call_sort_desc);
CALL(call_sort_by_label);
CALL(call_sort_by_label_desc);

/* call_label.c */
CALL(call_label_replace);
CALL(call_label_join);

/* call_histogram.c, call_buckets.c */
CALL(call_histogram_count);
CALL(call_histogram_sum);
CALL(call_histogram_avg);
CALL(call_histogram_stddev);
CALL(call_histogram_stdvar);
CALL(call_histogram_fraction);
CALL(call_histogram_quantile);
CALL(call_histogram_quantiles);

/* call_info.c */
CALL(call_info);

#endif
