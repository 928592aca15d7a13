/* Expressions as text again: what format_query answers. */
#include "base/decimal.h"
#include "observe/promql/expression.h"
#include "observe/promql/functions.h"
#include "observe/promql/parse_private.h"

#include <math.h>
#include <stdlib.h>

#define PRETTY_COLUMNS_MAX 100

/* ---- durations ---- */

/* "1h30m" as Prometheus writes it: no unit larger than what divides it into whole parts. */
static void print_ms(struct buf *out, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
        bool exact; /* only if nothing is left over */
    } units[] = {
        {"y",  INT64_C(31536000000), true },
        {"w",  INT64_C(604800000),   true },
        {"d",  INT64_C(86400000),    false},
        {"h",  3600000,              false},
        {"m",  60000,                false},
        {"s",  1000,                 false},
        {"ms", 1,                    false}
    };

    if (ms < 0) {
        buf_add_byte(out, '-');
        ms = -ms;
    }
    if (ms == 0)
        buf_add_text(out, "0s");
    for (size_t i = 0; i < sizeof units / sizeof *units && ms > 0; i++) {
        if (units[i].exact && ms % units[i].ms != 0)
            continue;
        if (ms / units[i].ms > 0)
            buf_format(out, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
        ms %= units[i].ms;
    }
}

static void print_number(struct buf *out, double value)
{
    char text[DECIMAL_TEXT_BYTES];

    buf_add(out, text, decimal_format_f(value, text));
}

static void print_duration(struct buf *out, const struct node *n)
{
    static const char *const signs[] = {[DURATION_ADD] = "+",
        [DURATION_SUB] = "-",
        [DURATION_MUL] = "*",
        [DURATION_DIV] = "/",
        [DURATION_MOD] = "%",
        [DURATION_POW] = "^"};
    const struct duration *d = &n->duration;

    if (n->kind != NODE_DURATION) {
        node_format(n, out);
        return;
    }
    if (d->wrapped)
        buf_add_byte(out, '(');
    if (d->op == DURATION_STEP || d->op == DURATION_RANGE) {
        buf_add_text(out, d->op == DURATION_STEP ? "step()" : "range()");
    } else if (d->op == DURATION_MIN_OF || d->op == DURATION_MAX_OF) {
        buf_add_text(out, d->op == DURATION_MIN_OF ? "min_of(" : "max_of(");
        print_duration(out, d->lhs);
        buf_add_text(out, ", ");
        print_duration(out, d->rhs);
        buf_add_byte(out, ')');
    } else if (d->lhs == NULL) {
        buf_add_text(out, d->op == DURATION_SUB ? "-" : "");
        print_duration(out, d->rhs);
    } else {
        print_duration(out, d->lhs);
        buf_format(out, " %s ", signs[d->op]);
        print_duration(out, d->rhs);
    }
    if (d->wrapped)
        buf_add_byte(out, ')');
}

static void print_span(struct buf *out, const struct span_ms *s)
{
    if (s->expr != NULL)
        print_duration(out, s->expr);
    else
        print_ms(out, s->ms);
}

static void print_at(struct buf *out, const struct time_shift *s)
{
    if (s->at == AT_TIME)
        buf_format(out, " @ %.3f", (double)s->at_ms / 1000);
    else if (s->at != AT_NONE)
        buf_add_text(out, s->at == AT_START ? " @ start()" : " @ end()");
}

static void print_offset(struct buf *out, const struct time_shift *s)
{
    if (s->offset_expr == NULL && s->offset_ms == 0)
        return;
    buf_add_text(out, " offset ");
    if (s->offset_expr != NULL)
        print_duration(out, s->offset_expr);
    else
        print_ms(out, s->offset_ms);
}

/* ---- selectors ---- */

