/* Aggregations that need no more than an accumulator for each group and step: rows are added as
 * they come, and memory is groups × steps, however many series there are. */
#include "observe/promql/query_private.h"

#include <math.h>
#include <string.h>

enum {
    HAS_HISTOGRAM = 2,
    INCOMPATIBLE = 4, /* exponential and custom buckets met */
    SEEN_RESET = 8,
    SEEN_NOT_RESET = 16,
    INCREMENTAL = 32,           /* the plain sum of floats would overflow */
    INCREMENTAL_HISTOGRAM = 64, /* … of histograms */
};

struct group {
    const struct labels *labels;
    bool drop_name;
    uint64_t *present, *floats;       /* steps with any sample, and with a float */
    double *value, *c, *mean, *count; /* of floats */
    uint8_t *flags;
    struct histogram **histogram, **histogram_c, **histogram_mean; /* NULL: none yet */
};

struct aggregating {
    struct query *q;
    const struct node *n;
    const struct grid *g;
    struct label_index index;
    struct group *groups;
    size_t capacity;
};

/* ---- groups ---- */

void group_index_init(
    struct query *q, struct label_index *x, const struct aggregate *a, const struct str *extra)
{
    struct str *names = query_new_array(q, a->grouping_count + 2, struct str);
    size_t count = a->grouping_count;

    if (count > 0)
        memcpy(names, a->grouping, count * sizeof *names);
    if (a->without)
        names[count++] = STR(LABEL_NAME);
    else if (extra != NULL)
        names[count++] = *extra;
    label_index_init(x, names, count, !a->without);
}

const struct labels *group_labels(
    struct query *q, const struct label_index *x, const struct labels *l)
{
    query_room(q, 1, sizeof *l + l->count * sizeof(struct label));
    return labels_project(q->arena, l, x->names, x->name_count, x->keep);
}

static struct group *group_of(struct aggregating *a, const struct labels *labels)
{
    struct query *q = a->q;
    size_t steps = a->g->count;
    bool is_new;
    size_t at = label_index_add(q, &a->index, labels, &is_new);

    if (!is_new)
        return &a->groups[at];
    if (at == a->capacity) {
        size_t capacity = a->capacity > 0 ? a->capacity * 2 : 8;
        struct group *grown = query_new_array(q, capacity, struct group);
        if (at > 0)
            memcpy(grown, a->groups, at * sizeof *grown);
        a->groups = grown;
        a->capacity = capacity;
    }
    struct group *group = &a->groups[at];
    /* The index keeps the key, which lives as long as the query. */
    *group = (struct group){.labels = group_labels(q, &a->index, labels),
        .present = query_new_array(q, bit_words(steps), uint64_t),
        .floats = query_new_array(q, bit_words(steps), uint64_t),
        .value = query_new_array(q, steps, double),
        .c = query_new_array(q, steps, double),
        .mean = query_new_array(q, steps, double),
        .count = query_new_array(q, steps, double),
        .flags = query_new_array(q, steps, uint8_t)};
    a->index.at[at] = group->labels;
    bool extreme = a->n->aggregate.op == AGG_MIN || a->n->aggregate.op == AGG_MAX;
    /* What anything replaces; or the only number that adds nothing, not even a sign. */
    double start = extreme ? NAN : -0.0;
    for (size_t i = 0; i < steps; i++)
        group->value[i] = start;
    return group;
}

/* ---- floats ---- */

/* A run of values of one row, for the steps from `from` on: most of the time goes into these, so
 * they are loops over plain arrays. */
typedef void (*add_run_fn)(struct group *group, size_t from, const double *v, size_t count);

OPERATE_CLONES static void sum_arrays(
    double *restrict sum, double *restrict c, const double *restrict v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double s = sum[i], t = s + v[i];
        double low = fabs(s) >= fabs(v[i]) ? (s - t) + v[i] : (v[i] - t) + s;
        c[i] = fabs(t) == INFINITY ? 0 : c[i] + low;
        sum[i] = t;
    }
}

static void add_sum(struct group *group, size_t from, const double *v, size_t count)
{
    sum_arrays(group->value + from, group->c + from, v, count);
}

/* As avg_over_time: of the plain sum until that would overflow, then incremental. */
static void add_avg_one(struct group *group, size_t i, double v)
{
    double n = ++group->count[i];

    if (n == 1) {
        group->value[i] = v;
        return;
    }
    if (!(group->flags[i] & INCREMENTAL)) {
        double sum = group->value[i], c = group->c[i];
        kahan_add(v, &sum, &c);
        if (!isinf(sum)) {
            group->value[i] = sum;
            group->c[i] = c;
            return;
        }
        group->flags[i] |= INCREMENTAL;
        group->mean[i] = group->value[i] / (n - 1);
        group->c[i] /= n - 1;
    }
    double share = (n - 1) / n;
    group->mean[i] *= share;
    group->c[i] *= share;
    kahan_add(v / n, &group->mean[i], &group->c[i]);
}

