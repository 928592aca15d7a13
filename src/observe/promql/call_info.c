/* info(v, {selector}): adds the labels of info metrics (target_info unless the selector names
 * others) to the series that have the same `instance` and `job`. */
#include "observe/promql/calls.h"

#include <string.h>

#define INFO_NAMES_MAX 64 /* info metrics that one series may take labels from */

static const struct str identifying[] = {
    {"instance", 8},
    {"job",      3}
};

struct informing {
    struct query *q;
    const struct grid *g;
    const struct selector *selector; /* of the second argument, or NULL */
    struct matcher *names;           /* what an info metric's name must match */
    size_t name_count;
    struct matrix base, info; /* info: the times of the samples */
    struct label_index index; /* info rows by identifying labels */
    size_t *first, *rows;     /* … listed by it */
    struct matrix out;
};

/* ---- which info series, and when ---- */

static bool is_name(const struct matcher *m)
{
    return str_is(m->name, LABEL_NAME);
}

static void default_name(struct informing *x, enum matcher_type type, const char *value)
{
    struct err err = ERR_INIT;
    struct matcher *m = &x->names[x->name_count++];

    *m = (struct matcher){.type = type, .name = STR(LABEL_NAME), .value = str_from(value)};
    if (type == MATCH_EQUAL) {
        m->way = MATCH_ONE_OF;
        m->texts = &m->value;
        m->text_count = 1;
        return;
    }
    m->way = MATCH_PATTERN;
    m->regex = query_regex(x->q, m->value, &err); /* the query's: it frees it */
    if (m->regex == NULL)
        query_fail(x->q, ERR_INVALID, "%s", err.text);
}

/* Without a positive condition on the name: target_info, or any *_info but those excluded. */
static void set_names(struct informing *x)
{
    size_t count = x->selector != NULL ? x->selector->matcher_count : 0;
    bool positive = false;

    x->names = query_new_array(x->q, count + 1, struct matcher);
    for (size_t i = 0; i < count; i++) {
        const struct matcher *m = &x->selector->matchers[i];
        if (!is_name(m))
            continue;
        positive |= m->type == MATCH_EQUAL || m->type == MATCH_REGEX;
        x->names[x->name_count++] = *m;
    }
    if (x->name_count == 0)
        default_name(x, MATCH_EQUAL, "target_info");
    else if (!positive)
        default_name(x, MATCH_REGEX, ".+_info");
}

/* The first argument's @ and offset hold for the info series too. */
static bool first_shift(const struct node *n, struct time_shift *out, int64_t *subquery_offset)
{
    bool found = false;

    switch (n->kind) {
    case NODE_SELECTOR:
        *out = n->selector.shift;
        return true;
    case NODE_SUBQUERY:
        found = first_shift(n->subquery.expr, out, subquery_offset);
        if (found && out->at == AT_NONE) {
            *subquery_offset += n->subquery.shift.offset_ms;
            out->at = n->subquery.shift.at;
            out->at_ms = n->subquery.shift.at_ms;
        }
        return found;
    case NODE_PAREN:
        return first_shift(n->paren, out, subquery_offset);
    case NODE_UNARY:
        return first_shift(n->unary.expr, out, subquery_offset);
    case NODE_BINARY:
        return first_shift(n->binary.lhs, out, subquery_offset) ||
               first_shift(n->binary.rhs, out, subquery_offset);
    case NODE_AGGREGATE:
        return first_shift(n->aggregate.expr, out, subquery_offset) ||
               (n->aggregate.param != NULL &&
                   first_shift(n->aggregate.param, out, subquery_offset));
    case NODE_CALL:
        for (size_t i = 0; i < n->call.arg_count && !found; i++)
            found = first_shift(n->call.args[i], out, subquery_offset);
        return found;
    default:
        return false;
    }
}

struct collector {
    struct query *q;
    const struct grid *g;
    struct matrix *out;
};

