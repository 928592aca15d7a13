#include "serve/metrics_write.h"

#include "test.h"

#include <math.h>

static const struct metric_family restarts = {
    "tend_instance_restarts", METRIC_COUNTER, "Restarts, \"healed\" \\ or\nnot.", NULL};
static const struct metric_family memory = {"tend_memory_bytes", METRIC_GAUGE, "Memory.", "bytes"};

CASE(a_counter_is_named_with_total_in_prometheus_and_only_its_sample_in_openmetrics)
{
    static const struct metric_label labels[] = {
        {"service", "web"},
        {"replica",         "1"},
        {NULL}
    };
    struct buf out = BUF_INIT(4096);
    struct metric_writer w = {.out = &out, .format = METRIC_PROMETHEUS};

    metric_begin(&w, &restarts);
    metric_sample(&w, "", labels, 3);
    metric_end(&w);
    CHECK_TEXT(out.at, "# HELP tend_instance_restarts_total Restarts, \"healed\" \\\\ or\\nnot.\n"
                       "# TYPE tend_instance_restarts_total counter\n"
                       "tend_instance_restarts_total{service=\"web\",replica=\"1\"} 3\n");
    buf_reset(&out);
    w = (struct metric_writer){.out = &out, .format = METRIC_OPENMETRICS};
    metric_begin(&w, &restarts);
    metric_sample(&w, "", labels, 3);
    metric_end(&w);
    CHECK_TEXT(out.at, "# HELP tend_instance_restarts Restarts, \\\"healed\\\" \\\\ or\\nnot.\n"
                       "# TYPE tend_instance_restarts counter\n"
                       "tend_instance_restarts_total{service=\"web\",replica=\"1\"} 3\n# EOF\n");
    buf_fini(&out);
}

CASE(values_and_labels_are_escaped_and_exact)
{
    static const struct metric_label labels[] = {
        {"x", "a\"b\\c\nd\xff"},
        {NULL  }
    };
    struct buf out = BUF_INIT(4096);
    struct metric_writer w = {.out = &out, .format = METRIC_OPENMETRICS};

    metric_begin(&w, &memory);
    metric_sample(&w, "", labels, 0.1);
    metric_sample(&w, "", NULL, INFINITY);
    metric_sample(&w, "", NULL, NAN);
    metric_sample(&w, "", NULL, 1764018000.123);
    metric_sample(&w, "", NULL, 20000);
    CHECK_TEXT(out.at, "# HELP tend_memory_bytes Memory.\n# TYPE tend_memory_bytes gauge\n"
                       "# UNIT tend_memory_bytes bytes\n"
                       "tend_memory_bytes{x=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 0.1\n"
                       "tend_memory_bytes +Inf\ntend_memory_bytes NaN\n"
                       "tend_memory_bytes 1764018000.123\ntend_memory_bytes 20000\n");
    buf_fini(&out);
}

CASE(a_family_without_samples_is_left_out)
{
    struct buf out = BUF_INIT(4096);
    struct metric_writer w = {.out = &out, .format = METRIC_PROMETHEUS};

    metric_begin(&w, &memory);
    metric_end(&w);
    CHECK_INT(out.len, 0);
    buf_fini(&out);
}

TEST_MAIN()
