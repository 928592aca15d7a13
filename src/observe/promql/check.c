/* Types: what may stand where, and what is the same at every step. The first problem in the order
 * of the text ends the parse. */
#include "observe/promql/functions.h"
#include "observe/promql/parse_private.h"

#include <stdio.h>

static enum value_type check(struct parser *p, struct node *n);

/* Prometheus' short names, which some of its messages use. */
static const char *short_name(enum value_type type)
{
    static const char *const names[] = {"none", "scalar", "string", "vector", "matrix"};

    return names[type];
}

static void expect(struct parser *p, struct node *n, enum value_type wanted, const char *context)
{
    enum value_type type = check(p, n);

    if (type != wanted)
        parse_fail(p, n->start, "expected type %s in %s, got %s", value_type_name(wanted), context,
            value_type_name(type));
}

/* ---- selectors ---- */

static enum value_type check_selector(struct parser *p, struct node *n)
{
    const struct selector *s = &n->selector;
    bool not_empty = s->may_match_all;

    n->invariant = s->shift.at != AT_NONE;
    for (size_t i = 0; i < s->matcher_count; i++) {
        const struct matcher *m = &s->matchers[i];
        if (s->name.len > 0 && i + 1 < s->matcher_count && str_is(m->name, "__name__"))
            parse_fail(p, n->start, "metric name must not be set twice: \"%.*s\" or \"%.*s\"",
                STR_ARG(s->name), STR_ARG(m->value));
        not_empty |= !matcher_passes(m, STR(""));
    }
    if (!not_empty && s->name.len == 0)
        parse_fail(p, n->start, "vector selector must contain at least one non-empty matcher");
    return s->has_range ? TYPE_MATRIX : TYPE_VECTOR;
}

static enum value_type check_subquery(struct parser *p, struct node *n)
{
    enum value_type type = check(p, n->subquery.expr);

    if (type != TYPE_VECTOR)
        parse_fail(p, n->start, "subquery is only allowed on instant vector, got %s instead",
            short_name(type));
    n->invariant = n->subquery.shift.at != AT_NONE;
    return TYPE_MATRIX;
}

/* ---- aggregations ---- */

static enum value_type check_aggregate(struct parser *p, struct node *n)
{
    struct aggregate *a = &n->aggregate;

    expect(p, a->expr, TYPE_VECTOR, "aggregation expression");
    if (a->param != NULL)
        expect(p, a->param, a->op == AGG_COUNT_VALUES ? TYPE_STRING : TYPE_SCALAR,
            "aggregation parameter");
    n->invariant = a->expr->invariant;
    return TYPE_VECTOR;
}

/* ---- binary operators ---- */

static uint32_t operator_start(const struct parser *p, const struct node *n)
{
    uint32_t at = n->binary.lhs->end;

    while (
        at < p->lexer.text.len && (p->lexer.text.at[at] == ' ' || p->lexer.text.at[at] == '\n' ||
                                      p->lexer.text.at[at] == '\t' || p->lexer.text.at[at] == ')'))
        at++;
    return at;
}

static void check_names(struct parser *p, const struct node *n)
{
    const struct matching *m = n->binary.matching;

    for (size_t i = 0; m->on && i < m->name_count; i++)
        for (size_t k = 0; k < m->include_count; k++)
            if (str_eq(m->names[i], m->include[k]))
                parse_fail(p, operator_start(p, n),
                    "label \"%.*s\" must not occur in ON and GROUP clause at once",
                    STR_ARG(m->names[i]));
}

static void check_set_operator(struct parser *p, const struct node *n)
{
    const struct matching *m = n->binary.matching;

    if (m->card != MANY_TO_MANY)
        parse_fail(
            p, n->start, "no grouping allowed for \"%s\" operation", operator_text(n->binary.op));
    if (m->fill_left || m->fill_right)
        parse_fail(p, n->start, "filling in missing series not allowed for set operators");
}

