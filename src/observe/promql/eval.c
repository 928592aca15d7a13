/* Evaluation, from the root down. */
#include "observe/promql/query_private.h"

#include <math.h>
#include <string.h>

/* ---- durations and times that depend on the run ---- */

static double duration_seconds(struct query *q, const struct node *n);

static double duration_binary(struct query *q, const struct node *n, double a, double b)
{
    switch (n->duration.op) {
    case DURATION_ADD:
        return a + b;
    case DURATION_SUB:
        return a - b;
    case DURATION_MUL:
        return a * b;
    case DURATION_DIV:
        if (b == 0)
            query_fail(q, ERR_INVALID, "%u:%u: division by zero", n->start, n->end);
        return a / b;
    case DURATION_MOD:
        if (b == 0)
            query_fail(q, ERR_INVALID, "%u:%u: modulo by zero", n->start, n->end);
        return fmod(a, b);
    case DURATION_POW:
        return pow(a, b);
    case DURATION_MIN_OF:
        return a < b ? a : b;
    case DURATION_MAX_OF:
        return a > b ? a : b;
    default:
        return 0;
    }
}

static double duration_seconds(struct query *q, const struct node *n)
{
    const struct query_options *o = q->options;

    if (n->kind == NODE_NUMBER)
        return n->number.value;
    if (n->duration.op == DURATION_STEP)
        return (double)o->step_ms / 1000;
    if (n->duration.op == DURATION_RANGE)
        return o->step_ms > 0 ? (double)(o->end_ms - o->start_ms) / 1000 : 0;
    double rhs = duration_seconds(q, n->duration.rhs);
    if (n->duration.lhs == NULL)
        return n->duration.op == DURATION_SUB ? -rhs : rhs;
    return duration_binary(q, n, duration_seconds(q, n->duration.lhs), rhs);
}

static int64_t duration_ms(struct query *q, const struct node *n, bool may_be_negative)
{
    double seconds = duration_seconds(q, n);

    if (!isfinite(seconds))
        query_fail(q, ERR_INVALID, "%u:%u: duration is NaN or infinite", n->start, n->end);
    if (seconds <= 0 && !may_be_negative)
        query_fail(q, ERR_INVALID, "%u:%u: duration must be greater than 0", n->start, n->end);
    if (fabs(seconds) > 9223372036.0)
        query_fail(q, ERR_INVALID, "%u:%u: duration is out of range", n->start, n->end);
    return (int64_t)(seconds * 1000);
}

int64_t eval_offset(struct query *q, const struct time_shift *s)
{
    return s->offset_expr != NULL ? duration_ms(q, s->offset_expr, true) : s->offset_ms;
}

int64_t eval_span(struct query *q, const struct span_ms *s)
{
    return s->expr != NULL ? duration_ms(q, s->expr, false) : s->ms;
}

bool eval_at(struct query *q, const struct time_shift *s, int64_t *out)
{
    const struct query_options *o = q->options;

    if (s->at == AT_NONE)
        return false;
    *out = s->at == AT_TIME                       ? s->at_ms
           : s->at == AT_START || o->step_ms <= 0 ? o->start_ms
                                                  : o->end_ms;
    return true;
}

size_t eval_steps(struct query *q, int64_t first, int64_t last, int64_t step)
{
    uint64_t count = last < first ? 0 : ((uint64_t)last - (uint64_t)first) / (uint64_t)step + 1;

    if (count > q->options->points_max)
        query_fail(q, ERR_LIMIT,
            "the query has %llu steps, more than the %zu that one may have (points limit)",
            (unsigned long long)count, q->options->points_max);
    return (size_t)count;
}

/* ---- elements ---- */

struct collector {
    struct query *q;
    const struct grid *g;
    struct matrix *out;
};

static void collect(void *self, struct row *row)
{
    struct collector *c = self;

    row_copy(c->q, matrix_add(c->q, c->out), row, c->g);
}

struct mapper {
    const struct function *function;
    struct query *q;
    const struct grid *g;
    row_fn each;
    void *self;
};

static void map_row(void *self, struct row *row)
{
    struct mapper *m = self;
    function_map_fn map = m->function->map;

    row_drop_histograms(row, m->g);
    if (!bits_any(row->present, m->g->count))
        return;
    query_worked(m->q, m->g->count);
    for (size_t i = 0; i < m->g->count; i++)
        row->values[i] = map(row->values[i]);
    row_lose_name(m->q, row);
    m->each(m->self, row);
}

static void negate_row(void *self, struct row *row)
{
    struct mapper *m = self;

    for (size_t i = 0; i < m->g->count; i++)
        row->values[i] = -row->values[i];
    for (size_t i = 0; row->histograms != NULL && i < m->g->count; i++)
        if (row->histograms[i] != NULL) {
            query_room(m->q, 1, 64);
            struct histogram *h = histogram_copy(m->q->arena, row->histograms[i]);
            histogram_scale(h, -1);
            row->histograms[i] = h;
        }
    row_lose_name(m->q, row);
    m->each(m->self, row);
}

/* Where names go at once, two series may have become one; only a whole vector shows that. */
static bool may_collide(const struct query *q, const struct node *n)
{
    if (q->delayed_names)
        return false;
    return (n->kind == NODE_CALL && !n->call.function->keeps_name) || n->kind == NODE_UNARY ||
           n->kind == NODE_BINARY;
}

bool eval_streams(const struct node *n)
{
    switch (n->kind) {
    case NODE_SELECTOR:
    case NODE_PAREN:
    case NODE_UNARY:
        return true;
    case NODE_CALL:
        return n->call.function->window != NULL ||
               (n->call.function->map != NULL && n->call.arg_count > 0);
    case NODE_BINARY:
        return n->binary.matching == NULL;
    default:
        return false;
    }
}

