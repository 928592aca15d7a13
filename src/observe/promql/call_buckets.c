/* histogram_quantile, histogram_quantiles, histogram_fraction: over native histograms, and over the
 * series of classic ones, which belong together when all their labels but `le` are the same. */
#include "base/decimal.h"
#include "observe/promql/buckets.h"
#include "observe/promql/calls.h"

#include <math.h>
#include <string.h>

struct family {
    const struct labels *labels; /* without le */
    bool drop_name;
    size_t *rows; /* of its buckets */
    double *bounds;
    size_t count, capacity;
    ptrdiff_t native; /* the row of a native histogram of the same labels, or -1 */
};

struct families {
    struct query *q;
    const struct node *arg;
    const struct grid *g;
    struct matrix in;
    struct label_index index;
    struct family *at;
    size_t count, capacity;
    struct classic_bucket *buckets; /* of one family at one step */
};

/* ---- families ---- */

static const struct str le_name[] = {
    {"le", 2}
};

static struct family *family_of(struct families *f, const struct row *row)
{
    struct query *q = f->q;
    bool is_new;
    size_t at = label_index_add(q, &f->index, row->labels, &is_new);

    if (!is_new)
        return &f->at[at];
    if (at == f->capacity) {
        size_t capacity = f->capacity > 0 ? f->capacity * 2 : 8;
        struct family *grown = query_new_array(q, capacity, struct family);
        if (at > 0)
            memcpy(grown, f->at, at * sizeof *grown);
        f->at = grown;
        f->capacity = capacity;
    }
    f->count = at + 1;
    query_room(q, 1, sizeof(struct labels) + row->labels->count * sizeof(struct label));
    f->at[at] = (struct family){
        .labels = labels_project(q->arena, row->labels, le_name, 1, false), .native = -1};
    return &f->at[at];
}

static void add_bucket(struct query *q, struct family *f, size_t row, double bound)
{
    if (f->count == f->capacity) {
        size_t capacity = f->capacity > 0 ? f->capacity * 2 : 16;
        size_t *rows = query_new_array(q, capacity, size_t);
        double *bounds = query_new_array(q, capacity, double);
        if (f->count > 0) {
            memcpy(rows, f->rows, f->count * sizeof *rows);
            memcpy(bounds, f->bounds, f->count * sizeof *bounds);
        }
        f->rows = rows;
        f->bounds = bounds;
        f->capacity = capacity;
    }
    f->rows[f->count] = row;
    f->bounds[f->count++] = bound;
}

/* By bound, so that no step has to sort them. */
static void sort_buckets(struct family *f)
{
    for (size_t i = 1; i < f->count; i++) {
        double bound = f->bounds[i];
        size_t row = f->rows[i], k = i;
        for (; k > 0 && f->bounds[k - 1] > bound; k--) {
            f->bounds[k] = f->bounds[k - 1];
            f->rows[k] = f->rows[k - 1];
        }
        f->bounds[k] = bound;
        f->rows[k] = row;
    }
}

static bool has_floats(const struct row *row, const struct grid *g)
{
    for (ptrdiff_t i = -1; (i = bits_next(row->present, g->count, i)) >= 0;)
        if (row_histogram(row, (size_t)i) == NULL)
            return true;
    return false;
}

/* Names of metrics are told only where they are still there. */
static const char *for_metric(struct families *f, const struct labels *l)
{
    return f->q->delayed_names ? query_for_metric(f->q, l) : "";
}

static void add_row(struct families *f, size_t i)
{
    const struct row *row = &f->in.rows[i];
    struct str le = labels_get(row->labels, le_name[0]);
    double bound;

    if (row->histograms != NULL) {
        struct family *native = family_of(f, row);
        /* A native histogram has no le; one that has is another family's name. */
        native->native = (ptrdiff_t)i;
    }
    if (!has_floats(row, f->g))
        return;
    if (!decimal_parse(le, &bound)) {
        struct buf text = BUF_INIT(400);
        labels_quote(&text, le);
        char *quoted = query_take(f->q, text.len + 1, 1);
        memcpy(quoted, text.at, text.len);
        buf_fini(&text);
        (void)query_warn(f->q, f->arg,
            "bucket label \"le\" is missing or has a malformed value of %s%s", quoted,
            for_metric(f, row->labels));
        return;
    }
    add_bucket(f->q, family_of(f, row), i, bound);
}

static void find_families(
    struct families *f, struct query *q, const struct node *arg, const struct grid *g)
{
    size_t most = 0;

    *f = (struct families){.q = q, .arg = arg, .g = g};
    label_index_init(&f->index, le_name, 1, false);
    eval_vector(q, arg, g, &f->in);
    for (size_t i = 0; i < f->in.count; i++)
        add_row(f, i);
    for (size_t i = 0; i < f->count; i++) {
        if (f->at[i].count < 1000)
            sort_buckets(&f->at[i]);
        most = f->at[i].count > most ? f->at[i].count : most;
    }
    f->buckets = query_new_array(q, most + 1, struct classic_bucket);
}

/* The buckets of a family at a step, in f->buckets. */
static size_t gather(struct families *f, const struct family *family, size_t step)
{
    size_t n = 0;

    for (size_t i = 0; i < family->count; i++) {
        const struct row *row = &f->in.rows[family->rows[i]];
        if (bit_get(row->present, step) && row_histogram(row, step) == NULL)
            f->buckets[n++] = (struct classic_bucket){family->bounds[i], row->values[step]};
    }
    return n;
}

