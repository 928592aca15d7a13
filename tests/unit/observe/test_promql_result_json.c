#include "observe/promql/result_json.h"

#include "observe/promql/memory_source.h"

#include "test.h"

#include <math.h>

static struct memory_source *data;
static struct arena *arena;

static const struct labels *series(const char *name, const char *value)
{
    struct label pairs[] = {
        {symbol_create(arena, STR("__name__")), symbol_create(arena, str_from(name)) },
        {symbol_create(arena, STR("l")),        symbol_create(arena, str_from(value))}
    };

    return labels_create(arena, pairs, 2);
}

static void begin(void)
{
    arena = arena_create(0);
    data = memory_source_create();
}

static const char *answer(const char *text, struct query_options o)
{
    static struct buf out = BUF_INIT(1 << 16);
    struct err err = ERR_INIT;
    struct expression *e = expression_parse(str_from(text), &err);
    struct query_result *r = query_run(e, memory_source_interface(data), &o, &err);

    buf_reset(&out);
    CHECK_OK(r != NULL, &err);
    result_json(&out, r);
    query_result_destroy(&r);
    expression_destroy(&e);
    return out.at;
}

static void end(void)
{
    memory_source_destroy(&data);
    arena_destroy(&arena);
}

CASE(vectors_have_a_value_and_matrices_have_values)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;

    begin();
    memory_source_add(data, series("up", "a\"b\xc3\xa9"), 1500, 0.5, 0);
    memory_source_add(data, series("up", "x"), 1500, INFINITY, 0);
    o.start_ms = 1500;
    CHECK_TEXT(answer("up", o),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
        "{\"metric\":{\"__name__\":\"up\",\"l\":\"a\\\"b\xc3\xa9\"},\"value\":[1.5,\"0.5\"]},"
        "{\"metric\":{\"__name__\":\"up\",\"l\":\"x\"},\"value\":[1.5,\"+Inf\"]}]}}");
    o.end_ms = 2510;
    o.step_ms = 1010;
    CHECK_TEXT(answer("up{l=\"x\"} * 2", o),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
        "{\"metric\":{\"l\":\"x\"},\"values\":[[1.5,\"+Inf\"],[2.51,\"+Inf\"]]}]}}");
    end();
}

CASE(scalars_strings_and_empty_results)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;

    begin();
    o.start_ms = -1001;
    CHECK_TEXT(answer("1e-7", o), "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\","
                                  "\"result\":[-1.001,\"1e-07\"]}}");
    CHECK_TEXT(answer("\"a\\n\"", o), "{\"status\":\"success\",\"data\":{\"resultType\":\"string\","
                                      "\"result\":[-1.001,\"a\\n\"]}}");
    CHECK_TEXT(answer("up", o),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}");
    end();
}

CASE(histograms_list_their_buckets_with_bounds)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct bucket positive[] =
        {
            {1, 3}
    },
                  negative[] = {{0, 1}};
    struct histogram h = {.count = 6,
        .sum = 2.5,
        .zero_threshold = 0.25,
        .zero_count = 2,
        .positive = positive,
        .positive_count = 1,
        .negative = negative,
        .negative_count = 1};

    begin();
    memory_source_add_histogram(data, series("h", "x"), 0, &h, 0);
    CHECK_TEXT(answer("h", o),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
        "{\"metric\":{\"__name__\":\"h\",\"l\":\"x\"},\"histogram\":[0,{\"count\":\"6\",\"sum\":"
        "\"2.5\","
        "\"buckets\":[[1,\"-1\",\"-0.5\",\"1\"],[3,\"-0.25\",\"0.25\",\"2\"],[0,\"1\",\"2\",\"3\"]]"
        "}]}]}}");
    end();
}

CASE(annotations_come_behind_the_data)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    const char *text;

    begin();
    memory_source_add(data, series("c", "x"), 0, 1, 0);
    memory_source_add(data, series("c", "x"), 1000, 2, 0);
    o.start_ms = 1000;
    text = answer("quantile(2, rate(c[5m]))", o);
    CHECK(strstr(text,
              "]},\"warnings\":[\"PromQL warning: quantile value should be between 0 and 1, "
              "got 2 (1:10)\"],\"infos\":[\"PromQL info: metric might not be a counter") != NULL);
    end();
}

CASE(failures_are_named_as_the_API_names_them)
{
    struct err err = {.kind = ERR_INVALID};
    int status;

    CHECK_TEXT(result_error_type(&err, false, &status), "bad_data");
    CHECK_INT(status, 400);
    CHECK_TEXT(result_error_type(&err, true, &status), "execution");
    CHECK_INT(status, 422);
    err.kind = ERR_LIMIT;
    CHECK_TEXT(result_error_type(&err, true, &status), "execution");
    err.kind = ERR_TIMEOUT;
    CHECK_TEXT(result_error_type(&err, true, &status), "timeout");
    CHECK_INT(status, 503);
    struct buf out = BUF_INIT(1000);
    result_json_error(&out, "execution", "a \"b\"");
    CHECK_TEXT(
        out.at, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"a \\\"b\\\"\"}");
    buf_fini(&out);
}

TEST_MAIN()
