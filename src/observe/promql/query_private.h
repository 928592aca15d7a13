/* query_private.h - a run, as the files of the evaluator share it.
 *
 * Everything is computed for all steps of a *grid* at once. A vector is a matrix of rows, one a
 * series; a row has a value for every step and a bit that says whether it is there:
 *
 *     labels                 values            present
 *     {job="a"}              1.0  2.0   ─  4.0    1101
 *     {job="b"}               ─    ─   7.0 8.0    0011
 *
 * so that most operators are loops over plain arrays, and set operators are loops over words of
 * bits. Values that are not present are any number. A row that has histograms has them in an array
 * beside the values; at a step there is one or the other.
 *
 * Failing jumps out: query_fail, and whatever may fail, ends in query_run, which releases what the
 * source lent. All memory is the query's arena, so nothing else is to be undone. */
#ifndef TEND_OBSERVE_PROMQL_QUERY_PRIVATE_H
#define TEND_OBSERVE_PROMQL_QUERY_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/regex.h"
#include "observe/promql/ast.h"
#include "observe/promql/functions.h"
#include "observe/promql/query.h"

#include <setjmp.h>

/* The steps start, start + step, …; there is at least one. step > 0. */
struct grid {
    int64_t start, step;
    size_t count;
};

static inline int64_t grid_time(const struct grid *g, size_t i)
{
    return g->start + (int64_t)i * g->step;
}
static inline int64_t grid_end(const struct grid *g)
{
    return grid_time(g, g->count - 1);
}

struct row {
    const struct labels *labels;
    bool drop_name; /* at the end (Prometheus 3 delays it) */
    double *values;
    uint64_t *present;
    const struct histogram **histograms; /* NULL: none */
    const struct histogram **room;       /* where they go, if there is such an array already */
};

struct matrix {
    struct row *rows;
    size_t count, capacity;
};

struct range_series {
    const struct labels *labels;
    bool drop_name;
    struct samples samples;
};

struct value {
    enum value_type type;
    double *scalar; /* one a step, all present */
    struct str string;
    struct matrix vector;
    struct range_series *ranges;
    size_t range_count;
};

struct note {
    bool warning;
    uint32_t at;
    const char *text;
    /* of "needed to be fixed for monotonicity" and "start time overlaps", which tell a summary */
    size_t times;
    int64_t time_min, time_max;
    double bucket_min, bucket_max, diff_max;
};

struct held_selection {
    struct selection selection;
    struct held_selection *next;
};

/* Columns that are made of others: stale markers taken out, rows of a subquery. One at a time. */
struct columns_room {
    int64_t *times, *starts, *histogram_times, *histogram_starts;
    double *values;
    const struct histogram **histograms;
    size_t count, histogram_count;
};

struct query {
    struct arena *arena;
    size_t claimed_bytes; /* of options->budget */
    const struct query_options *options;
    const struct source *source;
    struct str text;
    bool delayed_names; /* PROFILE_3 */
    bool closed_left;   /* PROFILE_2_42 */
    struct note *notes;
    size_t note_count, note_capacity;
    struct held_selection *held;
    struct source_buffer buffer;
    struct helper_state *helpers; /* of window_parallel.c */
    struct columns_room columns;  /* of the series that is looked at */
    struct regex *regexes[8];     /* of label_replace */
    size_t regex_count;
    struct buf text_buffer;
    double *scratch; /* query_scratch */
    size_t scratch_count;
    size_t samples_read;
    unsigned until_check; /* work until the next look at the clock */
    struct err *err;
    jmp_buf failed;
};