static void check_scalars(struct parser *p, struct node *n)
{
    const struct matching *m = n->binary.matching;

    if (m->name_count > 0)
        parse_fail(p, n->start, "vector matching only allowed between instant vectors");
    if (m->fill_left || m->fill_right)
        parse_fail(p, n->start, "filling in missing series only allowed between instant vectors");
    if (operator_is_set(n->binary.op))
        parse_fail(p, n->start, "set operator \"%s\" not allowed in binary scalar expression",
            operator_text(n->binary.op));
    n->binary.matching = NULL;
}

static bool is_scalar_or_vector(enum value_type type)
{
    return type == TYPE_SCALAR || type == TYPE_VECTOR;
}

static enum value_type check_binary(struct parser *p, struct node *n)
{
    struct binary *b = &n->binary;
    enum value_type lt = check(p, b->lhs), rt = check(p, b->rhs);
    bool scalars = lt == TYPE_SCALAR && rt == TYPE_SCALAR;

    if (b->return_bool && !operator_compares(b->op))
        parse_fail(
            p, operator_start(p, n), "bool modifier can only be used on comparison operators");
    if (operator_compares(b->op) && !b->return_bool && scalars)
        parse_fail(p, operator_start(p, n), "comparisons between scalars must use BOOL modifier");
    if (operator_is_set(b->op) && b->matching->card == ONE_TO_ONE)
        b->matching->card = MANY_TO_MANY;
    check_names(p, n);
    if (!is_scalar_or_vector(lt))
        parse_fail(p, b->lhs->start,
            "binary expression must contain only scalar and instant vector types");
    if (!is_scalar_or_vector(rt))
        parse_fail(p, b->rhs->start,
            "binary expression must contain only scalar and instant vector types");
    if (lt != TYPE_VECTOR || rt != TYPE_VECTOR)
        check_scalars(p, n);
    else if (operator_is_set(b->op))
        check_set_operator(p, n);
    if (scalars && (b->op == OP_TRIM_UPPER || b->op == OP_TRIM_LOWER))
        parse_fail(
            p, n->start, "operator \"%s\" not allowed for Scalar operations", operator_text(b->op));
    n->invariant = b->lhs->invariant && b->rhs->invariant;
    return scalars ? TYPE_SCALAR : TYPE_VECTOR;
}

/* ---- calls ---- */

static void check_arity(struct parser *p, const struct node *n)
{
    const struct function *f = n->call.function;
    struct function_arity arity = function_arity(f);
    size_t got = n->call.arg_count;

    if (arity.min == arity.max && got != arity.min)
        parse_fail(p, n->start, "expected %zu argument(s) in call to \"%s\", got %zu", arity.min,
            f->name, got);
    if (got < arity.min)
        parse_fail(p, n->start, "expected at least %zu argument(s) in call to \"%s\", got %zu",
            arity.min, f->name, got);
    if (got > arity.max)
        parse_fail(p, n->start, "expected at most %zu argument(s) in call to \"%s\", got %zu",
            arity.max, f->name, got);
}

static void check_info_selector(struct parser *p, struct node *arg)
{
    if (arg->kind != NODE_SELECTOR || arg->selector.has_range)
        parse_fail(p, arg->start, "expected label selectors only");
    if (arg->selector.name.len > 0)
        parse_fail(p, arg->start, "expected label selectors only, got vector selector instead");
    arg->selector.may_match_all = true;
}

static bool is_constant_of_query(const struct function *f)
{
    return str_is(str_from(f->name), "start") || str_is(str_from(f->name), "end") ||
           str_is(str_from(f->name), "step") || str_is(str_from(f->name), "range");
}

static enum value_type check_call(struct parser *p, struct node *n)
{
    const struct function *f = n->call.function;
    bool is_timestamp = str_is(str_from(f->name), "timestamp");