OPERATE_CLONES static bool any_overflow(
    const double *sum, const double *v, const uint8_t *flags, size_t count)
{
    int any = 0;

    for (size_t i = 0; i < count; i++)
        any |= (fabs(sum[i] + v[i]) == INFINITY) | (flags[i] & INCREMENTAL);
    return any != 0;
}

OPERATE_CLONES static void add_arrays(double *to, double value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += value;
}

static void add_avg(struct group *group, size_t from, const double *v, size_t count)
{
    if (any_overflow(group->value + from, v, group->flags + from, count)) {
        for (size_t i = 0; i < count; i++)
            add_avg_one(group, from + i, v[i]);
        return;
    }
    sum_arrays(group->value + from, group->c + from, v, count);
    add_arrays(group->count + from, 1, count);
}

/* Not-a-number gives way to anything. */
OPERATE_CLONES static void min_arrays(double *to, const double *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = to[i] <= v[i] ? to[i] : v[i] != v[i] ? to[i] : v[i];
}

OPERATE_CLONES static void max_arrays(double *to, const double *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = to[i] >= v[i] ? to[i] : v[i] != v[i] ? to[i] : v[i];
}

static void add_min(struct group *group, size_t from, const double *v, size_t count)
{
    min_arrays(group->value + from, v, count);
}

static void add_max(struct group *group, size_t from, const double *v, size_t count)
{
    max_arrays(group->value + from, v, count);
}

static void add_count(struct group *group, size_t from, const double *v, size_t count)
{
    (void)v;
    add_arrays(group->count + from, 1, count);
}

static void add_group(struct group *group, size_t from, const double *v, size_t count)
{
    (void)v;
    for (size_t i = 0; i < count; i++)
        group->value[from + i] = 1;
}

static void add_variance_one(struct group *group, size_t i, double v)
{
    double n = ++group->count[i];

    if (n == 1) {
        group->mean[i] = v;
        group->value[i] = isnan(v) || isinf(v) ? NAN : 0;
        return;
    }
    double delta = v - group->mean[i];
    group->mean[i] += delta / n;
    group->value[i] += delta * (v - group->mean[i]);
}

static void add_variance(struct group *group, size_t from, const double *v, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_variance_one(group, from + i, v[i]);
}

static double end_sum(const struct group *group, size_t i)
{
    return group->value[i] + group->c[i];
}

static double end_avg(const struct group *group, size_t i)
{
    if (group->flags[i] & INCREMENTAL)
        return group->mean[i] + group->c[i];
    return group->value[i] / group->count[i] + group->c[i] / group->count[i];
}

static double end_count(const struct group *group, size_t i)
{
    return group->count[i];
}

static double end_value(const struct group *group, size_t i)
{
    return group->value[i];
}

static double end_stdvar(const struct group *group, size_t i)
{
    return group->value[i] / group->count[i];
}

static double end_stddev(const struct group *group, size_t i)
{
    return sqrt(group->value[i] / group->count[i]);
}

enum with_histograms { ADD_HISTOGRAMS, COUNT_HISTOGRAMS, IGNORE_HISTOGRAMS };

static const struct way {
    add_run_fn add;
    double (*end)(const struct group *group, size_t i);
    enum with_histograms histograms;
} ways[] = {
    [AGG_SUM] = {add_sum,      end_sum,    ADD_HISTOGRAMS   },
    [AGG_AVG] = {add_avg,      end_avg,    ADD_HISTOGRAMS   },
    [AGG_COUNT] = {add_count,    end_count,  COUNT_HISTOGRAMS },
    [AGG_MIN] = {add_min,      end_value,  IGNORE_HISTOGRAMS},
    [AGG_MAX] = {add_max,      end_value,  IGNORE_HISTOGRAMS},
    [AGG_GROUP] = {add_group,    end_value,  COUNT_HISTOGRAMS },
    [AGG_STDDEV] = {add_variance, end_stddev, IGNORE_HISTOGRAMS},
    [AGG_STDVAR] = {add_variance, end_stdvar, IGNORE_HISTOGRAMS},
};

/* ---- histograms: sum and avg ---- */

static void note_resets(struct group *group, size_t i, const struct histogram *h)
{
    if (h->hint == HINT_RESET)
        group->flags[i] |= SEEN_RESET;
    if (h->hint == HINT_NOT_RESET)
        group->flags[i] |= SEEN_NOT_RESET;
}

