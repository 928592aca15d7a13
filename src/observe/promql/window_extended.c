/* Selectors that are anchored or smoothed: windows whose borders have values.
 *
 *     samples      1     3     5          8        the window is (start, end]
 *     anchored        start ──────── end           start: the sample before it (1); end: the last
 * (5) smoothed        start ──────── end           both interpolated between their neighbours
 *
 * So windows come with the samples before (and, smoothed, behind) them as far as lookback goes. */
#include "observe/promql/window.h"

#include <string.h>

/* ---- numbers ---- */

static double interpolate(const struct samples *s, size_t i, int64_t time, bool is_counter)
{
    double a = s->values[i], b = s->values[i + 1];

    if (is_counter && b < a)
        a = 0; /* reset: it began at zero */
    return a + (b - a) * (double)(time - s->times[i]) / (double)(s->times[i + 1] - s->times[i]);
}

/* The first of `count` times that is not before `time` (after: that is after it). */
static size_t search(const int64_t *times, size_t count, int64_t time, bool after)
{
    size_t i = 0;

    while (i < count && (after ? times[i] <= time : times[i] < time))
        i++;
    return i;
}

/* The samples whose values count at the borders. */
struct borders {
    size_t first, last;
    bool none;
};

static struct borders find_borders(
    const int64_t *times, size_t count, int64_t start, int64_t end, bool smoothed)
{
    struct borders b = {.last = count - 1};

    b.first = search(times, b.last, start, true);
    b.first = b.first > 0 ? b.first - 1 : 0;
    if (smoothed)
        b.last = search(times, b.last, end, false);
    b.none = times[b.last] <= start || (smoothed && times[b.first] > end);
    return b;
}

static double left_value(
    const struct samples *s, const struct borders *b, int64_t start, bool smoothed, bool is_counter)
{
    return smoothed && s->times[b->first] < start ? interpolate(s, b->first, start, is_counter)
                                                  : s->values[b->first];
}

static double right_value(
    const struct samples *s, const struct borders *b, int64_t end, bool smoothed, bool is_counter)
{
    return smoothed && b->last > 0 && s->times[b->last] > end
               ? interpolate(s, b->last - 1, end, is_counter)
               : s->values[b->last];
}

static double resets_between(const struct samples *s, const struct borders *b, double left,
    double right, int64_t start, int64_t end)
{
    size_t first = b->first + (s->times[b->first] <= start);
    size_t behind = b->last + 1 - (s->times[b->last] >= end);
    double correction = 0, before = left;

    for (size_t i = first; i < behind; i++) {
        if (s->values[i] < before)
            correction += before;
        before = s->values[i];
    }
    return right < before ? correction + before : correction;
}

static enum window_result rate_of_floats(struct window *w, bool is_counter, bool is_rate)
{
    const struct samples *s = &w->samples;
    bool smoothed = w->range->selector.smoothed;
    struct borders b = find_borders(s->times, s->count, w->start, w->end, smoothed);

    if (b.none)
        return WINDOW_NOTHING;
    double left = left_value(s, &b, w->start, smoothed, is_counter);
    double right = right_value(s, &b, w->end, smoothed, is_counter);
    w->value = right - left;
    if (is_counter)
        w->value += resets_between(s, &b, left, right, w->start, w->end);
    if (is_rate)
        w->value /= (double)w->range_ms / 1000;
    return WINDOW_FLOAT;
}

/* ---- histograms ---- */

struct gliding {
    struct query *q;
    const struct node *at; /* for notes */
    const struct labels *labels;
    bool is_counter;
};

static void note_schemas(const struct gliding *x)
{
    struct str name = query_metric_name(x->labels);

    (void)query_warn(x->q, x->at,
        "vector contains a mix of histograms with exponential and custom buckets schemas for "
        "metric "
        "name \"%.*s\"",
        STR_ARG(name));
}

static bool combine(
    const struct gliding *x, struct histogram *h, const struct histogram *other, bool add)
{
    struct histogram_note note = {0};

    query_room(x->q, h->positive_count + h->negative_count + other->positive_count + 8, 64);
    if (!(add ? histogram_add : histogram_sub)(x->q->arena, h, other, &note)) {
        note_schemas(x);
        return false;
    }
    if (note.reconciled)
        (void)query_info(x->q, x->at, "mismatched custom buckets were reconciled during %s",
            add ? "addition" : "subtraction");
    return true;
}

/* a + (b - a) · fraction; NULL if they do not go together. */
static struct histogram *between(const struct gliding *x, const struct histogram *a, int64_t ta,
    const struct histogram *b, int64_t tb, int64_t time)
{
    struct histogram *h = histogram_copy(x->q->arena, time == ta ? a : b);
    double fraction = (double)(time - ta) / (double)(tb - ta);

    if (time == ta || time == tb)
        return h;
    if (x->is_counter && histogram_was_reset(x->q->arena, b, a)) {
        histogram_scale(h, fraction);
        return h;
    }
    if (!combine(x, h, a, false))
        return NULL;
    histogram_scale(h, fraction);
    return combine(x, h, a, true) ? h : NULL;
}

