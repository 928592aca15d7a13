/* load and load_with_nhcb. */
#include "base/decimal.h"
#include "base/mem.h"
#include "script.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct loaded {
    const struct labels *labels;
    struct items items, starts;
};

struct loading {
    struct arena *a;
    struct memory_source *m;
    struct loaded *series;
    size_t count;
    int64_t step_ms;
};

static struct loaded *series_of(struct loading *l, const struct labels *labels)
{
    for (size_t i = 0; i < l->count; i++)
        if (labels_eq(l->series[i].labels, labels))
            return &l->series[i];
    l->series[l->count].labels = labels;
    return &l->series[l->count++];
}

static bool read_lines(struct loading *l, const struct str *lines, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct labels *labels;
        struct items items = {0};
        if (sequence_is_starts(lines[i])) {
            TRY(sequence_parse_starts(l->a, lines[i], &labels, &items, err));
            series_of(l, labels)->starts = items;
        } else {
            TRY(sequence_parse(l->a, lines[i], &labels, &items, err));
            series_of(l, labels)->items = items;
        }
    }
    return true;
}

static void store(struct loading *l, const struct loaded *s)
{
    for (size_t i = 0; i < s->items.count; i++) {
        const struct item *item = &s->items.at[i];
        int64_t time = (int64_t)i * l->step_ms, start = 0;
        if (item->omitted)
            continue;
        if (i < s->starts.count && !s->starts.at[i].omitted)
            start = time + (int64_t)s->starts.at[i].value;
        if (item->histogram != NULL)
            memory_source_add_histogram(l->m, s->labels, time, item->histogram, start);
        else
            memory_source_add(l->m, s->labels, time, item->value, start);
    }
}

/* ---- classic histograms as native ones with custom buckets ---- */

struct classic {
    const struct labels *labels; /* of the whole */
    const struct loaded **buckets;
    double *bounds;
    size_t count;
    const struct loaded *sum, *total;
};

static bool base_name(struct str name, const char *suffix, struct str *out)
{
    if (!str_ends(name, suffix))
        return false;
    *out = (struct str){name.at, name.len - strlen(suffix)};
    return true;
}

static struct classic *classic_of(struct loading *l, struct classic *all, size_t *count,
    const struct labels *labels, struct str name)
{
    const struct labels *whole = labels_with(l->a, labels, STR(LABEL_NAME), name);

    whole = labels_with(l->a, whole, STR("le"), STR(""));
    for (size_t i = 0; i < *count; i++)
        if (labels_eq(all[i].labels, whole))
            return &all[i];
    struct classic *c = &all[(*count)++];
    c->labels = whole;
    c->buckets = arena_new_array(l->a, l->count, const struct loaded *);
    c->bounds = arena_new_array(l->a, l->count, double);
    return c;
}

static void add_bucket(struct classic *c, const struct loaded *s, double bound)
{
    size_t i = c->count;

    for (size_t k = 0; k < c->count; k++)
        if (c->bounds[k] == bound)
            return;
    while (i > 0 && c->bounds[i - 1] > bound) {
        c->bounds[i] = c->bounds[i - 1];
        c->buckets[i] = c->buckets[i - 1];
        i--;
    }
    c->bounds[i] = bound;
    c->buckets[i] = s;
    c->count++;
}

static bool value_at(const struct loaded *s, size_t i, double *out)
{
    if (s == NULL || i >= s->items.count || s->items.at[i].omitted ||
        s->items.at[i].histogram != NULL)
        return false;
    *out = s->items.at[i].value;
    return true;
}

/* What all series of the histogram say at one step; false if none says anything. */
static bool combine(struct loading *l, const struct classic *c, size_t i, struct histogram *h)
{
    double *bounds = arena_new_array(l->a, c->count + 1, double);
    bool any = value_at(c->sum, i, &h->sum), has_count = value_at(c->total, i, &h->count);
    double before = 0, value, inf = 0;
    uint32_t n = 0;
    bool has_inf = false;

    h->schema = HISTOGRAM_CUSTOM;
    h->custom = bounds;
    h->positive = arena_new_array(l->a, c->count + 2, struct bucket);
    for (size_t k = 0; k < c->count; k++) {
        if (!value_at(c->buckets[k], i, &value))
            continue;
        any = true;
        h->positive[n] = (struct bucket){(int32_t)n, value - before};
        n++;
        if (isinf(c->bounds[k]))
            has_inf = true;
        else
            bounds[h->custom_count++] = c->bounds[k];
        before = inf = value;
    }
    if (!has_count)
        h->count = inf;
    if (!has_inf) {
        h->positive[n] = (struct bucket){(int32_t)n, h->count - before};
        n++;
    }
    h->positive_count = n;
    return any || has_count;
}

static void store_custom(struct loading *l)
{
    struct classic *all = arena_new_array(l->a, l->count + 1, struct classic);
    size_t count = 0, longest = 0;
    struct str name;
    double bound;

    for (size_t i = 0; i < l->count; i++) {
        const struct loaded *s = &l->series[i];
        struct str metric = labels_get(s->labels, STR(LABEL_NAME));
        longest = s->items.count > longest ? s->items.count : longest;
        if (base_name(metric, "_bucket", &name)) {
            if (decimal_parse(labels_get(s->labels, STR("le")), &bound) && !isnan(bound))
                add_bucket(classic_of(l, all, &count, s->labels, name), s, bound);
        } else if (base_name(metric, "_count", &name)) {
            classic_of(l, all, &count, s->labels, name)->total = s;
        } else if (base_name(metric, "_sum", &name)) {
            classic_of(l, all, &count, s->labels, name)->sum = s;
        }
    }
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < longest; i++) {
            struct histogram h = {0};
            if (combine(l, &all[k], i, &h)) {
                histogram_compact(&h);
                memory_source_add_histogram(l->m, all[k].labels, (int64_t)i * l->step_ms, &h, 0);
            }
        }
}

bool data_load(struct memory_source *m, struct arena *a, const struct str *lines, size_t count,
    int64_t step_ms, bool with_custom, struct err *err)
{
    struct loading l = {.a = a, .m = m, .step_ms = step_ms};

    l.series = arena_new_array(a, count + 1, struct loaded);
    TRY(read_lines(&l, lines, count, err));
    for (size_t i = 0; i < l.count; i++)
        store(&l, &l.series[i]);
    if (with_custom)
        store_custom(&l);
    return true;
}
