/* Operators between vectors: which series belong together, and what becomes of each pair.
 *
 * Series match if what on() or ignoring() leaves of their labels is the same: their *signature*.
 * One side is the "one" side: per signature it may have a single series at a step. The other, the
 * "many" side, may have several with group_left or group_right, else one too. (group_right swaps
 * the sides at the start.) */
#include "observe/promql/query_private.h"

#include <string.h>

struct side {
    struct matrix m;
    size_t *signatures;      /* by row */
    uint64_t **of_signature; /* steps at which any row of the signature has a value */
    uint64_t *any;           /* … of all */
};

struct joining {
    struct query *q;
    const struct node *n;
    const struct grid *g;
    const struct matching *matching;
    bool swapped;
    struct side many, one;
    struct label_index signatures;
    size_t *one_first, *one_rows; /* rows of the one side by signature */
    uint64_t *active;             /* steps that are looked at */
    uint64_t **matched;           /* by signature: steps that have had a result */
    struct label_index made;      /* results of many-to-one, by labels */
    size_t *made_signature;
    uint64_t **made_at;
    size_t made_capacity;
    struct matrix out;
};

/* ---- signatures ---- */

static void init_signatures(struct joining *j)
{
    const struct matching *m = j->matching;
    struct str *names = query_new_array(j->q, m->name_count + 1, struct str);

    if (m->name_count > 0)
        memcpy(names, m->names, m->name_count * sizeof *names);
    if (!m->on)
        names[m->name_count] = STR(LABEL_NAME);
    label_index_init(&j->signatures, names, m->name_count + !m->on, m->on);
}

static void sign(struct joining *j, struct side *s)
{
    size_t words = bit_words(j->g->count);
    bool is_new;

    s->signatures = query_new_array(j->q, s->m.count + 1, size_t);
    s->any = query_new_array(j->q, words, uint64_t);
    for (size_t i = 0; i < s->m.count; i++) {
        s->signatures[i] = label_index_add(j->q, &j->signatures, s->m.rows[i].labels, &is_new);
        for (size_t w = 0; w < words; w++)
            s->any[w] |= s->m.rows[i].present[w];
    }
}

static void gather(struct joining *j, struct side *s)
{
    size_t words = bit_words(j->g->count);

    s->of_signature = query_new_array(j->q, j->signatures.count + 1, uint64_t *);
    for (size_t i = 0; i < s->m.count; i++) {
        uint64_t **bits = &s->of_signature[s->signatures[i]];
        if (*bits == NULL)
            *bits = query_new_array(j->q, words, uint64_t);
        for (size_t w = 0; w < words; w++)
            (*bits)[w] |= s->m.rows[i].present[w];
    }
}

static void join_sides(
    struct joining *j, struct query *q, const struct node *n, const struct grid *g)
{
    const struct binary *b = &n->binary;

    *j = (struct joining){.q = q, .n = n, .g = g, .matching = b->matching};
    j->swapped = b->matching->card == ONE_TO_MANY;
    struct side *left = j->swapped ? &j->one : &j->many;
    struct side *right = j->swapped ? &j->many : &j->one;
    eval_vector(q, b->lhs, g, &left->m);
    eval_vector(q, b->rhs, g, &right->m);
    init_signatures(j);
    sign(j, &j->many);
    sign(j, &j->one);
    gather(j, &j->many);
    gather(j, &j->one);
}

/* ---- and, or, unless: on bits alone ---- */

static void keep_where(struct joining *j, struct matrix *m, const size_t *signatures,
    uint64_t *const *other, bool there)
{
    for (size_t i = 0; i < m->count; i++) {
        const uint64_t *bits = other[signatures[i]];
        for (size_t w = 0; w < bit_words(j->g->count); w++) {
            uint64_t mask = bits != NULL ? bits[w] : 0;
            m->rows[i].present[w] &= there ? mask : ~mask;
        }
    }
    matrix_drop_empty(m, j->g);
}

