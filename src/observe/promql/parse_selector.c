/* Selectors, `name{a="b"}`, and what may stand behind them. */
#include "observe/promql/parse_private.h"

#include <math.h>
#include <string.h>

/* ---- matchers ---- */

static struct str unquote(struct parser *p, const struct token *t)
{
    struct str text;
    char why[96];

    if (!literal_unquote(p->arena, t->text, &text, why))
        parse_fail(p, t->start, "%s", why);
    return text;
}

static bool at_match_operator(const struct parser *p, enum matcher_type *out)
{
    switch (p->token.kind) {
    case TOKEN_EQUAL:
        *out = MATCH_EQUAL;
        return true;
    case TOKEN_EQUAL_REGEX:
        *out = MATCH_REGEX;
        return true;
    case TOKEN_NOT_REGEX:
        *out = MATCH_NOT_REGEX;
        return true;
    case TOKEN_OPERATOR:
        *out = MATCH_NOT_EQUAL;
        return p->token.detail == OP_NEQ;
    default:
        return false;
    }
}

struct matchers {
    struct matcher *at;
    size_t count, capacity;
};

/* Added before it is compiled, so that what fails half way is freed with the expression. */
static void add_matcher(struct parser *p, struct selector *s, struct matchers *list,
    enum matcher_type type, struct str name, struct str value, uint32_t start)
{
    if (++p->matchers > EXPRESSION_MATCHERS_MAX)
        parse_fail_limit(p, start, "more than %d label matchers", EXPRESSION_MATCHERS_MAX);
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 4;
        struct matcher *grown = arena_new_array(p->arena, list->capacity, struct matcher);
        if (list->count > 0)
            memcpy(grown, list->at, list->count * sizeof *grown);
        s->matchers = list->at = grown;
    }
    struct err err = ERR_INIT;
    struct matcher *m = &list->at[list->count++];
    s->matcher_count = list->count;
    if (!matcher_init(m, p->arena, type, name, value, &err))
        parse_fail(p, start, "%s", err.text);
    if (m->regex != NULL && ++p->regexes > EXPRESSION_REGEXES_MAX)
        parse_fail_limit(p, start, "more than %d regular expressions", EXPRESSION_REGEXES_MAX);
}

/* `a="b"`, `"a"="b"`, or `"metric"` alone. */
static void parse_matcher(struct parser *p, struct selector *s, struct matchers *list)
{
    enum matcher_type type;

    if (!parse_at(p, TOKEN_IDENTIFIER) && !parse_at(p, TOKEN_STRING))
        parse_unexpected(p, "label matching", "identifier or \"}\"");
    struct token name = parse_take(p);
    bool quoted = name.kind == TOKEN_STRING;
    struct str name_text = quoted ? unquote(p, &name) : name.text;
    if (!at_match_operator(p, &type)) {
        if (!quoted)
            parse_unexpected(p, "label matching", "label matching operator");
        add_matcher(p, s, list, MATCH_EQUAL, STR("__name__"), name_text, name.start);
        return;
    }
    (void)parse_take(p);
    if (!parse_at(p, TOKEN_STRING))
        parse_unexpected(p, "label matching", "string");
    struct token value = parse_take(p);
    add_matcher(p, s, list, type, name_text, unquote(p, &value), name.start);
}

static void parse_braces(struct parser *p, struct selector *s, struct matchers *list)
{
    (void)parse_take(p);
    while (!parse_at(p, TOKEN_RIGHT_BRACE)) {
        parse_matcher(p, s, list);
        if (parse_at(p, TOKEN_COMMA))
            (void)parse_take(p);
        else if (!parse_at(p, TOKEN_RIGHT_BRACE))
            parse_unexpected(p, "label matching", "\",\" or \"}\"");
    }
    (void)parse_take(p);
}

static void remember(struct expression *e, struct selector *s)
{
    if (e->selector_count == e->selector_capacity) {
        size_t capacity = e->selector_capacity > 0 ? e->selector_capacity * 2 : 8;
        struct selector **grown = arena_new_array(e->arena, capacity, struct selector *);
        if (e->selector_count > 0)
            memcpy(grown, e->selectors, e->selector_count * sizeof *grown);
        e->selectors = grown;
        e->selector_capacity = capacity;
    }
    e->selectors[e->selector_count++] = s;
}

struct node *parse_selector(struct parser *p)
{
    struct node *n = parse_new(p, NODE_SELECTOR, p->token.start, p->token.end);
    struct selector *s = &n->selector;
    struct matchers list = {0};

    remember(p->expression, s);
    s->name = STR("");
    if (!parse_at(p, TOKEN_LEFT_BRACE))
        s->name = parse_take(p).text;
    if (parse_at(p, TOKEN_LEFT_BRACE))
        parse_braces(p, s, &list);
    if (s->name.len > 0)
        add_matcher(p, s, &list, MATCH_EQUAL, STR("__name__"), s->name, n->start);
    n->end = p->last_end;
    return n;
}

/* ---- modifiers ---- */

static struct time_shift *shift_of(struct node *n)
{
    return n->kind == NODE_SELECTOR   ? &n->selector.shift
           : n->kind == NODE_SUBQUERY ? &n->subquery.shift
                                      : NULL;
}

static void parse_offset(struct parser *p, struct node *n)
{
    (void)parse_take(p);
    struct node *d = parse_offset_duration(p);
    struct time_shift *shift = shift_of(n);

    if (shift == NULL)
        parse_fail(p, n->start,
            "offset modifier must be preceded by an instant vector selector or "
            "range vector selector or a subquery");
    if (shift->offset_ms != 0 || shift->offset_expr != NULL)
        parse_fail(p, n->start, "offset may not be set multiple times");
    if (d->kind == NODE_NUMBER)
        shift->offset_ms = parse_seconds_to_ms(d->number.value);
    else
        shift->offset_expr = d;
    n->end = p->last_end;
}

