#include "observe/promql/ast.h"

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        "none", "scalar", "string", "instant vector", "range vector"};

    return names[type];
}

const char *operator_text(enum operator op)
{
    static const char *const texts[] = {"", "+", "-", "*", "/", "%", "^", "atan2",
        "==", "!=", "<=", "<", ">=", ">", "</", ">/", "and", "or", "unless"};

    return texts[op];
}

static const struct {
    const char *name;
    bool has_param;
} aggregations[] = {
    [AGG_SUM] = {"sum",          false},
    [AGG_AVG] = {"avg",          false},
    [AGG_COUNT] = {"count",        false},
    [AGG_MIN] = {"min",          false},
    [AGG_MAX] = {"max",          false},
    [AGG_GROUP] = {"group",        false},
    [AGG_STDDEV] = {"stddev",       false},
    [AGG_STDVAR] = {"stdvar",       false},
    [AGG_TOPK] = {"topk",         true },
    [AGG_BOTTOMK] = {"bottomk",      true },
    [AGG_COUNT_VALUES] = {"count_values", true },
    [AGG_QUANTILE] = {"quantile",     true },
    [AGG_LIMITK] = {"limitk",       true },
    [AGG_LIMIT_RATIO] = {"limit_ratio",  true },
};

const char *aggregation_name(enum aggregation op)
{
    return aggregations[op].name;
}

bool aggregation_has_param(enum aggregation op)
{
    return aggregations[op].has_param;
}

struct node *node_unwrap(struct node *n)
{
    while (n->kind == NODE_PAREN)
        n = n->paren;
    return n;
}
