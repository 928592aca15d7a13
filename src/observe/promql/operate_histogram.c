/* Operators where a histogram takes part, one step at a time. */
#include "observe/promql/query_private.h"

static struct histogram *copy_of(struct query *q, const struct histogram *h)
{
    query_room(q, h->positive_count + h->negative_count + 8, 2 * sizeof(struct bucket));
    return histogram_copy(q->arena, h);
}

static bool incompatible(
    struct query *q, const struct node *n, const struct operand *a, const struct operand *b)
{
    const char *op = operator_text(n->binary.op);

    (void)query_info(q, n,
        "incompatible sample types encountered for binary operator \"%s\": %s %s %s", op,
        a->histogram != NULL ? "histogram" : "float", op,
        b->histogram != NULL ? "histogram" : "float");
    return false;
}

/* Histogram by number. */
static bool by_number(struct query *q, const struct node *n, const struct operand *a,
    const struct operand *b, struct operand *out)
{
    enum operator op = n->binary.op;
    struct histogram *h;

    if (op != OP_MUL && op != OP_DIV && op != OP_TRIM_UPPER && op != OP_TRIM_LOWER)
        return incompatible(q, n, a, b);
    h = copy_of(q, a->histogram);
    if (op == OP_MUL)
        histogram_scale(h, b->value);
    else if (op == OP_DIV)
        histogram_divide(h, b->value);
    else
        histogram_trim(h, b->value, op == OP_TRIM_UPPER);
    histogram_compact(h);
    out->histogram = h;
    return true;
}

static bool sum_of(struct query *q, const struct node *n, const struct operand *a,
    const struct operand *b, struct operand *out)
{
    bool add = n->binary.op == OP_ADD;
    struct histogram_note note = {0};
    struct histogram *h = copy_of(q, a->histogram);
    bool ok = (add ? histogram_add : histogram_sub)(q->arena, h, b->histogram, &note);

    if (!ok) {
        (void)query_warn(q, n, "incompatible bucket layout encountered for binary operator %s",
            operator_text(n->binary.op));
        return false;
    }
    if (!add)
        h->hint = HINT_GAUGE;
    if (note.resets_collide)
        (void)query_warn(q, n, "conflicting counter resets during histogram %s",
            add ? "addition" : "subtraction");
    if (note.reconciled)
        (void)query_info(q, n, "mismatched custom buckets were reconciled during %s",
            add ? "addition" : "subtraction");
    histogram_compact(h);
    out->histogram = h;
    return true;
}

bool operate_histograms(struct query *q, const struct node *n, const struct operand *a,
    const struct operand *b, struct operand *out, bool *out_keep)
{
    enum operator op = n->binary.op;

    *out = (struct operand){0, NULL};
    *out_keep = true;
    if (a->histogram == NULL && b->histogram == NULL)
        return incompatible(q, n, a, b); /* </ and >/ on numbers */
    if (b->histogram == NULL)
        return by_number(q, n, a, b, out);
    if (a->histogram == NULL)
        return op == OP_MUL ? by_number(q, n, b, a, out) : incompatible(q, n, a, b);
    if (op == OP_ADD || op == OP_SUB)
        return sum_of(q, n, a, b, out);
    if (op != OP_EQL && op != OP_NEQ)
        return incompatible(q, n, a, b);
    out->histogram = a->histogram;
    *out_keep = histogram_eq(a->histogram, b->histogram) == (op == OP_EQL);
    return true;
}
