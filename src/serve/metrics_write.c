#include "serve/metrics_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53: whole numbers are exact up to here */

const char *metric_content_type(enum metric_format format)
{
    return format == METRIC_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

static void add_byte_escaped(struct buf *out, char c, bool quotes)
{
    if (c == '\\')
        buf_add_text(out, "\\\\");
    else if (c == '\n')
        buf_add_text(out, "\\n");
    else if (c == '"' && quotes)
        buf_add_text(out, "\\\"");
    else
        buf_add_byte(out, c);
}

/* Both formats escape a label's value alike; in help Prometheus leaves quotes as they are. Bytes
 * that are not UTF-8 become U+FFFD. */
static void add_escaped(struct buf *out, const char *text, bool quotes)
{
    struct str rest = str_from(text);

    while (rest.len > 0) {
        size_t valid = str_utf8_valid(rest);
        for (size_t i = 0; i < valid; i++)
            add_byte_escaped(out, rest.at[i], quotes);
        rest = str_tail(rest, valid);
        if (rest.len > 0)
            buf_add_text(out, "\xef\xbf\xbd");
        rest = str_tail(rest, 1);
    }
}

static void add_value(struct buf *out, double value)
{
    char text[40];

    if (isnan(value) || isinf(value)) {
        buf_add_text(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (value == floor(value) && fabs(value) < WHOLE_MAX) {
        buf_format(out, "%.0f", value); /* 20000, not 2e+04 */
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_add_text(out, text);
}

static const char *family_suffix(const struct metric_writer *w)
{
    bool total = w->family->type == METRIC_COUNTER && w->format == METRIC_PROMETHEUS;

    return total ? "_total" : "";
}

static void add_head(struct metric_writer *w)
{
    static const char *const types[] = {
        [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_SUMMARY] = "summary"};
    const struct metric_family *f = w->family;

    buf_format(w->out, "# HELP %s%s ", f->name, family_suffix(w));
    add_escaped(w->out, f->help, w->format == METRIC_OPENMETRICS);
    buf_format(w->out, "\n# TYPE %s%s %s\n", f->name, family_suffix(w), types[f->type]);
    if (f->unit != NULL && w->format == METRIC_OPENMETRICS)
        buf_format(w->out, "# UNIT %s %s\n", f->name, f->unit);
    w->headed = true;
}

void metric_begin(struct metric_writer *w, const struct metric_family *family)
{
    w->family = family;
    w->headed = false;
}

void metric_sample(
    struct metric_writer *w, const char *suffix, const struct metric_label *labels, double value)
{
    if (!w->headed)
        add_head(w);
    buf_format(
        w->out, "%s%s", w->family->name, w->family->type == METRIC_COUNTER ? "_total" : suffix);
    for (const struct metric_label *l = labels; l != NULL && l->name != NULL; l++) {
        buf_format(w->out, "%s%s=\"", l == labels ? "{" : ",", l->name);
        add_escaped(w->out, l->value != NULL ? l->value : "", true);
        buf_add_byte(w->out, '"');
    }
    buf_add_text(w->out, labels != NULL && labels->name != NULL ? "} " : " ");
    add_value(w->out, value);
    buf_add_byte(w->out, '\n');
}

void metric_end(struct metric_writer *w)
{
    if (w->format == METRIC_OPENMETRICS)
        buf_add_text(w->out, "# EOF\n");
}
