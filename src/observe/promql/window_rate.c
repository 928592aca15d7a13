/* rate, increase, delta, irate, idelta: how fast, with counter resets and extrapolation. */
#include "observe/promql/window.h"

#include <math.h>

/* ---- start timestamps ---- */

bool start_is_reset(int64_t start_before, int64_t before, int64_t start, int64_t time)
{
    if (start == 0 || start >= time || start < before)
        return false; /* none, senseless, or older than the sample before */
    if (start > before)
        return true;
    /* Exactly at the sample before: a delta's chain, unless that one's start was unknown. */
    return start_before <= before && start_before != 0 && start_before != before;
}

bool start_overlaps(int64_t start_before, int64_t before, int64_t start)
{
    return start != 0 && start < before && start != start_before;
}

void window_note_overlap(struct window *w)
{
    if (w->overlap_told)
        return;
    w->overlap_told = true;
    struct str name = query_metric_name(w->labels);
    (void)query_warn(w->q, w->call->call.args[0],
        "sample has start time that overlaps with previous sample timestamp for metric \"%.*s\"",
        STR_ARG(name));
}

static const int64_t *starts_of(const struct window *w)
{
    return w->q->options->start_timestamps ? w->samples.starts : NULL;
}

/* ---- rate, increase, delta ---- */

static double increase_of(struct window *w, bool is_counter)
{
    const struct samples *s = &w->samples;
    const int64_t *starts = starts_of(w);
    double result = s->values[s->count - 1] - s->values[0];
    bool told = false;

    for (size_t i = 1; is_counter && i < s->count; i++) {
        bool reset = s->values[i] < s->values[i - 1];
        if (starts != NULL) {
            if (!told && start_overlaps(starts[i - 1], s->times[i - 1], starts[i])) {
                window_note_overlap(w);
                told = true;
            }
            reset |= start_is_reset(starts[i - 1], s->times[i - 1], starts[i], s->times[i]);
        }
        if (reset)
            result += s->values[i - 1];
    }
    return result;
}

struct rated {
    double result;
    struct histogram *histogram; /* instead, or NULL */
    size_t intervals;            /* samples minus one */
    int64_t first, last;
    int64_t first_start; /* start timestamp of the first sample, 0 for none */
    double first_value;  /* of a histogram its count */
};

/* How far to go beyond the first and last sample, in seconds. Samples close to a border of the
 * window stand for all of it; else half an average interval is added; a counter is never followed
 * to below zero. */
static double extrapolation(const struct window *w, const struct rated *r, bool is_counter)
{
    double to_start = (double)(r->first - w->start) / 1000;
    double to_end = (double)(w->end - r->last) / 1000;
    double sampled = (double)(r->last - r->first) / 1000;
    double average = r->intervals > 0 ? sampled / (double)r->intervals : 0;
    double threshold = average * 1.1;
    double grown = r->histogram != NULL ? r->histogram->count : r->result;

    if (w->q->closed_left) {
        /* 2.42 looks for the zero point first. */
        if (is_counter && grown > 0 && r->first_value >= 0) {
            double to_zero = sampled * (r->first_value / grown);
            to_start = to_zero < to_start ? to_zero : to_start;
        }
        sampled += to_start < threshold ? to_start : average / 2;
        sampled += to_end < threshold ? to_end : average / 2;
        return sampled;
    }
    if (to_start >= threshold)
        to_start = average / 2;
    if (is_counter && grown > 0 && r->first_value >= 0) {
        double to_zero = sampled * (r->first_value / grown);
        to_start = to_zero < to_start ? to_zero : to_start;
    }
    if (to_end >= threshold)
        to_end = average / 2;
    return sampled + to_start + to_end;
}

/* A counter that began inside the window was zero then: no guess is needed on that side. */
static bool starts_inside(const struct window *w, const struct rated *r, bool is_counter)
{
    return is_counter && r->first_start != 0 && r->first_start > w->start &&
           r->first_start < r->first;
}

static inline enum window_result finish_rate(
    struct window *w, struct rated *r, bool is_counter, bool is_rate)
{
    double sampled = (double)(r->last - r->first) / 1000, extended;