static void collect(void *self, struct row *row)
{
    struct collector *c = self;

    if (row->histograms != NULL)
        query_fail(c->q, ERR_INVALID, "this should be an info metric, with float samples: %.300s",
            query_labels_text(c->q, row->labels));
    row_copy(c->q, matrix_add(c->q, c->out), row, c->g);
}

static void list_info(struct informing *x)
{
    struct query *q = x->q;
    size_t *of = query_new_array(q, x->info.count + 1, size_t);
    bool is_new;

    label_index_init(&x->index, identifying, 2, true);
    for (size_t i = 0; i < x->info.count; i++)
        of[i] = label_index_add(q, &x->index, x->info.rows[i].labels, &is_new);
    x->first = query_new_array(q, x->index.count + 3, size_t);
    x->rows = query_new_array(q, x->info.count + 1, size_t);
    for (size_t i = 0; i < x->info.count; i++)
        x->first[of[i] + 2]++;
    for (size_t s = 2; s < x->index.count + 2; s++)
        x->first[s] += x->first[s - 1];
    for (size_t i = 0; i < x->info.count; i++)
        x->rows[x->first[of[i] + 1]++] = i;
}

static void select_info(struct informing *x, const struct node *base)
{
    struct query *q = x->q;
    size_t count = x->selector != NULL ? x->selector->matcher_count : 0;
    struct node *n = query_new_array(q, 1, struct node);
    struct collector c = {q, x->g, &x->info};
    int64_t more = 0;

    n->kind = NODE_SELECTOR;
    n->selector.matchers = query_new_array(q, count + x->name_count + 1, struct matcher);
    for (size_t i = 0; i < count; i++)
        if (!is_name(&x->selector->matchers[i]))
            n->selector.matchers[n->selector.matcher_count++] = x->selector->matchers[i];
    memcpy(n->selector.matchers + n->selector.matcher_count, x->names,
        x->name_count * sizeof *x->names);
    n->selector.matcher_count += x->name_count;
    (void)first_shift(base, &n->selector.shift, &more);
    if (n->selector.shift.offset_expr == NULL)
        n->selector.shift.offset_ms += more;
    select_each_of(q, n, x->g, SELECT_TIME, collect, &c);
    list_info(x);
}

/* ---- one step of one series ---- */

struct chosen {
    size_t rows[INFO_NAMES_MAX];
    size_t count;
};

static _Noreturn void fail_twice(
    struct informing *x, const struct row *a, const struct row *b, size_t step)
{
    query_fail(x->q, ERR_INVALID,
        "found duplicate series for info metric: existing %.150s @ %lld, new %.150s @ %lld",
        query_labels_text(x->q, a->labels), (long long)(a->values[step] * 1000),
        query_labels_text(x->q, b->labels), (long long)(b->values[step] * 1000));
}

/* Of several series of one info metric the one with the newest sample. */
static void consider(struct informing *x, struct chosen *c, size_t row, size_t step)
{
    const struct row *r = &x->info.rows[row];
    struct str name = query_metric_name(r->labels);

    for (size_t i = 0; i < c->count; i++) {
        const struct row *have = &x->info.rows[c->rows[i]];
        if (!str_eq(query_metric_name(have->labels), name))
            continue;
        if (have->values[step] == r->values[step])
            fail_twice(x, have, r, step);
        if (have->values[step] < r->values[step])
            c->rows[i] = row;
        return;
    }
    if (c->count == INFO_NAMES_MAX)
        query_fail(x->q, ERR_LIMIT, "more than %d info metrics match a series", INFO_NAMES_MAX);
    c->rows[c->count++] = row;
}

static void choose(struct informing *x, ptrdiff_t signature, size_t step, struct chosen *out)
{
    out->count = 0;
    if (signature < 0)
        return;
    for (size_t i = x->first[signature]; i < x->first[signature + 1]; i++)
        if (bit_get(x->info.rows[x->rows[i]].present, step))
            consider(x, out, x->rows[i], step);
}

