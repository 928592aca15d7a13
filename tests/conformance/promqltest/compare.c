#include "base/decimal.h"
#include "script.h"

#include <math.h>
#include <string.h>

#define EPSILON  0.000001
#define SMALLEST 2.2250738585072014e-308

/* ---- numbers and histograms ---- */

static bool almost_equal(double a, double b)
{
    if (sample_is_stale(a) || sample_is_stale(b))
        return sample_is_stale(a) && sample_is_stale(b);
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (a == b)
        return true;
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);
    if (a == 0 || b == 0 || sum < SMALLEST)
        return diff < EPSILON * SMALLEST;
    return diff / fmin(sum, 1.7976931348623157e308) < EPSILON;
}

static bool almost_equal_buckets(
    const struct bucket *a, uint32_t a_count, const struct bucket *b, uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (a[i].index != b[i].index || !almost_equal(a[i].count, b[i].count))
            return false;
    return true;
}

static bool almost_equal_histograms(const struct item *want, const struct histogram *raw)
{
    struct arena *a = arena_create(0);
    struct histogram *x = histogram_copy(a, want->histogram), *y = histogram_copy(a, raw);

    histogram_compact(x);
    histogram_compact(y);
    bool same =
        x->schema == y->schema && almost_equal(x->count, y->count) &&
        almost_equal(x->sum, y->sum) && x->zero_threshold == y->zero_threshold &&
        almost_equal(x->zero_count, y->zero_count) &&
        almost_equal_buckets(x->positive, x->positive_count, y->positive, y->positive_count) &&
        almost_equal_buckets(x->negative, x->negative_count, y->negative, y->negative_count) &&
        (!want->hint_set || x->hint == y->hint);
    if (same && histogram_is_custom(x))
        same = x->custom_count == y->custom_count &&
               (x->custom_count == 0 ||
                   memcmp(x->custom, y->custom, x->custom_count * sizeof *x->custom) == 0);
    arena_destroy(&a);
    return same;
}

/* ---- saying what differs ---- */

static void say_histogram(struct buf *out, const struct histogram *h)
{
    static const char *const hints[] = {"unknown", "reset", "not_reset", "gauge"};

    buf_format(out, "[schema %d, %s] ", h->schema, hints[h->hint]);
    histogram_format(out, h);
    if (h->zero_threshold != 0)
        buf_format(out, " zero threshold %g", h->zero_threshold);
    for (uint32_t i = 0; i < h->custom_count; i++)
        buf_format(out, "%s%g", i > 0 ? " " : " bounds ", h->custom[i]);
}

static void say_item(struct buf *out, const struct item *item)
{
    char text[DECIMAL_TEXT_BYTES];

    if (item->omitted)
        buf_add_text(out, "_");
    else if (item->histogram != NULL)
        say_histogram(out, item->histogram);
    else
        buf_add(out, text, decimal_format_g(item->value, text));
}

static void say_series(struct buf *out, const struct result_series *s)
{
    char text[DECIMAL_TEXT_BYTES];

    labels_format(out, s->labels);
    for (size_t i = 0; i < s->count; i++) {
        (void)decimal_format_g(s->values[i], text);
        buf_format(out, " %s@%lld", text, (long long)s->times[i]);
    }
    for (size_t i = 0; i < s->histogram_count; i++) {
        buf_format(out, " @%lld ", (long long)s->histogram_times[i]);
        say_histogram(out, s->histograms[i]);
    }
}

static void say_both(
    struct buf *out, const struct expected_series *want, const struct result_series *got)
{
    buf_add_text(out, "\n      expected ");
    if (want != NULL) {
        labels_format(out, want->labels);
        for (size_t i = 0; i < want->items.count; i++) {
            buf_add_byte(out, ' ');
            say_item(out, &want->items.at[i]);
        }
    } else {
        buf_add_text(out, "no such series");
    }
    buf_add_text(out, "\n      got      ");
    if (got != NULL)
        say_series(out, got);
    else
        buf_add_text(out, "no such series");
}

/* ---- series ---- */

static const struct expected_series *find_expected(
    const struct evaluation *e, const struct labels *l, size_t *out_at)
{
    for (size_t i = 0; i < e->series_count; i++)
        if (labels_eq(e->series[i].labels, l)) {
            *out_at = i;
            return &e->series[i];
        }
    return NULL;
}

static bool same_sample(const struct item *want, int64_t time, const struct result_series *got,
    size_t *next, size_t *next_h)
{
    if (want->omitted)
        return true;
    if (want->histogram != NULL) {
        size_t i = (*next_h)++;
        return i < got->histogram_count && got->histogram_times[i] == time &&
               almost_equal_histograms(want, got->histograms[i]);
    }
    size_t i = (*next)++;
    return i < got->count && got->times[i] == time && almost_equal(want->value, got->values[i]);
}

static bool same_series(
    const struct evaluation *e, const struct expected_series *want, const struct result_series *got)
{
    bool instant = !e->is_range && !e->expect_range;
    int64_t start = e->expect_range ? e->range_start_ms : e->start_ms;
    int64_t step = e->expect_range ? e->range_step_ms : e->step_ms;
    size_t next = 0, next_h = 0;

    if (instant)
        return want->items.count == 1 &&
               same_sample(&want->items.at[0],
                   got->count > 0             ? got->times[0]
                   : got->histogram_count > 0 ? got->histogram_times[0]
                                              : 0,
                   got, &next, &next_h) &&
               next == got->count && next_h == got->histogram_count;
    for (size_t i = 0; i < want->items.count; i++)
        if (!same_sample(&want->items.at[i], start + (int64_t)i * step, got, &next, &next_h))
            return false;
    return next == got->count && next_h == got->histogram_count;
}

