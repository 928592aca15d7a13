#include "observe/promql/plan.h"

#include "base/clock.h"
#include "base/units.h"
#include "observe/promql/window.h"

struct planning {
    struct query q;
    struct buf *out;
};

static void describe(
    struct planning *p, const struct node *n, const struct grid *g, unsigned level);

/* ---- words ---- */

static void begin(struct planning *p, unsigned level)
{
    for (unsigned i = 0; i < level; i++)
        buf_add_text(p->out, "  ");
}

static void add_time(struct planning *p, int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];

    clock_format(ms * NS_PER_MS, ms % 1000 == 0 ? 0 : 3, text);
    buf_add_text(p->out, text);
}

static void add_times(struct planning *p, int64_t first, int64_t last)
{
    add_time(p, first);
    if (last == first)
        return;
    buf_add_text(p->out, " to ");
    add_time(p, last);
}

static void add_duration(struct planning *p, int64_t ms)
{
    char text[UNITS_TEXT_BYTES];

    units_format_duration(ms * NS_PER_MS, text);
    buf_add_text(p->out, text);
}

static void add_steps(struct planning *p, const struct grid *g)
{
    buf_format(p->out, "%zu step%s from ", g->count, g->count == 1 ? "" : "s");
    add_times(p, g->start, grid_end(g));
    if (g->count > 1) {
        buf_add_text(p->out, " every ");
        add_duration(p, g->step);
    }
}

static void end(struct planning *p, const struct node *n, const struct grid *g)
{
    buf_add_text(p->out, n->invariant && g->count > 1 ? ", once\n" : "\n");
}

/* ---- nodes ---- */

static void describe_selector(struct planning *p, const struct node *n, const struct grid *g)
{
    struct query *q = &p->q;
    int64_t at, offset = eval_offset(q, &n->selector.shift), lookback = q->options->lookback_ms;
    bool fixed = eval_at(q, &n->selector.shift, &at);
    int64_t first = (fixed ? at : g->start) - offset, last = (fixed ? at : grid_end(g)) - offset;

    buf_add_text(p->out, "select ");
    node_format(n, p->out);
    buf_add_text(p->out, ": the newest sample, from ");
    add_times(p, first - lookback + (q->closed_left ? 0 : 1),
        last + (n->selector.smoothed ? lookback : 0));
    end(p, n, g);
}

static void describe_range(
    struct planning *p, const struct node *n, const struct grid *g, unsigned level)
{
    struct ranging r;
    struct grid inner;

    begin(p, level);
    ranging_init(&r, &p->q, n, g);
    if (r.node->kind == NODE_SELECTOR) {
        buf_add_text(p->out, "select ");
        node_format(r.node, p->out);
        buf_add_text(p->out, ": samples from ");
        add_times(p, ranging_first(&r), ranging_last(&r));
        buf_add_byte(p->out, '\n');
        return;
    }
    buf_add_text(p->out, "subquery: held for ");
    if (!ranging_subquery_grid(&r, &inner)) {
        buf_add_text(p->out, "no step\n");
        return;
    }
    add_steps(p, &inner);
    buf_add_byte(p->out, '\n');
    describe(p, r.node->subquery.expr, &inner, level + 1);
}

static void describe_call(
    struct planning *p, const struct node *n, const struct grid *g, unsigned level)
{
    const struct function *f = n->call.function;
    struct ranging r;

    buf_add_text(p->out, f->name);
    for (size_t i = 0; f->window != NULL && i < n->call.arg_count; i++)
        if (n->call.args[i]->type == TYPE_MATRIX) {
            ranging_init(&r, &p->q, n->call.args[i], g);
            bool sweeps = f->sweep != NULL && !r.anchored && !r.smoothed;
            buf_add_text(p->out, sweeps ? ": all windows of " : ": each window of ");
            add_duration(p, r.range);
            buf_add_text(p->out, sweeps ? " in one pass" : " for itself");
        }
    if (f->map != NULL && n->call.arg_count > 0)
        buf_add_text(p->out, ": row by row");
    end(p, n, g);
    for (size_t i = 0; i < n->call.arg_count; i++)
        describe(p, n->call.args[i], g, level + 1);
}

static void describe_aggregate(
    struct planning *p, const struct node *n, const struct grid *g, unsigned level)
{
    const struct aggregate *a = &n->aggregate;
    bool holds = aggregation_has_param(a->op) && a->op != AGG_COUNT_VALUES;

    buf_add_text(p->out, aggregation_name(a->op));
    if (a->without || a->grouping_count > 0)
        buf_add_text(p->out, a->without ? " without (" : " by (");
    for (size_t i = 0; i < a->grouping_count; i++)
        buf_format(p->out, "%s%.*s", i > 0 ? ", " : "", STR_ARG(a->grouping[i]));
    if (a->without || a->grouping_count > 0)
        buf_add_byte(p->out, ')');
    buf_add_text(p->out, holds ? ": all rows are held" : ": a row for each group");
    end(p, n, g);
    if (a->param != NULL)
        describe(p, a->param, g, level + 1);
    describe(p, a->expr, g, level + 1);
}

static void describe_binary(
    struct planning *p, const struct node *n, const struct grid *g, unsigned level)
{
    const struct matching *m = n->binary.matching;

    buf_add_text(p->out, operator_text(n->binary.op));
    if (m == NULL)
        buf_add_text(p->out, ": row by row");
    else
        buf_format(p->out, ": both sides are held, matched %s %zu label%s",
            m->on ? "on" : "ignoring", m->name_count, m->name_count == 1 ? "" : "s");
    end(p, n, g);
    describe(p, n->binary.lhs, g, level + 1);
    describe(p, n->binary.rhs, g, level + 1);
}

static void describe(struct planning *p, const struct node *n, const struct grid *g, unsigned level)
{
    n = node_unwrap((struct node *)(uintptr_t)n);
    if (n->type == TYPE_MATRIX) {
        describe_range(p, n, g, level);
        return;
    }
    begin(p, level);
    switch (n->kind) {
    case NODE_SELECTOR:
        describe_selector(p, n, g);
        break;
    case NODE_CALL:
        describe_call(p, n, g, level);
        break;
    case NODE_AGGREGATE:
        describe_aggregate(p, n, g, level);
        break;
    case NODE_BINARY:
        describe_binary(p, n, g, level);
        break;
    case NODE_UNARY:
        buf_format(p->out, "%s: row by row", operator_text(n->unary.op));
        end(p, n, g);
        describe(p, n->unary.expr, g, level + 1);
        break;
    default:
        node_format(n, p->out);
        buf_add_byte(p->out, '\n');
    }
}

bool query_plan(const struct expression *e, const struct query_options *options, struct buf *out,
    struct err *err)
{
    bool instant = options->step_ms <= 0;
    struct planning p = {
        .out = out,
        .q = {.arena = arena_create(0),
              .options = options,
              .text = expression_text(e),
              .delayed_names = options->profile == PROFILE_3,
              .closed_left = options->profile == PROFILE_2_42,
              .until_check = 1u << 30,
              .err = err}
    };
    struct grid g = {
        .start = options->start_ms, .step = instant ? 1 : options->step_ms, .count = 1};

    if (setjmp(p.q.failed) != 0) {
        arena_destroy(&p.q.arena);
        return false;
    }
    if (!instant)
        g.count = eval_steps(&p.q, options->start_ms, options->end_ms, options->step_ms);
    if (g.count > 0) {
        add_steps(&p, &g);
        buf_add_byte(out, '\n');
        describe(&p, expression_root(e), &g, 0);
    }
    arena_destroy(&p.q.arena);
    return true;
}
