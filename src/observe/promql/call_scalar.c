/* Functions that give numbers, or come from them. */
#include "observe/promql/calls.h"

#include <math.h>

static double *new_row(struct query *q, const struct grid *g, struct value *out)
{
    out->type = TYPE_SCALAR;
    return out->scalar = query_new_array(q, g->count, double);
}

static void constant(struct query *q, const struct grid *g, struct value *out, double value)
{
    double *row = new_row(q, g, out);

    for (size_t i = 0; i < g->count; i++)
        row[i] = value;
}

CALL(call_time)
{
    double *row = new_row(q, g, out);

    (void)n;
    for (size_t i = 0; i < g->count; i++)
        row[i] = (double)grid_time(g, i) / 1000;
}

CALL(call_pi)
{
    (void)n;
    constant(q, g, out, M_PI);
}

CALL(call_start)
{
    (void)n;
    constant(q, g, out, (double)q->options->start_ms / 1000);
}

static int64_t end_of(const struct query *q)
{
    return q->options->step_ms > 0 ? q->options->end_ms : q->options->start_ms;
}

CALL(call_end)
{
    (void)n;
    constant(q, g, out, (double)end_of(q) / 1000);
}

CALL(call_range)
{
    (void)n;
    constant(q, g, out, (double)(end_of(q) - q->options->start_ms) / 1000);
}

CALL(call_step)
{
    bool instant = end_of(q) == q->options->start_ms;

    (void)n;
    constant(q, g, out, instant ? 0 : (double)q->options->step_ms / 1000);
}

/* Go's math.Max and math.Min: not-a-number wins over all but the infinity sought. */
static double max_of(double a, double b)
{
    if (isinf(a) == 1 || isinf(b) == 1)
        return INFINITY;
    return isnan(a) || isnan(b) ? NAN : a > b || (a == b && !signbit(a)) ? a : b;
}

static double min_of(double a, double b)
{
    return -max_of(-a, -b);
}

CALL(call_max_of)
{
    double *a = eval_scalar(q, n->call.args[0], g), *b = eval_scalar(q, n->call.args[1], g);

    for (size_t i = 0; i < g->count; i++)
        a[i] = max_of(a[i], b[i]);
    *out = (struct value){.type = TYPE_SCALAR, .scalar = a};
}

CALL(call_min_of)
{
    double *a = eval_scalar(q, n->call.args[0], g), *b = eval_scalar(q, n->call.args[1], g);

    for (size_t i = 0; i < g->count; i++)
        a[i] = min_of(a[i], b[i]);
    *out = (struct value){.type = TYPE_SCALAR, .scalar = a};
}

CALL(call_vector)
{
    struct row *row = matrix_add(q, &out->vector);

    row_init(q, row, &labels_none, g);
    row->values = eval_scalar(q, n->call.args[0], g);
    bits_fill(row->present, g->count);
    out->type = TYPE_VECTOR;
}

struct single {
    const struct grid *g;
    double *values;
    uint64_t *seen;
};

static void take_single(void *self, struct row *row)
{
    struct single *s = self;

    row_drop_histograms(row, s->g);
    for (ptrdiff_t i = -1; (i = bits_next(row->present, s->g->count, i)) >= 0;) {
        s->values[i] = bit_get(s->seen, (size_t)i) ? NAN : row->values[i];
        bit_set(s->seen, (size_t)i);
    }
}

CALL(call_scalar)
{
    struct single s = {.g = g, .seen = query_new_array(q, bit_words(g->count), uint64_t)};

    constant(q, g, out, NAN);
    s.values = out->scalar;
    eval_each(q, n->call.args[0], g, take_single, &s);
}
