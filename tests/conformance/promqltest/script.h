/* script.h - the test language of PromQL engines, as Prometheus' promqltest reads it.
 *
 *     clear
 *     load 5m
 *       requests_total{job="a"}  0+10x5 _ stale {{schema:0 count:3 sum:2 buckets:[1 2]}}
 *     eval instant at 10m rate(requests_total[10m])
 *       expect no_warn
 *       {job="a"} 0.0333
 *
 * A file is read line by line: blocks end at an empty line, and a line that begins with # is one.
 */
#ifndef TEND_TESTS_CONFORMANCE_SCRIPT_H
#define TEND_TESTS_CONFORMANCE_SCRIPT_H

#include "base/arena.h"
#include "base/buf.h"
#include "observe/promql/memory_source.h"
#include "observe/promql/query.h"

/* ---- sequence.c: series with values ---- */
struct item {
    bool omitted, hint_set;
    double value;
    const struct histogram *histogram;
};

struct items {
    struct item *at;
    size_t count, capacity;
};

/* `metric{a="b"} 1 2 3`; false with the reason in err. */
bool sequence_parse(struct arena *a, struct str line, const struct labels **out_labels,
    struct items *out, struct err *err);
/* `metric{a="b"}@st -1m _x2`: start timestamps, as offsets in milliseconds; false if it is none. */
bool sequence_is_starts(struct str line);
bool sequence_parse_starts(struct arena *a, struct str line, const struct labels **out_labels,
    struct items *out, struct err *err);
/* "5m", "-1m30s", "10.5": milliseconds. */
bool sequence_duration(struct str text, int64_t *out_ms);
bool sequence_number(struct str text, double *out);
struct str sequence_word(struct str *rest);

/* ---- data.c: load ---- */
bool data_load(struct memory_source *m, struct arena *a, const struct str *lines, size_t count,
    int64_t step_ms, bool with_custom, struct err *err);

/* ---- evaluation.c: eval ---- */
enum expect_kind { EXPECT_FAIL, EXPECT_WARN, EXPECT_INFO, EXPECT_KINDS };

struct expectation {
    enum expect_kind kind;
    bool any, is_regex;
    struct str text;
};

struct expected_series {
    const struct labels *labels;
    struct items items;
};

struct evaluation {
    struct str expression;
    bool is_range, ordered, no_warn, no_info, must_warn, must_inform, fails;
    int64_t start_ms, end_ms, step_ms;
    bool expect_range, expect_string, expect_scalar;
    int64_t range_start_ms, range_end_ms, range_step_ms;
    struct str string;
    struct item scalar;
    struct expectation expectations[16];
    size_t expectation_count;
    struct expected_series *series;
    size_t series_count, series_capacity;
};

struct settings {
    enum query_profile profile;
    bool verbose;
};

/* False, with what was expected and what came in `why`. */
bool evaluation_run(const struct evaluation *e, struct memory_source *m,
    const struct settings *settings, struct buf *why);

/* ---- compare.c ---- */
bool compare_result(const struct evaluation *e, const struct query_result *r, struct buf *why);
bool compare_notes(const struct evaluation *e, const struct query_result *r, struct buf *why);
bool compare_failure(const struct evaluation *e, const char *text, struct buf *why);

/* ---- rewrite.c: the expression with `@ time` on every selector and subquery without one ---- */
/* False: it must not be, since a function in it depends on the evaluation time. */
bool rewrite_at(const struct expression *e, int64_t time_ms, struct buf *out);

#endif
