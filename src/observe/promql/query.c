#include "observe/promql/query.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "observe/promql/query_private.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK_BYTES 8192
#define CHECK_EVERY       (1u << 16) /* samples or so between looks at the clock */
#define CLAIM_BYTES       (64u << 10)
#define TEXT_BYTES_MAX    (1u << 16) /* a label value that is made */
#define NOTES_MAX         200
#define NOTE_BYTES_MAX    1000

/* ---- failing ---- */

void query_fail(struct query *q, enum err_kind kind, const char *fmt, ...)
{
    char text[ERR_TEXT_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(q->err, kind, "%s", text);
    longjmp(q->failed, 1);
}

void query_worked(struct query *q, size_t work)
{
    if (q->until_check > work) {
        q->until_check -= (unsigned)work;
        return;
    }
    q->until_check = CHECK_EVERY;
    if (!cancel_check(q->options->cancel, q->err))
        longjmp(q->failed, 1);
}

/* ---- memory ---- */

/* Of what all queries share, in pieces, so that the counter is seldom touched. */
static void claim(struct query *q, size_t needed)
{
    struct query_budget *b = q->options->budget;
    size_t more = (needed - q->claimed_bytes + CLAIM_BYTES - 1) / CLAIM_BYTES * CLAIM_BYTES;
    size_t used = atomic_fetch_add(&b->used_bytes, more);

    if (used > b->bytes_max || more > b->bytes_max - used) {
        (void)atomic_fetch_sub(&b->used_bytes, more);
        query_fail(q, ERR_LIMIT,
            "all queries together need more than the %zu MiB of memory that they may take (memory "
            "limit of all queries): %zu MiB are taken, %zu KiB more were asked for",
            b->bytes_max >> 20, used >> 20, more >> 10);
    }
    q->claimed_bytes += more;
}

void query_room(struct query *q, size_t count, size_t size)
{
    size_t bytes, have = arena_bytes(q->arena), max = q->options->memory_bytes_max;

    if (__builtin_mul_overflow(count, size, &bytes) || bytes > max || have > max - bytes)
        query_fail(q, ERR_LIMIT,
            "the query needs more than the %zu MiB of memory that one query may take (memory "
            "limit); "
            "it had %zu MiB and asked for %zu more",
            max >> 20, have >> 20, count <= SIZE_MAX / size ? count * size >> 20 : SIZE_MAX >> 20);
    if (q->options->budget != NULL && have + bytes > q->claimed_bytes)
        claim(q, have + bytes);
}

void *query_take(struct query *q, size_t count, size_t size)
{
    query_room(q, count, size);
    query_worked(q, count * size / 64 + 1);
    return arena_alloc(q->arena, count, size);
}

double *query_scratch(struct query *q, size_t count)
{
    if (count > q->scratch_count || q->scratch == NULL) {
        q->scratch_count = count < 512 ? 1024 : count * 2;
        q->scratch = query_new_array(q, q->scratch_count, double);
    }
    return q->scratch;
}

/* Few are held at a time; one that is pushed out is compiled again when it is asked for. */
struct regex *query_regex(struct query *q, struct str pattern, struct err *err)
{
    struct regex **slot = &q->regexes[q->regex_count++ % (sizeof q->regexes / sizeof *q->regexes)];

    regex_free(slot);
    return *slot = regex_compile(pattern, err);
}

/* ---- notes ---- */

__attribute__((format(printf, 4, 0))) static struct note *add_note(
    struct query *q, bool warning, const struct node *at, const char *fmt, va_list args)
{
    static struct note dropped;
    char text[NOTE_BYTES_MAX];

    (void)vsnprintf(text, sizeof text, fmt, args);
    for (size_t i = 0; i < q->note_count; i++)
        if (q->notes[i].warning == warning && strcmp(q->notes[i].text, text) == 0) {
            q->notes[i].at = at->start;
            return &q->notes[i];
        }
    if (q->note_count == NOTES_MAX)
        return memset(&dropped, 0, sizeof dropped);
    if (q->note_count == q->note_capacity) {
        size_t capacity = q->note_capacity > 0 ? q->note_capacity * 2 : 8;
        struct note *grown = query_new_array(q, capacity, struct note);
        if (q->note_count > 0)
            memcpy(grown, q->notes, q->note_count * sizeof *grown);
        q->notes = grown;
        q->note_capacity = capacity;
    }
    char *kept = query_take(q, strlen(text) + 1, 1);
    strcpy(kept, text);
    q->notes[q->note_count] = (struct note){.warning = warning, .at = at->start, .text = kept};
    return &q->notes[q->note_count++];
}

struct note *query_warn(struct query *q, const struct node *at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct note *n = add_note(q, true, at, fmt, args);
    va_end(args);
    return n;
}

struct note *query_info(struct query *q, const struct node *at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct note *n = add_note(q, false, at, fmt, args);
    va_end(args);
    return n;
}

struct str query_metric_name(const struct labels *l)
{
    return labels_get(l, STR(LABEL_NAME));
}

static const char *keep_text(struct query *q, struct buf *b)
{
    char *kept = query_take(q, b->len + 1, 1);

    if (b->len > 0)
        memcpy(kept, b->at, b->len);
    buf_fini(b);
    return kept;
}

const char *query_for_metric(struct query *q, const struct labels *l)
{
    struct str name = query_metric_name(l);
    struct buf b = BUF_INIT(NOTE_BYTES_MAX);

    if (name.len == 0)
        return "";
    buf_add_text(&b, " for metric name ");
    labels_quote(&b, name);
    return keep_text(q, &b);
}

const char *query_labels_text(struct query *q, const struct labels *l)
{
    struct buf b = BUF_INIT(NOTE_BYTES_MAX);

    labels_format(&b, l);
    return keep_text(q, &b);
}

const char *query_number(struct query *q, double value)
{
    char text[DECIMAL_TEXT_BYTES];
    size_t len = decimal_format_g(value, text);
    char *kept = query_take(q, len + 1, 1);

    memcpy(kept, text, len);
    return kept;
}

/* ---- results ---- */

static void fill_series(
    struct query *q, struct result_series *s, const struct row *r, const struct grid *g)
{
    size_t count = bits_count(r->present, g->count), n = 0, h = 0;
    int64_t *times = query_new_array(q, count, int64_t);
    double *values = query_new_array(q, count, double);
    int64_t *histogram_times = NULL;
    const struct histogram **histograms = NULL;

    if (r->histograms != NULL) {
        histogram_times = query_new_array(q, count, int64_t);
        histograms = query_new_array(q, count, const struct histogram *);
    }
    for (ptrdiff_t i = -1; (i = bits_next(r->present, g->count, i)) >= 0;) {
        const struct histogram *found = row_histogram(r, (size_t)i);
        if (found != NULL) {
            histogram_times[h] = grid_time(g, (size_t)i);
            histograms[h++] = found;
        } else {
            times[n] = grid_time(g, (size_t)i);
            values[n++] = r->values[i];
        }
    }
    *s = (struct result_series){r->labels, n, times, values, h, histogram_times, histograms};
}

static void fill_matrix(
    struct query *q, struct query_result *r, const struct matrix *m, const struct grid *g)
{
    r->series = query_new_array(q, m->count + 1, struct result_series);
    r->series_count = m->count;
    for (size_t i = 0; i < m->count; i++)
        fill_series(q, &r->series[i], &m->rows[i], g);
}

/* Names that were to go go now; what then has the same labels becomes one series. */
static void finish_names(struct query *q, struct matrix *m, const struct grid *g)
{
    if (!q->delayed_names)
        return;
    for (size_t i = 0; i < m->count; i++)
        if (m->rows[i].drop_name)
            m->rows[i].labels = labels_without_name(q, m->rows[i].labels);
    matrix_merge_same(q, m, g);
}

static int compare_series(const void *a, const void *b)
{
    return labels_cmp(
        ((const struct result_series *)a)->labels, ((const struct result_series *)b)->labels);
}

static void fill_ranges(struct query *q, struct query_result *r, const struct value *v)
{
    r->series = query_new_array(q, v->range_count + 1, struct result_series);
    r->series_count = v->range_count;
    for (size_t i = 0; i < v->range_count; i++) {
        const struct range_series *s = &v->ranges[i];
        r->series[i] =
            (struct result_series){s->drop_name ? labels_without_name(q, s->labels) : s->labels,
                s->samples.count, s->samples.times, s->samples.values, s->samples.histogram_count,
                s->samples.histogram_times, s->samples.histograms};
    }
    if (r->series_count > 1)
        qsort(r->series, r->series_count, sizeof *r->series, compare_series);
    for (size_t i = 1; i < r->series_count; i++)
        if (labels_eq(r->series[i - 1].labels, r->series[i].labels))
            query_fail(q, ERR_INVALID, "vector cannot contain metrics with the same labelset");
}

/* A scalar over a range is a series without labels. */
static void fill_scalar_range(
    struct query *q, struct query_result *r, double *values, const struct grid *g)
{
    struct matrix m = {0};
    struct row *row = matrix_add(q, &m);

    row_init(q, row, &labels_none, g);
    row->values = values;
    bits_fill(row->present, g->count);
    fill_matrix(q, r, &m, g);
}

static void fill(
    struct query *q, struct query_result *r, struct value *v, const struct grid *g, bool instant)
{
    r->type = instant ? v->type : TYPE_MATRIX;
    r->time_ms = g->start;
    switch (v->type) {
    case TYPE_SCALAR:
        r->scalar = v->scalar[0];
        if (!instant)
            fill_scalar_range(q, r, v->scalar, g);
        break;
    case TYPE_STRING:
        r->string = arena_copy_str(q->arena, v->string);
        break;
    case TYPE_VECTOR:
        finish_names(q, &v->vector, g);
        matrix_drop_empty(&v->vector, g);
        if (!instant)
            matrix_sort(&v->vector);
        fill_matrix(q, r, &v->vector, g);
        break;
    case TYPE_MATRIX:
        fill_ranges(q, r, v);
        break;
    case TYPE_NONE:
        break;
    }
}

static void format_summary(const struct note *n, char *out, size_t size)
{
    char from[DECIMAL_TEXT_BYTES], to[DECIMAL_TEXT_BYTES], first[CLOCK_TEXT_BYTES],
        last[CLOCK_TEXT_BYTES];

    out[0] = '\0';
    if (n->times == 0)
        return;
    (void)decimal_format_g(n->bucket_min, from);
    (void)decimal_format_g(n->bucket_max, to);
    clock_format(n->time_min / 1000 * NS_PER_S, 0, first);
    clock_format(n->time_max / 1000 * NS_PER_S, 0, last);
    (void)snprintf(out, size,
        ", from buckets %.40s to %.40s, with a max diff of %.2g, over %zu samples from %s to %s",
        from, to, n->diff_max, n->times, first, last);
}

static void fill_notes(struct query *q, struct query_result *r)
{
    r->annotations = arena_new_array(q->arena, q->note_count + 1, struct annotation);
    for (size_t i = 0; i < q->note_count; i++) {
        char place[32], summary[256];
        expression_position(q->text, q->notes[i].at, place, sizeof place);
        format_summary(&q->notes[i], summary, sizeof summary);
        r->annotations[r->annotation_count++] = (struct annotation){q->notes[i].warning,
            arena_format(q->arena, "PromQL %s: %s%s (%s)", q->notes[i].warning ? "warning" : "info",
                q->notes[i].text, summary, place)};
    }
}

/* ---- the run ---- */

/* Data that is still the store's becomes the result's, since the selections are given back. */
static void keep_labels(struct query *q, struct query_result *r)
{
    for (size_t i = 0; i < r->series_count; i++) {
        const struct labels *l = r->series[i].labels;
        struct labels *copy = query_take(q, 1, sizeof *copy + l->count * sizeof(struct label));
        *copy = (struct labels){.hash = l->hash, .count = l->count};
        for (uint32_t k = 0; k < l->count; k++) {
            query_room(q, 1, 64);
            copy->at[k].name = symbol_create(q->arena, symbol_str(l->at[k].name));
            copy->at[k].value = symbol_create(q->arena, symbol_str(l->at[k].value));
        }
        r->series[i].labels = copy;
    }
}

static void keep_histograms(struct query *q, struct query_result *r)
{
    for (size_t i = 0; i < r->series_count; i++) {
        struct result_series *s = &r->series[i];
        if (s->histogram_count == 0)
            continue;
        const struct histogram **copies =
            query_new_array(q, s->histogram_count, const struct histogram *);
        for (size_t k = 0; k < s->histogram_count; k++) {
            const struct histogram *h = s->histograms[k];
            query_room(q, h->positive_count + h->negative_count + h->custom_count + 12, 16);
            copies[k] = histogram_copy(q->arena, h);
        }
        s->histograms = copies;
    }
}

static void run(struct query *q, const struct node *root, struct query_result *r)
{
    const struct query_options *o = q->options;
    bool instant = o->step_ms <= 0;
    struct grid g = {.start = o->start_ms, .step = instant ? 1 : o->step_ms, .count = 1};
    struct value v = {0};

    if (!instant) {
        if (root->type == TYPE_MATRIX || root->type == TYPE_STRING)
            query_fail(q, ERR_INVALID,
                "invalid expression type \"%s\" for range query, must be Scalar or instant Vector",
                root->type == TYPE_MATRIX ? "range vector" : "string");
        if (o->end_ms < o->start_ms)
            query_fail(q, ERR_INVALID, "end timestamp must not be before start time");
        g.count = eval_steps(q, o->start_ms, o->end_ms, o->step_ms);
    }
    eval(q, root, &g, &v);
    fill(q, r, &v, &g, instant);
    keep_labels(q, r);
    keep_histograms(q, r);
    fill_notes(q, r);
}

static void release(struct query *q)
{
    for (struct held_selection *h = q->held; h != NULL; h = h->next)
        q->source->release(q->source->self, &h->selection);
    free(q->buffer.memory);
    window_helpers_release(q);
    buf_fini(&q->text_buffer);
    for (size_t i = 0; i < sizeof q->regexes / sizeof *q->regexes; i++)
        regex_free(&q->regexes[i]);
}

/* What the run claims of the shared budget is the result's from now on. */
static void hand_over(struct query *q, struct query_result *r)
{
    r->budget = q->options->budget;
    r->claimed_bytes = q->claimed_bytes;
}

struct query_result *query_run(const struct expression *e, const struct source *source,
    const struct query_options *options, struct err *err)
{
    struct query_result *r = mem_new(struct query_result);
    struct query q = {.arena = arena_create(ARENA_CHUNK_BYTES),
        .options = options,
        .source = source,
        .text = expression_text(e),
        .delayed_names = options->profile == PROFILE_3,
        .closed_left = options->profile == PROFILE_2_42,
        .until_check = CHECK_EVERY,
        .text_buffer = BUF_INIT(TEXT_BYTES_MAX),
        .err = err};

    r->arena = q.arena;
    if (setjmp(q.failed) != 0) {
        release(&q);
        hand_over(&q, r);
        query_result_destroy(&r);
        return NULL;
    }
    if (!cancel_check(options->cancel, err))
        longjmp(q.failed, 1);
    run(&q, expression_root(e), r);
    r->samples_read = q.samples_read;
    r->memory_bytes = arena_bytes(q.arena);
    release(&q);
    hand_over(&q, r);
    return r;
}

void query_result_destroy(struct query_result **r)
{
    if (*r == NULL)
        return;
    if ((*r)->budget != NULL)
        (void)atomic_fetch_sub(&(*r)->budget->used_bytes, (*r)->claimed_bytes);
    arena_destroy(&(*r)->arena);
    free(*r);
    *r = NULL;
}