/* ---- query.c: memory, failing, notes ---- */
void *query_take(struct query *q, size_t count, size_t size) __attribute__((returns_nonnull));
/* Fails unless that much is left: for what others build right into the arena next. */
void query_room(struct query *q, size_t count, size_t size);
#define query_new_array(q, n, type) ((type *)query_take((q), (n), sizeof(type)))
/* Room for `count` numbers, until the next call. */
double *query_scratch(struct query *q, size_t count) __attribute__((returns_nonnull));
_Noreturn void query_fail(struct query *q, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Compiled for the rest of the run. */
struct regex *query_regex(struct query *q, struct str pattern, struct err *err);
/* Call it now and then: `work` in samples or so. Fails when the deadline has passed. */
void query_worked(struct query *q, size_t work);
struct note *query_warn(struct query *q, const struct node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct note *query_info(struct query *q, const struct node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* " for metric name \"x\"", or "" without a name. */
const char *query_for_metric(struct query *q, const struct labels *l);
struct str query_metric_name(const struct labels *l);
/* As Go prints %g. */
const char *query_number(struct query *q, double value);
const char *query_labels_text(struct query *q, const struct labels *l);

/* ---- rows.c ---- */
static inline size_t bit_words(size_t count)
{
    return (count + 63) / 64;
}
static inline bool bit_get(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}
static inline void bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline void bit_clear(uint64_t *bits, size_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
void bits_fill(uint64_t *bits, size_t count);
bool bits_any(const uint64_t *bits, size_t count);
bool bits_all(const uint64_t *bits, size_t count);
size_t bits_count(const uint64_t *bits, size_t count);
bool bits_overlap(const uint64_t *a, const uint64_t *b, size_t count);
/* for (ssize_t i = -1; (i = bits_next(bits, count, i)) >= 0;) */
ptrdiff_t bits_next(const uint64_t *bits, size_t count, ptrdiff_t after);
/* A row without values, with room for them. */
void row_init(struct query *q, struct row *r, const struct labels *labels, const struct grid *g);
void row_set_histogram(
    struct query *q, struct row *r, const struct grid *g, size_t i, const struct histogram *h);
/* Its bits, values and histograms copied. */
void row_copy(struct query *q, struct row *to, const struct row *from, const struct grid *g);
/* Only floats are left. */
void row_drop_histograms(struct row *r, const struct grid *g);
void row_remove_at(struct row *r, size_t i);
static inline const struct histogram *row_histogram(const struct row *r, size_t i)
{
    return r->histograms != NULL ? r->histograms[i] : NULL;
}
struct row *matrix_add(struct query *q, struct matrix *m);
/* The name goes: at once, or at the end. */
void row_lose_name(struct query *q, struct row *r);
const struct labels *labels_without_name(struct query *q, const struct labels *l);
/* Series of the same labels become one; "vector cannot contain metrics with the same labelset" if
 * two have a value at the same step. */
void matrix_merge_same(struct query *q, struct matrix *m, const struct grid *g);
/* The same, where an operator may have made such series: Prometheus lets an instant query with
 * delayed names pass here and looks at the end. */
void matrix_merge_made(struct query *q, struct matrix *m, const struct grid *g);
void matrix_sort(struct matrix *m);
/* Rows without any value go. */
void matrix_drop_empty(struct matrix *m, const struct grid *g);

/* ---- label_index.c: from label sets, or parts of them, to small numbers ---- */
struct label_index {
    const struct str *names;
    size_t name_count;
    bool keep;
    const struct labels **at; /* by ordinal */
    uint64_t *hashes;
    size_t count, capacity;
    uint32_t *slots; /* ordinal + 1 */
    size_t slot_count;
};
/* Of what labels_project(names, keep) leaves; names NULL, keep false: of all. */
void label_index_init(struct label_index *x, const struct str *names, size_t name_count, bool keep);
/* The ordinal; *out_new tells whether it is the first of its kind. */
size_t label_index_add(
    struct query *q, struct label_index *x, const struct labels *l, bool *out_new);
ptrdiff_t label_index_find(const struct label_index *x, const struct labels *l);

/* ---- eval.c ---- */
typedef void (*row_fn)(void *self, struct row *row);

void eval(struct query *q, const struct node *n, const struct grid *g, struct value *out);
double *eval_scalar(struct query *q, const struct node *n, const struct grid *g);
void eval_vector(struct query *q, const struct node *n, const struct grid *g, struct matrix *out);
/* One row after the other, in the order of the vector. The row is the callee's to change and to
 * copy; its memory is used again for the next. */
void eval_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self);
/* Whether a node's rows come one by one, without the whole vector ever being there. */
bool eval_streams(const struct node *n);
int64_t eval_offset(struct query *q, const struct time_shift *s);
/* The time that `@` fixes; false if there is none. */
bool eval_at(struct query *q, const struct time_shift *s, int64_t *out);
int64_t eval_span(struct query *q, const struct span_ms *s);
/* Steps from first to last; refuses too many. */
size_t eval_steps(struct query *q, int64_t first, int64_t last, int64_t step);

/* ---- select.c ---- */
void select_series(struct query *q, const struct matcher *matchers, size_t count, int64_t mint,
    int64_t maxt, struct selection *out);
/* only_stats: histograms without buckets, with hints from comparing each with the one before. */
void select_read(struct query *q, const struct selection *s, size_t i, int64_t mint, int64_t maxt,
    bool only_stats, struct samples *out);
void select_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self);
/* window_extended.c: foo smoothed */
void smooth_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self);
/* foo[5m] and foo[5m:1m] as a result */
void select_ranges(struct query *q, const struct node *n, const struct grid *g, struct value *out);
/* timestamp(foo): the time of the sample instead of its value; or its start timestamp */
enum select_what { SELECT_VALUE, SELECT_TIME, SELECT_START };

void select_each_of(struct query *q, const struct node *n, const struct grid *g,
    enum select_what what, row_fn each, void *self);

/* ---- window.c ---- */
struct window {
    struct query *q;
    const struct node *call, *range; /* the call, and its argument that is a range vector */
    const struct labels *labels;
    size_t step;
    int64_t time;       /* of the step */
    int64_t start, end; /* of the window: start is not in it (2.42: it is) */
    int64_t range_ms;
    struct samples samples; /* in the window, without stale markers */
    double args[3];         /* the scalars of the call, in order */
    double value;           /* what comes out */
    const struct histogram *histogram;
    bool overlap_told;
};
void window_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self);

