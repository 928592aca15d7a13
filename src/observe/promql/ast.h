/* ast.h - PromQL expressions as a tree.
 *
 *     sum by (job) (rate(requests_total{code=~"5.."}[5m] offset 1h))
 *
 *     AGGREGATE sum by (job)
 *       CALL rate
 *         SELECTOR requests_total{code=~"5.."}  range 5m, offset 1h
 *
 * Nodes live in the arena of their expression (expression.h). Positions are byte offsets into the
 * text, [start, end). Times are milliseconds. The parser makes nodes, check.c types them and finds
 * what is the same at every step; what depends on a run (`@ start()`, step() in durations) is
 * resolved by the run, so that nodes stay as they are. */
#ifndef TEND_OBSERVE_PROMQL_AST_H
#define TEND_OBSERVE_PROMQL_AST_H

#include "base/str.h"
#include "observe/metrics/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type { TYPE_NONE, TYPE_SCALAR, TYPE_STRING, TYPE_VECTOR, TYPE_MATRIX };

/* "scalar", "string", "instant vector", "range vector", as Prometheus' documentation says. */
const char *value_type_name(enum value_type type);

enum node_kind {
    NODE_NUMBER,
    NODE_STRING,
    NODE_SELECTOR, /* with a range: a range vector */
    NODE_SUBQUERY,
    NODE_CALL,
    NODE_AGGREGATE,
    NODE_BINARY,
    NODE_UNARY,
    NODE_PAREN,
    NODE_DURATION, /* only inside offsets, ranges and steps */
};

enum operator{
    OP_NONE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_ATAN2,
    OP_EQL,
    OP_NEQ,
    OP_LTE,
    OP_LSS,
    OP_GTE,
    OP_GTR,
    OP_TRIM_UPPER, /* </ */
    OP_TRIM_LOWER, /* >/ */
    OP_AND,
    OP_OR,
    OP_UNLESS,
};

const char *operator_text(enum operator op);
static inline bool operator_compares(enum operator op)
{
    return op >= OP_EQL && op <= OP_GTR;
}
static inline bool operator_is_set(enum operator op)
{
    return op >= OP_AND;
}
/* Whether the result is something else than what the operands were, so that the name goes. */
static inline bool operator_calculates(enum operator op)
{
    return op <= OP_ATAN2;
}

enum aggregation {
    AGG_SUM,
    AGG_AVG,
    AGG_COUNT,
    AGG_MIN,
    AGG_MAX,
    AGG_GROUP,
    AGG_STDDEV,
    AGG_STDVAR,
    AGG_TOPK,
    AGG_BOTTOMK,
    AGG_COUNT_VALUES,
    AGG_QUANTILE,
    AGG_LIMITK,
    AGG_LIMIT_RATIO,
};

const char *aggregation_name(enum aggregation op);
/* topk, bottomk, count_values, quantile, limitk, limit_ratio */
bool aggregation_has_param(enum aggregation op);

/* What moves a selector or subquery in time: offset and @. */
enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

struct node;

struct time_shift {
    int64_t offset_ms;
    struct node *offset_expr; /* or NULL */
    enum at_kind at;
    int64_t at_ms; /* AT_TIME */
};

struct span_ms {
    int64_t ms;
    struct node *expr; /* or NULL */
};

struct selector {
    struct str name; /* in front of the braces; "" if none */
    struct matcher *matchers;
    size_t matcher_count; /* the one of `name` last */
    struct time_shift shift;
    bool has_range, anchored, smoothed;
    bool may_match_all; /* the second argument of info() */
    bool only_stats;    /* of histograms only count and sum are looked at (check.c) */
    struct span_ms range;
};

struct subquery {
    struct node *expr;
    struct span_ms range, step; /* step 0: the default */
    bool has_step;
    struct time_shift shift;
};

struct function;

struct call {
    const struct function *function;
    struct node **args;
    size_t arg_count;
};

struct aggregate {
    enum aggregation op;
    struct node *expr, *param; /* param NULL if it takes none */
    struct str *grouping;
    size_t grouping_count;
    bool without;
};

enum cardinality { ONE_TO_ONE, MANY_TO_ONE, ONE_TO_MANY, MANY_TO_MANY };

struct matching {
    enum cardinality card;
    bool on;
    struct str *names; /* of on() or ignoring() */
    size_t name_count;
    struct str *include; /* of group_left() or group_right() */
    size_t include_count;
    bool fill_left, fill_right;
    double fill_left_value, fill_right_value;
};

struct binary {
    enum operator op;
    struct node *lhs, *rhs;
    bool return_bool;
    struct matching *matching; /* NULL unless both sides are vectors */
};

enum duration_op {
    DURATION_LITERAL,
    DURATION_ADD,
    DURATION_SUB,
    DURATION_MUL,
    DURATION_DIV,
    DURATION_MOD,
    DURATION_POW,
    DURATION_STEP,
    DURATION_RANGE,
    DURATION_MIN_OF,
    DURATION_MAX_OF,
};

/* Without lhs it is unary. In seconds. */
struct duration {
    enum duration_op op;
    struct node *lhs, *rhs;
    bool wrapped; /* in parentheses */
};

struct node {
    enum node_kind kind;
    enum value_type type;
    uint32_t start, end;
    uint32_t depth;
    bool invariant; /* the same at every step of a run */
    union {
        struct {
            double value;
            bool is_duration; /* written as one: 5m */
        } number;
        struct str string;
        struct selector selector;
        struct subquery subquery;
        struct call call;
        struct aggregate aggregate;
        struct binary binary;
        struct {
            enum operator op; /* OP_ADD or OP_SUB */
            struct node *expr;
        } unary;
        struct node *paren;
        struct duration duration;
    };
};

/* The node behind any parentheses. */
struct node *node_unwrap(struct node *n);

#endif
