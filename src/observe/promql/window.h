/* window.h - range vectors: series with the samples of a stretch of time, and the functions that
 * make one sample of each window. Part of the evaluator (query_private.h).
 *
 *     samples   ·  ·  ·   ·  ·  ·  ·   ·  ·
 *     step 0    (────────]
 *     step 1          (────────]              windows slide over the columns of one series
 *     step 2                (────────]
 */
#ifndef TEND_OBSERVE_PROMQL_WINDOW_H
#define TEND_OBSERVE_PROMQL_WINDOW_H

#include "observe/promql/query_private.h"

/* Where the windows of a range vector lie. */
struct ranging {
    struct query *q;
    const struct node *node; /* selector or subquery, without parentheses */
    const struct grid *g;
    int64_t offset, at, range;
    int64_t before, after; /* how much further anchored and smoothed selectors look */
    bool fixed, anchored, smoothed;
};

void ranging_init(
    struct ranging *r, struct query *q, const struct node *range, const struct grid *g);
/* Where the window of step i ends, and what is in it. */
int64_t ranging_end(const struct ranging *r, size_t i);

/* Every series with its samples of all windows, stale markers gone. */
typedef void (*range_fn)(
    void *self, const struct labels *labels, bool drop_name, const struct samples *samples);
void ranging_each(const struct ranging *r, range_fn each, void *self);

/* The times that are read of a selector; the steps at which a subquery is evaluated, false if there
 * are none. */
int64_t ranging_first(const struct ranging *r);
int64_t ranging_last(const struct ranging *r);
bool ranging_subquery_grid(const struct ranging *r, struct grid *out);

/* One after the other, of a selector: the series, and the samples of one; false if it has none. */
void ranging_select(const struct ranging *r, struct selection *out);
bool ranging_read(
    const struct ranging *r, const struct selection *selection, size_t i, struct samples *out);

/* The part of `s` with times in (after, upto]; closed: [after, upto]. */
struct samples samples_within(const struct samples *s, int64_t after, int64_t upto, bool closed);

/* ---- a call over windows: window.c ---- */
struct windowing {
    struct ranging r;
    const struct node *call;
    double *args[3];
    size_t arg_count;
    row_fn each;
    void *self;
    struct row row;
    uint32_t *from, *to; /* of a sweep */
    void *scratch;
    size_t scratch_samples;
};

bool window_can_sweep(const struct windowing *x, const struct samples *s);
void window_sweep(struct windowing *x, const struct samples *s);
/* From samples to a row to `each`. */
void window_series(
    void *self, const struct labels *labels, bool drop_name, const struct samples *samples);
/* Notes on the series, takes its name, hands it on. */
void window_finish(struct windowing *x, struct row *row);
/* The same by several threads; rows come in the order of the series (window_parallel.c). */
void window_each_parallel(struct windowing *x);

/* ---- the functions, by file ---- */
enum window_result window_rate(struct window *w);
enum window_result window_increase(struct window *w);
enum window_result window_delta(struct window *w);
enum window_result window_irate(struct window *w);
enum window_result window_idelta(struct window *w);
enum window_result window_avg(struct window *w);
enum window_result window_sum(struct window *w);
enum window_result window_count(struct window *w);
enum window_result window_min(struct window *w);
enum window_result window_max(struct window *w);
enum window_result window_last(struct window *w);
enum window_result window_first(struct window *w);
enum window_result window_stddev(struct window *w);
enum window_result window_stdvar(struct window *w);
enum window_result window_mad(struct window *w);
enum window_result window_quantile(struct window *w);
enum window_result window_present(struct window *w);
enum window_result window_ts_first(struct window *w);
enum window_result window_ts_last(struct window *w);
enum window_result window_ts_min(struct window *w);
enum window_result window_ts_max(struct window *w);
enum window_result window_deriv(struct window *w);
enum window_result window_predict_linear(struct window *w);
enum window_result window_double_smoothing(struct window *w);
enum window_result window_changes(struct window *w);
enum window_result window_resets(struct window *w);

/* ---- sweep.c, window_rate.c: all windows of a series at once ----
 *
 * Only for series of floats, without start timestamps, and windows that are neither anchored nor
 * smoothed. The windows' borders do not go back from step to step. */
struct sweep {
    struct query *q;
    const struct ranging *ranging;
    const struct samples *samples; /* floats, without stale markers */
    const uint32_t *from, *to;     /* by step: the samples [from, to) are in the window */
    struct row *row;               /* what comes out */
    void *scratch;                 /* 16 bytes a sample */
};

void sweep_rate(struct sweep *s);
void sweep_increase(struct sweep *s);
void sweep_delta(struct sweep *s);
void sweep_avg(struct sweep *s);
void sweep_sum(struct sweep *s);
void sweep_count(struct sweep *s);
void sweep_min(struct sweep *s);
void sweep_max(struct sweep *s);
void sweep_last(struct sweep *s);
void sweep_changes(struct sweep *s);
void sweep_resets(struct sweep *s);

/* window_extended.c: anchored and smoothed */
enum window_result window_extended_rate(struct window *w, bool is_counter, bool is_rate);
bool window_anchor(struct window *w, size_t *first, size_t *first_histogram);
struct samples window_extend(const struct ranging *r, const struct samples *s);

/* The mean as avg_over_time has it (window_over_time.c). */
double window_mean_of(const double *values, size_t count);

/* window_histogram.c */
struct histogram *window_histogram_rate(struct window *w, bool is_counter);
enum window_result window_histogram_sum(struct window *w, bool average);
void window_note_ignored(struct window *w); /* histograms among floats */

/* Whether a start timestamp shows that a counter began anew between two samples. */
bool start_is_reset(int64_t start_before, int64_t before, int64_t start, int64_t time);
bool start_overlaps(int64_t start_before, int64_t before, int64_t start);
void window_note_overlap(struct window *w);

#endif
