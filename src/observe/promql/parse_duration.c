/* Durations: literals, and arithmetic over them between brackets and behind `offset`.
 *
 *     rate(x[5m * 2])   x offset (1h + step())   max_over_time(x[max_of(range(), 1h):1m])
 */
#include "observe/promql/parse_private.h"

#include <math.h>

#define SECONDS_MAX 9223372036.0 /* what fits into 64 bits of nanoseconds */

int64_t parse_seconds_to_ms(double seconds)
{
    return (int64_t)round(seconds * 1e9) / 1000000;
}

struct node *parse_number(struct parser *p)
{
    struct token t = parse_take(p);
    struct node *n = parse_new(p, NODE_NUMBER, t.start, t.end);
    const char *why;

    if (t.kind == TOKEN_DURATION) {
        n->number.is_duration = true;
        if (!literal_duration(t.text, &n->number.value, &why))
            parse_fail(p, t.start, "%s: \"%.*s\"", why, (int)(t.text.len < 60 ? t.text.len : 60),
                t.text.at);
    } else if (!literal_number(t.text, &n->number.value)) {
        int shown = (int)(t.text.len < 60 ? t.text.len : 60);
        parse_fail(p, t.start,
            "error parsing number: strconv.ParseFloat: parsing \"%.*s\": invalid "
            "syntax",
            shown, t.text.at);
    }
    return n;
}

static struct node *literal(struct parser *p)
{
    struct node *n = parse_number(p);

    if (!(fabs(n->number.value) <= SECONDS_MAX))
        parse_fail(p, n->start, "duration out of range");
    return n;
}

static struct node *new_duration(
    struct parser *p, enum duration_op op, struct node *lhs, struct node *rhs, uint32_t start)
{
    struct node *n = parse_new(p, NODE_DURATION, start, p->last_end);

    n->duration = (struct duration){.op = op, .lhs = lhs, .rhs = rhs};
    parse_depth(p, n, lhs, rhs);
    return n;
}

/* Parentheses are kept, so that what is printed reads back the same. */
static struct node *wrap(struct parser *p, struct node *n, uint32_t start)
{
    if (n->kind != NODE_DURATION)
        n = new_duration(p, DURATION_ADD, NULL, n, start);
    n->duration.wrapped = true;
    return n;
}

static struct node *negate(struct parser *p, struct node *n, const struct token *sign)
{
    if (sign->detail == OP_SUB && n->kind == NODE_NUMBER) {
        n->number.value = -n->number.value;
    } else if (sign->detail == OP_SUB) {
        n = new_duration(p, DURATION_SUB, NULL, n, sign->start);
    }
    n->start = sign->start;
    return n;
}

static void expect(struct parser *p, enum token_kind kind, const char *text)
{
    if (!parse_at(p, kind))
        parse_unexpected(p, NULL, text);
    (void)parse_take(p);
}

/* step(), range(), max_of(a, b), min_of(a, b) */
static struct node *word(struct parser *p)
{
    struct token key = parse_take(p);
    struct node *lhs = NULL, *rhs = NULL;

    expect(p, TOKEN_LEFT_PAREN, "\"(\"");
    if (key.detail == KEY_MAX_OF || key.detail == KEY_MIN_OF) {
        lhs = parse_duration(p);
        expect(p, TOKEN_COMMA, "\",\"");
        rhs = parse_duration(p);
    }
    expect(p, TOKEN_RIGHT_PAREN, "\")\"");
    enum duration_op op = key.detail == KEY_STEP     ? DURATION_STEP
                          : key.detail == KEY_RANGE  ? DURATION_RANGE
                          : key.detail == KEY_MIN_OF ? DURATION_MIN_OF
                                                     : DURATION_MAX_OF;
    return new_duration(p, op, lhs, rhs, key.start);
}

static bool at_word(const struct parser *p)
{
    return parse_at(p, TOKEN_KEYWORD) && p->token.detail >= KEY_STEP;
}

static bool at_sign(const struct parser *p)
{
    return parse_at(p, TOKEN_OPERATOR) && (p->token.detail == OP_ADD || p->token.detail == OP_SUB);
}

static struct node *parenthesised(struct parser *p)
{
    struct token open = parse_take(p);
    struct node *n = parse_duration(p);

    expect(p, TOKEN_RIGHT_PAREN, "\")\"");
    return wrap(p, n, open.start);
}

static struct node *binary(struct parser *p, int precedence_min);

static struct node *operand(struct parser *p)
{
    struct node *n;
    if (at_sign(p)) {
        struct token sign = parse_take(p);
        n = negate(p, binary(p, 3), &sign); /* binds as * does: weaker than ^ */
    } else if (at_word(p)) {
        n = word(p);
    } else if (parse_at(p, TOKEN_LEFT_PAREN)) {
        n = parenthesised(p);
    } else if (parse_at(p, TOKEN_NUMBER) || parse_at(p, TOKEN_DURATION)) {
        n = literal(p);
    } else {
        parse_unexpected(p, "subquery or range selector", "number, duration, step(), or range()");
    }
    return n;
}

static const struct {
    enum operator op;
    enum duration_op duration;
    int precedence;
} operators[] = {
    {OP_ADD, DURATION_ADD, 1},
    {OP_SUB, DURATION_SUB, 1},
    {OP_MUL, DURATION_MUL, 2},
    {OP_DIV, DURATION_DIV, 2},
    {OP_MOD, DURATION_MOD, 2},
    {OP_POW, DURATION_POW, 3},
};

static int find_operator(const struct parser *p)
{
    if (parse_at(p, TOKEN_OPERATOR))
        for (int i = 0; i < (int)(sizeof operators / sizeof *operators); i++)
            if ((int)operators[i].op == p->token.detail)
                return i;
    return -1;
}

static struct node *binary(struct parser *p, int precedence_min)
{
    parse_enter(p);
    struct node *lhs = operand(p);

    for (int i; (i = find_operator(p)) >= 0 && operators[i].precedence >= precedence_min;) {
        struct token t = parse_take(p);
        int next = operators[i].precedence + (operators[i].op == OP_POW ? 0 : 1);
        struct node *rhs = binary(p, next);
        bool zero = rhs->kind == NODE_NUMBER && rhs->number.value == 0;
        if (zero && operators[i].op == OP_DIV)
            parse_fail(p, t.start, "division by zero");
        if (zero && operators[i].op == OP_MOD)
            parse_fail(p, t.start, "modulo by zero");
        lhs = new_duration(p, operators[i].duration, lhs, rhs, lhs->start);
    }
    parse_leave(p);
    return lhs;
}

struct node *parse_duration(struct parser *p)
{
    return binary(p, 1);
}

/* One operand: `x offset -2^2` is `(x offset -2)^2`. */
struct node *parse_offset_duration(struct parser *p)
{
    bool signed_one = at_sign(p);
    struct token sign = p->token;

    if (signed_one)
        (void)parse_take(p);
    struct node *n;
    if (at_word(p))
        n = word(p);
    else if (parse_at(p, TOKEN_LEFT_PAREN))
        n = parenthesised(p);
    else if (parse_at(p, TOKEN_NUMBER) || parse_at(p, TOKEN_DURATION))
        n = literal(p);
    else
        parse_unexpected(p, "offset", "number, duration, step(), or range()");
    return signed_one ? negate(p, n, &sign) : n;
}