static double parse_at_time(struct parser *p)
{
    double sign = 1;

    if (parse_at(p, TOKEN_OPERATOR) && (p->token.detail == OP_SUB || p->token.detail == OP_ADD))
        sign = parse_take(p).detail == OP_SUB ? -1 : 1;
    if (!parse_at(p, TOKEN_NUMBER) && !parse_at(p, TOKEN_DURATION))
        parse_unexpected(p, "@", "timestamp");
    return sign * parse_number(p)->number.value;
}

static void parse_at_modifier(struct parser *p, struct node *n)
{
    struct time_shift *shift = shift_of(n);
    enum at_kind at = AT_TIME;
    double seconds = 0;

    (void)parse_take(p);
    if (parse_at_keyword(p, KEY_START) || parse_at_keyword(p, KEY_END)) {
        at = parse_take(p).detail == KEY_START ? AT_START : AT_END;
        if (!parse_at(p, TOKEN_LEFT_PAREN))
            parse_unexpected(p, "@", "timestamp");
        (void)parse_take(p);
        if (!parse_at(p, TOKEN_RIGHT_PAREN))
            parse_unexpected(p, "@", "timestamp");
        (void)parse_take(p);
    } else {
        seconds = parse_at_time(p);
        if (!(fabs(seconds) < 9223372036854775807.0))
            parse_fail(p, n->start, "timestamp out of bounds for @ modifier: %f", seconds);
    }
    if (shift == NULL)
        parse_fail(p, n->start,
            "@ modifier must be preceded by an instant vector selector or range "
            "vector selector or a subquery");
    if (shift->at != AT_NONE)
        parse_fail(p, n->start, "@ <timestamp> may not be set multiple times");
    if (fabs(seconds) > 9e15)
        parse_fail(p, n->start, "timestamp out of bounds for @ modifier: %f", seconds);
    shift->at = at;
    shift->at_ms = (int64_t)round(seconds * 1000);
    n->end = p->last_end;
}

static struct span_ms parse_span(struct parser *p)
{
    struct node *d = parse_duration(p);

    if (d->kind == NODE_NUMBER && d->number.value <= 0)
        parse_fail(p, d->start, "duration must be greater than 0");
    return d->kind == NODE_NUMBER ? (struct span_ms){.ms = parse_seconds_to_ms(d->number.value)}
                                  : (struct span_ms){.expr = d};
}

static struct node *new_subquery(struct parser *p, struct node *n, struct span_ms range)
{
    struct node *made = parse_new(p, NODE_SUBQUERY, n->start, p->last_end);

    (void)parse_take(p); /* the colon */
    made->subquery = (struct subquery){.expr = n, .range = range};
    if (!parse_at(p, TOKEN_RIGHT_BRACKET)) {
        made->subquery.step = parse_span(p);
        made->subquery.has_step = true;
    }
    if (!parse_at(p, TOKEN_RIGHT_BRACKET))
        parse_unexpected(p, "subquery selector", "\"]\"");
    (void)parse_take(p);
    made->end = p->last_end;
    parse_depth(p, made, n, NULL);
    return made;
}

static struct node *parse_brackets(struct parser *p, struct node *n)
{
    struct token open = parse_take(p);
    struct span_ms range = parse_span(p);

    if (parse_at(p, TOKEN_COLON))
        return new_subquery(p, n, range);
    if (!parse_at(p, TOKEN_RIGHT_BRACKET))
        parse_unexpected(p, "subquery or range", "\":\" or \"]\"");
    (void)parse_take(p);
    if (n->kind != NODE_SELECTOR || n->selector.has_range)
        parse_fail(p, open.start, "ranges only allowed for vector selectors");
    if (n->selector.shift.offset_ms != 0 || n->selector.shift.offset_expr != NULL)
        parse_fail(p, open.start, "no offset modifiers allowed before range");
    if (n->selector.shift.at != AT_NONE)
        parse_fail(p, open.start, "no @ modifiers allowed before range");
    n->selector.has_range = true;
    n->selector.range = range;
    n->end = p->last_end;
    return n;
}

static void parse_extended(struct parser *p, struct node *n)
{
    bool anchored = parse_take(p).detail == KEY_ANCHORED;
    const char *name = anchored ? "anchored" : "smoothed";

    if (n->kind == NODE_SUBQUERY)
        parse_fail(p, n->start, "%s modifier is not supported for subqueries", name);
    if (n->kind != NODE_SELECTOR)
        parse_fail(p, n->start, "%s modifier not implemented", name);
    if (anchored ? n->selector.smoothed : n->selector.anchored)
        parse_fail(p, n->start, "anchored and smoothed modifiers cannot be used together");
    n->selector.anchored |= anchored;
    n->selector.smoothed |= !anchored;
}

struct node *parse_modifiers(struct parser *p, struct node *n)
{
    while (true) {
        if (parse_at(p, TOKEN_LEFT_BRACKET))
            n = parse_brackets(p, n);
        else if (parse_at(p, TOKEN_AT))
            parse_at_modifier(p, n);
        else if (parse_at_keyword(p, KEY_OFFSET))
            parse_offset(p, n);
        else if (parse_at_keyword(p, KEY_ANCHORED) || parse_at_keyword(p, KEY_SMOOTHED))
            parse_extended(p, n);
        else
            return n;
    }
}
