/* The parser: recursive descent, operators by precedence climbing. */
#include "base/err.h"
#include "base/mem.h"
#include "observe/promql/functions.h"
#include "observe/promql/parse_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK_BYTES 2048
#define ARGS_MAX          1000

/* ---- errors ---- */

void expression_position(struct str text, uint32_t at, char *out, unsigned size)
{
    unsigned line = 1;
    uint32_t line_start = 0;

    for (uint32_t i = 0; i < at && i < text.len; i++)
        if (text.at[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    (void)snprintf(out, size, "%u:%u", line, at - line_start + 1);
}

__attribute__((format(printf, 4, 0))) static _Noreturn void fail_list(
    struct parser *p, enum err_kind kind, uint32_t at, const char *fmt, va_list args)
{
    char place[32], text[400];

    expression_position(p->lexer.text, at, place, sizeof place);
    (void)vsnprintf(text, sizeof text, fmt, args);
    err_set(p->err, kind, "%s: parse error: %s", place, text);
    longjmp(p->failed, 1);
}

void parse_fail(struct parser *p, uint32_t at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fail_list(p, ERR_INVALID, at, fmt, args);
}

void parse_fail_limit(struct parser *p, uint32_t at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fail_list(p, ERR_LIMIT, at, fmt, args);
}

void parse_unexpected(struct parser *p, const char *context, const char *expected)
{
    char what[96];

    token_describe(&p->token, what, sizeof what);
    parse_fail(p, p->token.start, "unexpected %s%s%s%s%s", what, context != NULL ? " in " : "",
        context != NULL ? context : "", expected != NULL ? ", expected " : "",
        expected != NULL ? expected : "");
}

/* ---- tokens ---- */

static struct token lex(struct parser *p)
{
    struct token t = lexer_next(&p->lexer);

    if (t.kind == TOKEN_ERROR)
        parse_fail(p, t.start, "%s", t.message);
    return t;
}

struct token parse_take(struct parser *p)
{
    struct token taken = p->token;

    p->last_end = taken.end;
    p->token = p->has_ahead ? p->ahead : lex(p);
    p->has_ahead = false;
    return taken;
}

const struct token *parse_peek(struct parser *p)
{
    if (!p->has_ahead)
        p->ahead = lex(p);
    p->has_ahead = true;
    return &p->ahead;
}

bool parse_at(const struct parser *p, enum token_kind kind)
{
    return p->token.kind == kind;
}

bool parse_at_keyword(const struct parser *p, enum keyword key)
{
    return p->token.kind == TOKEN_KEYWORD && p->token.detail == (int)key;
}

/* ---- nodes ---- */

struct node *parse_new(struct parser *p, enum node_kind kind, uint32_t start, uint32_t end)
{
    struct node *n = arena_new(p->arena, struct node);

    n->kind = kind;
    n->start = start;
    n->end = end;
    n->depth = 1;
    return n;
}

static void check_depth(struct parser *p, const struct node *n)
{
    if (n->depth > EXPRESSION_DEPTH_MAX)
        parse_fail_limit(
            p, n->start, "the expression is nested more than %d levels deep", EXPRESSION_DEPTH_MAX);
}

void parse_depth(struct parser *p, struct node *n, const struct node *a, const struct node *b)
{
    if (a != NULL && a->depth >= n->depth)
        n->depth = a->depth + 1;
    if (b != NULL && b->depth >= n->depth)
        n->depth = b->depth + 1;
    check_depth(p, n);
}

void parse_enter(struct parser *p)
{
    if (++p->depth > EXPRESSION_DEPTH_MAX)
        parse_fail_limit(p, p->token.start, "the expression is nested more than %d levels deep",
            EXPRESSION_DEPTH_MAX);
}

/* ---- lists of labels: by (a, "b.c") ---- */

static struct str parse_label(struct parser *p)
{
    struct token t = p->token;
    struct str name = t.text;
    char why[96];
    bool word = t.kind == TOKEN_IDENTIFIER || t.kind == TOKEN_METRIC_IDENTIFIER ||
                t.kind == TOKEN_KEYWORD || t.kind == TOKEN_AGGREGATION ||
                (t.kind == TOKEN_OPERATOR && t.detail >= OP_AND) ||
                (t.kind == TOKEN_OPERATOR && t.detail == OP_ATAN2);

    if (!word && t.kind != TOKEN_STRING)
        parse_unexpected(p, "grouping opts", "label");
    if (t.kind == TOKEN_STRING && !literal_unquote(p->arena, t.text, &name, why))
        parse_fail(p, t.start, "%s", why);
    if (name.len == 0 || str_utf8_valid(name) != name.len)
        parse_fail(p, t.start, "invalid label name for grouping: \"%.*s\"",
            (int)(name.len < 100 ? name.len : 100), name.at);
    (void)parse_take(p);
    return name;
}

static struct str *parse_labels(struct parser *p, size_t *out_count)
{
    struct str *names = NULL;
    size_t count = 0, capacity = 0;

    if (!parse_at(p, TOKEN_LEFT_PAREN))
        parse_unexpected(p, "grouping opts", "\"(\"");
    (void)parse_take(p);
    while (!parse_at(p, TOKEN_RIGHT_PAREN)) {
        if (count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 4;
            struct str *grown = arena_new_array(p->arena, capacity, struct str);
            if (count > 0)
                memcpy(grown, names, count * sizeof *grown);
            names = grown;
        }
        names[count++] = parse_label(p);
        if (parse_at(p, TOKEN_COMMA))
            (void)parse_take(p);
        else if (!parse_at(p, TOKEN_RIGHT_PAREN))
            parse_unexpected(p, "grouping opts", "\",\" or \")\"");
    }
    (void)parse_take(p);
    *out_count = count;
    return names;
}

/* ---- calls and aggregations ---- */

static struct node **parse_args(struct parser *p, size_t *out_count)
{
    struct node **args = NULL;
    size_t count = 0, capacity = 0;

    (void)parse_take(p);
    while (!parse_at(p, TOKEN_RIGHT_PAREN)) {
        if (count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 4;
            struct node **grown = arena_new_array(p->arena, capacity, struct node *);
            if (count > 0)
                memcpy(grown, args, count * sizeof *grown);
            args = grown;
        }
        if (count >= ARGS_MAX)
            parse_fail_limit(p, p->token.start, "more than %d arguments", ARGS_MAX);
        args[count++] = parse_expr(p);
        if (!parse_at(p, TOKEN_COMMA)) {
            if (!parse_at(p, TOKEN_RIGHT_PAREN))
                parse_unexpected(p, NULL, NULL);
            break;
        }
        struct token comma = parse_take(p);
        if (parse_at(p, TOKEN_RIGHT_PAREN))
            parse_fail(p, comma.start, "trailing commas not allowed in function call args");
    }
    (void)parse_take(p);
    *out_count = count;
    return args;
}

static void depth_of_args(struct parser *p, struct node *n, struct node **args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        parse_depth(p, n, args[i], NULL);
}

static struct node *parse_call(struct parser *p)
{
    struct token name = parse_take(p);
    struct node *n = parse_new(p, NODE_CALL, name.start, name.end);

    n->call.args = parse_args(p, &n->call.arg_count);
    n->call.function = function_find(name.text);
    if (n->call.function == NULL)
        parse_fail(p, name.start, "unknown function with name \"%.*s\"",
            (int)(name.text.len < 100 ? name.text.len : 100), name.text.at);
    n->end = p->last_end;
    depth_of_args(p, n, n->call.args, n->call.arg_count);
    return n;
}

static bool at_grouping(const struct parser *p)
{
    return parse_at_keyword(p, KEY_BY) || parse_at_keyword(p, KEY_WITHOUT);
}

static void parse_grouping(struct parser *p, struct aggregate *a)
{
    a->without = parse_take(p).detail == KEY_WITHOUT;
    a->grouping = parse_labels(p, &a->grouping_count);
}

static struct node *parse_aggregate(struct parser *p)
{
    struct token op = parse_take(p);
    struct node *n = parse_new(p, NODE_AGGREGATE, op.start, op.end);
    struct aggregate *a = &n->aggregate;
    bool grouped = at_grouping(p);
    size_t count;

    a->op = (enum aggregation)op.detail;
    if (grouped)
        parse_grouping(p, a);
    if (!parse_at(p, TOKEN_LEFT_PAREN))
        parse_unexpected(p, "aggregation", NULL);
    struct node **args = parse_args(p, &count);
    n->end = p->last_end;
    if (!grouped && at_grouping(p)) {
        parse_grouping(p, a);
        n->end = p->last_end;
    }
    size_t wanted = aggregation_has_param(a->op) ? 2 : 1;
    if (count == 0)
        parse_fail(p, n->start, "no arguments for aggregate expression provided");
    if (count != wanted)
        parse_fail(p, n->start,
            "wrong number of arguments for aggregate expression provided, expected %zu, got %zu",
            wanted, count);
    a->expr = args[wanted - 1];
    a->param = wanted == 2 ? args[0] : NULL;
    depth_of_args(p, n, args, count);
    return n;
}

/* ---- operands ---- */

static struct node *parse_string(struct parser *p)
{
    struct token t = parse_take(p);
    struct node *n = parse_new(p, NODE_STRING, t.start, t.end);
    char why[96];

    if (!literal_unquote(p->arena, t.text, &n->string, why))
        parse_fail(p, t.start, "%s", why);
    return n;
}

static struct node *parse_paren(struct parser *p)
{
    struct token open = parse_take(p);
    struct node *n = parse_new(p, NODE_PAREN, open.start, open.end);

    n->paren = parse_expr(p);
    if (!parse_at(p, TOKEN_RIGHT_PAREN))
        parse_unexpected(p, NULL, NULL);
    (void)parse_take(p);
    n->end = p->last_end;
    parse_depth(p, n, n->paren, NULL);
    return n;
}

/* Words that are operators elsewhere may name a metric, but not these. */
static bool may_be_metric(const struct token *t)
{
    switch (t->kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
    case TOKEN_AGGREGATION:
        return true;
    case TOKEN_OPERATOR:
        return t->detail >= OP_AND;
    case TOKEN_KEYWORD:
        return t->detail != KEY_BOOL && t->detail != KEY_ON && t->detail != KEY_IGNORING &&
               t->detail != KEY_GROUP_LEFT && t->detail != KEY_GROUP_RIGHT;
    default:
        return false;
    }
}

static bool at_call(struct parser *p)
{
    bool word = parse_at(p, TOKEN_IDENTIFIER) ||
                (parse_at(p, TOKEN_KEYWORD) && p->token.detail >= KEY_START);

    return word && parse_peek(p)->kind == TOKEN_LEFT_PAREN;
}

static bool at_aggregate(struct parser *p)
{
    if (!parse_at(p, TOKEN_AGGREGATION))
        return false;
    const struct token *next = parse_peek(p);
    return next->kind == TOKEN_LEFT_PAREN ||
           (next->kind == TOKEN_KEYWORD && (next->detail == KEY_BY || next->detail == KEY_WITHOUT));
}

static struct node *parse_operand(struct parser *p)
{
    if (at_aggregate(p))
        return parse_aggregate(p);
    if (at_call(p))
        return parse_call(p);
    if (parse_at(p, TOKEN_LEFT_BRACE) || may_be_metric(&p->token))
        return parse_selector(p);
    if (parse_at(p, TOKEN_NUMBER) || parse_at(p, TOKEN_DURATION))
        return parse_number(p);
    if (parse_at(p, TOKEN_STRING))
        return parse_string(p);
    if (parse_at(p, TOKEN_LEFT_PAREN))
        return parse_paren(p);
    if (parse_at(p, TOKEN_EOF) && p->last_end == 0)
        parse_fail(p, 0, "no expression found in input");
    parse_unexpected(p, NULL, NULL);
}

/* ---- operators ---- */

enum { PREC_OR = 1, PREC_AND, PREC_COMPARE, PREC_ADD, PREC_MUL, PREC_POW };

static int precedence(enum operator op)
{
    switch (op) {
    case OP_OR:
        return PREC_OR;
    case OP_AND:
    case OP_UNLESS:
        return PREC_AND;
    case OP_ADD:
    case OP_SUB:
        return PREC_ADD;
    case OP_MUL:
    case OP_DIV:
    case OP_MOD:
    case OP_ATAN2:
        return PREC_MUL;
    case OP_POW:
        return PREC_POW;
    default:
        return PREC_COMPARE;
    }
}

static struct node *parse_binary(struct parser *p, int precedence_min);

static struct node *parse_unary(struct parser *p)
{
    bool sign =
        parse_at(p, TOKEN_OPERATOR) && (p->token.detail == OP_ADD || p->token.detail == OP_SUB);
    struct node *n;
    if (!sign) {
        n = parse_modifiers(p, parse_operand(p));
    } else {
        struct token op = parse_take(p);
        struct node *inner = parse_binary(p, PREC_POW);
        if (inner->kind == NODE_NUMBER) {
            n = inner;
            n->number.value = op.detail == OP_SUB ? -n->number.value : n->number.value;
            n->start = op.start;
        } else {
            n = parse_new(p, NODE_UNARY, op.start, inner->end);
            n->unary.op = (enum operator)op.detail;
            n->unary.expr = inner;
            parse_depth(p, n, inner, NULL);
        }
    }
    return n;
}

static double parse_fill_value(struct parser *p)
{
    double sign = 1;

    (void)parse_take(p); /* the keyword is one only in front of a parenthesis */
    (void)parse_take(p);
    if (parse_at(p, TOKEN_OPERATOR) && (p->token.detail == OP_SUB || p->token.detail == OP_ADD))
        sign = parse_take(p).detail == OP_SUB ? -1 : 1;
    if (!parse_at(p, TOKEN_NUMBER) && !parse_at(p, TOKEN_DURATION))
        parse_unexpected(p, NULL, NULL);
    double value = sign * parse_number(p)->number.value;
    if (!parse_at(p, TOKEN_RIGHT_PAREN))
        parse_unexpected(p, NULL, NULL);
    (void)parse_take(p);
    return value;
}

static void parse_fill(struct parser *p, struct matching *m)
{
    if (parse_at_keyword(p, KEY_FILL)) {
        m->fill_left = m->fill_right = true;
        m->fill_left_value = m->fill_right_value = parse_fill_value(p);
        return;
    }
    while ((parse_at_keyword(p, KEY_FILL_LEFT) && !m->fill_left) ||
           (parse_at_keyword(p, KEY_FILL_RIGHT) && !m->fill_right)) {
        bool left = parse_at_keyword(p, KEY_FILL_LEFT);
        double value = parse_fill_value(p);
        if (left)
            m->fill_left_value = value;
        else
            m->fill_right_value = value;
        *(left ? &m->fill_left : &m->fill_right) = true;
    }
}

/* bool, on or ignoring, group_left or group_right, fill: in this order. */
static void parse_matching(struct parser *p, struct binary *b)
{
    struct matching *m = b->matching;

    if (parse_at_keyword(p, KEY_BOOL)) {
        (void)parse_take(p);
        b->return_bool = true;
    }
    if (parse_at_keyword(p, KEY_ON) || parse_at_keyword(p, KEY_IGNORING)) {
        m->on = parse_take(p).detail == KEY_ON;
        m->names = parse_labels(p, &m->name_count);
        if (parse_at_keyword(p, KEY_GROUP_LEFT) || parse_at_keyword(p, KEY_GROUP_RIGHT)) {
            m->card = parse_take(p).detail == KEY_GROUP_LEFT ? MANY_TO_ONE : ONE_TO_MANY;
            if (parse_at(p, TOKEN_LEFT_PAREN))
                m->include = parse_labels(p, &m->include_count);
        }
    }
    parse_fill(p, m);
}

static struct node *parse_binary(struct parser *p, int precedence_min)
{
    parse_enter(p);
    struct node *lhs = parse_unary(p);

    while (parse_at(p, TOKEN_OPERATOR)) {
        enum operator op =(enum operator) p->token.detail;
        int here = precedence(op);
        if (here < precedence_min)
            break;
        (void)parse_take(p);
        struct node *n = parse_new(p, NODE_BINARY, lhs->start, lhs->end);
        n->binary.op = op;
        n->binary.matching = arena_new(p->arena, struct matching);
        parse_matching(p, &n->binary);
        n->binary.lhs = lhs;
        n->binary.rhs = parse_binary(p, op == OP_POW ? here : here + 1);
        n->end = n->binary.rhs->end;
        parse_depth(p, n, lhs, n->binary.rhs);
        lhs = n;
    }
    parse_leave(p);
    return lhs;
}

struct node *parse_expr(struct parser *p)
{
    return parse_binary(p, PREC_OR);
}

/* ---- from the outside ---- */

static struct expression *parse_with(
    struct str text, struct node *(*parse)(struct parser *p), struct err *err)
{
    struct expression *e = mem_new(struct expression);
    struct parser p = {.expression = e, .err = err};

    e->arena = p.arena = arena_create(ARENA_CHUNK_BYTES);
    e->text = arena_copy_str(e->arena, text);
    lexer_init(&p.lexer, e->text);
    if (setjmp(p.failed) != 0) {
        expression_destroy(&e);
        return NULL;
    }
    if (text.len > EXPRESSION_BYTES_MAX)
        parse_fail_limit(
            &p, 0, "the expression has %zu bytes, more than %u", text.len, EXPRESSION_BYTES_MAX);
    p.token = lex(&p);
    e->root = parse(&p);
    if (!parse_at(&p, TOKEN_EOF))
        parse_unexpected(&p, NULL, NULL);
    check_types(&p, e->root);
    return e;
}

struct expression *expression_parse(struct str text, struct err *err)
{
    return parse_with(text, parse_expr, err);
}

static struct node *parse_only_selector(struct parser *p)
{
    if (!parse_at(p, TOKEN_LEFT_BRACE) && !may_be_metric(&p->token))
        parse_unexpected(p, NULL, NULL);
    return parse_selector(p);
}

struct expression *expression_parse_selector(struct str text, struct err *err)
{
    return parse_with(text, parse_only_selector, err);
}

void expression_destroy(struct expression **e)
{
    if (*e == NULL)
        return;
    for (size_t i = 0; i < (*e)->selector_count; i++)
        for (size_t k = 0; k < (*e)->selectors[i]->matcher_count; k++)
            matcher_fini(&(*e)->selectors[i]->matchers[k]);
    arena_destroy(&(*e)->arena);
    free(*e);
    *e = NULL;
}

const struct node *expression_root(const struct expression *e)
{
    return e->root;
}

struct str expression_text(const struct expression *e)
{
    return e->text;
}

enum value_type expression_type(const struct expression *e)
{
    return e->root->type;
}
