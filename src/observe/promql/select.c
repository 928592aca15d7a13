/* Selectors: from the source's columns to rows, and to ranges. */
#include "base/mem.h"
#include "observe/promql/query_private.h"

#include <stdlib.h>
#include <string.h>

/* Times stay where sums of a few cannot overflow. */
#define TIME_MAX (INT64_MAX / 4)

static int64_t bound(int64_t time)
{
    return time > TIME_MAX ? TIME_MAX : time < -TIME_MAX ? -TIME_MAX : time;
}

void select_series(struct query *q, const struct matcher *matchers, size_t count, int64_t mint,
    int64_t maxt, struct selection *out)
{
    struct held_selection *held = query_new_array(q, 1, struct held_selection);

    if (!q->source->select(q->source->self, matchers, count, bound(mint), bound(maxt), q->arena,
            &held->selection, q->err))
        longjmp(q->failed, 1);
    held->next = q->held;
    q->held = held;
    *out = held->selection;
    query_room(q, 1, 1); /* what the source took of the arena counts */
}

static enum histogram_hint hint_between(
    struct query *q, const struct histogram *before, const struct histogram *h)
{
    if (h->hint != HINT_UNKNOWN || before == NULL)
        return h->hint;
    return histogram_was_reset(q->arena, h, before) ? HINT_RESET : HINT_NOT_RESET;
}

static void keep_stats(struct query *q, struct samples *s)
{
    struct histogram *stats = query_new_array(q, s->histogram_count, struct histogram);
    const struct histogram **list =
        query_new_array(q, s->histogram_count, const struct histogram *);
    const struct histogram *before = NULL;

    for (size_t i = 0; i < s->histogram_count; i++) {
        const struct histogram *h = s->histograms[i];
        stats[i] = (struct histogram){
            .schema = h->schema, .count = h->count, .sum = h->sum, .hint = h->hint};
        list[i] = &stats[i];
        if (sample_is_stale(h->sum))
            continue;
        stats[i].hint = hint_between(q, before, h);
        before = h;
    }
    s->histograms = list;
}

void select_read(struct query *q, const struct selection *s, size_t i, int64_t mint, int64_t maxt,
    bool only_stats, struct samples *out)
{
    size_t max = q->options->samples_max;

    if (!q->source->read(q->source->self, s, s->series[i].reference, bound(mint), bound(maxt),
            &q->buffer, out, q->err))
        longjmp(q->failed, 1);
    q->samples_read += out->count + out->histogram_count;
    if (max > 0 && q->samples_read > max)
        query_fail(q, ERR_LIMIT,
            "query processing would load too many samples into memory in query execution: more "
            "than "
            "the %zu that one query may read (samples limit)",
            max);
    query_worked(q, out->count + out->histogram_count + 8);
    if (only_stats && out->histogram_count > 0)
        keep_stats(q, out);
}

/* ---- instant vectors ---- */

/* Walks over the columns as the steps go on. */
struct cursor {
    const struct samples *s;
    size_t next, next_h; /* the first sample after the time asked for last */
};

struct found {
    int64_t time, start;
    double value;
    const struct histogram *histogram;
};

/* The newest sample not after `time`; false if there is none. */
static bool seek(struct cursor *c, int64_t time, struct found *out)
{
    const struct samples *s = c->s;

    while (c->next < s->count && s->times[c->next] <= time)
        c->next++;
    while (c->next_h < s->histogram_count && s->histogram_times[c->next_h] <= time)
        c->next_h++;
    bool is_float = c->next > 0, is_histogram = c->next_h > 0;
    if (is_float && is_histogram)
        is_float = s->times[c->next - 1] >= s->histogram_times[c->next_h - 1];
    if (is_float) {
        size_t i = c->next - 1;
        *out =
            (struct found){s->times[i], s->starts != NULL ? s->starts[i] : 0, s->values[i], NULL};
        return !sample_is_stale(out->value);
    }
    if (!is_histogram)
        return false;
    size_t i = c->next_h - 1;
    *out = (struct found){s->histogram_times[i],
        s->histogram_starts != NULL ? s->histogram_starts[i] : 0, 0, s->histograms[i]};
    return !sample_is_stale(out->histogram->sum);
}

struct selecting {
    struct query *q;
    const struct grid *g;
    int64_t offset, at, lookback;
    bool fixed;
    enum select_what what;
};

static void fill_row(const struct selecting *x, const struct samples *s, struct row *row)
{
    struct cursor c = {.s = s};
    struct found found;

    for (size_t i = 0; i < x->g->count; i++) {
        int64_t time = (x->fixed ? x->at : grid_time(x->g, i)) - x->offset;
        if (!seek(&c, time, &found))
            continue;
        int64_t age = time - found.time;
        if (x->q->closed_left ? age > x->lookback : age >= x->lookback)
            continue;
        bit_set(row->present, i);
        row->values[i] = x->what == SELECT_VALUE
                             ? found.value
                             : (double)(x->what == SELECT_TIME ? found.time : found.start) / 1000;
        if (found.histogram != NULL)
            row_set_histogram(x->q, row, x->g, i, found.histogram);
    }
}

static void clear_row(struct row *row, const struct grid *g)
{
    memset(row->present, 0, bit_words(g->count) * sizeof *row->present);
    row->histograms = NULL;
    row->drop_name = false;
}

void select_each_of(struct query *q, const struct node *n, const struct grid *g,
    enum select_what what, row_fn each, void *self)
{
    const struct selector *s = &n->selector;
    struct selecting x = {.q = q,
        .g = g,
        .offset = eval_offset(q, &s->shift),
        .lookback = q->options->lookback_ms,
        .what = what};
    struct selection selection;
    struct row row;

    x.fixed = eval_at(q, &s->shift, &x.at);
    int64_t first = (x.fixed ? x.at : g->start) - x.offset;
    int64_t last = (x.fixed ? x.at : grid_end(g)) - x.offset;
    int64_t mint = first - x.lookback + (q->closed_left ? 0 : 1);
    select_series(q, s->matchers, s->matcher_count, mint, last, &selection);
    row_init(q, &row, NULL, g);
    for (size_t i = 0; i < selection.count; i++) {
        struct samples samples;
        select_read(q, &selection, i, mint, last, s->only_stats, &samples);
        if (samples.count + samples.histogram_count == 0)
            continue;
        clear_row(&row, g);
        row.labels = selection.series[i].labels;
        fill_row(&x, &samples, &row);
        if (bits_any(row.present, g->count))
            each(self, &row);
    }
}

void select_each(
    struct query *q, const struct node *n, const struct grid *g, row_fn each, void *self)
{
    if (n->selector.smoothed)
        smooth_each(q, n, g, each, self);
    else
        select_each_of(q, n, g, SELECT_VALUE, each, self);
}
