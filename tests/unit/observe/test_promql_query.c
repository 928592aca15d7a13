#include "observe/promql/query.h"

#include "base/clock.h"
#include "observe/promql/memory_source.h"

#include "test.h"

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

TEST_MAIN()
