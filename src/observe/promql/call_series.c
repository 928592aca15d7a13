/* Functions of whole vectors: absent, absent_over_time, and the sorts. */
#include "observe/promql/calls.h"
#include "observe/promql/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- absent ---- */

static bool names_before(const struct selector *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (str_eq(s->matchers[k].name, s->matchers[i].name))
            return true;
    return false;
}

/* What the missing series would have: the labels that exactly one equality matcher names. */
static const struct labels *labels_of_absent(struct query *q, const struct node *arg)
{
    const struct labels *l = &labels_none;

    arg = node_unwrap((struct node *)(uintptr_t)arg);
    if (arg->kind != NODE_SELECTOR)
        return l;
    for (size_t i = 0; i < arg->selector.matcher_count; i++) {
        const struct matcher *m = &arg->selector.matchers[i];
        if (str_is(m->name, LABEL_NAME))
            continue;
        bool names = m->type == MATCH_EQUAL && !names_before(&arg->selector, i);
        query_room(q, 1, 256);
        l = labels_with(q->arena, l, m->name, names ? m->value : STR(""));
    }
    return l;
}

struct presence {
    const struct grid *g;
    uint64_t *seen;
};

static void mark_row(void *self, struct row *row)
{
    struct presence *p = self;

    for (size_t w = 0; w < bit_words(p->g->count); w++)
        p->seen[w] |= row->present[w];
}

static void give_absent(
    struct query *q, const struct node *n, struct presence *p, struct value *out, bool drop)
{
    struct row *row = matrix_add(q, &out->vector);

    out->type = TYPE_VECTOR;
    row_init(q, row, labels_of_absent(q, n->call.args[0]), p->g);
    row->drop_name = drop;
    bits_fill(row->present, p->g->count);
    for (size_t i = 0; i < p->g->count; i++) {
        row->values[i] = 1;
        if (bit_get(p->seen, i))
            bit_clear(row->present, i);
    }
    matrix_drop_empty(&out->vector, p->g);
}

CALL(call_absent)
{
    struct presence p = {g, query_new_array(q, bit_words(g->count), uint64_t)};

    eval_each(q, n->call.args[0], g, mark_row, &p);
    give_absent(q, n, &p, out, false);
}

struct ranges_seen {
    const struct ranging *r;
    uint64_t *seen;
};

static void mark_range(
    void *self, const struct labels *labels, bool drop_name, const struct samples *samples)
{
    struct ranges_seen *x = self;
    const struct ranging *r = x->r;

    (void)labels;
    (void)drop_name;
    for (size_t i = 0; i < r->g->count; i++) {
        int64_t end = ranging_end(r, i);
        struct samples s = samples_within(samples, end - r->range, end, r->q->closed_left);
        if (s.count + s.histogram_count > 0)
            bit_set(x->seen, i);
    }
}

CALL(call_absent_over_time)
{
    struct presence p = {g, query_new_array(q, bit_words(g->count), uint64_t)};
    struct ranging r;
    struct ranges_seen x = {&r, p.seen};

    ranging_init(&r, q, n->call.args[0], g);
    if (r.anchored || r.smoothed)
        query_fail(q, ERR_INVALID,
            "%s modifier can only be used with: %sdelta, increase, rate%s - not with "
            "absent_over_time",
            r.anchored ? "anchored" : "smoothed", r.anchored ? "changes, " : "",
            r.anchored ? ", resets" : "");
    ranging_each(&r, mark_range, &x);
    give_absent(q, n, &p, out, true);
}

/* ---- sort: by value; only where there is one step can the order be kept ---- */

static int compare_values(const struct row *a, const struct row *b, bool descending)
{
    double x = a->values[0], y = b->values[0];

    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y); /* last */
    return descending ? (x < y) - (x > y) : (x > y) - (x < y);
}

static int ascending_order(const void *a, const void *b)
{
    return compare_values(a, b, false);
}

