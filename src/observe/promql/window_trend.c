/* deriv, predict_linear, double_exponential_smoothing, changes, resets. */
#include "observe/promql/window.h"

#include <math.h>

/* ---- linear regression, by least squares ---- */

struct line {
    double slope, intercept;
};

static struct line regression(const struct samples *s, int64_t intercept_time)
{
    double x_sum = 0, x_c = 0, y_sum = 0, y_c = 0, xy_sum = 0, xy_c = 0, xx_sum = 0, xx_c = 0;
    double n = (double)s->count, first = s->values[0];
    bool constant = true;

    for (size_t i = 0; i < s->count; i++) {
        double x = (double)(s->times[i] - intercept_time) / 1e3, y = s->values[i];
        constant &= i == 0 || y == first;
        kahan_add(x, &x_sum, &x_c);
        kahan_add(y, &y_sum, &y_c);
        kahan_add(x * y, &xy_sum, &xy_c);
        kahan_add(x * x, &xx_sum, &xx_c);
    }
    if (constant)
        return isinf(first) ? (struct line){NAN, NAN} : (struct line){0, first};
    x_sum += x_c;
    y_sum += y_c;
    double covariance = xy_sum + xy_c - x_sum * y_sum / n;
    double variance = xx_sum + xx_c - x_sum * x_sum / n;
    double slope = covariance / variance;
    return (struct line){slope, y_sum / n - slope * x_sum / n};
}

/* Two floats at least; a single one among histograms is worth a note. */
static bool has_two(struct window *w)
{
    if (w->samples.count > 0)
        window_note_ignored(w);
    return w->samples.count >= 2;
}

enum window_result window_deriv(struct window *w)
{
    if (!has_two(w))
        return WINDOW_NOTHING;
    w->value = regression(&w->samples, w->samples.times[0]).slope;
    return WINDOW_FLOAT;
}

enum window_result window_predict_linear(struct window *w)
{
    if (!has_two(w))
        return WINDOW_NOTHING;
    struct line l = regression(&w->samples, w->time);
    w->value = l.slope * w->args[0] + l.intercept;
    return WINDOW_FLOAT;
}

/* ---- double exponential smoothing (Holt's linear trend) ---- */

enum window_result window_double_smoothing(struct window *w)
{
    const double *v = w->samples.values;
    double sf = w->args[0], tf = w->args[1];

    if (!(sf > 0 && sf < 1))
        query_fail(
            w->q, ERR_INVALID, "invalid smoothing factor. Expected: 0 < sf < 1, got: %f", sf);
    if (!(tf > 0 && tf < 1))
        query_fail(w->q, ERR_INVALID, "invalid trend factor. Expected: 0 < tf < 1, got: %f", tf);
    if (!has_two(w))
        return WINDOW_NOTHING;
    double before = 0, level = v[0], trend = v[1] - v[0];
    for (size_t i = 1; i < w->samples.count; i++) {
        double x = sf * v[i];
        if (i > 1)
            trend = tf * (level - before) + (1 - tf) * trend;
        double y = (1 - sf) * (level + trend);
        before = level;
        level = x + y;
    }
    w->value = level;
    return WINDOW_FLOAT;
}

/* ---- changes, resets: between neighbours, floats and histograms in the order of time ---- */

struct sample {
    int64_t time, start;
    double value;
    const struct histogram *histogram;
};

typedef bool (*differ_fn)(struct window *w, const struct sample *a, const struct sample *b);

static struct sample next_of(const struct samples *s, size_t *f, size_t *h)
{
    bool is_float =
        *h >= s->histogram_count || (*f < s->count && s->times[*f] < s->histogram_times[*h]);

    if (is_float) {
        size_t i = (*f)++;
        return (struct sample){
            s->times[i], s->starts != NULL ? s->starts[i] : 0, s->values[i], NULL};
    }
    size_t i = (*h)++;
    return (struct sample){s->histogram_times[i],
        s->histogram_starts != NULL ? s->histogram_starts[i] : 0, 0, s->histograms[i]};
}

static enum window_result count_pairs(struct window *w, differ_fn differ)
{
    const struct samples *s = &w->samples;
    size_t f = 0, h = 0, n = 0;

    if (!window_anchor(w, &f, &h))
        return WINDOW_NOTHING;
    struct sample before = next_of(s, &f, &h);
    while (f < s->count || h < s->histogram_count) {
        struct sample now = next_of(s, &f, &h);
        n += (before.histogram == NULL) != (now.histogram == NULL) || differ(w, &before, &now);
        before = now;
    }
    w->value = (double)n;
    return WINDOW_FLOAT;
}

static bool changed(struct window *w, const struct sample *a, const struct sample *b)
{
    (void)w;
    if (a->histogram != NULL)
        return !histogram_eq(a->histogram, b->histogram);
    return a->value != b->value && !(isnan(a->value) && isnan(b->value));
}

static bool reset(struct window *w, const struct sample *a, const struct sample *b)
{
    if (w->q->options->start_timestamps && start_is_reset(a->start, a->time, b->start, b->time))
        return true;
    if (a->histogram != NULL)
        return histogram_was_reset(w->q->arena, b->histogram, a->histogram);
    return b->value < a->value;
}

enum window_result window_changes(struct window *w)
{
    return count_pairs(w, changed);
}

enum window_result window_resets(struct window *w)
{
    return count_pairs(w, reset);
}
