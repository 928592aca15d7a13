/* Functions over all windows of a series in one pass. Each gives the bits that its window_ twin in
 * window_over_time.c gives; there they are explained. */
#include "observe/promql/window.h"

#include <math.h>

static size_t steps_of(const struct sweep *s)
{
    return s->ranging->g->count;
}

static void give(struct sweep *s, size_t step, double value)
{
    s->row->values[step] = value;
    bit_set(s->row->present, step);
}

static bool is_empty(const struct sweep *s, size_t step)
{
    return s->from[step] == s->to[step];
}

void sweep_count(struct sweep *s)
{
    for (size_t i = 0; i < steps_of(s); i++)
        if (!is_empty(s, i))
            give(s, i, s->to[i] - s->from[i]);
}

void sweep_last(struct sweep *s)
{
    for (size_t i = 0; i < steps_of(s); i++)
        if (!is_empty(s, i))
            give(s, i, s->samples->values[s->to[i] - 1]);
}

/* ---- changes, resets: by running totals ---- */

static void give_totals(struct sweep *s, const uint32_t *total)
{
    for (size_t i = 0; i < steps_of(s); i++)
        if (!is_empty(s, i))
            give(s, i, total[s->to[i] - 1] - total[s->from[i]]);
}

void sweep_changes(struct sweep *s)
{
    const double *v = s->samples->values;
    uint32_t *total = s->scratch;

    total[0] = 0;
    for (size_t i = 1; i < s->samples->count; i++)
        total[i] = total[i - 1] + (v[i] != v[i - 1] && !(isnan(v[i]) && isnan(v[i - 1])));
    give_totals(s, total);
}

void sweep_resets(struct sweep *s)
{
    const double *v = s->samples->values;
    uint32_t *total = s->scratch;

    total[0] = 0;
    for (size_t i = 1; i < s->samples->count; i++)
        total[i] = total[i - 1] + (v[i] < v[i - 1]);
    give_totals(s, total);
}

/* ---- min, max: candidates that a later sample has not beaten, best first ---- */

/* One window over everything needs no candidates. Lanes, for vector instructions; a zero's sign
 * depends on the order, so then it is done in order. */
OPERATE_CLONES static double extreme_of(const double *v, size_t count, double sign)
{
    enum { LANES = 8 };
    double best[LANES];
    size_t i = 0;

    for (int k = 0; k < LANES; k++)
        best[k] = -INFINITY;
    for (; i + LANES <= count; i += LANES)
        for (int k = 0; k < LANES; k++) {
            double x = sign * v[i + (size_t)k];
            best[k] = x > best[k] ? x : best[k];
        }
    for (; i < count; i++)
        best[0] = sign * v[i] > best[0] ? sign * v[i] : best[0];
    for (int k = 1; k < LANES; k++)
        best[0] = best[k] > best[0] ? best[k] : best[0];
    return sign * best[0];
}

static double extreme_in_order(const double *v, size_t count, double sign)
{
    double best = v[0];

    for (size_t i = 1; i < count; i++)
        if (sign * v[i] > sign * best || isnan(best))
            best = v[i];
    return best;
}

static void sweep_one_window(struct sweep *s, double sign)
{
    const double *v = s->samples->values + s->from[0];
    size_t count = s->to[0] - s->from[0];

    if (count == 0)
        return;
    double best = extreme_of(v, count, sign);
    if (best == 0 || isinf(best)) /* the sign of zero; or nothing but not-a-number */
        best = extreme_in_order(v, count, sign);
    give(s, 0, best);
}

static void sweep_extreme(struct sweep *s, double sign)
{
    const double *v = s->samples->values;
    uint32_t *queue = s->scratch; /* indexes; values fall from head to tail */
    size_t head = 0, tail = 0, next = 0;

    if (steps_of(s) == 1) {
        sweep_one_window(s, sign);
        return;
    }
    for (size_t i = 0; i < steps_of(s); i++) {
        for (; next < s->to[i]; next++) {
            double x = sign * v[next];
            if (isnan(x))
                continue;
            while (tail > head && sign * v[queue[tail - 1]] < x)
                tail--;
            queue[tail++] = (uint32_t)next;
        }
        while (head < tail && queue[head] < s->from[i])
            head++;
        if (!is_empty(s, i))
            give(s, i, head < tail ? v[queue[head]] : v[s->from[i]]);
    }
}

void sweep_max(struct sweep *s)
{
    sweep_extreme(s, 1);
}

void sweep_min(struct sweep *s)
{
    sweep_extreme(s, -1);
}