static int descending_order(const void *a, const void *b)
{
    return compare_values(a, b, true);
}

static void note_range(struct query *q, const struct node *n, const struct grid *g)
{
    if (g->count > 1)
        (void)query_warn(q, n,
            "sort is ineffective for range queries since results are always ordered by labels");
}

static void sort_by_value(struct query *q, const struct node *n, const struct grid *g,
    struct value *out, int (*order)(const void *, const void *))
{
    note_range(q, n, g);
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    for (size_t i = 0; i < out->vector.count; i++)
        row_drop_histograms(&out->vector.rows[i], g);
    matrix_drop_empty(&out->vector, g);
    if (g->count == 1 && out->vector.count > 1)
        qsort(out->vector.rows, out->vector.count, sizeof *out->vector.rows, order);
}

CALL(call_sort)
{
    sort_by_value(q, n, g, out, ascending_order);
}

CALL(call_sort_desc)
{
    sort_by_value(q, n, g, out, descending_order);
}

/* ---- sort_by_label: natural order, where "10" comes behind "9" ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The next chunk of `s`: digits, or no digits. */
static struct str take_chunk(struct str *s)
{
    size_t len = 1;
    bool digits = is_digit(s->at[0]);

    while (len < s->len && is_digit(s->at[len]) == digits)
        len++;
    struct str chunk = {s->at, len};
    *s = str_tail(*s, len);
    return chunk;
}

static struct str without_zeros(struct str digits)
{
    while (digits.len > 1 && digits.at[0] == '0')
        digits = str_tail(digits, 1);
    return digits;
}

static int compare_chunks(struct str a, struct str b)
{
    if (is_digit(a.at[0]) && is_digit(b.at[0])) {
        struct str x = without_zeros(a), y = without_zeros(b);
        if (x.len != y.len)
            return x.len < y.len ? -1 : 1;
        int order = str_cmp(x, y);
        if (order != 0)
            return order;
        return (a.len > b.len) - (a.len < b.len);
    }
    return str_cmp(a, b);
}

static int natural_cmp(struct str a, struct str b)
{
    while (a.len > 0 && b.len > 0) {
        int order = compare_chunks(take_chunk(&a), take_chunk(&b));
        if (order != 0)
            return order;
    }
    return (a.len > 0) - (b.len > 0);
}

static int compare_by_labels(const struct node *n, const struct labels *a, const struct labels *b)
{
    for (size_t i = 1; i < n->call.arg_count; i++) {
        struct str name = node_unwrap(n->call.args[i])->string;
        int order = natural_cmp(labels_get(a, name), labels_get(b, name));
        if (order != 0)
            return order;
    }
    return labels_cmp(a, b);
}

/* Bottom-up merge sort: the order needs the node, which qsort cannot hand on. */
static void sort_rows(struct query *q, const struct node *n, struct matrix *m, int direction)
{
    struct row *from = m->rows, *to = query_new_array(q, m->count + 1, struct row);

    for (size_t width = 1; width < m->count; width *= 2) {
        for (size_t start = 0; start < m->count; start += 2 * width) {
            size_t middle = start + width < m->count ? start + width : m->count;
            size_t end = middle + width < m->count ? middle + width : m->count;
            size_t a = start, b = middle;
            for (size_t k = start; k < end; k++) {
                bool left =
                    a < middle &&
                    (b >= end ||
                        direction * compare_by_labels(n, from[a].labels, from[b].labels) <= 0);
                to[k] = left ? from[a++] : from[b++];
            }
        }
        struct row *other = from;
        from = to;
        to = other;
        query_worked(q, m->count * 8);
    }
    m->rows = from;
    m->capacity = m->count;
}

CALL(call_sort_by_label)
{
    note_range(q, n, g);
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    sort_rows(q, n, &out->vector, 1);
}

CALL(call_sort_by_label_desc)
{
    note_range(q, n, g);
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    sort_rows(q, n, &out->vector, -1);
}
