#include "observe/promql/plan.h"

#include "test.h"

static const char *plan(const char *text, int64_t end_ms, int64_t step_ms)
{
    static struct buf out = BUF_INIT(1 << 16);
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct err err = ERR_INIT;
    struct expression *e = expression_parse(str_from(text), &err);

    buf_reset(&out);
    CHECK_SAYING(e != NULL, "%s", err.text);
    o.start_ms = 3600000;
    o.end_ms = end_ms;
    o.step_ms = step_ms;
    bool ok = query_plan(e, &o, &out, &err);
    expression_destroy(&e);
    return ok ? out.at : "(failed)";
}

CASE(each_node_says_what_it_reads_and_what_it_holds)
{
    CHECK_TEXT(plan("sum by (job) (rate(x_total[5m])) / on (job) up offset 1m", 7200000, 60000),
        "61 steps from 1970-01-01T01:00:00Z to 1970-01-01T02:00:00Z every 1m\n"
        "/: both sides are held, matched on 1 label\n"
        "  sum by (job): a row for each group\n"
        "    rate: all windows of 5m in one pass\n"
        "      select x_total[5m]: samples from 1970-01-01T00:55:00.001Z to 1970-01-01T02:00:00Z\n"
        "  select up offset 1m: the newest sample, from 1970-01-01T00:54:00.001Z to "
        "1970-01-01T01:59:00Z\n");
}

CASE(a_subquery_has_steps_of_its_own_and_what_is_the_same_is_computed_once)
{
    CHECK_TEXT(plan("max_over_time(deriv(x[1m])[10m:30s]) + abs(y @ 60)", 3660000, 60000),
        "2 steps from 1970-01-01T01:00:00Z to 1970-01-01T01:01:00Z every 1m\n"
        "+: both sides are held, matched ignoring 0 labels\n"
        "  max_over_time: all windows of 10m in one pass\n"
        "    subquery: held for 22 steps from 1970-01-01T00:50:30Z to 1970-01-01T01:01:00Z every "
        "30s\n"
        "      deriv: each window of 1m for itself\n"
        "        select x[1m]: samples from 1970-01-01T00:49:30.001Z to 1970-01-01T01:01:00Z\n"
        "  abs: row by row, once\n"
        "    select y @ 60.000: the newest sample, from 1969-12-31T23:56:00.001Z to "
        "1970-01-01T00:01:00Z, once\n");
}

CASE(what_a_run_would_refuse_the_plan_refuses)
{
    CHECK_TEXT(plan("x", INT64_C(1) << 50, 1), "(failed)");
    CHECK_TEXT(plan("sum_over_time(x[100y:1ms])", 3600000, 0), "(failed)");
    CHECK_TEXT(plan("x[step() - 5m]", 7200000, 60000), "(failed)");
}

TEST_MAIN()
