#include "observe/promql/query.h"

#include "base/clock.h"
#include "base/random.h"
#include "observe/promql/memory_source.h"

#include "test.h"

#include <math.h>
#include <pthread.h>

static struct memory_source *data;

static void load(int series, int samples)
{
    struct arena *a = arena_create(0);

    data = memory_source_create();
    for (int s = 0; s < series; s++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", s);
        struct label pairs[] = {
            {symbol_create(a, STR("__name__")), symbol_create(a, STR("x_total"))},
            {symbol_create(a, STR("i")),        symbol_create(a, str_from(text))}
        };
        const struct labels *l = labels_create(a, pairs, 2);
        for (int i = 0; i < samples; i++)
            memory_source_add(data, l, i * INT64_C(15000), i * (s + 1), 0);
    }
    arena_destroy(&a);
}

static struct query_result *run_with(
    const char *text, const struct query_options *o, struct err *err)
{
    struct expression *e = expression_parse(str_from(text), err);

    CHECK_SAYING(e != NULL, "%s", err->text);
    struct query_result *r = query_run(e, memory_source_interface(data), o, err);
    expression_destroy(&e);
    return r;
}

static struct query_options range(int64_t end, int64_t step)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;

    o.end_ms = end;
    o.step_ms = step;
    return o;
}

/* Refused within a second, with a text that has `says` in it. */
static void refuses(const char *text, const struct query_options *o, const char *says)
{
    struct err err = ERR_INIT;
    int64_t start = clock_boot_ms();
    struct query_result *r = run_with(text, o, &err);

    CHECK_SAYING(r == NULL, "%s was run", text);
    CHECK_SAYING(strstr(err.text, says) != NULL, "%s: %s", text, err.text);
    CHECK_SAYING(clock_boot_ms() - start < 1000, "%s took %lld ms", text,
        (long long)(clock_boot_ms() - start));
}

CASE(a_result_outlives_the_data)
{
    struct err err = ERR_INIT;
    struct query_options o = QUERY_OPTIONS_DEFAULT;

    load(3, 10);
    o.start_ms = 60000;
    struct query_result *r = run_with("x_total > 0", &o, &err);
    CHECK_OK(r != NULL, &err);
    memory_source_destroy(&data);
    CHECK_INT(r->type, TYPE_VECTOR);
    CHECK_INT(r->series_count, 3);
    CHECK_STR(labels_get(r->series[2].labels, STR("i")), "2");
    CHECK(r->series[2].values[0] == 12);
    query_result_destroy(&r);
}

CASE(ten_to_the_nine_steps_are_refused_by_name)
{
    struct query_options o = range(INT64_C(1000000000000), 1000);

    load(2, 10);
    refuses("x_total", &o, "1000000001 steps, more than the 1000000");
    o.points_max = SIZE_MAX;
    refuses("x_total", &o, "memory limit");
    refuses("1", &o, "memory limit");
    o = range(0, 0);
    refuses("sum_over_time(x_total[200y:1ms])", &o, "points limit");
    refuses("max_over_time(max_over_time(x_total[1y:10s])[1y:10s])", &o, "points limit");
    memory_source_destroy(&data);
}

CASE(a_query_stays_within_its_memory)
{
    struct query_options o = range(15000 * 1000, 1000);
    struct err err = ERR_INIT;

    load(200, 1000);
    o.memory_bytes_max = 4u << 20;
    refuses("x_total", &o, "more than the 4 MiB");
    refuses("x_total or x_total or x_total", &o, "memory limit");
    refuses("count_values(\"v\", x_total * time())", &o, "memory limit");
    refuses("label_replace(x_total, \"l\", \"$1\", \"i\", \"(.*)\")", &o, "memory limit");
    refuses("x_total * on () group_left x_total", &o, "");
    /* Sums need a row a group, however many series there are. */
    struct query_result *r = run_with("sum(rate(x_total[1m]))", &o, &err);
    CHECK_OK(r != NULL, &err);
    CHECK(r->memory_bytes < 4u << 20);
    query_result_destroy(&r);
    memory_source_destroy(&data);
}

CASE(all_queries_together_stay_within_a_budget)
{
    struct query_budget budget = {.bytes_max = 8u << 20};
    struct query_options o = range(15000 * 1000, 5000);
    struct query_result *held[16];
    struct err err = ERR_INIT;
    size_t count = 0;

    load(50, 1000);
    o.budget = &budget;
    while (count < 16 && (held[count] = run_with("x_total", &o, &err)) != NULL)
        count++;
    CHECK(count > 1 && count < 16);
    CHECK_SAYING(strstr(err.text, "all queries together") != NULL, "%s", err.text);
    CHECK(budget.used_bytes <= budget.bytes_max);
    query_result_destroy(&held[--count]);
    struct query_result *again = run_with("x_total", &o, &err);
    CHECK_OK(again != NULL, &err);
    query_result_destroy(&again);
    while (count > 0)
        query_result_destroy(&held[--count]);
    CHECK_INT(budget.used_bytes, 0);
    memory_source_destroy(&data);
}

