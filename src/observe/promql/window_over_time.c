/* The *_over_time functions. */
#include "observe/promql/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum window_result give(struct window *w, double value)
{
    w->value = value;
    return WINDOW_FLOAT;
}

static enum window_result mixed(struct window *w)
{
    struct str name = query_metric_name(w->labels);

    (void)query_warn(w->q, w->call->call.args[0],
        "encountered a mix of histograms and floats for metric name \"%.*s\"", STR_ARG(name));
    return WINDOW_NOTHING;
}

/* ---- sums and means ---- */

/* The mean is of the plain sum, until that would overflow; from there on it is incremental. */
double window_mean_of(const double *values, size_t count)
{
    double sum = values[0], c = 0, mean = 0;
    bool incremental = false;

    for (size_t i = 1; i < count; i++) {
        double n = (double)(i + 1);
        if (!incremental) {
            double new_sum = sum, new_c = c;
            kahan_add(values[i], &new_sum, &new_c);
            if (!isinf(new_sum)) {
                sum = new_sum;
                c = new_c;
                continue;
            }
            incremental = true;
            mean = sum / (n - 1);
            c /= n - 1;
        }
        double share = (n - 1) / n;
        mean *= share;
        c *= share;
        kahan_add(values[i] / n, &mean, &c);
    }
    return incremental ? mean + c : sum / (double)count + c / (double)count;
}

enum window_result window_avg(struct window *w)
{
    const struct samples *s = &w->samples;

    if (s->count > 0 && s->histogram_count > 0)
        return mixed(w);
    return s->count == 0 ? window_histogram_sum(w, true)
                         : give(w, window_mean_of(s->values, s->count));
}

enum window_result window_sum(struct window *w)
{
    const struct samples *s = &w->samples;
    double sum = 0, c = 0;

    if (s->count > 0 && s->histogram_count > 0)
        return mixed(w);
    if (s->count == 0)
        return window_histogram_sum(w, false);
    for (size_t i = 0; i < s->count; i++)
        kahan_add(s->values[i], &sum, &c);
    return give(w, isinf(sum) ? sum : sum + c);
}

enum window_result window_count(struct window *w)
{
    return give(w, (double)(w->samples.count + w->samples.histogram_count));
}

enum window_result window_present(struct window *w)
{
    return give(w, 1);
}

/* Welford's, with compensation. */
static double variance(const double *values, size_t count)
{
    double n = 0, mean = 0, c_mean = 0, aux = 0, c_aux = 0;

    for (size_t i = 0; i < count; i++) {
        n++;
        double delta = values[i] - (mean + c_mean);
        kahan_add(delta / n, &mean, &c_mean);
        kahan_add(delta * (values[i] - (mean + c_mean)), &aux, &c_aux);
    }
    return (aux + c_aux) / n;
}

void window_note_ignored(struct window *w)
{
    struct str name = query_metric_name(w->labels);

    if (w->samples.histogram_count > 0)
        (void)query_info(w->q, w->call->call.args[0],
            "ignored histograms in a range containing both floats and histograms for metric name "
            "\"%.*s\"",
            STR_ARG(name));
}

enum window_result window_stdvar(struct window *w)
{
    if (w->samples.count == 0)
        return WINDOW_NOTHING;
    window_note_ignored(w);
    return give(w, variance(w->samples.values, w->samples.count));
}

enum window_result window_stddev(struct window *w)
{
    enum window_result r = window_stdvar(w);

    w->value = sqrt(w->value);
    return r;
}

/* ---- extremes ---- */

/* The index of the extreme; not-a-number only if there is nothing else. `last`: of equal ones. */
static size_t extreme(const struct samples *s, bool max, bool last)
{
    size_t best = 0;

    for (size_t i = 0; i < s->count; i++) {
        double v = s->values[i], b = s->values[best];
        if ((max ? v > b : v < b) || isnan(b) || (last && v == b))
            best = i;
    }
    return best;
}

static enum window_result give_extreme(struct window *w, bool max, bool time)
{
    const struct samples *s = &w->samples;

    if (s->count == 0)
        return WINDOW_NOTHING;
    window_note_ignored(w);
    size_t i = extreme(s, max, time);
    return give(w, time ? (double)s->times[i] / 1000 : s->values[i]);
}

enum window_result window_max(struct window *w)
{
    return give_extreme(w, true, false);
}

enum window_result window_min(struct window *w)
{
    return give_extreme(w, false, false);
}

enum window_result window_ts_max(struct window *w)
{
    return give_extreme(w, true, true);
}

enum window_result window_ts_min(struct window *w)
{
    return give_extreme(w, false, true);
}

