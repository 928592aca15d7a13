/* Functions over windows of native histograms. */
#include "observe/promql/window.h"

#include <math.h>

static const struct node *argument(const struct window *w)
{
    return w->call->call.args[0];
}

static void warn_named(struct window *w, const char *what)
{
    struct str name = query_metric_name(w->labels);

    (void)query_warn(w->q, argument(w), "%s \"%.*s\"", what, STR_ARG(name));
}

static struct histogram *mixed_schemas(struct window *w)
{
    warn_named(w, "vector contains a mix of histograms with exponential and custom buckets schemas "
                  "for metric "
                  "name");
    return NULL;
}

static void note_reconciled(struct window *w, const struct histogram_note *note, const char *during)
{
    if (note->reconciled)
        (void)query_info(
            w->q, argument(w), "mismatched custom buckets were reconciled during %s", during);
}

static void charge(struct window *w, const struct histogram *h)
{
    query_room(w->q, h->positive_count + h->negative_count + 8, 2 * sizeof(struct bucket));
}

/* ---- rate ---- */

static bool was_reset(struct window *w, const struct histogram *before, size_t i)
{
    const struct samples *s = &w->samples;

    if (w->q->options->start_timestamps && s->histogram_starts != NULL &&
        start_is_reset(s->histogram_starts[i - 1], s->histogram_times[i - 1],
            s->histogram_starts[i], s->histogram_times[i]))
        return true;
    return histogram_was_reset(w->q->arena, s->histograms[i], before);
}

static void note_gauges(struct window *w, bool is_counter)
{
    const struct samples *s = &w->samples;
    size_t last = s->histogram_count - 1;
    bool first_gauge = s->histograms[0]->hint == HINT_GAUGE;
    bool last_gauge = s->histograms[last]->hint == HINT_GAUGE;
    bool any = first_gauge || last_gauge;

    for (size_t i = 1; i < last; i++)
        any |= s->histograms[i]->hint == HINT_GAUGE;
    if (is_counter && any)
        warn_named(w, "this native histogram metric is not a counter:");
}

/* All of one kind, and the coarsest schema; false if kinds are mixed. */
static bool scan(
    struct window *w, const struct histogram *first, bool is_counter, int32_t *out_schema)
{
    const struct samples *s = &w->samples;
    const struct histogram *last = s->histograms[s->histogram_count - 1];
    bool custom = histogram_is_custom(first);

    *out_schema = last->schema < first->schema ? last->schema : first->schema;
    if (histogram_is_custom(last) != custom)
        return false;
    for (size_t i = 1; is_counter && i + 1 < s->histogram_count; i++) {
        if (histogram_is_custom(s->histograms[i]) != custom)
            return false;
        if (s->histograms[i]->schema < *out_schema)
            *out_schema = s->histograms[i]->schema;
    }
    return true;
}

/* The increase over all samples of the window, at least two. */
struct histogram *window_histogram_rate(struct window *w, bool is_counter)
{
    struct arena *a = w->q->arena;
    const struct samples *s = &w->samples;
    size_t count = s->histogram_count;
    const struct histogram *prev = s->histograms[0], *last = s->histograms[count - 1];
    struct histogram nothing = {.schema = s->histograms[1]->schema,
        .custom = s->histograms[1]->custom,
        .custom_count = s->histograms[1]->custom_count};
    struct histogram_note note = {0};
    int32_t schema;
    bool told = false;