    if (starts_inside(w, r, is_counter)) {
        double average = r->intervals > 0 ? sampled / (double)r->intervals : 0;
        double to_end = (double)(w->end - r->last) / 1000;
        sampled = (double)(r->last - r->first_start) / 1000;
        extended = sampled + (to_end >= average * 1.1 ? average / 2 : to_end);
    } else if (r->intervals == 0) {
        return WINDOW_NOTHING;
    } else {
        extended = extrapolation(w, r, is_counter);
    }
    double factor = sampled != 0 ? extended / sampled : 1;
    if (is_rate)
        factor /= (double)w->range_ms / 1000;
    if (r->histogram != NULL) {
        histogram_scale(r->histogram, factor);
        w->histogram = r->histogram;
        return WINDOW_HISTOGRAM;
    }
    w->value = r->result * factor;
    return WINDOW_FLOAT;
}

static enum window_result rate_of_floats(struct window *w, bool is_counter, bool is_rate)
{
    const struct samples *s = &w->samples;
    const int64_t *starts = starts_of(w);
    struct rated r = {.intervals = s->count - 1,
        .first = s->times[0],
        .last = s->times[s->count - 1],
        .first_start = starts != NULL ? starts[0] : 0,
        .first_value = s->values[0]};

    if (s->count < 2 && r.first_start == 0)
        return WINDOW_NOTHING;
    r.result = increase_of(w, is_counter);
    if (starts_inside(w, &r, is_counter))
        r.result += s->values[0];
    return finish_rate(w, &r, is_counter, is_rate);
}

static enum window_result rate_of_histograms(struct window *w, bool is_counter, bool is_rate)
{
    const struct samples *s = &w->samples;
    size_t last = s->histogram_count - 1;
    bool use_starts = w->q->options->start_timestamps && s->histogram_starts != NULL;
    struct rated r = {.intervals = last,
        .first = s->histogram_times[0],
        .last = s->histogram_times[last],
        .first_start = use_starts ? s->histogram_starts[0] : 0,
        .first_value = s->histograms[0]->count};
    struct histogram_note note = {0};

    if (last > 0 && (r.histogram = window_histogram_rate(w, is_counter)) == NULL)
        return WINDOW_NOTHING;
    if (!starts_inside(w, &r, is_counter))
        return finish_rate(w, &r, is_counter, is_rate);
    if (r.histogram == NULL)
        r.histogram = histogram_copy(w->q->arena, s->histograms[0]);
    else if (!histogram_add(w->q->arena, r.histogram, s->histograms[0], &note))
        return WINDOW_NOTHING;
    return finish_rate(w, &r, is_counter, is_rate);
}

static enum window_result mixed(struct window *w)
{
    struct str name = query_metric_name(w->labels);

    (void)query_warn(w->q, w->call->call.args[0],
        "encountered a mix of histograms and floats for metric name \"%.*s\"", STR_ARG(name));
    return WINDOW_NOTHING;
}

static enum window_result extrapolated(struct window *w, bool is_counter, bool is_rate)
{
    if (w->samples.count > 0 && w->samples.histogram_count > 0)
        return mixed(w);
    if (w->range->kind == NODE_SELECTOR &&
        (w->range->selector.anchored || w->range->selector.smoothed))
        return window_extended_rate(w, is_counter, is_rate);
    if (w->samples.histogram_count > 0)
        return rate_of_histograms(w, is_counter, is_rate);
    return rate_of_floats(w, is_counter, is_rate);
}

enum window_result window_rate(struct window *w)
{
    return extrapolated(w, true, true);
}

enum window_result window_increase(struct window *w)
{
    return extrapolated(w, true, false);
}

enum window_result window_delta(struct window *w)
{
    return extrapolated(w, false, false);
}

/* ---- all windows of a series ---- */

/* The samples at which a counter was reset, oldest first, in scratch memory. */
static size_t find_resets(const struct samples *s, uint32_t *out)
{
    size_t n = 0;

    for (size_t i = 1; i < s->count; i++) {
        out[n] = (uint32_t)i;
        n += s->values[i] < s->values[i - 1];
    }
    return n;
}

static void sweep_rates(struct sweep *x, bool is_counter, bool is_rate)
{
    const struct samples *s = x->samples;
    uint32_t *resets = x->scratch;
    size_t reset_count = is_counter ? find_resets(s, resets) : 0, first_reset = 0;
    struct window w = {.q = x->q, .range_ms = x->ranging->range};

    for (size_t i = 0; i < x->ranging->g->count; i++) {
        size_t a = x->from[i], b = x->to[i];
        if (b - a < 2)
            continue;
        struct rated r = {.result = s->values[b - 1] - s->values[a],
            .intervals = b - a - 1,
            .first = s->times[a],
            .last = s->times[b - 1],
            .first_value = s->values[a]};
        while (first_reset < reset_count && resets[first_reset] <= a)
            first_reset++;
        for (size_t k = first_reset; k < reset_count && resets[k] < b; k++)
            r.result += s->values[resets[k] - 1];
        w.end = ranging_end(x->ranging, i);
        w.start = w.end - x->ranging->range;
        (void)finish_rate(&w, &r, is_counter, is_rate);
        x->row->values[i] = w.value;
        bit_set(x->row->present, i);
    }
}

