#include "observe/promql/window.h"

#include <string.h>

/* ---- where windows lie ---- */

static const struct time_shift *shift_of(const struct node *n)
{
    return n->kind == NODE_SELECTOR ? &n->selector.shift : &n->subquery.shift;
}

void ranging_init(
    struct ranging *r, struct query *q, const struct node *range, const struct grid *g)
{
    const struct node *n = node_unwrap((struct node *)(uintptr_t)range);
    bool selects = n->kind == NODE_SELECTOR;

    *r = (struct ranging){.q = q, .node = n, .g = g};
    r->offset = eval_offset(q, shift_of(n));
    r->fixed = eval_at(q, shift_of(n), &r->at);
    r->range = eval_span(q, selects ? &n->selector.range : &n->subquery.range);
    r->anchored = selects && n->selector.anchored;
    r->smoothed = selects && n->selector.smoothed;
    if (r->anchored || r->smoothed)
        r->before = q->options->lookback_ms;
    if (r->smoothed)
        r->after = q->options->lookback_ms;
}

int64_t ranging_end(const struct ranging *r, size_t i)
{
    return (r->fixed ? r->at : grid_time(r->g, i)) - r->offset;
}

/* ---- columns ---- */

static size_t first_after(const int64_t *times, size_t count, int64_t time, bool or_at)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (or_at ? times[middle] < time : times[middle] <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct samples slice(
    const struct samples *s, size_t from, size_t to, size_t from_h, size_t to_h)
{
    struct samples part = {0};

    if (to > from) {
        part.count = to - from;
        part.times = s->times + from;
        part.values = s->values + from;
        part.starts = s->starts != NULL ? s->starts + from : NULL;
    }
    if (to_h > from_h) {
        part.histogram_count = to_h - from_h;
        part.histogram_times = s->histogram_times + from_h;
        part.histograms = s->histograms + from_h;
        part.histogram_starts = s->histogram_starts != NULL ? s->histogram_starts + from_h : NULL;
    }
    return part;
}

struct samples samples_within(const struct samples *s, int64_t after, int64_t upto, bool closed)
{
    return slice(s, first_after(s->times, s->count, after, closed),
        first_after(s->times, s->count, upto, false),
        first_after(s->histogram_times, s->histogram_count, after, closed),
        first_after(s->histogram_times, s->histogram_count, upto, false));
}

/* Without a way out of the loop, so that it becomes vector instructions. */
OPERATE_CLONES static bool any_stale(const double *values, size_t count)
{
    uint64_t any = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        any |= bits == STALE_BITS;
    }
    return any != 0;
}

static bool has_stale(const struct samples *s)
{
    if (any_stale(s->values, s->count))
        return true;
    for (size_t i = 0; i < s->histogram_count; i++)
        if (sample_is_stale(s->histograms[i]->sum))
            return true;
    return false;
}

static void make_room(struct query *q, size_t count, size_t histogram_count)
{
    struct columns_room *c = &q->columns;

    if (count > c->count) {
        c->count = count * 2;
        c->times = query_new_array(q, c->count, int64_t);
        c->starts = query_new_array(q, c->count, int64_t);
        c->values = query_new_array(q, c->count, double);
    }
    if (histogram_count > c->histogram_count) {
        c->histogram_count = histogram_count * 2;
        c->histogram_times = query_new_array(q, c->histogram_count, int64_t);
        c->histogram_starts = query_new_array(q, c->histogram_count, int64_t);
        c->histograms = query_new_array(q, c->histogram_count, const struct histogram *);
    }
}

static void drop_stale_floats(const struct columns_room *c, struct samples *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->count; i++)
        if (!sample_is_stale(s->values[i])) {
            c->times[n] = s->times[i];
            c->starts[n] = s->starts != NULL ? s->starts[i] : 0;
            c->values[n++] = s->values[i];
        }
    s->count = n;
    s->times = c->times;
    s->values = c->values;
    s->starts = s->starts != NULL ? c->starts : NULL;
}

static void drop_stale_histograms(const struct columns_room *c, struct samples *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->histogram_count; i++)
        if (!sample_is_stale(s->histograms[i]->sum)) {
            c->histogram_times[n] = s->histogram_times[i];
            c->histogram_starts[n] = s->histogram_starts != NULL ? s->histogram_starts[i] : 0;
            c->histograms[n++] = s->histograms[i];
        }
    s->histogram_count = n;
    s->histogram_times = c->histogram_times;
    s->histograms = c->histograms;
    s->histogram_starts = s->histogram_starts != NULL ? c->histogram_starts : NULL;
}