static struct histogram *border_histogram(
    const struct gliding *x, const struct samples *s, size_t i, int64_t time, bool interpolated)
{
    if (interpolated)
        return between(x, s->histograms[i], s->histogram_times[i], s->histograms[i + 1],
            s->histogram_times[i + 1], time);
    return histogram_copy(x->q->arena, s->histograms[i]);
}

static bool check_range(struct window *w, const struct gliding *x, const struct borders *b)
{
    const struct samples *s = &w->samples;
    bool custom = histogram_is_custom(s->histograms[0]);
    struct str name = query_metric_name(w->labels);

    custom = histogram_is_custom(s->histograms[b->first]);
    for (size_t i = b->first; i <= b->last; i++) {
        if (histogram_is_custom(s->histograms[i]) != custom) {
            note_schemas(x);
            return false;
        }
        if (x->is_counter && s->histograms[i]->hint == HINT_GAUGE)
            (void)query_warn(w->q, x->at, "this native histogram metric is not a counter: \"%.*s\"",
                STR_ARG(name));
    }
    return true;
}

/* What was lost at resets between the borders is added; the last sample is `right` already. */
static bool add_resets(struct window *w, const struct gliding *x, const struct borders *b,
    const struct histogram *left, const struct histogram *right, struct histogram *result)
{
    const struct samples *s = &w->samples;
    struct arena *a = w->q->arena;
    size_t first = b->first + 1;
    const struct histogram *before = left;
    struct histogram *lost = NULL;

    if (w->range->selector.smoothed && s->histogram_times[b->first] < w->start &&
        histogram_was_reset(a, s->histograms[b->first + 1], s->histograms[b->first])) {
        before = s->histograms[b->first + 1]; /* the interpolation has this reset in it */
        first++;
    }
    if (first > b->last)
        return true;
    for (size_t i = first; i <= b->last; i++) {
        const struct histogram *now = i < b->last ? s->histograms[i] : right;
        if (histogram_was_reset(a, now, before)) {
            if (lost == NULL)
                lost = histogram_copy(a, before);
            else if (!combine(x, lost, before, true))
                return false;
        }
        before = now;
    }
    return lost == NULL || combine(x, result, lost, true);
}

static enum window_result rate_of_histograms(struct window *w, bool is_counter, bool is_rate)
{
    const struct samples *s = &w->samples;
    struct gliding x = {w->q, w->call->call.args[0], w->labels, is_counter};
    bool smoothed = w->range->selector.smoothed;
    struct borders b =
        find_borders(s->histogram_times, s->histogram_count, w->start, w->end, smoothed);
    struct str name = query_metric_name(w->labels);

    if (b.none || !check_range(w, &x, &b))
        return WINDOW_NOTHING;
    bool cut_left = smoothed && s->histogram_times[b.first] < w->start;
    bool cut_right = smoothed && b.last > 0 && s->histogram_times[b.last] > w->end;
    struct histogram *left = border_histogram(&x, s, b.first, w->start, cut_left);
    struct histogram *right =
        left == NULL ? NULL
                     : border_histogram(&x, s, cut_right ? b.last - 1 : b.last, w->end, cut_right);
    if (left == NULL || right == NULL)
        return WINDOW_NOTHING;
    if (!is_counter && (left->hint != HINT_GAUGE || right->hint != HINT_GAUGE))
        (void)query_warn(
            w->q, x.at, "this native histogram metric is not a gauge: \"%.*s\"", STR_ARG(name));
    struct histogram *result = histogram_copy(w->q->arena, right);
    if (!combine(&x, result, left, false) ||
        (is_counter && !add_resets(w, &x, &b, left, right, result)))
        return WINDOW_NOTHING;
    if (is_rate)
        histogram_divide(result, (double)w->range_ms / 1000);
    result->hint = HINT_GAUGE;
    histogram_compact(result);
    w->histogram = result;
    return WINDOW_HISTOGRAM;
}

enum window_result window_extended_rate(struct window *w, bool is_counter, bool is_rate)
{
    if (w->samples.histogram_count > 0)
        return rate_of_histograms(w, is_counter, is_rate);
    return rate_of_floats(w, is_counter, is_rate);
}

/* ---- changes, resets ---- */

/* Where to begin: anchored, at the newest sample that is not in the window; else at the first.
 * False: there is nothing in the window. */