static int compare_texts(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void print_label(struct buf *out, struct str name)
{
    if (labels_plain_name(name))
        buf_add_str(out, name);
    else
        labels_quote(out, name);
}

static void print_matchers(struct buf *out, const struct selector *s)
{
    struct buf parts = BUF_INIT(EXPRESSION_BYTES_MAX * 4);
    size_t count = s->matcher_count - (s->name.len > 0), n = 0;
    size_t *ends = calloc(count + 1, sizeof *ends);
    struct str *texts = calloc(count + 1, sizeof *texts);

    for (size_t i = 0; i < count && ends != NULL && texts != NULL; i++) {
        print_label(&parts, s->matchers[i].name);
        buf_add_text(&parts, matcher_operator(s->matchers[i].type));
        labels_quote(&parts, s->matchers[i].value);
        ends[n++] = parts.len;
    }
    for (size_t i = 0; i < n; i++) {
        size_t start = i > 0 ? ends[i - 1] : 0;
        texts[i] = (struct str){parts.at + start, ends[i] - start};
    }
    if (n > 0) {
        qsort(texts, n, sizeof *texts, compare_texts);
        buf_add_byte(out, '{');
        for (size_t i = 0; i < n; i++) {
            buf_add_text(out, i > 0 ? "," : "");
            buf_add_str(out, texts[i]);
        }
        buf_add_byte(out, '}');
    }
    free(ends);
    free(texts);
    buf_fini(&parts);
}

static void print_selector(struct buf *out, const struct selector *s)
{
    buf_add_str(out, s->name);
    print_matchers(out, s);
    if (s->has_range) {
        buf_add_byte(out, '[');
        print_span(out, &s->range);
        buf_add_byte(out, ']');
        buf_add_text(out, s->anchored ? " anchored" : s->smoothed ? " smoothed" : "");
        print_at(out, &s->shift);
    } else {
        print_at(out, &s->shift);
        buf_add_text(out, s->anchored ? " anchored" : s->smoothed ? " smoothed" : "");
    }
    print_offset(out, &s->shift);
}

static void print_subquery_suffix(struct buf *out, const struct subquery *s)
{
    buf_add_byte(out, '[');
    print_span(out, &s->range);
    buf_add_byte(out, ':');
    if (s->has_step)
        print_span(out, &s->step);
    buf_add_byte(out, ']');
    print_at(out, &s->shift);
    print_offset(out, &s->shift);
}

/* ---- operators ---- */

static void print_labels(struct buf *out, const struct str *names, size_t count)
{
    buf_add_byte(out, '(');
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, i > 0 ? ", " : "");
        print_label(out, names[i]);
    }
    buf_add_byte(out, ')');
}

static void print_fill(struct buf *out, const char *word, double value)
{
    char text[DECIMAL_TEXT_BYTES];

    (void)decimal_format_g(value, text);
    buf_format(out, " %s (%s)", word, text);
}

static void print_matching(struct buf *out, const struct matching *m)
{
    bool grouped = m->card == MANY_TO_ONE || m->card == ONE_TO_MANY;

    if (m->name_count > 0 || m->on || grouped) {
        buf_add_text(out, m->on ? " on " : " ignoring ");
        print_labels(out, m->names, m->name_count);
    }
    if (grouped) {
        buf_add_text(out, m->card == MANY_TO_ONE ? " group_left " : " group_right ");
        print_labels(out, m->include, m->include_count);
    }
    if (m->fill_left && m->fill_right && m->fill_left_value == m->fill_right_value) {
        print_fill(out, "fill", m->fill_left_value);
        return;
    }
    if (m->fill_left)
        print_fill(out, "fill_left", m->fill_left_value);
    if (m->fill_right)
        print_fill(out, "fill_right", m->fill_right_value);
}

static void print_operator(struct buf *out, const struct binary *b)
{
    buf_add_text(out, operator_text(b->op));
    buf_add_text(out, b->return_bool ? " bool" : "");
    if (b->matching != NULL)
        print_matching(out, b->matching);
}

static void print_aggregation(struct buf *out, const struct aggregate *a)
{
    buf_add_text(out, aggregation_name(a->op));
    if (a->without || a->grouping_count > 0) {
        buf_add_text(out, a->without ? " without " : " by ");
        print_labels(out, a->grouping, a->grouping_count);
        buf_add_byte(out, ' ');
    }
}

static void print_literal(struct buf *out, const struct node *n)
{
    if (n->number.is_duration)
        print_ms(out, (int64_t)round(n->number.value * 1000));
    else
        print_number(out, n->number.value);
}

/* "+Inf ^ x" would read back as +(Inf ^ x). */
static bool raises_infinity(const struct binary *b)
{
    return b->op == OP_POW && b->lhs->kind == NODE_NUMBER && isinf(b->lhs->number.value);
}

/* ---- on one line ---- */

