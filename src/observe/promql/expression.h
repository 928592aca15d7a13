/* expression.h - PromQL text, parsed and typed, ready to be run as often as one likes.
 *
 *     struct expression *e = expression_parse(text, &err);     "1:5: parse error: unexpected …"
 *     … query.h runs it …
 *     expression_destroy(&e);
 *
 * The language is that of Prometheus 3 with everything that is behind feature flags there: UTF-8
 * names, experimental functions, duration expressions, fill modifiers, anchored and smoothed
 * selectors. Errors name line and column (1-based, bytes) and are worded as Prometheus words them.
 * A text that is hostile (long, deep, a huge regular expression) is refused with ERR_LIMIT.
 *
 * An expression is immutable; any thread may run it. */
#ifndef TEND_OBSERVE_PROMQL_EXPRESSION_H
#define TEND_OBSERVE_PROMQL_EXPRESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "observe/promql/ast.h"

#define EXPRESSION_BYTES_MAX    (256u << 10)
#define EXPRESSION_DEPTH_MAX    500
#define EXPRESSION_REGEXES_MAX  200
#define EXPRESSION_MATCHERS_MAX 20000

struct expression;

/* NULL with ERR_INVALID or ERR_LIMIT. */
struct expression *expression_parse(struct str text, struct err *err);
/* One series selector, as match[] and labels endpoints take: `up{job=~"a.*"}`. */
struct expression *expression_parse_selector(struct str text, struct err *err);
void expression_destroy(struct expression **e);

const struct node *expression_root(const struct expression *e);
struct str expression_text(const struct expression *e);
enum value_type expression_type(const struct expression *e);

/* The expression as format_query prints it: on one line, in normal form. */
void expression_format(const struct expression *e, struct buf *out);
void node_format(const struct node *n, struct buf *out);
/* The same over several lines where it is wider than a screen. */
void expression_format_pretty(const struct expression *e, struct buf *out);

/* "line:col" of a byte offset, 1-based. */
void expression_position(struct str text, uint32_t at, char *out, unsigned size);

#endif