/* ---- first and last ---- */

enum window_result window_last(struct window *w)
{
    const struct samples *s = &w->samples;
    size_t n = s->count, h = s->histogram_count;

    if (h == 0 || (n > 0 && s->histogram_times[h - 1] < s->times[n - 1]))
        return give(w, s->values[n - 1]);
    w->histogram = s->histograms[h - 1];
    return WINDOW_HISTOGRAM;
}

enum window_result window_first(struct window *w)
{
    const struct samples *s = &w->samples;

    if (s->histogram_count == 0 || (s->count > 0 && s->times[0] < s->histogram_times[0]))
        return give(w, s->values[0]);
    w->histogram = s->histograms[0];
    return WINDOW_HISTOGRAM;
}

enum window_result window_ts_first(struct window *w)
{
    const struct samples *s = &w->samples;
    int64_t f = s->count > 0 ? s->times[0] : INT64_MAX;
    int64_t h = s->histogram_count > 0 ? s->histogram_times[0] : INT64_MAX;

    return give(w, (double)(f < h ? f : h) / 1000);
}

enum window_result window_ts_last(struct window *w)
{
    const struct samples *s = &w->samples;
    int64_t f = s->count > 0 ? s->times[s->count - 1] : INT64_MIN;
    int64_t h = s->histogram_count > 0 ? s->histogram_times[s->histogram_count - 1] : INT64_MIN;

    return give(w, (double)(f > h ? f : h) / 1000);
}

/* ---- order statistics ---- */

static int compare_doubles(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    if (isnan(a) || isnan(b))
        return isnan(b) - isnan(a); /* first */
    return (a > b) - (a < b);
}

static void swap(double *a, double *b)
{
    double kept = *a;

    *a = *b;
    *b = kept;
}

/* Moves not-a-number to the front; how many there are. */
static size_t nan_first(double *values, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            swap(&values[i], &values[n++]);
    return n;
}

static double median_of_three(double a, double b, double c)
{
    return a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
}

/* Hoare's selection: values[k] is then what it would be if all were sorted, and what lies behind it
 * is not smaller. Ends by sorting when luck runs out, so that no data makes it quadratic. */
static void select_nth(double *values, size_t count, size_t k)
{
    size_t low = 0, high = count - 1, rounds = 0;

    while (low < high) {
        if (++rounds > 60) {
            qsort(values + low, high - low + 1, sizeof *values, compare_doubles);
            return;
        }
        double pivot = median_of_three(values[low], values[(low + high) / 2], values[high]);
        size_t i = low, j = high;
        while (true) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&values[i++], &values[j--]);
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

/* The k-th smallest, not-a-number counting as the smallest of all. */
static double nth(double *values, size_t count, size_t nans, size_t k)
{
    if (k < nans)
        return NAN;
    select_nth(values + nans, count - nans, k - nans);
    return values[k];
}

double quantile_of(double q, double *values, size_t count)
{
    if (count == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    double rank = q * (double)(count - 1);
    size_t lower = (size_t)fmax(0, floor(rank));
    size_t upper = lower + 1 < count ? lower + 1 : count - 1;
    double weight = rank - floor(rank);
    size_t nans = nan_first(values, count);
    double low = nth(values, count, nans, lower), high = low;
    if (upper > lower) {
        high = upper < nans ? NAN : values[upper];
        for (size_t i = upper; i < count; i++)
            if (i >= nans && values[i] < high)
                high = values[i];
    }
    return low * (1 - weight) + high * weight;
}

static double *scratch_copy(struct window *w)
{
    double *copy = query_scratch(w->q, w->samples.count);

    memcpy(copy, w->samples.values, w->samples.count * sizeof *copy);
    return copy;
}

enum window_result window_quantile(struct window *w)
{
    double q = w->args[0];

    if (w->samples.count == 0)
        return WINDOW_NOTHING;
    if (isnan(q) || q < 0 || q > 1)
        (void)query_warn(w->q, w->call->call.args[0],
            "quantile value should be between 0 and 1, got %s", query_number(w->q, q));
    if (w->samples.histogram_count > 0)
        window_note_ignored(w);
    return give(w, quantile_of(q, scratch_copy(w), w->samples.count));
}

enum window_result window_mad(struct window *w)
{
    size_t count = w->samples.count;

    if (count == 0)
        return WINDOW_NOTHING;
    window_note_ignored(w);
    double *values = scratch_copy(w);
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i]))
            return give(w, NAN);
    double median = quantile_of(0.5, values, count);
    for (size_t i = 0; i < count; i++)
        values[i] = fabs(values[i] - median);
    return give(w, quantile_of(0.5, values, count));
}