static void note_added(struct aggregating *a, struct group *group, size_t i, bool ok,
    const struct histogram_note *note, const struct labels *labels)
{
    const struct node *expr = a->n->aggregate.expr;
    struct str name = query_metric_name(labels);

    if (!ok) {
        group->flags[i] |= INCOMPATIBLE;
        (void)query_warn(a->q, expr,
            "vector contains a mix of histograms with exponential and custom buckets schemas for "
            "metric name \"%.*s\"",
            STR_ARG(name));
    }
    if (note->reconciled)
        (void)query_info(
            a->q, expr, "mismatched custom buckets were reconciled during aggregation");
}

/* The mean of histograms: as add_avg does it with numbers. */
static bool add_histogram_avg(struct aggregating *a, struct group *group, size_t i,
    const struct histogram *h, struct histogram_note *note)
{
    struct arena *arena = a->q->arena;
    double n = group->count[i];

    if (!(group->flags[i] & INCREMENTAL_HISTOGRAM) && histogram_is_small(group->histogram[i]) &&
        histogram_is_small(h))
        return histogram_add_kahan(arena, group->histogram[i], h, &group->histogram_c[i], note);
    if (!(group->flags[i] & INCREMENTAL_HISTOGRAM)) {
        struct histogram *sum = histogram_copy(arena, group->histogram[i]);
        struct histogram *c =
            group->histogram_c[i] != NULL ? histogram_copy(arena, group->histogram_c[i]) : NULL;
        if (!histogram_add_kahan(arena, sum, h, &c, note))
            return false;
        if (!histogram_overflows(sum)) {
            group->histogram[i] = sum;
            group->histogram_c[i] = c;
            return true;
        }
        group->flags[i] |= INCREMENTAL_HISTOGRAM;
        group->histogram_mean[i] = histogram_copy(arena, group->histogram[i]);
        histogram_divide(group->histogram_mean[i], n - 1);
        if (group->histogram_c[i] != NULL)
            histogram_divide(group->histogram_c[i], n - 1);
    }
    double share = (n - 1) / n;
    if (group->histogram_c[i] != NULL)
        histogram_scale(group->histogram_c[i], share);
    struct histogram *part = histogram_copy(arena, h);
    histogram_divide(part, n);
    histogram_scale(group->histogram_mean[i], share);
    return histogram_add_kahan(arena, group->histogram_mean[i], part, &group->histogram_c[i], note);
}

static void add_histogram(struct aggregating *a, struct group *group, size_t i,
    const struct histogram *h, const struct labels *labels)
{
    struct query *q = a->q;
    size_t steps = a->g->count;
    struct histogram_note note = {0};
    bool ok;

    query_room(q, h->positive_count + h->negative_count + 16, 3 * sizeof(struct bucket));
    if (group->histogram == NULL) {
        group->histogram = query_new_array(q, steps, struct histogram *);
        group->histogram_c = query_new_array(q, steps, struct histogram *);
        group->histogram_mean = query_new_array(q, steps, struct histogram *);
    }
    if (a->n->aggregate.op == AGG_AVG)
        group->count[i]++;
    group->flags[i] |= HAS_HISTOGRAM;
    if (group->histogram[i] == NULL) {
        if (bit_get(group->present, i))
            return; /* floats came first: nothing will come of it */
        group->histogram[i] = histogram_copy(q->arena, h);
        note_resets(group, i, h);
        return;
    }
    note_resets(group, i, h);
    if (a->n->aggregate.op == AGG_AVG)
        ok = add_histogram_avg(a, group, i, h, &note);
    else
        ok = histogram_add_kahan(q->arena, group->histogram[i], h, &group->histogram_c[i], &note);
    note_added(a, group, i, ok, &note, labels);
}

static const struct histogram *end_histogram(struct aggregating *a, struct group *group, size_t i)
{
    struct arena *arena = a->q->arena;
    struct histogram *h = group->histogram[i], *c = group->histogram_c[i];
    struct histogram_note note = {0};

    if (group->flags[i] & INCREMENTAL_HISTOGRAM) {
        h = group->histogram_mean[i];
    } else if (a->n->aggregate.op == AGG_AVG) {
        histogram_divide(h, group->count[i]);
        if (c != NULL)
            histogram_divide(c, group->count[i]);
    }
    if (c != NULL)
        (void)histogram_add(arena, h, c, &note);
    histogram_compact(h);
    return h;
}

/* ---- rows in ---- */