/* ---- selectors ---- */

int64_t ranging_first(const struct ranging *r)
{
    return ranging_end(r, 0) - r->range - r->before + (r->q->closed_left ? 0 : 1);
}

int64_t ranging_last(const struct ranging *r)
{
    return ranging_end(r, r->g->count - 1) + r->after;
}

void ranging_select(const struct ranging *r, struct selection *out)
{
    const struct selector *s = &r->node->selector;

    select_series(r->q, s->matchers, s->matcher_count, ranging_first(r), ranging_last(r), out);
}

bool ranging_read(
    const struct ranging *r, const struct selection *selection, size_t i, struct samples *out)
{
    struct query *q = r->q;

    select_read(
        q, selection, i, ranging_first(r), ranging_last(r), r->node->selector.only_stats, out);
    if (has_stale(out)) {
        make_room(q, out->count, out->histogram_count);
        drop_stale_floats(&q->columns, out);
        drop_stale_histograms(&q->columns, out);
    }
    return out->count + out->histogram_count > 0;
}

static void each_selected(const struct ranging *r, range_fn each, void *self)
{
    struct selection selection;

    ranging_select(r, &selection);
    for (size_t i = 0; i < selection.count; i++) {
        struct samples samples;
        if (ranging_read(r, &selection, i, &samples))
            each(self, selection.series[i].labels, false, &samples);
    }
}

/* ---- subqueries ---- */

/* The first multiple of `step` in the window; whole numbers are cut towards zero, as in Go. */
static int64_t first_step(const struct query *q, int64_t start, int64_t step)
{
    int64_t first = step * (start / step);

    if (q->closed_left ? first < start : first <= start)
        first += step;
    return first;
}

static const struct histogram *without_hint(struct query *q, const struct histogram *h)
{
    if (h->hint != HINT_RESET && h->hint != HINT_NOT_RESET)
        return h;
    struct histogram *copy = query_new_array(q, 1, struct histogram);
    *copy = *h;
    copy->hint = HINT_UNKNOWN;
    return copy;
}

static void columns_of(
    struct query *q, const struct row *row, const struct grid *g, struct samples *out)
{
    const struct columns_room *c = &q->columns;

    make_room(q, g->count, row->histograms != NULL ? g->count : 0);
    *out = (struct samples){.times = c->times,
        .values = c->values,
        .histogram_times = c->histogram_times,
        .histograms = c->histograms};
    for (ptrdiff_t i = -1; (i = bits_next(row->present, g->count, i)) >= 0;) {
        const struct histogram *h = row_histogram(row, (size_t)i);
        if (h != NULL) {
            c->histogram_times[out->histogram_count] = grid_time(g, (size_t)i);
            c->histograms[out->histogram_count++] = without_hint(q, h);
        } else {
            c->times[out->count] = grid_time(g, (size_t)i);
            c->values[out->count++] = row->values[i];
        }
    }
}

bool ranging_subquery_grid(const struct ranging *r, struct grid *out)
{
    struct query *q = r->q;
    const struct subquery *s = &r->node->subquery;
    int64_t step = s->has_step ? eval_span(q, &s->step) : q->options->subquery_step_ms;

    if (step <= 0)
        query_fail(q, ERR_INVALID, "the step of a subquery must be at least one millisecond");
    *out = (struct grid){.start = first_step(q, ranging_end(r, 0) - r->range, step), .step = step};
    out->count = eval_steps(q, out->start, ranging_end(r, r->g->count - 1), step);
    return out->count > 0;
}

static void each_subquery(const struct ranging *r, range_fn each, void *self)
{
    struct query *q = r->q;
    const struct subquery *s = &r->node->subquery;
    struct matrix m = {0};
    struct grid g;

    if (!ranging_subquery_grid(r, &g))
        return;
    eval_vector(q, s->expr, &g, &m);
    for (size_t i = 0; i < m.count; i++) {
        struct samples samples;
        columns_of(q, &m.rows[i], &g, &samples);
        if (samples.count + samples.histogram_count > 0)
            each(self, m.rows[i].labels, m.rows[i].drop_name, &samples);
    }
}

void ranging_each(const struct ranging *r, range_fn each, void *self)
{
    if (r->node->kind == NODE_SELECTOR)
        each_selected(r, each, self);
    else
        each_subquery(r, each, self);
}

/* ---- a range vector as the result ---- */

struct taking {
    const struct ranging *r;
    struct value *out;
    size_t capacity;
};