CASE(samples_are_limited)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;

    load(10, 100);
    o.start_ms = 15000 * 99;
    o.samples_max = 500;
    refuses("sum(rate(x_total[1h]))", &o, "too many samples");
    memory_source_destroy(&data);
}

CASE(a_deadline_ends_the_run)
{
    struct query_options o = range(15000 * 2000, 15000);
    struct err err = ERR_INIT;

    load(50, 2000);
    o.cancel = cancel_create(clock_boot_ms() + 50);
    int64_t start = clock_boot_ms();
    struct query_result *r = run_with("quantile_over_time(0.9, x_total[8h])", &o, &err);
    CHECK(r == NULL && err.kind == ERR_TIMEOUT);
    CHECK(clock_boot_ms() - start < 1000);
    cancel_unref(&o.cancel);
    o.cancel = cancel_create(0);
    cancel_now(o.cancel);
    r = run_with("x_total", &o, &err);
    CHECK(r == NULL && err.kind == ERR_CANCELLED);
    cancel_unref(&o.cancel);
    memory_source_destroy(&data);
}

CASE(an_empty_range_and_a_wrong_type_say_so)
{
    struct query_options o = range(-1, 1000);

    load(1, 2);
    refuses("x_total", &o, "end timestamp must not be before start time");
    o.end_ms = 1000;
    refuses("x_total[1m]", &o, "invalid expression type \"range vector\" for range query");
    refuses("\"text\"", &o, "invalid expression type \"string\"");
    memory_source_destroy(&data);
}

CASE(annotations_name_line_and_column)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct err err = ERR_INIT;

    load(2, 2);
    struct query_result *r = run_with("sum(\n  quantile(7, x_total)\n)", &o, &err);
    CHECK_OK(r != NULL, &err);
    CHECK_INT(r->annotation_count, 1);
    CHECK(r->annotations[0].warning);
    CHECK_TEXT(r->annotations[0].text,
        "PromQL warning: quantile value should be between 0 and 1, got 7 (2:12)");
    query_result_destroy(&r);
    memory_source_destroy(&data);
}

static bool select_broken(void *self, const struct matcher *matchers, size_t count, int64_t mint,
    int64_t maxt, struct arena *arena, struct selection *out, struct err *err)
{
    (void)matchers;
    (void)count;
    (void)mint;
    (void)maxt;
    struct source_series *series = arena_new_array(arena, 1, struct source_series);
    series[0].labels = &labels_none;
    *out = (struct selection){.series = series, .count = 1};
    ++*(int *)self;
    (void)err;
    return true;
}

static bool read_broken(void *self, const struct selection *s, uint64_t reference, int64_t mint,
    int64_t maxt, struct source_buffer *buffer, struct samples *out, struct err *err)
{
    (void)self;
    (void)s;
    (void)reference;
    (void)mint;
    (void)maxt;
    (void)buffer;
    (void)out;
    return err_set(err, ERR_CORRUPT, "block 7: bad checksum");
}

static void release_counted(void *self, struct selection *s)
{
    (void)s;
    --*(int *)self;
}

CASE(what_the_source_lent_is_given_back_when_reading_fails)
{
    int held = 0;
    struct source source = {&held, select_broken, read_broken, release_counted};
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct err err = ERR_INIT;
    struct expression *e = expression_parse(STR("a + b"), &err);

    CHECK(query_run(e, &source, &o, &err) == NULL);
    CHECK_TEXT(err.text, "block 7: bad checksum");
    CHECK_INT(held, 0);
    expression_destroy(&e);
}

/* ---- the same bits by every way ---- */

/* Odd data: gaps, whole and broken numbers, resets, not-a-number, infinities, zeros of both signs.
 */
static struct memory_source *odd_data(bool with_start)
{
    struct memory_source *m = memory_source_create();
    struct arena *a = arena_create(0);
    struct random r = {.state = 7};