static void ignore_histogram(struct aggregating *a)
{
    (void)query_info(a->q, a->n->aggregate.expr, "ignored histogram in %s aggregation",
        aggregation_name(a->n->aggregate.op));
}

static void add_step(struct aggregating *a, struct group *group, const struct row *row, size_t i)
{
    const struct way *way = &ways[a->n->aggregate.op];
    const struct histogram *h = row_histogram(row, i);

    if (group->flags[i] & INCOMPATIBLE)
        return;
    if (h != NULL && way->histograms == IGNORE_HISTOGRAMS) {
        ignore_histogram(a);
        return;
    }
    if (h != NULL && way->histograms == ADD_HISTOGRAMS) {
        add_histogram(a, group, i, h, row->labels);
    } else {
        bit_set(group->floats, i);
        way->add(group, i, &row->values[i], 1);
    }
    bit_set(group->present, i);
}

/* The first step from `i` on without a value. */
static size_t run_end(const uint64_t *bits, size_t count, size_t i)
{
    while (i < count) {
        uint64_t missing = ~bits[i / 64] >> (i % 64);
        if (missing != 0) {
            i += (size_t)__builtin_ctzll(missing);
            return i < count ? i : count;
        }
        i = (i / 64 + 1) * 64;
    }
    return count;
}

static void add_runs(struct aggregating *a, struct group *group, const struct row *row)
{
    add_run_fn add = ways[a->n->aggregate.op].add;
    size_t steps = a->g->count;

    for (ptrdiff_t i = -1; (i = bits_next(row->present, steps, i)) >= 0;) {
        size_t end = run_end(row->present, steps, (size_t)i);
        add(group, (size_t)i, row->values + i, end - (size_t)i);
        i = (ptrdiff_t)end;
    }
    for (size_t w = 0; w < bit_words(steps); w++) {
        group->present[w] |= row->present[w];
        group->floats[w] |= row->present[w];
    }
}

static void add_row(void *self, struct row *row)
{
    struct aggregating *a = self;
    struct group *group = group_of(a, row->labels);
    size_t steps = a->g->count;

    query_worked(a->q, steps);
    group->drop_name |= row->drop_name;
    if (row->histograms == NULL && group->histogram == NULL) {
        add_runs(a, group, row);
        return;
    }
    for (ptrdiff_t i = -1; (i = bits_next(row->present, steps, i)) >= 0;)
        add_step(a, group, row, (size_t)i);
}

/* ---- groups out ---- */

static void end_step(struct aggregating *a, struct group *group, struct row *row, size_t i)
{
    const struct node *expr = a->n->aggregate.expr;
    uint8_t flags = group->flags[i];

    if (bit_get(group->floats, i) && (flags & HAS_HISTOGRAM)) {
        (void)query_warn(a->q, expr, "encountered a mix of histograms and floats for aggregation");
        bit_clear(row->present, i);
        return;
    }
    if (flags & INCOMPATIBLE) {
        bit_clear(row->present, i);
        return;
    }
    if ((flags & SEEN_RESET) && (flags & SEEN_NOT_RESET))
        (void)query_warn(a->q, expr, "conflicting counter resets during histogram aggregation");
    if (flags & HAS_HISTOGRAM)
        row_set_histogram(a->q, row, a->g, i, end_histogram(a, group, i));
    else
        row->values[i] = ways[a->n->aggregate.op].end(group, i);
}

static void end_group(struct aggregating *a, struct group *group, struct matrix *out)
{
    struct row row = {.labels = group->labels,
        .drop_name = group->drop_name,
        .values = query_new_array(a->q, a->g->count, double),
        .present = group->present};

    for (ptrdiff_t i = -1; (i = bits_next(group->present, a->g->count, i)) >= 0;)
        end_step(a, group, &row, (size_t)i);
    if (bits_any(row.present, a->g->count))
        *matrix_add(a->q, out) = row;
}

void eval_aggregate(struct query *q, const struct node *n, const struct grid *g, struct matrix *out)
{
    struct aggregating a = {.q = q, .n = n, .g = g};

    switch (n->aggregate.op) {
    case AGG_TOPK:
    case AGG_BOTTOMK:
    case AGG_LIMITK:
    case AGG_LIMIT_RATIO:
    case AGG_QUANTILE:
        eval_aggregate_k(q, n, g, out);
        return;
    case AGG_COUNT_VALUES:
        eval_count_values(q, n, g, out);
        return;
    default:
        break;
    }
    group_index_init(q, &a.index, &n->aggregate, NULL);
    eval_each(q, n->aggregate.expr, g, add_row, &a);
    for (size_t i = 0; i < a.index.count; i++)
        end_group(&a, &a.groups[i], out);
}
