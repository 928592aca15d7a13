/* Aggregations that see all series of a group at once: topk, bottomk, limitk, limit_ratio,
 * quantile, count_values. */
#include "base/decimal.h"
#include "observe/promql/query_private.h"

#include <math.h>
#include <string.h>

struct choosing {
    struct query *q;
    const struct node *n;
    const struct grid *g;
    double *param; /* k, the ratio or the quantile, at each step */
    double param_min, param_max;
    bool any_nan;
    struct matrix in;
    struct label_index index;
    size_t *first, *rows; /* rows by group */
    size_t groups;
};

/* ---- groups ---- */

static void list_groups(struct choosing *c)
{
    struct query *q = c->q;
    size_t count = c->in.count;
    size_t *of = query_new_array(q, count + 1, size_t);
    bool is_new;

    group_index_init(q, &c->index, &c->n->aggregate, NULL);
    for (size_t i = 0; i < count; i++)
        of[i] = label_index_add(q, &c->index, c->in.rows[i].labels, &is_new);
    c->groups = c->index.count;
    c->first = query_new_array(q, c->groups + 2, size_t);
    c->rows = query_new_array(q, count + 1, size_t);
    for (size_t i = 0; i < count; i++)
        c->first[of[i] + 2]++;
    for (size_t s = 2; s < c->groups + 2; s++)
        c->first[s] += c->first[s - 1];
    for (size_t i = 0; i < count; i++)
        c->rows[c->first[of[i] + 1]++] = i;
}

static void read_param(struct choosing *c)
{
    c->param = eval_scalar(c->q, c->n->aggregate.param, c->g);
    c->param_min = c->param_max = c->param[0];
    for (size_t i = 0; i < c->g->count; i++) {
        c->any_nan |= isnan(c->param[i]);
        if (c->param[i] < c->param_min)
            c->param_min = c->param[i];
        if (c->param[i] > c->param_max)
            c->param_max = c->param[i];
    }
}

static void ignore_histogram(struct choosing *c, const struct node *at)
{
    (void)query_info(
        c->q, at, "ignored histogram in %s aggregation", aggregation_name(c->n->aggregate.op));
}

/* ---- topk, bottomk: a heap of the k best, the worst of them on top ---- */

struct heap {
    size_t *rows;
    double *values;
    size_t count;
    bool reverse; /* bottomk: the largest on top */
};

/* Not-a-number is below everything. */
static bool less(const struct heap *h, size_t i, size_t k)
{
    double a = h->values[i], b = h->values[k];

    if (isnan(a))
        return true;
    return h->reverse ? a > b : a < b;
}

static void swap(struct heap *h, size_t i, size_t k)
{
    size_t row = h->rows[i];
    double value = h->values[i];

    h->rows[i] = h->rows[k];
    h->values[i] = h->values[k];
    h->rows[k] = row;
    h->values[k] = value;
}

static void sift_up(struct heap *h, size_t i)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (parent == i || !less(h, i, parent))
            return;
        swap(h, parent, i);
        i = parent;
    }
}

static void sift_down(struct heap *h, size_t i)
{
    while (2 * i + 1 < h->count) {
        size_t child = 2 * i + 1;
        if (child + 1 < h->count && less(h, child + 1, child))
            child++;
        if (!less(h, child, i))
            return;
        swap(h, i, child);
        i = child;
    }
}

static void offer(struct heap *h, size_t k, size_t row, double value)
{
    if (h->count < k) {
        h->rows[h->count] = row;
        h->values[h->count] = value;
        sift_up(h, h->count++);
        return;
    }
    bool better = h->reverse ? h->values[0] > value : h->values[0] < value;
    if (!better && !(isnan(h->values[0]) && !isnan(value)))
        return;
    h->rows[0] = row;
    h->values[0] = value;
    sift_down(h, 0);
}

/* Best first, equal ones as they are; not-a-number last. */
static void sort_heap(struct query *q, struct heap *h)
{
    if (h->count > 64) { /* take the worst off the top, again and again */
        for (size_t n = h->count; n > 1; n--) {
            size_t all = h->count;
            swap(h, 0, n - 1);
            h->count = n - 1;
            sift_down(h, 0);
            h->count = all;
        }
        query_worked(q, h->count * 8);
        return;
    }
    for (size_t i = 1; i < h->count; i++)
        for (size_t k = i; k > 0 && less(h, k - 1, k) && !isnan(h->values[k]); k--)
            swap(h, k - 1, k);
}

/* ---- what is chosen ---- */

struct chosen {
    uint64_t **bits; /* by row: the steps at which it is chosen */
    size_t *order;   /* of the only step: rows, best first */
    size_t count;
};

