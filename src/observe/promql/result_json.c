#include "observe/promql/result_json.h"

#include "base/decimal.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* ---- parts ---- */

static void add_quoted(struct buf *out, struct str text)
{
    /* Names and most values need no escape: they are copied as they are. */
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            json_quote(out, text);
            return;
        }
    }
    buf_add_byte(out, '"');
    buf_add_str(out, text);
    buf_add_byte(out, '"');
}

void result_json_labels(struct buf *out, const struct labels *l)
{
    buf_add_byte(out, '{');
    for (uint32_t i = 0; i < l->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        add_quoted(out, symbol_str(l->at[i].name));
        buf_add_byte(out, ':');
        add_quoted(out, symbol_str(l->at[i].value));
    }
    buf_add_byte(out, '}');
}

static size_t put_digits(char *at, uint64_t value, size_t width)
{
    char digits[24];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n < width)
        digits[n++] = '0';
    for (size_t i = 0; i < n; i++)
        at[i] = digits[n - 1 - i];
    return n;
}

void result_json_time(struct buf *out, int64_t ms)
{
    char text[32];
    size_t n = 0;
    uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    uint64_t rest = size % 1000;

    if (ms < 0)
        text[n++] = '-';
    n += put_digits(text + n, size / 1000, 1);
    if (rest > 0) {
        text[n++] = '.';
        n += put_digits(text + n, rest, 3);
        while (text[n - 1] == '0')
            n--;
    }
    buf_add(out, text, n);
}

static void add_value(struct buf *out, double value)
{
    char text[DECIMAL_TEXT_BYTES + 2];
    size_t len = decimal_format_api(value, text + 1);

    text[0] = text[len + 1] = '"';
    buf_add(out, text, len + 2);
}

static void add_sample(struct buf *out, int64_t time, double value)
{
    buf_add_byte(out, '[');
    result_json_time(out, time);
    buf_add_byte(out, ',');
    add_value(out, value);
    buf_add_byte(out, ']');
}

/* ---- histograms: {"count":"3","sum":"1.5","buckets":[[boundaries,"lower","upper","count"],…]}
 * ---- */

static void add_bucket(struct buf *out, const struct histogram_range *r)
{
    int boundaries = r->lower_inclusive ? (r->upper_inclusive ? 3 : 1) : r->upper_inclusive ? 0 : 2;

    buf_format(out, "[%d,", boundaries);
    add_value(out, r->lower);
    buf_add_byte(out, ',');
    add_value(out, r->upper);
    buf_add_byte(out, ',');
    add_value(out, r->count);
    buf_add_byte(out, ']');
}

static void add_buckets(struct buf *out, const struct histogram *h)
{
    size_t count = histogram_range_count(h);
    struct arena *a = arena_create(0);
    struct histogram_range *ranges = arena_new_array(a, count + 1, struct histogram_range);
    bool any = false;

    histogram_ranges(h, ranges);
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].count == 0)
            continue;
        buf_add_text(out, any ? "," : ",\"buckets\":[");
        any = true;
        add_bucket(out, &ranges[i]);
    }
    if (any)
        buf_add_byte(out, ']');
    arena_destroy(&a);
}

static void add_histogram(struct buf *out, int64_t time, const struct histogram *h)
{
    buf_add_byte(out, '[');
    result_json_time(out, time);
    buf_add_text(out, ",{\"count\":");
    add_value(out, h->count);
    buf_add_text(out, ",\"sum\":");
    add_value(out, h->sum);
    add_buckets(out, h);
    buf_add_text(out, "}]");
}

/* ---- results ---- */

static void add_vector(struct buf *out, const struct query_result *r)
{
    for (size_t i = 0; i < r->series_count; i++) {
        const struct result_series *s = &r->series[i];
        buf_add_text(out, i > 0 ? ",{\"metric\":" : "{\"metric\":");
        result_json_labels(out, s->labels);
        if (s->histogram_count > 0) {
            buf_add_text(out, ",\"histogram\":");
            add_histogram(out, r->time_ms, s->histograms[0]);
        } else {
            buf_add_text(out, ",\"value\":");
            add_sample(out, r->time_ms, s->values[0]);
        }
        buf_add_byte(out, '}');
    }
}

static void add_columns(struct buf *out, const struct result_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        buf_add_text(out, i > 0 ? "," : ",\"values\":[");
        add_sample(out, s->times[i], s->values[i]);
    }
    if (s->count > 0)
        buf_add_byte(out, ']');
    for (size_t i = 0; i < s->histogram_count; i++) {
        buf_add_text(out, i > 0 ? "," : ",\"histograms\":[");
        add_histogram(out, s->histogram_times[i], s->histograms[i]);
    }
    if (s->histogram_count > 0)
        buf_add_byte(out, ']');
}

static void add_matrix(struct buf *out, const struct query_result *r)
{
    for (size_t i = 0; i < r->series_count; i++) {
        buf_add_text(out, i > 0 ? ",{\"metric\":" : "{\"metric\":");
        result_json_labels(out, r->series[i].labels);
        add_columns(out, &r->series[i]);
        buf_add_byte(out, '}');
    }
}

static void add_string(struct buf *out, const struct query_result *r)
{
    result_json_time(out, r->time_ms);
    buf_add_byte(out, ',');
    add_quoted(out, r->string);
}

static void add_scalar(struct buf *out, const struct query_result *r)
{
    result_json_time(out, r->time_ms);
    buf_add_byte(out, ',');
    add_value(out, r->scalar);
}

static void add_annotations(
    struct buf *out, const struct query_result *r, bool warnings, const char *key)
{
    bool any = false;

    for (size_t i = 0; i < r->annotation_count; i++) {
        if (r->annotations[i].warning != warnings)
            continue;
        if (any)
            buf_add_byte(out, ',');
        else
            buf_format(out, ",\"%s\":[", key);
        any = true;
        json_quote(out, str_from(r->annotations[i].text));
    }
    if (any)
        buf_add_byte(out, ']');
}

void result_json(struct buf *out, const struct query_result *r)
{
    static const struct {
        const char *name;
        void (*add)(struct buf *out, const struct query_result *r);
    } types[] = {
        [TYPE_SCALAR] = {"scalar", add_scalar},
        [TYPE_STRING] = {"string", add_string},
        [TYPE_VECTOR] = {"vector", add_vector},
        [TYPE_MATRIX] = {"matrix", add_matrix},
    };

    buf_format(out, "{\"status\":\"success\",\"data\":{\"resultType\":\"%s\",\"result\":[",
        types[r->type].name);
    types[r->type].add(out, r);
    buf_add_text(out, "]}");
    add_annotations(out, r, true, "warnings");
    add_annotations(out, r, false, "infos");
    buf_add_byte(out, '}');
}

void result_json_error(struct buf *out, const char *type, const char *text)
{
    buf_format(out, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", type);
    json_quote(out, str_from(text));
    buf_add_byte(out, '}');
}

const char *result_error_type(const struct err *err, bool parsed, int *out_status)
{
    switch (err->kind) {
    case ERR_TIMEOUT:
        *out_status = 503;
        return "timeout";
    case ERR_CANCELLED:
        *out_status = 499;
        return "canceled";
    case ERR_IO:
    case ERR_CORRUPT:
        *out_status = 500;
        return "internal";
    default:
        *out_status = parsed ? 422 : 400;
        return parsed ? "execution" : "bad_data";
    }
}
