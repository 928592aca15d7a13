/* Any bytes as PromQL, run over a small store in both profiles, as an instant and as a range: it
 * ends within its budget, whatever it is. */
#include "observe/promql/memory_source.h"
#include "observe/promql/query.h"
#include "observe/promql/result_json.h"

#include "base/clock.h"
#include "base/must.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct memory_source *store;

static const struct labels *series(
    struct arena *a, const char *name, const char *job, const char *le)
{
    struct label pairs[] = {
        {symbol_create(a, STR("__name__")), symbol_create(a, str_from(name))},
        {symbol_create(a, STR("job")),      symbol_create(a, str_from(job)) },
        {symbol_create(a, STR("le")),       symbol_create(a, str_from(le))  }
    };

    return labels_create(a, pairs, 3);
}

static void fill(void)
{
    static const double values[] = {1, 2, NAN, 4, -1, INFINITY, 0, 3, 3, 8};
    static struct bucket buckets[] = {
        {-2, 1},
        {0,  2},
        {3,  4}
    };
    static const double bounds[] = {1, 2};
    struct arena *a = arena_create(0);
    double stale;
    uint64_t bits = STALE_BITS;

    memcpy(&stale, &bits, sizeof stale);
    store = memory_source_create();
    for (int i = 0; i < 10; i++) {
        int64_t t = i * INT64_C(30000);
        struct histogram h = {.count = 7 + i,
            .sum = 3.5 * i,
            .zero_threshold = 0.1,
            .positive = buckets,
            .positive_count = 3,
            .negative = buckets,
            .negative_count = 2,
            .schema = i % 3,
            .hint = i == 5 ? HINT_RESET : HINT_UNKNOWN};
        struct histogram c = {.count = 3,
            .sum = 2,
            .schema = HISTOGRAM_CUSTOM,
            .positive = buckets + 1,
            .positive_count = 1,
            .custom = bounds,
            .custom_count = 1 + i % 2};
        memory_source_add(store, series(a, "a", "x", ""), t, values[i], i > 3 ? t - 1000 : 0);
        memory_source_add(store, series(a, "a", "y", ""), t, i == 7 ? stale : i, 0);
        memory_source_add(store, series(a, "b", "x", "1"), t, i, 0);
        memory_source_add(store, series(a, "b", "x", "+Inf"), t, 2 * i, 0);
        memory_source_add_histogram(store, series(a, "h", "x", ""), t, &h, 0);
        memory_source_add_histogram(store, series(a, "h", "y", ""), t, i % 4 == 3 ? &h : &c, 0);
        if (i % 2 == 0)
            memory_source_add(store, series(a, "h", "z", ""), t, i, 0);
        else
            memory_source_add_histogram(store, series(a, "h", "z", ""), t, &h, 0);
    }
    arena_destroy(&a);
}

static void run(const struct expression *e, enum query_profile profile, int64_t step)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct buf out = BUF_INIT(8u << 20);
    struct err err = ERR_INIT;

    o.start_ms = 60000;
    o.end_ms = 300000;
    o.step_ms = step;
    o.profile = profile;
    o.start_timestamps = true;
    o.memory_bytes_max = 8u << 20;
    o.points_max = 5000;
    o.cancel = cancel_create(clock_boot_ms() + 500);
    struct query_result *r = query_run(e, memory_source_interface(store), &o, &err);
    must(r != NULL || err.kind != ERR_NONE);
    if (r != NULL)
        result_json(&out, r);
    query_result_destroy(&r);
    cancel_unref(&o.cancel);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct expression *e =
        size < 4096 ? expression_parse((struct str){(const char *)data, size}, &err) : NULL;

    if (store == NULL)
        fill();
    if (e == NULL)
        return 0;
    run(e, PROFILE_3, 0);
    run(e, PROFILE_3, 15000);
    run(e, PROFILE_2_42, 40000);
    expression_destroy(&e);
    return 0;
}
