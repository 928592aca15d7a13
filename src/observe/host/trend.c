#include "observe/host/trend.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define QUARTERS 4
#define PAIRS    (TREND_SLOTS * (TREND_SLOTS - 1) / 2)

const struct trend_params trend_defaults = {
    .warm_up_ns = 300 * NS_PER_S,
    .span_min_ns = 600 * NS_PER_S,
    .horizon_ns = 86400 * NS_PER_S,
    .horizon_spans = 4,
    .rise_min_bytes = 4 << 20,
    .rise_share_min = 0.05,
    .r2_min = 0.9,
    .quarter_share_min = 0.4,
    .pace_share_min = 0.8,
    .samples_min = 20,
};

/* ---- collecting ---- */

static void merge_pairs(struct trend *t)
{
    for (size_t i = 0; i < TREND_SLOTS / 2; i++) {
        const struct trend_sample *a = &t->slots[2 * i], *b = &t->slots[2 * i + 1];
        t->slots[i] = a->bytes <= b->bytes ? *a : *b;
    }
    t->count = TREND_SLOTS / 2;
    t->per_slot *= 2;
}

void trend_add(struct trend *t, int64_t at_ns, int64_t bytes)
{
    struct trend_sample sample = {at_ns, bytes};

    if (t->count == 0) {
        t->started_ns = at_ns;
        t->per_slot = 1;
    }
    if (t->count > 0 && t->in_last < t->per_slot) {
        struct trend_sample *last = &t->slots[t->count - 1];
        if (bytes < last->bytes)
            *last = sample;
        t->in_last++;
        return;
    }
    if (t->count == TREND_SLOTS)
        merge_pairs(t);
    if (t->per_slot >= UINT32_MAX / 2)
        return; /* hundreds of years */
    t->slots[t->count++] = sample;
    t->in_last = 1;
}

/* ---- judging ---- */

struct line {
    double slope, intercept; /* bytes per second; bytes at the first sample */
    double r2;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double seconds(const struct trend_sample *s, size_t i)
{
    return (double)(s[i].at_ns - s[0].at_ns) / (double)NS_PER_S;
}

static double median_slope(const struct trend_sample *s, size_t count)
{
    double slopes[PAIRS];
    size_t used = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (s[k].at_ns > s[i].at_ns)
                slopes[used++] =
                    (double)(s[k].bytes - s[i].bytes) / (seconds(s, k) - seconds(s, i));
    return used > 0 ? median(slopes, used) : 0;
}

/* The share of the variance that the line explains; below 0 for a line worse than the mean. */
static double explained(const struct trend_sample *s, size_t count, const struct line *line)
{
    double mean = 0, total = 0, rest = 0;

    for (size_t i = 0; i < count; i++)
        mean += (double)s[i].bytes / (double)count;
    for (size_t i = 0; i < count; i++) {
        double value = (double)s[i].bytes;
        double off = value - (line->intercept + line->slope * seconds(s, i));
        total += (value - mean) * (value - mean);
        rest += off * off;
    }
    return total > 0 ? 1 - rest / total : 0;
}

static struct line fit(const struct trend_sample *s, size_t count)
{
    struct line line = {.slope = median_slope(s, count)};
    double offsets[TREND_SLOTS];

    for (size_t i = 0; i < count; i++)
        offsets[i] = (double)s[i].bytes - line.slope * seconds(s, i);
    line.intercept = median(offsets, count);
    line.r2 = explained(s, count, &line);
    return line;
}

static double median_bytes(const struct trend_sample *s, size_t from, size_t to)
{
    double values[TREND_SLOTS];

    for (size_t i = from; i < to; i++)
        values[i - from] = (double)s[i].bytes;
    return median(values, to - from);
}

/* Each quarter's own slope is a fair share of the whole's. */
static bool rises_throughout(
    const struct trend_sample *s, size_t count, double slope, double share_min)
{
    for (size_t q = 0; q < QUARTERS; q++) {
        size_t from = count * q / QUARTERS, to = count * (q + 1) / QUARTERS;
        /* One sample of the next quarter closes the gap between the two. */
        if (to < count)
            to++;
        if (median_slope(s + from, to - from) < share_min * slope)
            return false;
    }
    return true;
}

/* What fills up slows down; what leaks does not. */
static bool keeps_pace(const struct trend_sample *s, size_t count, double share_min)
{
    size_t half = count / 2;

    return median_slope(s + half, count - half) >= share_min * median_slope(s, half);
}

static size_t skip_warm_up(const struct trend *t, const struct trend_params *params)
{
    int64_t life_ns = t->slots[t->count - 1].at_ns - t->started_ns;
    int64_t warm_up_ns = life_ns / 5 > params->warm_up_ns ? life_ns / 5 : params->warm_up_ns;
    size_t from = 0;

    while (from < t->count && t->slots[from].at_ns - t->started_ns < warm_up_ns)
        from++;
    return from;
}

static int64_t time_to_limit(double slope, int64_t bytes, int64_t limit_bytes)
{
    if (limit_bytes <= 0 || slope <= 0)
        return -1;
    if (bytes >= limit_bytes)
        return 0;
    double ns = (double)(limit_bytes - bytes) / slope * (double)NS_PER_S;
    return ns < 0x1p62 ? (int64_t)ns : -1;
}

static const char *objection(const struct trend_sample *s, size_t count,
    const struct trend_verdict *v, const struct trend_params *params)
{
    double span_ns = (double)(s[count - 1].at_ns - s[0].at_ns);
    double rise = v->slope_bytes_per_s * seconds(s, count - 1);

    if (v->slope_bytes_per_s <= 0)
        return "it does not rise";
    if (rise < (double)params->rise_min_bytes ||
        rise < params->rise_share_min * median_bytes(s, 0, count))
        return "the rise is small";
    if (v->r2 < params->r2_min)
        return "no steady rise";
    if (!rises_throughout(s, count, v->slope_bytes_per_s, params->quarter_share_min))
        return "it rose, and not all the time";
    if (!keeps_pace(s, count, params->pace_share_min))
        return "the rise slows down";
    if (v->hits_limit_in_ns < 0 || v->hits_limit_in_ns > params->horizon_ns ||
        (double)v->hits_limit_in_ns > params->horizon_spans * span_ns)
        return "the limit is far away";
    return "";
}

struct trend_verdict trend_judge(
    const struct trend *t, int64_t limit_bytes, const struct trend_params *params)
{
    struct trend_verdict v = {.hits_limit_in_ns = -1, .reason = "too few samples"};
    size_t from = t->count > 0 ? skip_warm_up(t, params) : 0;
    const struct trend_sample *s = t->slots + from;
    size_t count = t->count - from;

    if (count < params->samples_min || count < 2 * QUARTERS)
        return v;
    if (s[count - 1].at_ns - s[0].at_ns < params->span_min_ns) {
        v.reason = "too short a time";
        return v;
    }
    struct line line = fit(s, count);
    v.slope_bytes_per_s = line.slope;
    v.r2 = line.r2;
    v.hits_limit_in_ns = time_to_limit(line.slope, s[count - 1].bytes, limit_bytes);
    v.reason = objection(s, count, &v, params);
    v.suspected = v.reason[0] == 0;
    return v;
}
