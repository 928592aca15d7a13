/* The table of functions as docs/reference/promql.md. */
#include "observe/promql/functions.h"

static const char *const words[] = {[TYPE_SCALAR] = "scalar",
    [TYPE_STRING] = "string",
    [TYPE_VECTOR] = "vector",
    [TYPE_MATRIX] = "range"};

static void add_call(struct buf *out, const struct function *f)
{
    struct function_arity arity = function_arity(f);
    size_t shown = arity.max == SIZE_MAX ? arity.min + 1 : arity.max;

    buf_format(out, "`%s(", f->name);
    if (shown > 4 && arity.max != SIZE_MAX)
        shown = arity.min > 4 ? arity.min : 4;
    for (size_t i = 0; i < shown; i++) {
        const char *word = words[function_arg_type(f, i)];
        bool optional = i >= arity.min;
        buf_format(
            out, "%s%s%s%s", optional ? "[" : "", i > 0 ? ", " : "", word, optional ? "]" : "");
    }
    buf_add_text(out, arity.max > shown ? ", …)`" : ")`");
}

void functions_reference(struct buf *out)
{
    size_t count;
    const struct function *all = functions_all(&count);

    buf_add_text(out,
        "# PromQL functions\n\n"
        "Generated from the table in `src/observe/promql/functions.c`. A *range* is a range vector "
        "(`x[5m]`), a *vector* an instant vector. Functions with ¹ are behind a feature flag in "
        "Prometheus 3; here all are on.\n\n"
        "| function | gives | what |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, "| ");
        add_call(out, &all[i]);
        buf_format(out, "%s | %s | %s |\n", all[i].experimental ? " ¹" : "",
            all[i].returns == TYPE_SCALAR ? "scalar" : "vector", all[i].help);
    }
    buf_add_text(out, "\nAggregations: `sum avg count min max group stddev stdvar` of a vector, "
                      "`topk bottomk limitk` "
                      "with a number, `limit_ratio quantile` with a share, `count_values` with the "
                      "name of a label; "
                      "each with `by (…)` or `without (…)`.\n");
}