static void *copy_array(struct query *q, const void *from, size_t count, size_t size)
{
    void *to = query_take(q, count + 1, size);

    if (count > 0)
        memcpy(to, from, count * size);
    return to;
}

static void take_range(
    void *self, const struct labels *labels, bool drop_name, const struct samples *samples)
{
    struct taking *t = self;
    struct query *q = t->r->q;
    int64_t end = ranging_end(t->r, 0), start = end - t->r->range;
    struct samples s =
        samples_within(samples, start - t->r->before, end + t->r->after, q->closed_left);

    if (t->r->anchored || t->r->smoothed)
        s = window_extend(t->r, &s);
    if (s.count + s.histogram_count == 0)
        return;
    if (t->out->range_count == t->capacity) {
        struct range_series *grown =
            query_new_array(q, t->capacity > 0 ? t->capacity * 2 : 16, struct range_series);
        if (t->capacity > 0)
            memcpy(grown, t->out->ranges, t->capacity * sizeof *grown);
        t->capacity = t->capacity > 0 ? t->capacity * 2 : 16;
        t->out->ranges = grown;
    }
    s.times = copy_array(q, s.times, s.count, sizeof *s.times);
    s.values = copy_array(q, s.values, s.count, sizeof *s.values);
    s.histogram_times = copy_array(q, s.histogram_times, s.histogram_count, sizeof(int64_t));
    s.histograms = copy_array(q, s.histograms, s.histogram_count, sizeof(struct histogram *));
    t->out->ranges[t->out->range_count++] = (struct range_series){labels, drop_name, s};
}

void select_ranges(struct query *q, const struct node *n, const struct grid *g, struct value *out)
{
    struct ranging r;

    ranging_init(&r, q, n, g);
    struct taking t = {.r = &r, .out = out};
    ranging_each(&r, take_range, &t);
}

/* ---- functions over windows ---- */

/* Only some functions know what to do with samples beyond the window. */
static void check_extended(const struct windowing *x)
{
    struct str name = str_from(x->call->call.function->name);
    bool rates = str_is(name, "rate") || str_is(name, "increase") || str_is(name, "delta");
    bool counts = str_is(name, "resets") || str_is(name, "changes");

    if (x->r.anchored && !rates && !counts)
        query_fail(x->r.q, ERR_INVALID,
            "anchored modifier can only be used with: changes, delta, increase, rate, resets - not "
            "with %s",
            name.at);
    if (x->r.smoothed && !rates)
        query_fail(x->r.q, ERR_INVALID,
            "smoothed modifier can only be used with: delta, increase, rate - not with %s",
            name.at);
}

static bool is_counter_name(struct str name)
{
    return str_ends(name, "_total") || str_ends(name, "_sum") || str_ends(name, "_count") ||
           str_ends(name, "_bucket");
}

/* rate() of a gauge is a common mistake. */
static void note_gauge(const struct windowing *x, const struct labels *labels)
{
    struct query *q = x->r.q;
    const struct node *arg = x->call->call.args[0];
    struct str name = query_metric_name(labels), type = labels_get(labels, STR("__type__"));

    if (name.len == 0)
        return;
    if (!q->options->type_and_unit) {
        if (!is_counter_name(name))
            (void)query_info(q, arg,
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
                "\"%.*s\"",
                STR_ARG(name));
    } else if (!str_is(type, "counter") && !str_is(type, "histogram")) {
        (void)query_info(q, arg,
            "metric might not be a counter, __type__ label is not set to \"counter\" or "
            "\"histogram\", got \"%.*s\": \"%.*s\"",
            STR_ARG(type), STR_ARG(name));
    }
}

static void store(struct windowing *x, struct window *w, enum window_result what, size_t i)
{
    if (what == WINDOW_HISTOGRAM) {
        row_set_histogram(x->r.q, &x->row, x->r.g, i, w->histogram);
    } else if (what == WINDOW_FLOAT) {
        x->row.values[i] = w->value;
        bit_set(x->row.present, i);
    }
}

static void slide(struct windowing *x, struct window *w, const struct samples *s)
{
    const struct ranging *r = &x->r;
    function_window_fn function = x->call->call.function->window;
    bool closed = r->q->closed_left;
    size_t a = 0, b = 0, ah = 0, bh = 0;

    for (size_t i = 0; i < r->g->count; i++) {
        w->step = i;
        w->time = grid_time(r->g, i);
        w->end = ranging_end(r, i);
        w->start = w->end - r->range;
        int64_t from = w->start - r->before, to = w->end + r->after;
        while (b < s->count && s->times[b] <= to)
            b++;
        while (a < b && (closed ? s->times[a] < from : s->times[a] <= from))
            a++;
        while (bh < s->histogram_count && s->histogram_times[bh] <= to)
            bh++;
        while (ah < bh && (closed ? s->histogram_times[ah] < from : s->histogram_times[ah] <= from))
            ah++;
        if (a == b && ah == bh)
            continue;
        w->samples = slice(s, a, b, ah, bh);
        for (size_t k = 0; k < x->arg_count; k++)
            w->args[k] = x->args[k][i];
        query_worked(r->q, b - a + bh - ah);
        store(x, w, function(w), i);
    }
}