static void join_set(struct joining *j, struct matrix *out)
{
    enum operator op = j->n->binary.op;

    if (op == OP_AND || op == OP_UNLESS) {
        keep_where(j, &j->many.m, j->many.signatures, j->one.of_signature, op == OP_AND);
        *out = j->many.m;
        return;
    }
    keep_where(j, &j->one.m, j->one.signatures, j->many.of_signature, false);
    *out = j->many.m;
    for (size_t i = 0; i < j->one.m.count; i++)
        *matrix_add(j->q, out) = j->one.m.rows[i];
    matrix_merge_made(j->q, out, j->g);
}

/* ---- the one side must be one ---- */

static void list_one_side(struct joining *j)
{
    size_t signatures = j->signatures.count, rows = j->one.m.count;

    j->one_first = query_new_array(j->q, signatures + 2, size_t);
    j->one_rows = query_new_array(j->q, rows + 1, size_t);
    for (size_t i = 0; i < rows; i++)
        j->one_first[j->one.signatures[i] + 2]++;
    for (size_t s = 2; s < signatures + 2; s++)
        j->one_first[s] += j->one_first[s - 1];
    for (size_t i = 0; i < rows; i++)
        j->one_rows[j->one_first[j->one.signatures[i] + 1]++] = i;
}

static void set_active(struct joining *j)
{
    size_t words = bit_words(j->g->count);
    bool fills = j->matching->fill_left || j->matching->fill_right;

    j->active = query_new_array(j->q, words, uint64_t);
    for (size_t w = 0; w < words; w++)
        j->active[w] = fills ? j->many.any[w] | j->one.any[w] : j->many.any[w] & j->one.any[w];
}

static _Noreturn void fail_duplicate(struct joining *j, const struct row *a, const struct row *b)
{
    const struct matching *m = j->matching;
    struct query *q = j->q;
    const struct labels *group =
        labels_project(q->arena, a->labels, j->signatures.names, j->signatures.name_count, m->on);
    const char *x = query_labels_text(q, a->labels), *y = query_labels_text(q, b->labels);
    bool in_order = strcmp(x, y) <= 0;

    query_fail(q, ERR_INVALID,
        "found duplicate series for the match group %s on the %s hand-side of the operation: [%s, "
        "%s];many-to-many matching not allowed: matching labels must be unique on one side",
        query_labels_text(q, group), j->swapped ? "left" : "right", in_order ? x : y,
        in_order ? y : x);
}

static void check_one_side(struct joining *j)
{
    size_t words = bit_words(j->g->count);

    for (size_t s = 0; s < j->signatures.count; s++)
        for (size_t i = j->one_first[s]; i < j->one_first[s + 1]; i++)
            for (size_t k = j->one_first[s]; k < i; k++) {
                const struct row *a = &j->one.m.rows[j->one_rows[i]];
                const struct row *b = &j->one.m.rows[j->one_rows[k]];
                query_worked(j->q, words);
                for (size_t w = 0; w < words; w++)
                    if ((a->present[w] & b->present[w] & j->active[w]) != 0)
                        fail_duplicate(j, a, b);
            }
}

/* ---- what a result is called ---- */

static const struct labels *result_labels(
    struct joining *j, const struct labels *many, const struct labels *one)
{
    const struct matching *m = j->matching;
    const struct binary *b = &j->n->binary;
    const struct labels *l = many;
    struct query *q = j->q;

    query_room(q, 1,
        sizeof *l +
            (many->count + m->include_count + 1) * (m->include_count + 2) * sizeof(struct label));
    if ((b->return_bool && !q->delayed_names) || query_calculates(q, b->op))
        l = labels_without_name(q, l);
    if (m->card == ONE_TO_ONE)
        l = labels_project(q->arena, l, m->names, m->name_count, m->on);
    for (size_t i = 0; i < m->include_count; i++)
        l = labels_with(q->arena, l, m->include[i], labels_get(one, m->include[i]));
    return l;
}

/* ---- one result per label set and step ---- */