void node_format(const struct node *n, struct buf *out)
{
    switch (n->kind) {
    case NODE_NUMBER:
        print_literal(out, n);
        break;
    case NODE_STRING:
        labels_quote(out, n->string);
        break;
    case NODE_SELECTOR:
        print_selector(out, &n->selector);
        break;
    case NODE_SUBQUERY:
        node_format(n->subquery.expr, out);
        print_subquery_suffix(out, &n->subquery);
        break;
    case NODE_CALL:
        buf_format(out, "%s(", n->call.function->name);
        for (size_t i = 0; i < n->call.arg_count; i++) {
            buf_add_text(out, i > 0 ? ", " : "");
            node_format(n->call.args[i], out);
        }
        buf_add_byte(out, ')');
        break;
    case NODE_AGGREGATE:
        print_aggregation(out, &n->aggregate);
        buf_add_byte(out, '(');
        if (n->aggregate.param != NULL) {
            node_format(n->aggregate.param, out);
            buf_add_text(out, ", ");
        }
        node_format(n->aggregate.expr, out);
        buf_add_byte(out, ')');
        break;
    case NODE_BINARY:
        if (raises_infinity(&n->binary))
            buf_add_text(out, "Inf");
        else
            node_format(n->binary.lhs, out);
        buf_add_byte(out, ' ');
        print_operator(out, &n->binary);
        buf_add_byte(out, ' ');
        node_format(n->binary.rhs, out);
        break;
    case NODE_UNARY:
        buf_add_text(out, operator_text(n->unary.op));
        node_format(n->unary.expr, out);
        break;
    case NODE_PAREN:
        buf_add_byte(out, '(');
        node_format(n->paren, out);
        buf_add_byte(out, ')');
        break;
    case NODE_DURATION:
        print_duration(out, n);
        break;
    }
}

void expression_format(const struct expression *e, struct buf *out)
{
    node_format(e->root, out);
}

/* ---- over several lines ---- */

static void indent(struct buf *out, unsigned level)
{
    for (unsigned i = 0; i < level && i < 60; i++)
        buf_add_text(out, "  ");
}

static bool fits(const struct node *n, unsigned level)
{
    struct buf line = BUF_INIT(PRETTY_COLUMNS_MAX + 1);

    node_format(n, &line);
    bool ok = !buf_full(&line) && line.len + 2 * (size_t)level <= PRETTY_COLUMNS_MAX;
    buf_fini(&line);
    return ok;
}

static void pretty(const struct node *n, struct buf *out, unsigned level);

static void pretty_args(struct node *const *args, size_t count, struct buf *out, unsigned level)
{
    buf_add_text(out, "(\n");
    for (size_t i = 0; i < count; i++) {
        pretty(args[i], out, level + 1);
        buf_add_text(out, i + 1 < count ? ",\n" : "\n");
    }
    indent(out, level);
    buf_add_byte(out, ')');
}

/* Begins with the indentation of its level. */
static void pretty(const struct node *n, struct buf *out, unsigned level)
{
    struct node *args[2];

    indent(out, level);
    if (fits(n, level)) {
        node_format(n, out);
        return;
    }
    switch (n->kind) {
    case NODE_CALL:
        buf_add_text(out, n->call.function->name);
        pretty_args(n->call.args, n->call.arg_count, out, level);
        break;
    case NODE_AGGREGATE:
        print_aggregation(out, &n->aggregate);
        args[0] = n->aggregate.param != NULL ? n->aggregate.param : n->aggregate.expr;
        args[1] = n->aggregate.expr;
        pretty_args(args, n->aggregate.param != NULL ? 2 : 1, out, level);
        break;
    case NODE_BINARY:
        out->len -= 2 * (size_t)(level < 60 ? level : 60); /* the operands bring their own */
        if (raises_infinity(&n->binary)) {
            indent(out, level + 1);
            buf_add_text(out, "Inf");
        } else {
            pretty(n->binary.lhs, out, level + 1);
        }
        buf_add_byte(out, '\n');
        indent(out, level);
        print_operator(out, &n->binary);
        buf_add_byte(out, '\n');
        pretty(n->binary.rhs, out, level + 1);
        break;
    case NODE_PAREN:
        pretty_args(&(struct node *){n->paren}, 1, out, level);
        break;
    case NODE_SUBQUERY:
        out->len -= 2 * (size_t)(level < 60 ? level : 60);
        pretty(n->subquery.expr, out, level);
        print_subquery_suffix(out, &n->subquery);
        break;
    default:
        node_format(n, out);
    }
}

void expression_format_pretty(const struct expression *e, struct buf *out)
{
    pretty(e->root, out, 0);
}