    for (int s = 0; s < 150; s++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", s);
        struct label pairs[] = {
            {symbol_create(a, STR("__name__")), symbol_create(a, STR("x_total"))},
            {symbol_create(a, STR("i")),        symbol_create(a, str_from(text))}
        };
        const struct labels *l = labels_create(a, pairs, 2);
        double value = 0;
        for (int i = 0; i < 200; i++) {
            int64_t time = 1000000 + i * INT64_C(15000) + (s % 3) * 7;
            uint64_t dice = random_below(&r, 100);
            if (dice < 5)
                continue;
            value = s % 2 == 0 ? value + (double)random_below(&r, 9) : random_unit(&r) * 3 - 1;
            if (dice < 8)
                value = 0;
            double put = dice == 10 && s % 5 == 0   ? NAN
                         : dice == 11 && s % 7 == 0 ? INFINITY
                         : dice == 12               ? -0.0
                                                    : value;
            memory_source_add(m, l, time, put, with_start && i < 20 ? 1 : 0);
        }
    }
    arena_destroy(&a);
    return m;
}

static const char *const functions[] = {"rate", "increase", "delta", "sum_over_time",
    "avg_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
    "changes", "resets"};

static bool same_bits(const struct query_result *a, const struct query_result *b)
{
    if (a->series_count != b->series_count)
        return false;
    for (size_t i = 0; i < a->series_count; i++) {
        const struct result_series *x = &a->series[i], *y = &b->series[i];
        if (x->count != y->count || !labels_eq(x->labels, y->labels))
            return false;
        for (size_t k = 0; k < x->count; k++) {
            bool nans = isnan(x->values[k]) && isnan(y->values[k]);
            if (!nans && memcmp(&x->values[k], &y->values[k], sizeof(double)) != 0)
                return false;
        }
    }
    return true;
}

CASE(all_windows_at_once_give_the_bits_that_each_window_gives)
{
    /* Start timestamps that change nothing make the engine look at each window. */
    struct memory_source *swept = odd_data(false), *slid = odd_data(true);
    struct err err = ERR_INIT;

    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++)
        for (int way = 0; way < 4; way++) {
            char text[64];
            struct query_options o = QUERY_OPTIONS_DEFAULT;
            o.start_timestamps = true;
            o.profile = way == 3 ? PROFILE_2_42 : PROFILE_3;
            o.start_ms = 1300000;
            o.end_ms = 3900000;
            o.step_ms = way == 2 ? 0 : way == 1 ? 7000 : 60000;
            (void)snprintf(
                text, sizeof text, "%s(x_total[%s])", functions[f], way == 1 ? "1m" : "10m");
            data = swept;
            struct query_result *a = run_with(text, &o, &err);
            data = slid;
            struct query_result *b = run_with(text, &o, &err);
            CHECK_SAYING(a != NULL && b != NULL && same_bits(a, b), "%s, way %d", text, way);
            CHECK(a->series_count > 100);
            query_result_destroy(&a);
            query_result_destroy(&b);
        }
    memory_source_destroy(&swept);
    memory_source_destroy(&slid);
}

struct thread_task {
    void (*task)(void *data, unsigned index);
    void *data;
    unsigned index;
};

static void *run_thread(void *pointer)
{
    struct thread_task *t = pointer;

    t->task(t->data, t->index);
    return NULL;
}

static void run_threads(
    void *self, void (*task)(void *data, unsigned index), void *of, unsigned count)
{
    pthread_t threads[8];
    struct thread_task tasks[8];

    ++*(unsigned *)self;
    for (unsigned i = 0; i < count; i++) {
        tasks[i] = (struct thread_task){task, of, i};
        CHECK(pthread_create(&threads[i], NULL, run_thread, &tasks[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

CASE(helpers_change_nothing_but_the_time)
{
    unsigned rounds = 0;
    struct query_helpers helpers = {&rounds, 3, run_threads};
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct err err = ERR_INIT;

    data = odd_data(false);
    o.start_ms = 1300000;
    o.end_ms = 3900000;
    o.step_ms = 30000;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        char text[64];
        (void)snprintf(text, sizeof text, "sum(%s(x_total[5m]))", functions[f]);
        o.helpers = NULL;
        struct query_result *alone = run_with(text, &o, &err);
        o.helpers = &helpers;
        struct query_result *helped = run_with(text, &o, &err);
        CHECK_SAYING(alone != NULL && helped != NULL && same_bits(alone, helped), "%s", text);
        CHECK(alone->samples_read == helped->samples_read);
        query_result_destroy(&alone);
        query_result_destroy(&helped);
    }
    CHECK(rounds > 10);
    o.cancel = cancel_create(0);
    cancel_now(o.cancel);
    CHECK(run_with("sum(rate(x_total[5m]))", &o, &err) == NULL && err.kind == ERR_CANCELLED);
    cancel_unref(&o.cancel);
    o.samples_max = 1000;
    refuses("sum(rate(x_total[5m]))", &o, "too many samples");
    memory_source_destroy(&data);
}

TEST_MAIN()