static void claim_single(struct joining *j, size_t signature, const uint64_t *steps)
{
    size_t words = bit_words(j->g->count);

    if (j->matched[signature] == NULL)
        j->matched[signature] = query_new_array(j->q, words, uint64_t);
    else if (bits_overlap(j->matched[signature], steps, j->g->count))
        query_fail(j->q, ERR_INVALID,
            "multiple matches for labels: many-to-one matching must be explicit "
            "(group_left/group_right)");
    for (size_t w = 0; w < words; w++)
        j->matched[signature][w] |= steps[w];
}

static void grow_made(struct joining *j)
{
    size_t capacity = j->made_capacity > 0 ? j->made_capacity * 2 : 16;
    size_t *signatures = query_new_array(j->q, capacity, size_t);
    uint64_t **at = query_new_array(j->q, capacity, uint64_t *);

    if (j->made_capacity > 0) {
        memcpy(signatures, j->made_signature, j->made_capacity * sizeof *signatures);
        memcpy(at, j->made_at, j->made_capacity * sizeof *at);
    }
    j->made_signature = signatures;
    j->made_at = at;
    j->made_capacity = capacity;
}

static void claim_grouped(
    struct joining *j, size_t signature, const struct labels *labels, const uint64_t *steps)
{
    size_t words = bit_words(j->g->count);
    bool is_new;
    size_t at = label_index_add(j->q, &j->made, labels, &is_new);

    if (at >= j->made_capacity)
        grow_made(j);
    if (is_new) {
        j->made_signature[at] = signature;
        j->made_at[at] = query_new_array(j->q, words, uint64_t);
    } else if (j->made_signature[at] == signature &&
               bits_overlap(j->made_at[at], steps, j->g->count)) {
        query_fail(j->q, ERR_INVALID,
            "multiple matches for labels: grouping labels must ensure unique matches");
    }
    for (size_t w = 0; w < words; w++)
        j->made_at[at][w] |= steps[w];
}

static void claim(
    struct joining *j, size_t signature, const struct labels *labels, const uint64_t *steps)
{
    size_t words = bit_words(j->g->count);

    if (j->matching->card != ONE_TO_ONE) {
        claim_grouped(j, signature, labels, steps);
        if (j->matched[signature] == NULL)
            j->matched[signature] = query_new_array(j->q, words, uint64_t);
        for (size_t w = 0; w < words; w++)
            j->matched[signature][w] |= steps[w];
    } else {
        claim_single(j, signature, steps);
    }
}

/* ---- pairs ---- */

/* One step by the slow way; false: nothing comes of it, not even a match. */
static bool pair_step(struct joining *j, const struct row *many, const struct row *one, size_t i,
    struct row *out, bool *out_keep)
{
    const struct binary *b = &j->n->binary;
    struct operand m = {many->values[i], row_histogram(many, i)};
    struct operand o = {one->values[i], row_histogram(one, i)}, result;
    const struct operand *left = j->swapped ? &o : &m, *right = j->swapped ? &m : &o;

    if (m.histogram == NULL && o.histogram == NULL && b->op != OP_TRIM_LOWER &&
        b->op != OP_TRIM_UPPER) {
        result = (struct operand){operate(b->op, left->value, right->value), NULL};
        *out_keep = operate_keeps(b->op, left->value, right->value);
    } else if (!operate_histograms(j->q, j->n, left, right, &result, out_keep)) {
        return false;
    }
    if (b->return_bool)
        result = (struct operand){*out_keep, NULL};
    out->values[i] = result.value;
    if (result.histogram != NULL)
        row_set_histogram(j->q, out, j->g, i, result.histogram);
    return true;
}

/* out->present comes in as the steps that both have; leaves as those with a result. */
static void pair_rows(struct joining *j, const struct row *many, const struct row *one,
    struct row *out, uint64_t *matched)
{
    const struct binary *b = &j->n->binary;
    const double *left = j->swapped ? one->values : many->values;
    const double *right = j->swapped ? many->values : one->values;
    bool floats = many->histograms == NULL && one->histograms == NULL;