static void stream(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self)
{
    struct mapper m = {.q = q, .g = g, .each = each, .self = self};

    switch (n->kind) {
    case NODE_SELECTOR:
        select_each(q, n, g, each, self);
        break;
    case NODE_PAREN:
        eval_each(q, n->paren, g, each, self);
        break;
    case NODE_UNARY:
        eval_each(q, n->unary.expr, g, n->unary.op == OP_SUB ? negate_row : each,
            n->unary.op == OP_SUB ? &m : self);
        break;
    case NODE_BINARY:
        eval_binary_scalar(q, n, g, each, self);
        break;
    default:
        if (n->call.function->window != NULL) {
            window_each(q, n, g, each, self);
            break;
        }
        m.function = n->call.function;
        eval_each(q, n->call.args[0], g, map_row, &m);
    }
}

void eval_each(struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self)
{
    bool repeats = n->invariant && g->count > 1;

    if (eval_streams(n) && !repeats && !may_collide(q, n)) {
        stream(q, n, g, each, self);
        return;
    }
    struct matrix m = {0};
    eval_vector(q, n, g, &m);
    for (size_t i = 0; i < m.count; i++)
        each(self, &m.rows[i]);
}

/* ---- whole vectors ---- */

static void eval_vector_at(
    struct query *q, const struct node *n, const struct grid *g, struct matrix *out)
{
    struct collector c = {q, g, out};
    struct value v = {0};

    if (eval_streams(n)) {
        stream(q, n, g, collect, &c);
        if (may_collide(q, n))
            matrix_merge_same(q, out, g);
        return;
    }
    switch (n->kind) {
    case NODE_BINARY:
        eval_binary_vectors(q, n, g, out);
        break;
    case NODE_AGGREGATE:
        eval_aggregate(q, n, g, out);
        break;
    case NODE_CALL:
        n->call.function->node(q, n, g, &v);
        *out = v.vector;
        if (may_collide(q, n))
            matrix_merge_same(q, out, g);
        break;
    default:
        break;
    }
}

/* What is the same at every step is computed once, at the first. */
static void repeat_rows(
    struct query *q, const struct matrix *once, const struct grid *g, struct matrix *out)
{
    for (size_t i = 0; i < once->count; i++) {
        const struct row *from = &once->rows[i];
        if (!bit_get(from->present, 0))
            continue;
        struct row *row = matrix_add(q, out);
        row_init(q, row, from->labels, g);
        row->drop_name = from->drop_name;
        bits_fill(row->present, g->count);
        const struct histogram *h = row_histogram(from, 0);
        for (size_t k = 0; k < g->count; k++) {
            row->values[k] = from->values[0];
            if (h != NULL)
                row_set_histogram(q, row, g, k, h);
        }
    }
}

void eval_vector(struct query *q, const struct node *n, const struct grid *g, struct matrix *out)
{
    struct grid once = {.start = g->start, .step = g->step, .count = 1};
    struct matrix m = {0};

    query_worked(q, 16);
    n = node_unwrap((struct node *)(uintptr_t)n);
    if (!n->invariant || g->count == 1) {
        eval_vector_at(q, n, g, out);
        return;
    }
    eval_vector_at(q, n, &once, &m);
    repeat_rows(q, &m, g, out);
}

/* ---- scalars ---- */

static double *constant_row(struct query *q, double value, const struct grid *g)
{
    double *row = query_new_array(q, g->count, double);

    for (size_t i = 0; i < g->count; i++)
        row[i] = value;
    return row;
}

static double *scalar_binary(struct query *q, const struct node *n, const struct grid *g)
{
    double *a = eval_scalar(q, n->binary.lhs, g), *b = eval_scalar(q, n->binary.rhs, g);
    bool compares = operator_compares(n->binary.op);

    for (size_t i = 0; i < g->count; i++)
        a[i] =
            compares ? operate_keeps(n->binary.op, a[i], b[i]) : operate(n->binary.op, a[i], b[i]);
    return a;
}

double *eval_scalar(struct query *q, const struct node *n, const struct grid *g)
{
    double *row;
    struct value v = {0};
    struct grid once = {.start = g->start, .step = g->step, .count = 1};

    query_worked(q, 16);
    n = node_unwrap((struct node *)(uintptr_t)n);
    if (n->kind == NODE_NUMBER)
        return constant_row(q, n->number.value, g);
    if (n->invariant && g->count > 1)
        return constant_row(q, *eval_scalar(q, n, &once), g);
    switch (n->kind) {
    case NODE_BINARY:
        return scalar_binary(q, n, g);
    case NODE_UNARY:
        row = eval_scalar(q, n->unary.expr, g);
        for (size_t i = 0; n->unary.op == OP_SUB && i < g->count; i++)
            row[i] = -row[i];
        return row;
    default:
        n->call.function->node(q, n, g, &v);
        return v.scalar;
    }
}

/* ---- any type ---- */

void eval(struct query *q, const struct node *n, const struct grid *g, struct value *out)
{
    *out = (struct value){.type = n->type};
    switch (n->type) {
    case TYPE_SCALAR:
        out->scalar = eval_scalar(q, n, g);
        break;
    case TYPE_STRING:
        out->string = node_unwrap((struct node *)(uintptr_t)n)->string;
        break;
    case TYPE_VECTOR:
        eval_vector(q, n, g, &out->vector);
        break;
    case TYPE_MATRIX:
        select_ranges(q, n, g, out);
        break;
    case TYPE_NONE:
        break;
    }
}