static bool compare_series(
    const struct evaluation *e, const struct query_result *r, struct buf *why)
{
    bool ok = true;

    for (size_t i = 0; i < r->series_count; i++) {
        size_t at = 0;
        const struct expected_series *want = find_expected(e, r->series[i].labels, &at);
        if (want == NULL || !same_series(e, want, &r->series[i]) || (e->ordered && at != i)) {
            say_both(why, want, &r->series[i]);
            if (want != NULL && e->ordered && at != i)
                buf_format(why, "\n      at place %zu instead of %zu", i + 1, at + 1);
            ok = false;
        }
    }
    for (size_t k = 0; k < e->series_count; k++) {
        bool found = false;
        for (size_t i = 0; i < r->series_count && !found; i++)
            found = labels_eq(e->series[k].labels, r->series[i].labels);
        if (!found) {
            say_both(why, &e->series[k], NULL);
            ok = false;
        }
    }
    if (r->type == TYPE_MATRIX)
        for (size_t i = 1; i < r->series_count; i++)
            if (labels_cmp(r->series[i - 1].labels, r->series[i].labels) >= 0) {
                buf_add_text(why, "\n      the series are not sorted by labels");
                ok = false;
            }
    return ok;
}

bool compare_result(const struct evaluation *e, const struct query_result *r, struct buf *why)
{
    if (r->type == TYPE_STRING) {
        if (e->expect_string && str_eq(r->string, e->string))
            return true;
        buf_format(why, "\n      got the string \"%.*s\"", STR_ARG(r->string));
        return false;
    }
    if ((r->type == TYPE_SCALAR) != e->expect_scalar) {
        buf_add_text(why, e->expect_scalar ? "\n      expected a scalar" : "\n      got a scalar");
        return false;
    }
    if (r->type != TYPE_SCALAR)
        return compare_series(e, r, why);
    if (e->scalar.histogram == NULL && almost_equal(e->scalar.value, r->scalar))
        return true;
    buf_format(why, "\n      expected the scalar %.17g, got %.17g", e->scalar.value, r->scalar);
    return false;
}

/* ---- annotations and failures ---- */

static bool says(const struct expectation *x, const char *text)
{
    struct err err = ERR_INIT;

    if (x->any)
        return true;
    if (!x->is_regex)
        return str_is(x->text, text);
    /* Go's MatchString finds; ours is anchored. */
    struct buf pattern = BUF_INIT(4096);
    buf_format(&pattern, ".*(?:%.*s).*", STR_ARG(x->text));
    struct regex *re = regex_compile(buf_str(&pattern), &err);
    bool found = re != NULL && regex_match(re, str_from(text));
    regex_free(&re);
    buf_fini(&pattern);
    return found;
}

static bool compare_notes_of(
    const struct evaluation *e, const struct query_result *r, bool warning, struct buf *why)
{
    enum expect_kind kind = warning ? EXPECT_WARN : EXPECT_INFO;
    const char *word = warning ? "warning" : "info";
    bool any_expected = false, ok = true;

    for (size_t k = 0; k < e->expectation_count; k++) {
        const struct expectation *x = &e->expectations[k];
        bool found = false;
        if (x->kind != kind)
            continue;
        any_expected = true;
        for (size_t i = 0; i < r->annotation_count && !found; i++)
            found = r->annotations[i].warning == warning && says(x, r->annotations[i].text);
        if (!found) {
            buf_format(why, "\n      no %s like \"%.*s\"", word, STR_ARG(x->text));
            ok = false;
        }
    }
    for (size_t i = 0; i < r->annotation_count; i++) {
        bool expected = !any_expected;
        if (r->annotations[i].warning != warning)
            continue;
        for (size_t k = 0; k < e->expectation_count && !expected; k++)
            expected = e->expectations[k].kind == kind &&
                       says(&e->expectations[k], r->annotations[i].text);
        if (!expected || (warning ? e->no_warn : e->no_info)) {
            buf_format(why, "\n      unexpected \"%s\"", r->annotations[i].text);
            ok = false;
        }
    }
    return ok;
}

bool compare_notes(const struct evaluation *e, const struct query_result *r, struct buf *why)
{
    bool warned = false, informed = false;

    for (size_t i = 0; i < r->annotation_count; i++)
        *(r->annotations[i].warning ? &warned : &informed) = true;
    bool ok = (!e->must_warn || warned) && (!e->must_inform || informed);
    if (!ok)
        buf_add_text(why, "\n      expected a warning or info, got none");
    ok &= compare_notes_of(e, r, true, why);
    return compare_notes_of(e, r, false, why) && ok;
}

bool compare_failure(const struct evaluation *e, const char *text, struct buf *why)
{
    for (size_t k = 0; k < e->expectation_count; k++) {
        const struct expectation *x = &e->expectations[k];
        if (x->kind != EXPECT_FAIL || says(x, text))
            continue;
        buf_format(
            why, "\n      expected the error \"%.*s\"\n      got \"%s\"", STR_ARG(x->text), text);
        return false;
    }
    return true;
}