/* ---- all windows at once ---- */

bool window_can_sweep(const struct windowing *x, const struct samples *s)
{
    bool starts = x->r.q->options->start_timestamps && s->starts != NULL;

    return x->call->call.function->sweep != NULL && s->histogram_count == 0 && !starts &&
           !x->r.anchored && !x->r.smoothed && s->count < UINT32_MAX;
}

/* The first sample from `at` on that is behind `time`. Samples come at regular times mostly, so it
 * is tried first as far on as the last time. */
static uint32_t advance(
    const int64_t *times, uint32_t count, uint32_t at, int64_t time, uint32_t *stride)
{
    uint32_t guess = at + *stride;

    if (guess < count && times[guess] > time && (guess == at || times[guess - 1] <= time))
        return guess;
    uint32_t start = at;
    while (at < count && times[at] <= time)
        at++;
    *stride = at - start;
    return at;
}

static void find_windows(struct windowing *x, const struct samples *s)
{
    const struct ranging *r = &x->r;
    bool closed = r->q->closed_left;
    uint32_t a = 0, b = 0, count = (uint32_t)s->count, stride_a = 0, stride_b = 0;

    if (x->from == NULL) {
        x->from = query_new_array(r->q, r->g->count, uint32_t);
        x->to = query_new_array(r->q, r->g->count, uint32_t);
    }
    for (size_t i = 0; i < r->g->count; i++) {
        int64_t to = ranging_end(r, i), from = to - r->range - closed;
        b = advance(s->times, count, b, to, &stride_b);
        a = advance(s->times, count, a, from, &stride_a);
        x->from[i] = a;
        x->to[i] = b;
    }
}

void window_sweep(struct windowing *x, const struct samples *s)
{
    find_windows(x, s);
    if (s->count > x->scratch_samples) {
        x->scratch_samples = s->count * 2;
        x->scratch = query_take(x->r.q, x->scratch_samples, 16);
    }
    struct sweep all = {x->r.q, &x->r, s, x->from, x->to, &x->row, x->scratch};
    query_worked(x->r.q, s->count + x->r.g->count);
    memset(x->row.present, 0, bit_words(x->r.g->count) * sizeof *x->row.present);
    x->call->call.function->sweep(&all);
}

void window_finish(struct windowing *x, struct row *row)
{
    const struct function *f = x->call->call.function;

    if (!bits_any(row->present, x->r.g->count))
        return;
    if ((f->window == window_rate || f->window == window_increase) && row->histograms == NULL)
        note_gauge(x, row->labels);
    if (!f->keeps_name)
        row_lose_name(x->r.q, row);
    x->each(x->self, row);
}

void window_series(
    void *self, const struct labels *labels, bool drop_name, const struct samples *samples)
{
    struct windowing *x = self;
    const struct grid *g = x->r.g;
    struct window w = {
        .q = x->r.q, .call = x->call, .range = x->r.node, .labels = labels, .range_ms = x->r.range};

    memset(x->row.present, 0, bit_words(g->count) * sizeof *x->row.present);
    x->row.histograms = NULL;
    x->row.labels = labels;
    x->row.drop_name = drop_name;
    if (window_can_sweep(x, samples))
        window_sweep(x, samples);
    else
        slide(x, &w, samples);
    window_finish(x, &x->row);
}

void window_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self)
{
    struct windowing x = {.call = n, .each = each, .self = self};

    for (size_t i = 0; i < n->call.arg_count; i++) {
        if (n->call.args[i]->type == TYPE_MATRIX)
            ranging_init(&x.r, q, n->call.args[i], g);
        else
            x.args[x.arg_count++] = eval_scalar(q, n->call.args[i], g);
    }
    check_extended(&x);
    row_init(q, &x.row, NULL, g);
    if (q->options->helpers != NULL && x.r.node->kind == NODE_SELECTOR &&
        n->call.function->sweep != NULL)
        window_each_parallel(&x);
    else
        ranging_each(&x.r, window_series, &x);
}