static void choose(struct choosing *c, struct chosen *out, size_t row, size_t step)
{
    if (out->bits[row] == NULL)
        out->bits[row] = query_new_array(c->q, bit_words(c->g->count), uint64_t);
    bit_set(out->bits[row], step);
    if (c->g->count == 1)
        out->order[out->count++] = row;
}

static void choose_best(
    struct choosing *c, struct chosen *out, size_t group, size_t step, size_t k, struct heap *h)
{
    h->count = 0;
    for (size_t i = c->first[group]; i < c->first[group + 1]; i++) {
        const struct row *row = &c->in.rows[c->rows[i]];
        if (!bit_get(row->present, step))
            continue;
        if (row_histogram(row, step) != NULL)
            ignore_histogram(c, c->n);
        else
            offer(h, k, c->rows[i], row->values[step]);
    }
    sort_heap(c->q, h);
    for (size_t i = 0; i < h->count; i++)
        choose(c, out, h->rows[i], step);
}

static void choose_first(
    struct choosing *c, struct chosen *out, size_t group, size_t step, size_t k)
{
    for (size_t i = c->first[group]; i < c->first[group + 1] && k > 0; i++)
        if (bit_get(c->in.rows[c->rows[i]].present, step)) {
            choose(c, out, c->rows[i], step);
            k--;
        }
}

static bool in_ratio(double ratio, const struct labels *labels)
{
    double offset = (double)labels_prometheus_hash(labels) / (double)UINT64_MAX;

    return ratio >= 0 ? offset < ratio : offset >= 1.0 + ratio;
}

static void choose_ratio(
    struct choosing *c, struct chosen *out, size_t group, size_t step, double ratio)
{
    ratio = ratio > 1 ? 1 : ratio < -1 ? -1 : ratio;
    for (size_t i = c->first[group]; ratio != 0 && i < c->first[group + 1]; i++) {
        const struct row *row = &c->in.rows[c->rows[i]];
        if (bit_get(row->present, step) && in_ratio(ratio, row->labels))
            choose(c, out, c->rows[i], step);
    }
}

static void choose_all(struct choosing *c, struct chosen *out)
{
    enum aggregation op = c->n->aggregate.op;
    struct heap h = {.reverse = op == AGG_BOTTOMK,
        .rows = query_new_array(c->q, c->in.count + 1, size_t),
        .values = query_new_array(c->q, c->in.count + 1, double)};

    for (size_t step = 0; step < c->g->count; step++) {
        double param = c->param[step];
        size_t k = param < 1 ? 0 : param < (double)c->in.count ? (size_t)param : c->in.count;
        query_worked(c->q, c->in.count + 1);
        for (size_t group = 0; group < c->groups; group++) {
            if (op == AGG_LIMIT_RATIO)
                choose_ratio(c, out, group, step, param);
            else if (k > 0 && op == AGG_LIMITK)
                choose_first(c, out, group, step, k);
            else if (k > 0)
                choose_best(c, out, group, step, k, &h);
        }
    }
}

/* ---- parameters ---- */

/* False: nothing is chosen. */
static bool check_k(struct choosing *c)
{
    struct query *q = c->q;

    if (c->param_max < 1)
        return false;
    if (c->any_nan)
        query_fail(q, ERR_INVALID, "Parameter value is NaN");
    if (c->param_min <= -9223372036854775808.0)
        query_fail(
            q, ERR_INVALID, "Scalar value %s underflows int64", query_number(q, c->param_min));
    if (c->param_max >= 9223372036854775807.0)
        query_fail(
            q, ERR_INVALID, "Scalar value %s overflows int64", query_number(q, c->param_max));
    return true;
}

static bool check_ratio(struct choosing *c)
{
    const struct node *param = c->n->aggregate.param;

    if (c->param_max == 0 && c->param_min == 0)
        return false;
    if (c->any_nan)
        query_fail(c->q, ERR_INVALID, "Ratio value is NaN");
    if (c->param_max > 1)
        (void)query_warn(c->q, param,
            "ratio value should be between -1 and 1, got %s, capping to 1",
            query_number(c->q, c->param_max));
    if (c->param_min < -1)
        (void)query_warn(c->q, param,
            "ratio value should be between -1 and 1, got %s, capping to -1",
            query_number(c->q, c->param_min));
    return true;
}

static void check_quantile(struct choosing *c)
{
    const struct node *param = node_unwrap(c->n->aggregate.param);
    const double bad[] = {c->any_nan ? NAN : 0.5, c->param_max > 1 ? c->param_max : 0.5,
        c->param_min < 0 ? c->param_min : 0.5};

    for (size_t i = 0; i < 3; i++)
        if (bad[i] != 0.5)
            (void)query_warn(c->q, param, "quantile value should be between 0 and 1, got %s",
                query_number(c->q, bad[i]));
}

/* ---- quantile ---- */