    note_gauges(w, is_counter);
    if (is_counter && was_reset(w, prev, 1))
        prev = &nothing; /* whatever its buckets were, they do not matter */
    if (!scan(w, prev, is_counter, &schema))
        return mixed_schemas(w);
    charge(w, last);
    struct histogram *h = histogram_at_schema(a, last, schema);
    if (!histogram_sub(a, h, prev, &note))
        return mixed_schemas(w);
    note_reconciled(w, &note, "subtraction");
    for (size_t i = 1; is_counter && i < count; i++) {
        const int64_t *starts = w->q->options->start_timestamps ? s->histogram_starts : NULL;
        if (!told && starts != NULL &&
            start_overlaps(starts[i - 1], s->histogram_times[i - 1], starts[i])) {
            window_note_overlap(w);
            told = true;
        }
        if (was_reset(w, prev, i)) {
            note = (struct histogram_note){0};
            charge(w, h);
            if (!histogram_add(a, h, prev, &note))
                return mixed_schemas(w);
            note_reconciled(w, &note, "addition");
        }
        prev = s->histograms[i];
    }
    if (!is_counter && (s->histograms[0]->hint != HINT_GAUGE || last->hint != HINT_GAUGE))
        warn_named(w, "this native histogram metric is not a gauge:");
    h->hint = HINT_GAUGE;
    histogram_compact(h);
    return h;
}

/* ---- sum_over_time, avg_over_time ---- */

struct summing {
    struct histogram *sum, *c, *mean;
    bool incremental;
};

static bool add_to_mean(struct window *w, struct summing *x, const struct histogram *h, double n,
    struct histogram_note *note)
{
    struct arena *a = w->q->arena;

    if (!x->incremental && histogram_is_small(x->sum) && histogram_is_small(h))
        return histogram_add_kahan(a, x->sum, h, &x->c, note);
    if (!x->incremental) {
        struct histogram *sum = histogram_copy(a, x->sum);
        struct histogram *c = x->c != NULL ? histogram_copy(a, x->c) : NULL;
        if (!histogram_add_kahan(a, sum, h, &c, note))
            return false;
        if (!histogram_overflows(sum)) {
            x->sum = sum;
            x->c = c;
            return true;
        }
        x->incremental = true;
        x->mean = histogram_copy(a, x->sum);
        histogram_divide(x->mean, n - 1);
        if (x->c != NULL)
            histogram_divide(x->c, n - 1);
    }
    double share = (n - 1) / n;
    struct histogram *part = histogram_copy(a, h);
    if (x->c != NULL)
        histogram_scale(x->c, share);
    histogram_divide(part, n);
    histogram_scale(x->mean, share);
    return histogram_add_kahan(a, x->mean, part, &x->c, note);
}

static void end_sum(struct window *w, struct summing *x, double n, bool average)
{
    struct histogram_note note = {0};

    if (average && !x->incremental) {
        histogram_divide(x->sum, n);
        if (x->c != NULL)
            histogram_divide(x->c, n);
    }
    if (x->incremental)
        x->sum = x->mean;
    if (x->c != NULL)
        (void)histogram_add(w->q->arena, x->sum, x->c, &note);
    w->histogram = x->sum;
}

enum window_result window_histogram_sum(struct window *w, bool average)
{
    const struct samples *s = &w->samples;
    struct summing x = {0};
    struct histogram_note note = {0};
    bool reset = false, not_reset = false;

    for (size_t i = 0; i < s->histogram_count; i++) {
        const struct histogram *h = s->histograms[i];
        bool ok = true;
        charge(w, h);
        reset |= h->hint == HINT_RESET;
        not_reset |= h->hint == HINT_NOT_RESET;
        if (i == 0)
            x.sum = histogram_copy(w->q->arena, h);
        else if (average)
            ok = add_to_mean(w, &x, h, (double)i + 1, &note);
        else
            ok = histogram_add_kahan(w->q->arena, x.sum, h, &x.c, &note);
        if (!ok) {
            (void)mixed_schemas(w);
            return WINDOW_NOTHING;
        }
    }
    if (reset && not_reset)
        (void)query_warn(
            w->q, argument(w), "conflicting counter resets during histogram aggregation");
    note_reconciled(w, &note, "aggregation");
    end_sum(w, &x, (double)s->histogram_count, average);
    return WINDOW_HISTOGRAM;
}
