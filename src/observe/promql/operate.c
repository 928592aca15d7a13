/* Operators on pairs of numbers, and between a vector and a number. */
#include "observe/promql/query_private.h"

#include <math.h>

double operate(enum operator op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUB:
        return a - b;
    case OP_MUL:
        return a * b;
    case OP_DIV:
        return a / b;
    case OP_MOD:
        return fmod(a, b);
    case OP_POW:
        return pow(a, b);
    case OP_ATAN2:
        return atan2(a, b);
    default:
        return a; /* comparisons filter the left side */
    }
}

bool operate_keeps(enum operator op, double a, double b)
{
    switch (op) {
    case OP_EQL:
        return a == b;
    case OP_NEQ:
        return a != b;
    case OP_LSS:
        return a < b;
    case OP_LTE:
        return a <= b;
    case OP_GTR:
        return a > b;
    case OP_GTE:
        return a >= b;
    default:
        return true;
    }
}

/* ---- whole rows ---- */

#define ROW_LOOP(expression)             \
    for (size_t i = 0; i < count; i++) { \
        double x = a[i], y = b[i];       \
        out[i] = (expression);           \
    }                                    \
    break

/* Simple loops, which the compiler makes vector instructions of; gcc builds each for several
 * processors and the loader picks. */
OPERATE_CLONES void operate_rows(
    enum operator op, const double *a, const double *b, double *out, size_t count)
{
    switch (op) {
    case OP_ADD:
        ROW_LOOP(x + y);
    case OP_SUB:
        ROW_LOOP(x - y);
    case OP_MUL:
        ROW_LOOP(x * y);
    case OP_DIV:
        ROW_LOOP(x / y);
    default:
        for (size_t i = 0; i < count; i++)
            out[i] = operate(op, a[i], b[i]);
    }
}

/* Clears the bits of steps that a comparison does not keep. */
static void compare_rows(
    enum operator op, const double *a, const double *b, uint64_t *present, size_t count)
{
    for (ptrdiff_t i = -1; (i = bits_next(present, count, i)) >= 0;)
        if (!operate_keeps(op, a[i], b[i]))
            bit_clear(present, (size_t)i);
}

/* ---- between a vector and a number ---- */

struct scalar_side {
    struct query *q;
    const struct node *n;
    const struct grid *g;
    double *scalar;
    bool swapped; /* the number is on the left */
    row_fn each;
    void *self;
};

static bool is_trim(enum operator op)
{
    return op == OP_TRIM_UPPER || op == OP_TRIM_LOWER;
}

static void operate_float(const struct scalar_side *x, struct row *row)
{
    enum operator op = x->n->binary.op;
    const double *a = x->swapped ? x->scalar : row->values;
    const double *b = x->swapped ? row->values : x->scalar;
    size_t count = x->g->count;

    if (!operator_compares(op))
        operate_rows(op, a, b, row->values, count);
    else if (!x->n->binary.return_bool)
        compare_rows(op, a, b, row->present, count);
    else
        for (size_t i = 0; i < count; i++)
            row->values[i] = operate_keeps(op, a[i], b[i]);
}

/* Step by step, since some have histograms, or the operator is for histograms only. */
static void operate_mixed(const struct scalar_side *x, struct row *row)
{
    for (ptrdiff_t i = -1; (i = bits_next(row->present, x->g->count, i)) >= 0;) {
        const struct histogram *h = row_histogram(row, (size_t)i);
        struct operand vector = {row->values[i], h}, scalar = {x->scalar[i], NULL}, out;
        struct operand *a = x->swapped ? &scalar : &vector, *b = x->swapped ? &vector : &scalar;
        bool keep = true;
        if (h == NULL && !is_trim(x->n->binary.op)) {
            out = (struct operand){operate(x->n->binary.op, a->value, b->value), NULL};
            keep = operate_keeps(x->n->binary.op, a->value, b->value);
            if (operator_compares(x->n->binary.op))
                out.value = vector.value;
        } else if (!operate_histograms(x->q, x->n, a, b, &out, &keep)) {
            row_remove_at(row, (size_t)i);
            continue;
        }
        if (x->n->binary.return_bool) {
            out = (struct operand){keep, NULL};
            keep = true;
        }
        row->values[i] = out.value;
        if (row->histograms != NULL)
            row->histograms[i] = out.histogram;
        if (!keep)
            row_remove_at(row, (size_t)i);
    }
}

static void operate_row(void *self, struct row *row)
{
    struct scalar_side *x = self;
    const struct binary *b = &x->n->binary;

    query_worked(x->q, x->g->count);
    if (row->histograms != NULL || is_trim(b->op))
        operate_mixed(x, row);
    else
        operate_float(x, row);
    if (!bits_any(row->present, x->g->count))
        return;
    if (query_calculates(x->q, b->op) || b->return_bool)
        row_lose_name(x->q, row);
    x->each(x->self, row);
}

void eval_binary_scalar(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self)
{
    const struct binary *b = &n->binary;
    struct scalar_side x = {
        .q = q, .n = n, .g = g, .swapped = b->lhs->type == TYPE_SCALAR, .each = each, .self = self};

    x.scalar = eval_scalar(q, x.swapped ? b->lhs : b->rhs, g);
    eval_each(q, x.swapped ? b->rhs : b->lhs, g, operate_row, &x);
}