    query_worked(j->q, j->g->count * 2);
    memcpy(matched, out->present, bit_words(j->g->count) * sizeof *matched);
    if (floats && operator_calculates(b->op)) {
        operate_rows(b->op, left, right, out->values, j->g->count);
        return;
    }
    for (ptrdiff_t i = -1; (i = bits_next(matched, j->g->count, i)) >= 0;) {
        bool keep = true;
        if (!pair_step(j, many, one, (size_t)i, out, &keep)) {
            bit_clear(matched, (size_t)i);
            row_remove_at(out, (size_t)i);
        } else if (!keep && !b->return_bool) {
            row_remove_at(out, (size_t)i);
        }
    }
}

static void add_pair(struct joining *j, size_t signature, const struct row *many,
    const struct row *one, const uint64_t *steps)
{
    struct row out;
    uint64_t *matched = query_new_array(j->q, bit_words(j->g->count), uint64_t);

    row_init(j->q, &out, NULL, j->g);
    memcpy(out.present, steps, bit_words(j->g->count) * sizeof *steps);
    pair_rows(j, many, one, &out, matched);
    if (!bits_any(matched, j->g->count))
        return;
    out.labels = result_labels(j, many->labels, one->labels);
    out.drop_name = j->n->binary.return_bool;
    claim(j, signature, out.labels, j->q->closed_left ? out.present : matched);
    if (bits_any(out.present, j->g->count))
        *matrix_add(j->q, &j->out) = out;
}

static struct row fill_row(struct joining *j, const struct labels *from, double value)
{
    struct row row;

    row_init(j->q, &row, NULL, j->g);
    query_room(j->q, 1, sizeof *from + from->count * sizeof(struct label));
    row.labels = labels_project(
        j->q->arena, from, j->signatures.names, j->signatures.name_count, j->matching->on);
    for (size_t i = 0; i < j->g->count; i++)
        row.values[i] = value;
    return row;
}

static void join_many_row(struct joining *j, size_t i, uint64_t *steps)
{
    const struct row *many = &j->many.m.rows[i];
    size_t s = j->many.signatures[i], words = bit_words(j->g->count);
    bool fill = j->matching->fill_right;
    double value = j->matching->fill_right_value;

    for (size_t k = j->one_first[s]; k < j->one_first[s + 1]; k++) {
        const struct row *one = &j->one.m.rows[j->one_rows[k]];
        for (size_t w = 0; w < words; w++)
            steps[w] = many->present[w] & one->present[w];
        if (bits_any(steps, j->g->count))
            add_pair(j, s, many, one, steps);
    }
    const uint64_t *there = j->one.of_signature[s];
    for (size_t w = 0; w < words; w++)
        steps[w] = many->present[w] & ~(there != NULL ? there[w] : 0);
    if (!fill || !bits_any(steps, j->g->count))
        return;
    struct row filled = fill_row(j, many->labels, value);
    add_pair(j, s, many, &filled, steps);
}

static void join_left_over(struct joining *j, size_t i, uint64_t *steps, double value)
{
    const struct row *one = &j->one.m.rows[i];
    size_t s = j->one.signatures[i], words = bit_words(j->g->count);
    const uint64_t *matched = j->matched[s];

    for (size_t w = 0; w < words; w++)
        steps[w] = one->present[w] & ~(matched != NULL ? matched[w] : 0);
    if (!bits_any(steps, j->g->count))
        return;
    struct row filled = fill_row(j, one->labels, value);
    add_pair(j, s, &filled, one, steps);
}

void eval_binary_vectors(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out)
{
    struct joining j;

    join_sides(&j, q, n, g);
    if (operator_is_set(n->binary.op)) {
        join_set(&j, out);
        return;
    }
    const struct matching *m = j.matching;
    uint64_t *steps = query_new_array(q, bit_words(g->count), uint64_t);
    list_one_side(&j);
    set_active(&j);
    check_one_side(&j);
    j.matched = query_new_array(q, j.signatures.count + 1, uint64_t *);
    label_index_init(&j.made, NULL, 0, false);
    for (size_t i = 0; i < j.many.m.count; i++)
        join_many_row(&j, i, steps);
    for (size_t i = 0; m->fill_left && i < j.one.m.count; i++)
        join_left_over(&j, i, steps, m->fill_left_value);
    *out = j.out;
    matrix_merge_made(q, out, g);
}