static void quantile_group(struct choosing *c, size_t group, struct matrix *out)
{
    struct row *to = matrix_add(c->q, out);
    size_t rows = c->first[group + 1] - c->first[group];

    row_init(c->q, to, group_labels(c->q, &c->index, c->index.at[group]), c->g);
    for (size_t step = 0; step < c->g->count; step++) {
        double *values = query_scratch(c->q, rows);
        size_t count = 0;
        query_worked(c->q, rows * 4);
        for (size_t i = c->first[group]; i < c->first[group + 1]; i++) {
            const struct row *row = &c->in.rows[c->rows[i]];
            if (!bit_get(row->present, step))
                continue;
            to->drop_name |= row->drop_name;
            if (row_histogram(row, step) != NULL)
                ignore_histogram(c, c->n->aggregate.expr);
            else
                values[count++] = row->values[step];
        }
        if (count == 0)
            continue;
        to->values[step] = quantile_of(c->param[step], values, count);
        bit_set(to->present, step);
    }
}

/* ---- all but count_values ---- */

static void emit(struct choosing *c, struct chosen *chosen, struct matrix *out)
{
    for (size_t i = 0; c->g->count == 1 && i < chosen->count; i++)
        *matrix_add(c->q, out) = c->in.rows[chosen->order[i]];
    for (size_t i = 0; c->g->count > 1 && i < c->in.count; i++)
        if (chosen->bits[i] != NULL) {
            struct row *row = matrix_add(c->q, out);
            *row = c->in.rows[i];
            row->present = chosen->bits[i];
        }
}

void eval_aggregate_k(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out)
{
    struct choosing c = {.q = q, .n = n, .g = g};
    enum aggregation op = n->aggregate.op;

    read_param(&c);
    eval_vector(q, n->aggregate.expr, g, &c.in);
    list_groups(&c);
    if (op == AGG_QUANTILE) {
        check_quantile(&c);
        for (size_t group = 0; group < c.groups; group++)
            quantile_group(&c, group, out);
        matrix_drop_empty(out, g);
        return;
    }
    if (op == AGG_LIMIT_RATIO ? !check_ratio(&c) : !check_k(&c))
        return;
    struct chosen chosen = {.bits = query_new_array(q, c.in.count + 1, uint64_t *),
        .order = query_new_array(q, c.in.count + 1, size_t)};
    choose_all(&c, &chosen);
    emit(&c, &chosen, out);
}

/* ---- count_values: a series for each value ---- */

struct counting {
    struct query *q;
    const struct node *n;
    const struct grid *g;
    struct str label;
    struct label_index index;
    struct matrix out;
};

static struct row *row_of_value(struct counting *c, const struct row *row, size_t step)
{
    const struct histogram *h = row_histogram(row, step);
    char number[DECIMAL_TEXT_BYTES];
    struct str text = {number, 0};
    bool is_new;

    if (h != NULL) {
        buf_reset(&c->q->text_buffer);
        histogram_format(&c->q->text_buffer, h);
        text = buf_str(&c->q->text_buffer);
    } else {
        text.len = decimal_format_f(row->values[step], number);
    }
    query_room(c->q, 1, 2 * sizeof(struct labels) + (row->labels->count + 1) * 32 + text.len + 128);
    const struct labels *with = labels_with(c->q->arena, row->labels, c->label, text);
    size_t at = label_index_add(c->q, &c->index, with, &is_new);
    if (is_new)
        row_init(c->q, matrix_add(c->q, &c->out), group_labels(c->q, &c->index, with), c->g);
    return &c->out.rows[at];
}

static void count_row(void *self, struct row *row)
{
    struct counting *c = self;
    ptrdiff_t last = -1;
    struct row *to = NULL;

    for (ptrdiff_t i = -1; (i = bits_next(row->present, c->g->count, i)) >= 0; last = i) {
        bool same = to != NULL && row->histograms == NULL &&
                    memcmp(&row->values[i], &row->values[last], sizeof(double)) == 0;
        if (!same)
            to = row_of_value(c, row, (size_t)i);
        to->values[i] = bit_get(to->present, (size_t)i) ? to->values[i] + 1 : 1;
        bit_set(to->present, (size_t)i);
    }
}

void eval_count_values(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out)
{
    struct counting c = {.q = q, .n = n, .g = g};

    c.label = node_unwrap(n->aggregate.param)->string;
    if (c.label.len == 0 || str_utf8_valid(c.label) != c.label.len) {
        buf_reset(&q->text_buffer);
        labels_quote(&q->text_buffer, c.label);
        query_fail(q, ERR_INVALID, "invalid label name %.200s", q->text_buffer.at);
    }
    group_index_init(q, &c.index, &n->aggregate, &c.label);
    eval_each(q, n->aggregate.expr, g, count_row, &c);
    *out = c.out;
    matrix_merge_made(q, out, g);
}