static const struct histogram *native_at(
    const struct families *f, const struct family *family, size_t step)
{
    const struct row *row = family->native >= 0 ? &f->in.rows[family->native] : NULL;

    return row != NULL && bit_get(row->present, step) ? row_histogram(row, step) : NULL;
}

/* ---- what is asked of a family ---- */

struct asking {
    struct families f;
    const double *a, *b; /* the quantile, or the limits, at each step */
    bool fraction;
};

static void note_mended(
    struct asking *x, const struct family *family, const struct mended *m, size_t step)
{
    struct note *n = query_info(x->f.q, x->f.arg,
        "input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)%s",
        for_metric(&x->f, family->labels));
    int64_t time = grid_time(x->f.g, step);

    if (n->times++ == 0) {
        n->time_min = n->time_max = time;
        n->bucket_min = m->bucket_min;
        n->bucket_max = m->bucket_max;
        n->diff_max = m->diff_max;
        return;
    }
    n->time_min = time < n->time_min ? time : n->time_min;
    n->time_max = time > n->time_max ? time : n->time_max;
    n->bucket_min = fmin(n->bucket_min, m->bucket_min);
    n->bucket_max = fmax(n->bucket_max, m->bucket_max);
    n->diff_max = fmax(n->diff_max, m->diff_max);
}

static bool ask(struct asking *x, const struct family *family, size_t step, double *out)
{
    struct families *f = &x->f;
    const struct histogram *native = native_at(f, family, step);
    size_t buckets = gather(f, family, step);
    struct mended mended;

    if (native != NULL && buckets > 0) {
        (void)query_warn(f->q, f->arg, "vector contains a mix of classic and native histograms%s",
            for_metric(f, family->labels));
        return false;
    }
    if (native != NULL) {
        *out = x->fraction
                   ? histogram_fraction_of(
                         f->q, f->arg, x->a[step], x->b[step], native, family->labels)
                   : histogram_quantile_of(f->q, f->arg, x->a[step], native, family->labels);
        return true;
    }
    if (buckets == 0)
        return false;
    if (x->fraction) {
        *out = buckets_fraction(x->a[step], x->b[step], f->buckets, buckets);
        return true;
    }
    *out = buckets_quantile(x->a[step], f->buckets, buckets, &mended);
    if (mended.forced)
        note_mended(x, family, &mended, step);
    return true;
}

static void ask_all(
    struct asking *x, const struct str *label, const char *label_value, struct matrix *out)
{
    struct query *q = x->f.q;
    const struct grid *g = x->f.g;

    for (size_t k = 0; k < x->f.count; k++) {
        const struct family *family = &x->f.at[k];
        struct row row;
        row_init(q, &row, family->labels, g);
        query_worked(q, g->count * (family->count + 1));
        for (size_t i = 0; i < g->count; i++)
            if (ask(x, family, i, &row.values[i]))
                bit_set(row.present, i);
        if (!bits_any(row.present, g->count))
            continue;
        query_room(q, 1, sizeof(struct labels) + (row.labels->count + 2) * 32 + 256);
        if (label != NULL)
            row.labels = labels_with(q->arena, row.labels, *label, str_from(label_value));
        row_lose_name(q, &row);
        *matrix_add(q, out) = row;
    }
}

static void check_quantiles(
    struct query *q, const struct node *arg, const double *quantiles, const struct grid *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (isnan(quantiles[i]) || quantiles[i] < 0 || quantiles[i] > 1)
            (void)query_warn(q, arg, "quantile value should be between 0 and 1, got %s",
                query_number(q, quantiles[i]));
}

CALL(call_histogram_quantile)
{
    struct asking x = {.a = eval_scalar(q, n->call.args[0], g)};

    out->type = TYPE_VECTOR;
    check_quantiles(q, n->call.args[0], x.a, g);
    find_families(&x.f, q, n->call.args[1], g);
    ask_all(&x, NULL, NULL, &out->vector);
}

CALL(call_histogram_fraction)
{
    struct asking x = {.fraction = true,
        .a = eval_scalar(q, n->call.args[0], g),
        .b = eval_scalar(q, n->call.args[1], g)};

    out->type = TYPE_VECTOR;
    find_families(&x.f, q, n->call.args[2], g);
    ask_all(&x, NULL, NULL, &out->vector);
}

/* As OpenMetrics writes numbers: whole ones with ".0". */
static const char *open_metrics_number(struct query *q, double value)
{
    const char *text = query_number(q, value);
    size_t len = strlen(text);

    if (!isfinite(value) || strpbrk(text, ".e") != NULL)
        return text;
    char *longer = query_take(q, len + 3, 1);
    memcpy(longer, text, len);
    memcpy(longer + len, ".0", 2);
    return longer;
}

CALL(call_histogram_quantiles)
{
    struct asking x = {0};
    struct str label = node_unwrap(n->call.args[1])->string;

    out->type = TYPE_VECTOR;
    find_families(&x.f, q, n->call.args[0], g);
    for (size_t i = 2; i < n->call.arg_count; i++) {
        x.a = eval_scalar(q, n->call.args[i], g);
        check_quantiles(q, n->call.args[i], x.a, g);
        ask_all(&x, &label, open_metrics_number(q, x.a[0]), &out->vector);
    }
}