    check_arity(p, n);
    if (str_is(str_from(f->name), "info") && n->call.arg_count > 1)
        check_info_selector(p, n->call.args[1]);
    n->invariant = !f->unsafe_at || is_constant_of_query(f);
    for (size_t i = 0; i < n->call.arg_count; i++) {
        struct node *arg = n->call.args[i];
        enum value_type wanted = function_arg_type(f, i), type = check(p, arg);
        if (type != wanted)
            parse_fail(p, arg->start, "expected type %s in call to function \"%s\", got %s",
                value_type_name(wanted), f->name, value_type_name(type));
        n->invariant &= arg->invariant;
        /* timestamp(x @ 1) is the same at every step, timestamp(abs(x @ 1)) is not. */
        if (is_timestamp)
            n->invariant = arg->invariant && node_unwrap(arg)->kind == NODE_SELECTOR;
    }
    return f->returns;
}

/* ---- the rest ---- */

static enum value_type check_unary(struct parser *p, struct node *n)
{
    enum value_type type = check(p, n->unary.expr);

    if (!is_scalar_or_vector(type))
        parse_fail(p, n->start,
            "unary expression only allowed on expressions of type scalar or instant vector, got "
            "\"%s\"",
            value_type_name(type));
    n->invariant = n->unary.expr->invariant;
    return type;
}

static enum value_type check_kind(struct parser *p, struct node *n)
{
    switch (n->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
        n->invariant = true;
        return n->kind == NODE_NUMBER ? TYPE_SCALAR : TYPE_STRING;
    case NODE_SELECTOR:
        return check_selector(p, n);
    case NODE_SUBQUERY:
        return check_subquery(p, n);
    case NODE_CALL:
        return check_call(p, n);
    case NODE_AGGREGATE:
        return check_aggregate(p, n);
    case NODE_BINARY:
        return check_binary(p, n);
    case NODE_UNARY:
        return check_unary(p, n);
    case NODE_PAREN: {
        enum value_type type = check(p, n->paren);
        n->invariant = n->paren->invariant;
        return type;
    }
    case NODE_DURATION:
        break;
    }
    return TYPE_NONE;
}

static enum value_type check(struct parser *p, struct node *n)
{
    return n->type = check_kind(p, n);
}

/* ---- histograms of which only count and sum matter ---- */

struct needs {
    bool counts;  /* below histogram_count, histogram_sum or histogram_avg */
    bool buckets; /* below something that looks at buckets, or takes samples out of their order */
};

static struct needs needs_of_args(const struct function *f, struct needs needs)
{
    static const char *const counting[] = {"histogram_count", "histogram_sum", "histogram_avg"};
    static const char *const whole[] = {
        "histogram_quantile", "histogram_quantiles", "histogram_fraction"};

    for (size_t i = 0; i < 3; i++) {
        needs.counts |= str_is(str_from(f->name), counting[i]);
        needs.buckets |= str_is(str_from(f->name), whole[i]);
    }
    return needs;
}

static void mark_needs(struct node *n, struct needs needs)
{
    switch (n->kind) {
    case NODE_SELECTOR:
        n->selector.only_stats = needs.counts && !needs.buckets;
        break;
    case NODE_SUBQUERY:
        needs.buckets = true;
        mark_needs(n->subquery.expr, needs);
        break;
    case NODE_CALL:
        needs = needs_of_args(n->call.function, needs);
        for (size_t i = 0; i < n->call.arg_count; i++)
            mark_needs(n->call.args[i], needs);
        break;
    case NODE_AGGREGATE:
        mark_needs(n->aggregate.expr, needs);
        if (n->aggregate.param != NULL)
            mark_needs(n->aggregate.param, needs);
        break;
    case NODE_BINARY:
        needs.buckets |= n->binary.op == OP_TRIM_UPPER || n->binary.op == OP_TRIM_LOWER;
        mark_needs(n->binary.lhs, needs);
        mark_needs(n->binary.rhs, needs);
        break;
    case NODE_UNARY:
        mark_needs(n->unary.expr, needs);
        break;
    case NODE_PAREN:
        mark_needs(n->paren, needs);
        break;
    default:
        break;
    }
}

void check_types(struct parser *p, struct node *n)
{
    (void)check(p, n);
    mark_needs(n, (struct needs){0});
}