/* ---- sum, avg ---- */

#define EXACT_MAX 9007199254740992.0 /* whole numbers up to 2^53 add without rounding */

/* Whether all are whole numbers whose sums stay exact: then running totals give every window. */
OPERATE_CLONES static bool are_exact(const double *v, size_t count)
{
    double size = 0;
    uint64_t odd = 0;

    for (size_t i = 0; i < count; i++) {
        double t = (v[i] + 6755399441055744.0) - 6755399441055744.0; /* rounds to a whole number */
        odd |= t != v[i];
        size = size + fabs(v[i]);
    }
    return odd == 0 && size < EXACT_MAX / 4;
}

/* Neumaier's sum of several windows of one length side by side: each waits for its own last
 * addition only. */
enum { SIDE_BY_SIDE = 8 };

OPERATE_CLONES static void sum_side_by_side(
    const double *const v[SIDE_BY_SIDE], size_t count, double *sum, double *c)
{
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < SIDE_BY_SIDE; k++) {
            double x = v[k][i], t = sum[k] + x;
            double low = fabs(sum[k]) >= fabs(x) ? (sum[k] - t) + x : (x - t) + sum[k];
            c[k] = fabs(t) == INFINITY ? 0 : c[k] + low;
            sum[k] = t;
        }
}

static double end_sum(double sum, double c, size_t count, bool average)
{
    double n = (double)count;

    if (average)
        return sum / n + c / n;
    return isinf(sum) ? sum : sum + c;
}

static void sum_one(struct sweep *s, size_t step, bool average)
{
    const double *v = s->samples->values + s->from[step];
    size_t count = s->to[step] - s->from[step];
    double sum = 0, c = 0;

    if (count == 0)
        return;
    if (average) {
        give(s, step, window_mean_of(v, count));
        return;
    }
    for (size_t i = 0; i < count; i++)
        kahan_add(v[i], &sum, &c);
    give(s, step, end_sum(sum, c, count, false));
}

static bool same_length(const struct sweep *s, size_t first)
{
    uint32_t count = s->to[first] - s->from[first];

    if (count == 0 || first + SIDE_BY_SIDE > steps_of(s))
        return false;
    for (size_t k = 1; k < SIDE_BY_SIDE; k++)
        if (s->to[first + k] - s->from[first + k] != count)
            return false;
    return true;
}

static void sum_windows(struct sweep *s, size_t first, bool average)
{
    const double *v[SIDE_BY_SIDE];
    double sum[SIDE_BY_SIDE] = {0}, c[SIDE_BY_SIDE] = {0};
    size_t count = s->to[first] - s->from[first];
    bool overflow = false;

    for (size_t k = 0; k < SIDE_BY_SIDE; k++)
        v[k] = s->samples->values + s->from[first + k];
    sum_side_by_side(v, count, sum, c);
    for (size_t k = 0; k < SIDE_BY_SIDE; k++)
        overflow |= !isfinite(sum[k]);
    for (size_t k = 0; k < SIDE_BY_SIDE; k++) {
        if (overflow)
            sum_one(s, first + k, average);
        else
            give(s, first + k, end_sum(sum[k], c[k], count, average));
    }
}

static void sum_exact(struct sweep *s, bool average)
{
    const double *v = s->samples->values;
    double *total = s->scratch; /* of what is before each sample */

    total[0] = 0;
    for (size_t i = 0; i + 1 < s->samples->count; i++)
        total[i + 1] = total[i] + v[i];
    for (size_t i = 0; i < steps_of(s); i++) {
        if (is_empty(s, i))
            continue;
        size_t last = s->to[i] - 1;
        double sum = (total[last] - total[s->from[i]]) + v[last];
        give(s, i, end_sum(sum, 0, s->to[i] - s->from[i], average));
    }
}

static void sweep_sums(struct sweep *s, bool average)
{
    size_t step = 0;

    if (s->samples->count > 0 && are_exact(s->samples->values, s->samples->count)) {
        sum_exact(s, average);
        return;
    }
    while (step < steps_of(s)) {
        query_worked(s->q, (size_t)(s->to[step] - s->from[step]) * SIDE_BY_SIDE);
        if (same_length(s, step)) {
            sum_windows(s, step, average);
            step += SIDE_BY_SIDE;
        } else {
            sum_one(s, step++, average);
        }
    }
}

void sweep_sum(struct sweep *s)
{
    sweep_sums(s, false);
}

void sweep_avg(struct sweep *s)
{
    sweep_sums(s, true);
}
