#include "observe/promql/query_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- bits ---- */

void bits_fill(uint64_t *bits, size_t count)
{
    memset(bits, 0xff, count / 64 * sizeof *bits);
    if (count % 64 != 0)
        bits[count / 64] = (UINT64_C(1) << (count % 64)) - 1;
}

bool bits_any(const uint64_t *bits, size_t count)
{
    for (size_t w = 0; w < bit_words(count); w++)
        if (bits[w] != 0)
            return true;
    return false;
}

bool bits_all(const uint64_t *bits, size_t count)
{
    for (size_t w = 0; w < count / 64; w++)
        if (bits[w] != UINT64_MAX)
            return false;
    return count % 64 == 0 || bits[count / 64] == (UINT64_C(1) << (count % 64)) - 1;
}

size_t bits_count(const uint64_t *bits, size_t count)
{
    size_t n = 0;

    for (size_t w = 0; w < bit_words(count); w++)
        n += (size_t)__builtin_popcountll(bits[w]);
    return n;
}

bool bits_overlap(const uint64_t *a, const uint64_t *b, size_t count)
{
    for (size_t w = 0; w < bit_words(count); w++)
        if ((a[w] & b[w]) != 0)
            return true;
    return false;
}

ptrdiff_t bits_next(const uint64_t *bits, size_t count, ptrdiff_t after)
{
    size_t i = (size_t)(after + 1);

    while (i < count) {
        uint64_t word = bits[i / 64] >> (i % 64);
        if (word != 0)
            return (ptrdiff_t)(i + (size_t)__builtin_ctzll(word));
        i = (i / 64 + 1) * 64;
    }
    return -1;
}

/* ---- rows ---- */

void row_init(struct query *q, struct row *r, const struct labels *labels, const struct grid *g)
{
    *r = (struct row){.labels = labels,
        .values = query_new_array(q, g->count, double),
        .present = query_new_array(q, bit_words(g->count), uint64_t)};
}

void row_set_histogram(
    struct query *q, struct row *r, const struct grid *g, size_t i, const struct histogram *h)
{
    if (r->histograms == NULL && r->room == NULL)
        r->room = query_new_array(q, g->count, const struct histogram *);
    else if (r->histograms == NULL)
        memset(r->room, 0, g->count * sizeof *r->room);
    r->histograms = r->room;
    r->histograms[i] = h;
    bit_set(r->present, i);
}

void row_copy(struct query *q, struct row *to, const struct row *from, const struct grid *g)
{
    row_init(q, to, from->labels, g);
    to->drop_name = from->drop_name;
    memcpy(to->values, from->values, g->count * sizeof *to->values);
    memcpy(to->present, from->present, bit_words(g->count) * sizeof *to->present);
    if (from->histograms == NULL)
        return;
    to->histograms = to->room = query_new_array(q, g->count, const struct histogram *);
    memcpy(to->histograms, from->histograms, g->count * sizeof *to->histograms);
}

void row_drop_histograms(struct row *r, const struct grid *g)
{
    if (r->histograms == NULL)
        return;
    for (size_t i = 0; i < g->count; i++)
        if (r->histograms[i] != NULL)
            bit_clear(r->present, i);
    r->histograms = NULL;
}

void row_remove_at(struct row *r, size_t i)
{
    bit_clear(r->present, i);
    if (r->histograms != NULL)
        r->histograms[i] = NULL;
}

struct row *matrix_add(struct query *q, struct matrix *m)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity > 0 ? m->capacity * 2 : 16;
        struct row *grown = query_new_array(q, capacity, struct row);
        if (m->count > 0)
            memcpy(grown, m->rows, m->count * sizeof *grown);
        m->rows = grown;
        m->capacity = capacity;
    }
    return &m->rows[m->count++];
}

const struct labels *labels_without_name(struct query *q, const struct labels *l)
{
    static const struct str names[] = {
        {LABEL_NAME, 8},
        {"__type__", 8},
        {"__unit__", 8}
    };
    bool all = q->options->type_and_unit || q->delayed_names;

    query_room(q, 1, sizeof(struct labels) + l->count * sizeof(struct label));
    return labels_project(q->arena, l, names, all ? 3 : 1, false);
}

void row_lose_name(struct query *q, struct row *r)
{
    r->drop_name = true;
    if (!q->delayed_names)
        r->labels = labels_without_name(q, r->labels);
}

/* ---- series of the same labels ---- */

static void merge(struct query *q, struct row *into, const struct row *from, const struct grid *g)
{
    if (bits_overlap(into->present, from->present, g->count))
        query_fail(q, ERR_INVALID, "vector cannot contain metrics with the same labelset");
    for (ptrdiff_t i = -1; (i = bits_next(from->present, g->count, i)) >= 0;) {
        const struct histogram *h = row_histogram(from, (size_t)i);
        into->values[i] = from->values[i];
        if (h != NULL)
            row_set_histogram(q, into, g, (size_t)i, h);
        bit_set(into->present, (size_t)i);
    }
}

void matrix_merge_same(struct query *q, struct matrix *m, const struct grid *g)
{
    struct label_index x;
    size_t kept = 0;

    if (m->count < 2)
        return;
    label_index_init(&x, NULL, 0, false);
    for (size_t i = 0; i < m->count; i++) {
        bool is_new;
        size_t at = label_index_add(q, &x, m->rows[i].labels, &is_new);
        if (is_new)
            m->rows[kept++] = m->rows[i]; /* at == kept: ordinals go up by one */
        else
            merge(q, &m->rows[at], &m->rows[i], g);
    }
    m->count = kept;
}

void matrix_merge_made(struct query *q, struct matrix *m, const struct grid *g)
{
    if (!q->delayed_names || g->count > 1)
        matrix_merge_same(q, m, g);
}

static int compare_rows(const void *a, const void *b)
{
    return labels_cmp(((const struct row *)a)->labels, ((const struct row *)b)->labels);
}

void matrix_sort(struct matrix *m)
{
    if (m->count > 1)
        qsort(m->rows, m->count, sizeof *m->rows, compare_rows);
}

void matrix_drop_empty(struct matrix *m, const struct grid *g)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->count; i++)
        if (bits_any(m->rows[i].present, g->count))
            m->rows[kept++] = m->rows[i];
    m->count = kept;
}
