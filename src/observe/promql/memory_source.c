#include "observe/promql/memory_source.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

struct column {
    size_t count, capacity;
    int64_t *times, *starts;
    bool has_starts;
    double *values;                      /* of floats */
    const struct histogram **histograms; /* or these */
};

struct series {
    const struct labels *labels;
    struct column floats, histograms;
    const struct histogram *last; /* as it was added */
};

struct memory_source {
    struct arena *arena;
    struct symbols *symbols;
    VEC_OF(struct series *); /* sorted by labels */
    struct source interface;
};

static bool select_series(void *self, const struct matcher *matchers, size_t count, int64_t mint,
    int64_t maxt, struct arena *arena, struct selection *out, struct err *err)
{
    struct memory_source *m = self;
    struct source_series *found = arena_new_array(arena, m->count + 1, struct source_series);

    (void)mint;
    (void)maxt;
    (void)err;
    *out = (struct selection){.series = found};
    for (size_t i = 0; i < m->count; i++)
        if (matcher_passes_all(matchers, count, m->at[i]->labels))
            found[out->count++] = (struct source_series){m->at[i]->labels, i};
    return true;
}

/* The first index whose time is not below `time`. */
static size_t lower_bound(const struct column *c, int64_t time)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c->times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool read_series(void *self, const struct selection *selection, uint64_t reference,
    int64_t mint, int64_t maxt, struct source_buffer *buffer, struct samples *out, struct err *err)
{
    struct memory_source *m = self;
    const struct column *f = &m->at[reference]->floats, *h = &m->at[reference]->histograms;
    size_t first = lower_bound(f, mint), first_h = lower_bound(h, mint);

    (void)selection;
    (void)buffer;
    (void)err;
    *out = (struct samples){0};
    out->count = lower_bound(f, maxt + 1) - first;
    out->histogram_count = lower_bound(h, maxt + 1) - first_h;
    if (out->count > 0) {
        out->times = f->times + first;
        out->values = f->values + first;
        out->starts = f->has_starts ? f->starts + first : NULL;
    }
    if (out->histogram_count > 0) {
        out->histogram_times = h->times + first_h;
        out->histograms = h->histograms + first_h;
        out->histogram_starts = h->has_starts ? h->starts + first_h : NULL;
    }
    return true;
}

static void release_selection(void *self, struct selection *selection)
{
    (void)self;
    (void)selection;
}

struct memory_source *memory_source_create(void)
{
    struct memory_source *m = mem_new(struct memory_source);

    m->arena = arena_create(0);
    m->symbols = symbols_create();
    m->interface = (struct source){m, select_series, read_series, release_selection};
    return m;
}

static void fini_column(struct column *c)
{
    free(c->times);
    free(c->starts);
    free(c->values);
    free(c->histograms);
}

void memory_source_destroy(struct memory_source **m)
{
    if (*m == NULL)
        return;
    VEC_EACH (*m, struct series *, s) {
        fini_column(&(*s)->floats);
        fini_column(&(*s)->histograms);
        free(*s);
    }
    vec_fini(*m);
    symbols_destroy(&(*m)->symbols);
    arena_destroy(&(*m)->arena);
    free(*m);
    *m = NULL;
}

const struct source *memory_source_interface(struct memory_source *m)
{
    return &m->interface;
}

static const struct labels *intern(struct memory_source *m, const struct labels *l)
{
    struct label *pairs = mem_new_array((size_t)l->count + 1, struct label);

    for (uint32_t i = 0; i < l->count; i++)
        pairs[i] = (struct label){symbols_intern(m->symbols, symbol_str(l->at[i].name)),
            symbols_intern(m->symbols, symbol_str(l->at[i].value))};
    const struct labels *made = labels_create(m->arena, pairs, l->count);
    free(pairs);
    return made;
}

static struct series *find(struct memory_source *m, const struct labels *labels)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = labels_cmp(m->at[middle]->labels, labels);
        if (order == 0)
            return m->at[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct series *s = mem_new(struct series);
    s->labels = intern(m, labels);
    vec_push(m, s);
    memmove(&m->at[low + 1], &m->at[low], (m->count - 1 - low) * sizeof *m->at);
    m->at[low] = s;
    return s;
}

