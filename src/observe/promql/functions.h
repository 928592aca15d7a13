/* functions.h - the functions of PromQL: one table.
 *
 * A row has everything about a function: how it is called, what it gives, how it is computed, and
 * what it says in the reference. Arguments are written one letter each: v instant vector, m range
 * vector, s scalar, t string; behind a '?' they may be left out, and a last '*' repeats the letter
 * before it any number of times (a digit: that often at most). */
#ifndef TEND_OBSERVE_PROMQL_FUNCTIONS_H
#define TEND_OBSERVE_PROMQL_FUNCTIONS_H

#include "base/buf.h"
#include "base/str.h"
#include "observe/promql/ast.h"

#include <stdbool.h>
#include <stddef.h>

struct query;
struct grid;
struct value;
struct window;
struct sweep;
enum window_result { WINDOW_NOTHING, WINDOW_FLOAT, WINDOW_HISTOGRAM };

/* Float to float, sample by sample; histograms vanish. */
typedef double (*function_map_fn)(double value);
/* The samples of one series in one window to one sample. */
typedef enum window_result (*function_window_fn)(struct window *w);
/* The same over all windows of a series of floats at once, to the same bits; where that is quicker.
 */
typedef void (*function_sweep_fn)(struct sweep *s);
/* Everything else: evaluates its own arguments. */
typedef void (*function_node_fn)(
    struct query *q, const struct node *n, const struct grid *g, struct value *out);

struct function {
    const char *name;
    const char *args;
    enum value_type returns;
    bool experimental; /* behind a feature flag in Prometheus */
    bool unsafe_at;    /* depends on the evaluation time even where its arguments do not */
    bool keeps_name;
    function_map_fn map;
    function_window_fn window;
    function_sweep_fn sweep;
    function_node_fn node;
    const char *help;
};

const struct function *function_find(struct str name);
/* All of them, sorted by name. */
const struct function *functions_all(size_t *out_count);

struct function_arity {
    size_t min, max; /* SIZE_MAX: any number */
};
struct function_arity function_arity(const struct function *f);
/* The type of argument i, also of a repeated one. */
enum value_type function_arg_type(const struct function *f, size_t i);

/* docs/reference/promql.md */
void functions_reference(struct buf *out);

#endif
