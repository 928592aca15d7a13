#include "observe/promql/functions.h"
#include "script.h"

/* The nodes are this expression's own, which nobody else runs meanwhile. */
static struct node *mutable(const struct node *n)
{
    return (struct node *)(uintptr_t)n;
}

static void fix(struct time_shift *s, int64_t time_ms)
{
    if (s->at != AT_NONE)
        return;
    s->at = AT_TIME;
    s->at_ms = time_ms;
}

/* Below a subquery with a time nothing is touched. False: a function depends on the time. */
static bool rewrite(const struct node *n, int64_t time_ms, bool below)
{
    bool ok = true;

    switch (n->kind) {
    case NODE_SELECTOR:
        if (!below)
            fix(&mutable(n)->selector.shift, time_ms);
        return true;
    case NODE_SUBQUERY:
        if (!below)
            fix(&mutable(n)->subquery.shift, time_ms);
        return rewrite(n->subquery.expr, time_ms, true);
    case NODE_CALL:
        ok = below || !n->call.function->unsafe_at;
        for (size_t i = 0; i < n->call.arg_count; i++)
            ok &= rewrite(n->call.args[i], time_ms, below);
        return ok;
    case NODE_AGGREGATE:
        if (n->aggregate.param != NULL)
            ok = rewrite(n->aggregate.param, time_ms, below);
        return rewrite(n->aggregate.expr, time_ms, below) && ok;
    case NODE_BINARY:
        ok = rewrite(n->binary.lhs, time_ms, below);
        return rewrite(n->binary.rhs, time_ms, below) && ok;
    case NODE_UNARY:
        return rewrite(n->unary.expr, time_ms, below);
    case NODE_PAREN:
        return rewrite(n->paren, time_ms, below);
    default:
        return true;
    }
}

bool rewrite_at(const struct expression *e, int64_t time_ms, struct buf *out)
{
    if (!rewrite(expression_root(e), time_ms, false))
        return false;
    expression_format(e, out);
    return true;
}