static void grow(struct column *c, bool histograms)
{
    if (c->count < c->capacity)
        return;
    c->capacity = c->capacity > 0 ? c->capacity * 2 : 8;
    c->times = mem_resize(c->times, c->capacity, sizeof *c->times);
    c->starts = mem_resize(c->starts, c->capacity, sizeof *c->starts);
    if (histograms)
        c->histograms = mem_resize(c->histograms, c->capacity, sizeof *c->histograms);
    else
        c->values = mem_resize(c->values, c->capacity, sizeof *c->values);
}

static void shift(struct column *c, size_t to, size_t from, bool histograms)
{
    size_t moved = c->count - from;

    memmove(c->times + to, c->times + from, moved * sizeof *c->times);
    memmove(c->starts + to, c->starts + from, moved * sizeof *c->starts);
    if (histograms)
        memmove(c->histograms + to, c->histograms + from, moved * sizeof *c->histograms);
    else
        memmove(c->values + to, c->values + from, moved * sizeof *c->values);
}

/* A place for a sample of that time; what was there of it is gone. */
static size_t make_place(struct column *c, int64_t time, bool histograms)
{
    size_t i = lower_bound(c, time);

    if (i < c->count && c->times[i] == time)
        return i;
    grow(c, histograms);
    shift(c, i + 1, i, histograms);
    c->count++;
    return i;
}

static void remove_at(struct column *c, int64_t time, bool histograms)
{
    size_t i = lower_bound(c, time);

    if (i < c->count && c->times[i] == time) {
        shift(c, i, i + 1, histograms);
        c->count--;
    }
}

static void set_times(struct column *c, size_t i, int64_t time, int64_t start)
{
    c->times[i] = time;
    c->starts[i] = start;
    c->has_starts |= start != 0;
}

void memory_source_add(struct memory_source *m, const struct labels *labels, int64_t time_ms,
    double value, int64_t start_ms)
{
    struct series *s = find(m, labels);
    size_t i = make_place(&s->floats, time_ms, false);

    set_times(&s->floats, i, time_ms, start_ms);
    s->floats.values[i] = value;
    remove_at(&s->histograms, time_ms, true);
}

/* Stores keep histograms in runs, in which a counter was not reset, or which are all gauges; what
 * is read back says so, and no more. Prometheus forgets why a run began, so that is unknown. */
static enum histogram_hint hint_of(
    struct memory_source *m, const struct series *s, const struct histogram *h, int64_t time)
{
    const struct histogram *last = s->last;
    size_t count = s->histograms.count;
    bool after_float = s->floats.count > 0 && count > 0 &&
                       s->floats.times[s->floats.count - 1] > s->histograms.times[count - 1];

    if (h->hint == HINT_GAUGE)
        return HINT_GAUGE;
    if (last == NULL || count == 0 || s->histograms.times[count - 1] >= time || after_float ||
        last->hint == HINT_GAUGE || h->hint == HINT_RESET || sample_is_stale(last->sum))
        return HINT_UNKNOWN;
    if (sample_is_stale(h->sum))
        return HINT_NOT_RESET;
    bool same_bounds = h->custom_count == last->custom_count &&
                       (h->custom_count == 0 || memcmp(h->custom, last->custom,
                                                    h->custom_count * sizeof *h->custom) == 0);
    if (h->schema != last->schema || h->zero_threshold != last->zero_threshold || !same_bounds)
        return HINT_UNKNOWN;
    struct histogram now = *h, before = *last;
    now.hint = before.hint = HINT_UNKNOWN;
    return histogram_was_reset(m->arena, &now, &before) ? HINT_UNKNOWN : HINT_NOT_RESET;
}

void memory_source_add_histogram(struct memory_source *m, const struct labels *labels,
    int64_t time_ms, const struct histogram *h, int64_t start_ms)
{
    struct series *s = find(m, labels);
    enum histogram_hint hint = hint_of(m, s, h, time_ms);
    size_t i = make_place(&s->histograms, time_ms, true);
    struct histogram *kept = histogram_copy(m->arena, h);

    set_times(&s->histograms, i, time_ms, start_ms);
    kept->hint = hint;
    s->histograms.histograms[i] = kept;
    s->last = histogram_copy(m->arena, h);
    remove_at(&s->floats, time_ms, false);
}
