/* Windows of many series by several threads.
 *
 * Series go out in rounds: each helper reads and sweeps a chunk of them into rows of its own, with
 * a query of its own to fail in; then the run's thread takes all rows in the order of the series,
 * so that sums come out the same however many helpers there are. What is not swept (histograms,
 * start timestamps) is left to the run's thread. */
#include "base/mem.h"
#include "observe/promql/window.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK        32 /* series of a helper in a round */
#define HELPERS_MAX  64
#define SERIES_WORTH 64 /* below that, threads cost more than they give */

struct helper_state {
    struct query q; /* its own arena, buffers and error */
    struct err err;
    struct windowing x;
    struct row rows[CHUNK];
    bool left_over[CHUNK], failed;
    size_t first, count;
};

struct round {
    struct windowing *x;
    struct selection selection;
    struct helper_state *states;
    unsigned helpers;
};

static void compute(struct helper_state *h, const struct selection *selection)
{
    for (size_t i = 0; i < h->count; i++) {
        struct samples samples;
        struct row *row = &h->rows[i];
        row->labels = NULL;
        h->left_over[i] = false;
        if (!ranging_read(&h->x.r, selection, h->first + i, &samples))
            continue;
        row->labels = selection->series[h->first + i].labels;
        h->left_over[i] = !window_can_sweep(&h->x, &samples);
        if (h->left_over[i])
            continue;
        h->x.row = *row;
        window_sweep(&h->x, &samples);
    }
}

static void help(void *data, unsigned index)
{
    struct round *r = data;
    struct helper_state *h = &r->states[index];

    if (setjmp(h->q.failed) == 0)
        compute(h, &r->selection);
    else
        h->failed = true;
}

/* Kept from call to call within the run: arenas and buffers go when the run goes. */
static struct helper_state *states_of(struct query *q, unsigned count)
{
    if (q->helpers == NULL)
        q->helpers = mem_new_array(HELPERS_MAX, struct helper_state);
    for (unsigned i = 0; i < count; i++)
        if (q->helpers[i].q.arena == NULL)
            q->helpers[i].q.arena = arena_create(0);
    return q->helpers;
}

static void prepare(struct round *r)
{
    struct query *q = r->x->r.q;
    const struct grid *g = r->x->r.g;

    r->states = states_of(q, r->helpers);
    for (unsigned i = 0; i < r->helpers; i++) {
        struct helper_state *h = &r->states[i];
        struct arena *arena = h->q.arena;
        struct source_buffer buffer = h->q.buffer;
        h->q = (struct query){.arena = arena,
            .buffer = buffer,
            .options = q->options,
            .source = q->source,
            .delayed_names = q->delayed_names,
            .closed_left = q->closed_left,
            .until_check = 1u << 16,
            .err = &h->err};
        h->x = (struct windowing){.r = r->x->r, .call = r->x->call};
        h->x.r.q = &h->q;
        h->failed = false;
        for (size_t k = 0; k < CHUNK; k++) {
            h->rows[k] = (struct row){.values = arena_new_array(arena, g->count, double),
                .present = arena_new_array(arena, bit_words(g->count), uint64_t)};
        }
    }
}

/* The rows of one helper, in order; what it left over is done here. */
static void take(struct round *r, struct helper_state *h)
{
    struct query *q = r->x->r.q;

    q->samples_read += h->q.samples_read;
    h->q.samples_read = 0;
    if (h->failed) {
        if (q->err != NULL)
            *q->err = h->err;
        longjmp(q->failed, 1);
    }
    for (size_t i = 0; i < h->count; i++) {
        struct row row = h->rows[i];
        struct samples samples;
        if (row.labels == NULL)
            continue;
        if (!h->left_over[i])
            window_finish(r->x, &row);
        else if (ranging_read(&r->x->r, &r->selection, h->first + i, &samples))
            window_series(r->x, row.labels, false, &samples);
    }
}

static void check_samples(const struct query *q)
{
    size_t max = q->options->samples_max;

    if (max > 0 && q->samples_read > max)
        query_fail((struct query *)(uintptr_t)q, ERR_LIMIT,
            "query processing would load too many samples into memory in query execution: more "
            "than "
            "the %zu that one query may read (samples limit)",
            max);
}

void window_each_parallel(struct windowing *x)
{
    const struct query_helpers *helpers = x->r.q->options->helpers;
    struct round r = {.x = x, .helpers = helpers->threads};

    ranging_select(&x->r, &r.selection);
    if (r.helpers > HELPERS_MAX)
        r.helpers = HELPERS_MAX;
    /* The rows of all helpers are small beside the budget, or they are not made. */
    size_t budget = x->r.q->options->memory_bytes_max / 8 / sizeof(double) / CHUNK;
    bool fits = r.helpers > 0 && x->r.g->count < budget / r.helpers;
    if (r.helpers < 2 || r.selection.count < SERIES_WORTH || !fits) {
        for (size_t i = 0; i < r.selection.count; i++) {
            struct samples samples;
            if (ranging_read(&x->r, &r.selection, i, &samples))
                window_series(x, r.selection.series[i].labels, false, &samples);
        }
        return;
    }
    prepare(&r);
    for (size_t next = 0; next < r.selection.count;) {
        unsigned tasks = 0;
        for (; tasks < r.helpers && next < r.selection.count; tasks++) {
            size_t left = r.selection.count - next;
            r.states[tasks].first = next;
            r.states[tasks].count = left < CHUNK ? left : CHUNK;
            next += r.states[tasks].count;
        }
        helpers->run(helpers->self, help, &r, tasks);
        for (unsigned i = 0; i < tasks; i++)
            take(&r, &r.states[i]);
        check_samples(x->r.q);
    }
}

void window_helpers_release(struct query *q)
{
    for (unsigned i = 0; q->helpers != NULL && i < HELPERS_MAX; i++) {
        arena_destroy(&q->helpers[i].q.arena);
        free(q->helpers[i].q.buffer.memory);
    }
    free(q->helpers);
    q->helpers = NULL;
}
