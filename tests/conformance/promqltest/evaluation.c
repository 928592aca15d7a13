/* An eval, and what Prometheus' runner derives from it: an instant query is run again with the
 * time fixed by @, at several times; and each of these again as a range whose middle step counts.
 */
#include "script.h"

#include <string.h>

#define MINUTE_MS 60000

struct run {
    const struct evaluation *e;
    struct memory_source *m;
    const struct settings *settings;
    struct str expression;
    int64_t start_ms, end_ms, step_ms;
    const char *what;
};

static struct query_result *query(const struct run *r, struct err *err)
{
    struct query_options o = QUERY_OPTIONS_DEFAULT;
    struct expression *e = expression_parse(r->expression, err);

    if (e == NULL)
        return NULL;
    o.start_ms = r->start_ms;
    o.end_ms = r->end_ms;
    o.step_ms = r->step_ms;
    o.profile = r->settings->profile;
    o.start_timestamps = r->settings->profile == PROFILE_3;
    struct query_result *result = query_run(e, memory_source_interface(r->m), &o, err);
    expression_destroy(&e);
    return result;
}

static bool say_run(const struct run *r, struct buf *why)
{
    buf_format(
        why, "\n    %s: %.*s at %lld", r->what, STR_ARG(r->expression), (long long)r->start_ms);
    if (r->step_ms > 0)
        buf_format(why, " to %lld step %lld", (long long)r->end_ms, (long long)r->step_ms);
    return false;
}

/* Runs and compares; the result stays with the caller if it is wanted. */
static bool run_once(const struct run *r, struct buf *why, struct query_result **out)
{
    struct err err = ERR_INIT;
    struct query_result *result = query(r, &err);
    bool ok;
    struct buf details = BUF_INIT(1 << 20);

    if (result == NULL) {
        ok = r->e->fails && compare_failure(r->e, err.text, &details);
        if (!r->e->fails)
            buf_format(&details, "\n      failed: %s", err.text);
    } else if (r->e->fails) {
        ok = false;
        buf_add_text(&details, "\n      expected an error, got none");
    } else {
        ok = compare_notes(r->e, result, &details);
        ok = compare_result(r->e, result, &details) && ok;
    }
    if (!ok) {
        (void)say_run(r, why);
        buf_add_str(why, buf_str(&details));
    }
    buf_fini(&details);
    if (out != NULL)
        *out = result;
    else
        query_result_destroy(&result);
    return ok;
}

static bool mentions_range(struct str text)
{
    static const char *const words[] = {"start", "end", "step", "range"};

    for (size_t i = 0; i < 4; i++) {
        size_t len = strlen(words[i]);
        for (size_t at = 0; at + len < text.len; at++)
            if (memcmp(text.at + at, words[i], len) == 0 &&
                (text.at[at + len] == '(' || text.at[at + len] == ' ') &&
                str_find(str_tail(text, at + len), '(') >= 0 &&
                str_find(str_trim(str_tail(text, at + len)), '(') == 0)
                return true;
    }
    return false;
}

/* The step in the middle of a range, as if it were an instant vector. */
static void keep_middle(struct query_result *r, int64_t time_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->series_count; i++) {
        struct result_series s = r->series[i];
        size_t f = 0, h = 0;
        while (f < s.count && s.times[f] != time_ms)
            f++;
        while (h < s.histogram_count && s.histogram_times[h] != time_ms)
            h++;
        bool is_float = f < s.count, is_histogram = h < s.histogram_count;
        if (!is_float && !is_histogram)
            continue;
        s.count = is_float;
        s.histogram_count = is_histogram;
        s.times += is_float ? f : 0;
        s.values += is_float ? f : 0;
        if (is_histogram) {
            s.histogram_times += h;
            s.histograms += h;
        }
        r->series[kept++] = s;
    }
    r->series_count = kept;
}

static bool run_as_range(const struct run *instant, enum value_type type, struct buf *why)
{
    struct run r = *instant;
    struct err err = ERR_INIT;
    struct buf details = BUF_INIT(1 << 20);

    r.start_ms = instant->start_ms - MINUTE_MS;
    r.end_ms = instant->start_ms + MINUTE_MS;
    r.step_ms = MINUTE_MS;
    r.what = "as a range";
    struct query_result *result = query(&r, &err);
    if (result == NULL) {
        (void)say_run(&r, why);
        buf_format(why, "\n      failed: %s", err.text);
        return false;
    }
    bool ok = true;
    if (!instant->e->ordered) {
        keep_middle(result, instant->start_ms);
        if (type == TYPE_SCALAR && result->series_count == 1) {
            result->type = TYPE_SCALAR;
            result->scalar = result->series[0].values[0];
        }
        ok = compare_result(instant->e, result, &details);
    }
    if (!ok) {
        (void)say_run(&r, why);
        buf_add_str(why, buf_str(&details));
    }
    buf_fini(&details);
    query_result_destroy(&result);
    return ok;
}

static bool run_instant(const struct run *r, struct buf *why)
{
    struct query_result *result;
    bool ok = run_once(r, why, &result);
    bool as_range = ok && result != NULL && result->type != TYPE_STRING && !r->e->expect_range &&
                    result->type != TYPE_MATRIX && !mentions_range(r->expression);

    if (as_range)
        ok = run_as_range(r, result->type, why);
    query_result_destroy(&result);
    return ok;
}

static bool run_at_times(const struct run *plain, struct buf *why)
{
    int64_t t = plain->start_ms;
    int64_t times[] = {-10 * t, 0, t / 5, t, 10 * t};
    size_t count = 5;
    struct buf text = BUF_INIT(1 << 20);
    struct err err = ERR_INIT;
    struct expression *e = expression_parse(plain->expression, &err);
    bool ok = true;

    if (t == 0) {
        times[0] = -1000;
        times[1] = 0;
        times[2] = 1000;
        count = 3;
    }
    if (e != NULL && rewrite_at(e, t, &text)) {
        struct run r = *plain;
        r.expression = buf_str(&text);
        r.what = "with @";
        for (size_t i = 0; i < count && ok; i++) {
            r.start_ms = r.end_ms = times[i];
            ok = run_instant(&r, why);
        }
    }
    expression_destroy(&e);
    buf_fini(&text);
    return ok;
}

bool evaluation_run(const struct evaluation *e, struct memory_source *m,
    const struct settings *settings, struct buf *why)
{
    struct run r = {.e = e,
        .m = m,
        .settings = settings,
        .expression = e->expression,
        .start_ms = e->start_ms,
        .end_ms = e->end_ms,
        .step_ms = e->step_ms,
        .what = "as written"};

    if (e->is_range)
        return run_once(&r, why, NULL);
    return run_instant(&r, why) && run_at_times(&r, why);
}