bool window_anchor(struct window *w, size_t *first, size_t *first_histogram)
{
    const struct samples *s = &w->samples;

    *first = *first_histogram = 0;
    if (w->range->kind != NODE_SELECTOR || !w->range->selector.anchored)
        return true;
    size_t f = search(s->times, s->count, w->start, true);
    size_t h = search(s->histogram_times, s->histogram_count, w->start, true);
    if (f >= s->count && h >= s->histogram_count)
        return false;
    bool anchor_is_float = f > 0 && (h == 0 || s->times[f - 1] >= s->histogram_times[h - 1]);
    *first = anchor_is_float ? f - 1 : f;
    *first_histogram = !anchor_is_float && h > 0 ? h - 1 : h;
    return true;
}

/* ---- as a range vector: the window with its border values as samples ---- */

struct samples window_extend(const struct ranging *r, const struct samples *s)
{
    struct query *q = r->q;
    int64_t end = ranging_end(r, 0), start = end - r->range;
    struct samples out = {0};

    if (s->histogram_count > 0)
        query_fail(q, ERR_INVALID, "%s modifier is not supported with histograms",
            r->anchored ? "anchored" : "smoothed");
    if (s->count == 0)
        return out;
    struct borders b = find_borders(s->times, s->count, start, end, r->smoothed);
    if (s->times[b.last] <= start)
        return out;
    int64_t *times = query_new_array(q, s->count + 2, int64_t);
    double *values = query_new_array(q, s->count + 2, double);
    size_t first = b.first + (s->times[b.first] <= start);
    size_t behind = b.last + 1 - (s->times[b.last] >= end), n = 0;
    times[n] = start;
    values[n++] = left_value(s, &b, start, r->smoothed, false);
    for (size_t i = first; i < behind; i++, n++) {
        times[n] = s->times[i];
        values[n] = s->values[i];
    }
    times[n] = end;
    values[n++] = right_value(s, &b, end, r->smoothed, false);
    out.count = n;
    out.times = times;
    out.values = values;
    return out;
}

/* ---- smoothed instant vectors ---- */

struct smoothing {
    struct ranging r; /* windows of lookback on both sides of each step */
    const struct node *n;
    row_fn each;
    void *self;
};

static bool smooth_float(struct row *row, const struct samples *s, size_t step, int64_t time)
{
    size_t i = search(s->times, s->count, time, false);

    if (i < s->count && s->times[i] == time)
        row->values[step] = s->values[i];
    else if (i > 0 && i < s->count)
        row->values[step] = interpolate(s, i - 1, time, false);
    else if (i > 0)
        row->values[step] = s->values[i - 1];
    else
        return false;
    bit_set(row->present, step);
    return true;
}

static void smooth_histogram(
    struct smoothing *x, struct row *row, const struct samples *s, size_t step, int64_t time)
{
    struct gliding glide = {x->r.q, x->n, row->labels, false};
    size_t i = search(s->histogram_times, s->histogram_count, time, false);
    struct histogram *h;

    if (i < s->histogram_count && s->histogram_times[i] == time) {
        h = histogram_copy(x->r.q->arena, s->histograms[i]);
    } else if (i > 0 && i < s->histogram_count) {
        const struct histogram *a = s->histograms[i - 1], *b = s->histograms[i];
        if (histogram_is_custom(a) != histogram_is_custom(b)) {
            note_schemas(&glide);
            return;
        }
        glide.is_counter = a->hint != HINT_GAUGE || b->hint != HINT_GAUGE;
        h = between(&glide, a, s->histogram_times[i - 1], b, s->histogram_times[i], time);
        if (h == NULL)
            return;
    } else if (i > 0) {
        h = histogram_copy(x->r.q->arena, s->histograms[i - 1]);
        h->hint = HINT_UNKNOWN;
    } else {
        return;
    }
    row_set_histogram(x->r.q, row, x->r.g, step, h);
}

static void smooth_series(
    void *self, const struct labels *labels, bool drop_name, const struct samples *samples)
{
    struct smoothing *x = self;
    const struct grid *g = x->r.g;
    int64_t lookback = x->r.q->options->lookback_ms;
    struct str name = query_metric_name(labels);
    struct row row;

    row_init(x->r.q, &row, labels, g);
    row.drop_name = drop_name;
    for (size_t i = 0; i < g->count; i++) {
        int64_t time = ranging_end(&x->r, i);
        struct samples s =
            samples_within(samples, time - lookback, time + lookback, x->r.q->closed_left);
        query_worked(x->r.q, s.count + s.histogram_count);
        if (s.count > 0 && s.histogram_count > 0)
            (void)query_warn(x->r.q, x->n,
                "encountered a mix of histograms and floats for metric name \"%.*s\"",
                STR_ARG(name));
        else if (s.histogram_count > 0)
            smooth_histogram(x, &row, &s, i, time);
        else if (s.count > 0)
            (void)smooth_float(&row, &s, i, time);
    }
    if (bits_any(row.present, g->count))
        x->each(x->self, &row);
}

void smooth_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self)
{
    struct smoothing x = {.n = n, .each = each, .self = self};

    ranging_init(&x.r, q, n, g);
    ranging_each(&x.r, smooth_series, &x);
}
