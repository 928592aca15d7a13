/* metrics_write.h - metric families as text: Prometheus 0.0.4 or OpenMetrics 1.0.
 *
 * They differ where a counter's family is named (OpenMetrics leaves `_total` off), in the unit's
 * line, and in "# EOF". A family without samples is left out whole. Pure. */
#ifndef TEND_SERVE_METRICS_WRITE_H
#define TEND_SERVE_METRICS_WRITE_H

#include "base/buf.h"

#include <stdbool.h>

enum metric_format { METRIC_PROMETHEUS, METRIC_OPENMETRICS };
enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_SUMMARY };

const char *metric_content_type(enum metric_format format);

struct metric_family {
    const char *name; /* of a counter without "_total" */
    enum metric_type type;
    const char *help;
    const char *unit; /* "seconds": the name ends with it; NULL: none */
};

#define METRIC_LABELS_MAX 4
struct metric_label {
    const char *name, *value;
};

struct metric_writer {
    struct buf *out;
    enum metric_format format;
    const struct metric_family *family;
    bool headed; /* HELP and TYPE of the family are written */
};

void metric_begin(struct metric_writer *w, const struct metric_family *family);
/* `labels` end with a NULL name; NULL: none. `suffix` is "" or, of a summary, "_sum", "_count"; a
 * counter's "_total" is put by itself. */
void metric_sample(
    struct metric_writer *w, const char *suffix, const struct metric_label *labels, double value);
/* Behind the last family. */
void metric_end(struct metric_writer *w);

#endif