/* Frees what window_parallel.c has for each thread. */
void window_helpers_release(struct query *q);

/* ---- operators and aggregations ---- */
/* Built for several processors where the compiler can; the loader picks. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OPERATE_CLONES __attribute__((target_clones("default", "avx2", "avx512f"), optimize("O3")))
#else
#define OPERATE_CLONES
#endif
void operate_rows(enum operator op, const double *a, const double *b, double *out, size_t count);
double operate(enum operator op, double a, double b);
/* operator_calculates, but for what 2.42 forgot. */
static inline bool query_calculates(const struct query *q, enum operator op)
{
    return operator_calculates(op) && !(q->closed_left && op == OP_ATAN2);
}
/* The comparison's verdict; true for other operators. */
bool operate_keeps(enum operator op, double a, double b);
void eval_binary_vectors(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out);
void eval_binary_scalar(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self);
/* One step of an operator where a histogram takes part; false: nothing comes out. */
struct operand {
    double value;
    const struct histogram *histogram;
};
bool operate_histograms(struct query *q, const struct node *n, const struct operand *a,
    const struct operand *b, struct operand *out, bool *out_keep);
void eval_aggregate(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out);
void eval_aggregate_k(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out);
void eval_count_values(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out);
void group_index_init(
    struct query *q, struct label_index *x, const struct aggregate *a, const struct str *extra);
const struct labels *group_labels(
    struct query *q, const struct label_index *x, const struct labels *l);
/* `values` is sorted by it. */
double quantile_of(double q, double *values, size_t count);

/* Neumaier's variant of Kahan's summation, as Prometheus has it. */
static inline void kahan_add(double inc, double *sum, double *c)
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

#endif