static bool is_asked_for(const struct informing *x, struct str name)
{
    bool any = false;

    for (size_t i = 0; x->selector != NULL && i < x->selector->matcher_count; i++) {
        const struct matcher *m = &x->selector->matchers[i];
        if (is_name(m))
            continue;
        any = true;
        if (str_eq(m->name, name))
            return true;
    }
    return !any;
}

/* A series that no info metric matches stays, unless a label is demanded. */
static bool may_go_without(const struct informing *x)
{
    for (size_t i = 0; x->selector != NULL && i < x->selector->matcher_count; i++)
        if (!is_name(&x->selector->matchers[i]) &&
            !matcher_passes(&x->selector->matchers[i], STR("")))
            return false;
    return true;
}

static const struct labels *enrich(
    struct informing *x, const struct labels *base, const struct chosen *c)
{
    struct query *q = x->q;
    const struct labels *added = &labels_none, *l = base;

    for (size_t k = 0; k < c->count; k++) {
        const struct labels *info = x->info.rows[c->rows[k]].labels;
        for (uint32_t i = 0; i < info->count; i++) {
            struct str name = symbol_str(info->at[i].name), value = symbol_str(info->at[i].value);
            if (str_is(name, LABEL_NAME) || !is_asked_for(x, name))
                continue;
            const struct symbol *have = labels_find(added, name);
            if (have != NULL && !str_eq(symbol_str(have), value))
                query_fail(q, ERR_INVALID, "conflicting label: %.*s", STR_ARG(name));
            if (labels_find(base, name) != NULL)
                continue;
            query_room(q, 2, 128 + (l->count + 2) * sizeof(struct label) + name.len + value.len);
            added = labels_with(q->arena, added, name, value);
            l = labels_with(q->arena, l, name, value);
        }
    }
    return l;
}

static struct row *new_row(struct informing *x, const struct row *base, const struct labels *labels)
{
    struct row *row = matrix_add(x->q, &x->out);

    row_init(x->q, row, labels, x->g);
    row->drop_name = base->drop_name;
    return row;
}

static bool same_choice(const struct chosen *a, const struct chosen *b)
{
    return a->count == b->count && memcmp(a->rows, b->rows, a->count * sizeof *a->rows) == 0;
}

static void inform_row(struct informing *x, const struct row *base)
{
    struct chosen before = {.count = SIZE_MAX}, now;
    bool identified = labels_find(base->labels, identifying[0]) != NULL ||
                      labels_find(base->labels, identifying[1]) != NULL;
    ptrdiff_t signature = identified ? label_index_find(&x->index, base->labels) : -1;
    struct row *to = NULL;

    for (ptrdiff_t i = -1; (i = bits_next(base->present, x->g->count, i)) >= 0;) {
        query_worked(x->q, 16);
        choose(x, signature, (size_t)i, &now);
        if (now.count == 0 && !may_go_without(x))
            continue;
        if (!same_choice(&now, &before)) {
            to = new_row(x, base, enrich(x, base->labels, &now));
            before = now;
        }
        to->values[i] = base->values[i];
        bit_set(to->present, (size_t)i);
        if (row_histogram(base, (size_t)i) != NULL)
            row_set_histogram(x->q, to, x->g, (size_t)i, base->histograms[i]);
    }
}

CALL(call_info)
{
    struct informing x = {.q = q, .g = g};

    if (n->call.arg_count > 1)
        x.selector = &node_unwrap(n->call.args[1])->selector;
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &x.base);
    set_names(&x);
    select_info(&x, n->call.args[0]);
    for (size_t i = 0; i < x.base.count; i++) {
        const struct row *base = &x.base.rows[i];
        bool is_info = true;
        struct str name = query_metric_name(base->labels);
        for (size_t k = 0; k < x.name_count; k++)
            is_info &= matcher_passes(&x.names[k], name);
        if (is_info)
            *matrix_add(q, &x.out) = *base;
        else
            inform_row(&x, base);
    }
    out->vector = x.out;
    matrix_merge_same(q, &out->vector, g);
}
