/* parse_private.h - what the parser's files share. A syntax error ends the parse at once:
 * parse_fail jumps back to expression_parse, and all memory is the expression's arena. */
#ifndef TEND_OBSERVE_PROMQL_PARSE_PRIVATE_H
#define TEND_OBSERVE_PROMQL_PARSE_PRIVATE_H

#include "base/arena.h"
#include "observe/promql/ast.h"
#include "observe/promql/expression.h"
#include "observe/promql/token.h"

#include <setjmp.h>

struct expression {
    struct arena *arena;
    struct str text;
    struct node *root;
    /* selectors, whose matchers may own regular expressions */
    struct selector **selectors;
    size_t selector_count, selector_capacity;
};

struct parser {
    struct expression *expression;
    struct arena *arena;
    struct lexer lexer;
    struct token token, ahead; /* the next one, and the one behind it once peeked at */
    bool has_ahead;
    uint32_t last_end; /* of the last token taken */
    unsigned depth;
    size_t regexes, matchers;
    struct err *err;
    jmp_buf failed;
};

/* ---- parse.c ---- */
_Noreturn void parse_fail(struct parser *p, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void parse_fail_limit(struct parser *p, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "unexpected X in CONTEXT, expected EXPECTED"; both may be NULL. */
_Noreturn void parse_unexpected(struct parser *p, const char *context, const char *expected);
struct token parse_take(struct parser *p);
const struct token *parse_peek(struct parser *p);
bool parse_at(const struct parser *p, enum token_kind kind);
bool parse_at_keyword(const struct parser *p, enum keyword key);
struct node *parse_new(struct parser *p, enum node_kind kind, uint32_t start, uint32_t end);
/* Sets the depth of `n` from its children (NULL is fine) and refuses what is too deep. */
void parse_depth(struct parser *p, struct node *n, const struct node *a, const struct node *b);
void parse_enter(struct parser *p);
static inline void parse_leave(struct parser *p)
{
    p->depth--;
}
struct node *parse_expr(struct parser *p);

/* ---- parse_selector.c ---- */
struct node *parse_selector(struct parser *p);
/* offset, @, [range], [range:step], anchored, smoothed behind a selector or subquery */
struct node *parse_modifiers(struct parser *p, struct node *n);

/* ---- parse_duration.c ---- */
/* Inside brackets. */
struct node *parse_duration(struct parser *p);
/* Behind `offset`. */
struct node *parse_offset_duration(struct parser *p);
struct node *parse_number(struct parser *p);
/* The milliseconds of a literal. */
int64_t parse_seconds_to_ms(double seconds);

/* ---- literal.c ---- */
bool literal_number(struct str text, double *out);
/* "1h30m" in seconds */
bool literal_duration(struct str text, double *out_seconds, const char **why);
/* A string token without quotes and escapes; false with the reason. */
bool literal_unquote(struct arena *a, struct str quoted, struct str *out, char why[96]);

/* ---- check.c ---- */
void check_types(struct parser *p, struct node *n);

#endif