void sweep_rate(struct sweep *s)
{
    sweep_rates(s, true, true);
}

void sweep_increase(struct sweep *s)
{
    sweep_rates(s, true, false);
}

void sweep_delta(struct sweep *s)
{
    sweep_rates(s, false, false);
}

/* ---- irate, idelta: from the last two samples ---- */

struct sample {
    int64_t time, start;
    double value;
    const struct histogram *histogram;
};

/* The last sample before the counts given, which are lowered past it. */
static bool take_last(
    const struct samples *s, size_t *floats, size_t *histograms, struct sample *out)
{
    if (*floats == 0 && *histograms == 0)
        return false;
    bool is_float = *histograms == 0 ||
                    (*floats > 0 && s->times[*floats - 1] >= s->histogram_times[*histograms - 1]);
    if (is_float) {
        size_t i = --*floats;
        *out =
            (struct sample){s->times[i], s->starts != NULL ? s->starts[i] : 0, s->values[i], NULL};
    } else {
        size_t i = --*histograms;
        *out = (struct sample){s->histogram_times[i],
            s->histogram_starts != NULL ? s->histogram_starts[i] : 0, 0, s->histograms[i]};
    }
    return true;
}

static bool began_anew(const struct window *w, const struct sample *a, const struct sample *b)
{
    return w->q->options->start_timestamps && start_is_reset(a->start, a->time, b->start, b->time);
}

static enum window_result instant_of_histograms(
    struct window *w, const struct sample *a, const struct sample *b, bool is_rate)
{
    struct query *q = w->q;
    struct str name = query_metric_name(w->labels);
    const struct node *arg = w->call->call.args[0];
    bool gauge = a->histogram->hint == HINT_GAUGE || b->histogram->hint == HINT_GAUGE;
    bool gauges = a->histogram->hint == HINT_GAUGE && b->histogram->hint == HINT_GAUGE;
    struct histogram_note note = {0};

    if (is_rate && gauge)
        (void)query_warn(
            q, arg, "this native histogram metric is not a counter: \"%.*s\"", STR_ARG(name));
    if (!is_rate && !gauges)
        (void)query_warn(
            q, arg, "this native histogram metric is not a gauge: \"%.*s\"", STR_ARG(name));
    struct histogram *h = histogram_copy(q->arena, b->histogram);
    bool reset = is_rate &&
                 (began_anew(w, a, b) || histogram_was_reset(q->arena, b->histogram, a->histogram));
    if (!reset && !histogram_sub(q->arena, h, a->histogram, &note)) {
        (void)query_warn(q, arg,
            "vector contains a mix of histograms with exponential and custom buckets schemas for "
            "metric name \"%.*s\"",
            STR_ARG(name));
        return WINDOW_NOTHING;
    }
    if (note.reconciled)
        (void)query_info(q, arg, "mismatched custom buckets were reconciled during subtraction");
    h->hint = HINT_GAUGE;
    histogram_compact(h);
    if (is_rate)
        histogram_divide(h, (double)(b->time - a->time) / 1000);
    w->histogram = h;
    return WINDOW_HISTOGRAM;
}

static enum window_result instant(struct window *w, bool is_rate)
{
    size_t floats = w->samples.count, histograms = w->samples.histogram_count;
    struct sample a, b;

    if (!take_last(&w->samples, &floats, &histograms, &b) ||
        !take_last(&w->samples, &floats, &histograms, &a) || a.time == b.time)
        return WINDOW_NOTHING;
    if ((a.histogram == NULL) != (b.histogram == NULL))
        return mixed(w);
    if (a.histogram != NULL)
        return instant_of_histograms(w, &a, &b, is_rate);
    bool reset = is_rate && (b.value < a.value || began_anew(w, &a, &b));
    w->value = reset ? b.value : b.value - a.value;
    if (is_rate)
        w->value /= (double)(b.time - a.time) / 1000;
    return WINDOW_FLOAT;
}

enum window_result window_irate(struct window *w)
{
    return instant(w, true);
}

enum window_result window_idelta(struct window *w)
{
    return instant(w, false);
}
