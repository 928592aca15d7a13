#include "base/decimal.h"
#include "base/mem.h"
#include "observe/promql/parse_private.h"
#include "script.h"

#include <math.h>
#include <string.h>

/* ---- small things ---- */

struct str sequence_word(struct str *rest)
{
    size_t len = 0;

    *rest = str_trim(*rest);
    while (len < rest->len && rest->at[len] != ' ' && rest->at[len] != '\t')
        len++;
    struct str word = {rest->at, len};
    *rest = str_trim(str_tail(*rest, len));
    return word;
}

bool sequence_number(struct str text, double *out)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    struct str digits = str_tail(text, negative || (text.len > 0 && text.at[0] == '+'));

    if (decimal_parse(text, out))
        return true;
    if (!literal_number(digits, out))
        return false;
    *out = negative ? -*out : *out;
    return true;
}

bool sequence_duration(struct str text, int64_t *out_ms)
{
    double seconds;
    const char *why;
    bool negative = text.len > 0 && text.at[0] == '-';
    struct str rest = str_tail(text, negative);

    if (rest.len == 0 ||
        (!decimal_parse(rest, &seconds) && !literal_duration(rest, &seconds, &why)))
        return false;
    *out_ms = (int64_t)round((negative ? -seconds : seconds) * 1000);
    return true;
}

static void push(struct arena *a, struct items *items, struct item item)
{
    if (items->count == items->capacity) {
        items->capacity = items->capacity > 0 ? items->capacity * 2 : 16;
        struct item *grown = arena_new_array(a, items->capacity, struct item);
        if (items->count > 0)
            memcpy(grown, items->at, items->count * sizeof *grown);
        items->at = grown;
    }
    items->at[items->count++] = item;
}

/* ---- labels ---- */

static size_t string_end(struct str text)
{
    char quote = text.at[0];

    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] == '\\' && quote != '`')
            i++;
        else if (text.at[i] == quote)
            return i + 1;
    }
    return text.len;
}

static bool is_name_byte(char c)
{
    return c == '_' || c == ':' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

/* A name or a string at the start of `rest`. */
static bool take_text(struct arena *a, struct str *rest, struct str *out, bool *out_quoted)
{
    char why[96];
    size_t len = 0;

    *rest = str_trim(*rest);
    *out_quoted =
        rest->len > 0 && (rest->at[0] == '"' || rest->at[0] == '\'' || rest->at[0] == '`');
    if (*out_quoted) {
        len = string_end(*rest);
        if (len < 2 || !literal_unquote(a, (struct str){rest->at, len}, out, why))
            return false;
    } else {
        while (len < rest->len && is_name_byte(rest->at[len]))
            len++;
        *out = (struct str){rest->at, len};
    }
    *rest = str_trim(str_tail(*rest, len));
    return len > 0;
}

static bool take_labels(
    struct arena *a, struct str *rest, const struct labels **out, struct err *err)
{
    struct label pairs[64];
    size_t count = 0;
    struct str name = *rest, key, value;
    bool quoted, value_quoted;

    name.len = 0;
    while (name.len < rest->len && is_name_byte(rest->at[name.len]))
        name.len++;
    *rest = str_tail(*rest, name.len);
    if (name.len > 0)
        pairs[count++] = (struct label){symbol_create(a, STR(LABEL_NAME)), symbol_create(a, name)};
    if (rest->len > 0 && rest->at[0] == '{') {
        *rest = str_trim(str_tail(*rest, 1));
        while (rest->len > 0 && rest->at[0] != '}' && count < 64) {
            if (!take_text(a, rest, &key, &quoted))
                return err_set(err, ERR_INVALID, "bad label name at \"%.*s\"", STR_ARG(*rest));
            value = key;
            if (rest->len > 0 && rest->at[0] == '=') {
                *rest = str_tail(*rest, 1);
                if (!take_text(a, rest, &value, &value_quoted) || !value_quoted)
                    return err_set(err, ERR_INVALID, "bad label value at \"%.*s\"", STR_ARG(*rest));
            } else {
                key = STR(LABEL_NAME);
            }
            pairs[count++] = (struct label){symbol_create(a, key), symbol_create(a, value)};
            if (rest->len > 0 && rest->at[0] == ',')
                *rest = str_trim(str_tail(*rest, 1));
        }
        if (rest->len == 0)
            return err_set(err, ERR_INVALID, "no end of the labels");
        *rest = str_tail(*rest, 1);
    }
    *out = labels_create(a, pairs, count);
    return true;
}

/* ---- histograms: {{schema:1 count:3 buckets:[1 2]}} ---- */

struct described {
    double positive[512], negative[512], custom[512];
    size_t positive_count, negative_count, custom_count;
    int64_t offset, negative_offset;
    bool hint_set;
};

static bool read_list(struct str text, double *out, size_t *out_count)
{
    if (text.len < 2 || text.at[0] != '[' || text.at[text.len - 1] != ']')
        return false;
    struct str rest = str_trim((struct str){text.at + 1, text.len - 2});
    *out_count = 0;
    while (rest.len > 0 && *out_count < 512)
        if (!sequence_number(sequence_word(&rest), &out[(*out_count)++]))
            return false;
    return true;
}

static bool read_hint(struct str text, struct histogram *h)
{
    static const char *const names[] = {"unknown", "reset", "not_reset", "gauge"};

    for (size_t i = 0; i < 4; i++)
        if (str_is(text, names[i])) {
            h->hint = (enum histogram_hint)i;
            return true;
        }
    return false;
}

static bool read_field(struct str key, struct str value, struct histogram *h, struct described *d)
{
    int64_t number = 0;

    if (str_is(key, "counter_reset_hint")) {
        d->hint_set = true;
        return read_hint(value, h);
    }
    if (str_is(key, "buckets"))
        return read_list(value, d->positive, &d->positive_count);
    if (str_is(key, "n_buckets"))
        return read_list(value, d->negative, &d->negative_count);
    if (str_is(key, "custom_values"))
        return read_list(value, d->custom, &d->custom_count);
    if (str_is(key, "schema")) {
        bool ok = str_to_int(value, &number);
        h->schema = (int32_t)number;
        return ok;
    }
    if (str_is(key, "offset"))
        return str_to_int(value, &d->offset);
    if (str_is(key, "n_offset"))
        return str_to_int(value, &d->negative_offset);
    double *to = str_is(key, "sum")          ? &h->sum
                 : str_is(key, "count")      ? &h->count
                 : str_is(key, "z_bucket")   ? &h->zero_count
                 : str_is(key, "z_bucket_w") ? &h->zero_threshold
                                             : NULL;
    return to != NULL && sequence_number(value, to);
}

static struct bucket *make_buckets(
    struct arena *a, const double *counts, size_t count, int64_t offset, uint32_t *out_count)
{
    struct bucket *b = arena_new_array(a, count + 1, struct bucket);

    for (size_t i = 0; i < count; i++)
        b[i] = (struct bucket){(int32_t)(offset + (int64_t)i), counts[i]};
    *out_count = (uint32_t)count;
    return b;
}

/* Reads from behind "{{" to behind "}}". */
static bool take_histogram(struct arena *a, struct str *rest, struct item *out, struct err *err)
{
    struct histogram *h = arena_new(a, struct histogram);
    struct described *d = arena_new(a, struct described);
    ptrdiff_t end = str_find_text(*rest, STR("}}"));

    if (end < 0)
        return err_set(err, ERR_INVALID, "no end of a histogram");
    struct str fields = str_trim((struct str){rest->at, (size_t)end});
    *rest = str_tail(*rest, (size_t)end + 2);
    while (fields.len > 0) {
        ptrdiff_t colon = str_find(fields, ':');
        if (colon < 0)
            return err_set(
                err, ERR_INVALID, "a histogram without colon: \"%.*s\"", STR_ARG(fields));
        struct str key = {fields.at, (size_t)colon};
        fields = str_tail(fields, (size_t)colon + 1);
        bool is_list = fields.len > 0 && fields.at[0] == '[';
        ptrdiff_t close = is_list ? str_find(fields, ']') : -1;
        struct str value;
        if (is_list && close >= 0) {
            value = (struct str){fields.at, (size_t)close + 1};
            fields = str_trim(str_tail(fields, (size_t)close + 1));
        } else {
            value = sequence_word(&fields);
        }
        if (!read_field(key, value, h, d))
            return err_set(err, ERR_INVALID, "histogram field %.*s", STR_ARG(key));
    }
    h->positive = make_buckets(a, d->positive, d->positive_count, d->offset, &h->positive_count);
    h->negative =
        make_buckets(a, d->negative, d->negative_count, d->negative_offset, &h->negative_count);
    h->custom = d->custom;
    h->custom_count = (uint32_t)d->custom_count;
    *out = (struct item){.histogram = h, .hint_set = d->hint_set};
    return true;
}

/* ---- items ---- */

static bool take_count(struct str *rest, size_t *out)
{
    uint64_t n = 0;
    size_t digits = 0;

    if (rest->len < 2 || rest->at[0] != 'x')
        return false;
    struct str tail = str_tail(*rest, 1);
    while (digits < tail.len && tail.at[digits] >= '0' && tail.at[digits] <= '9')
        digits++;
    if (!str_to_uint((struct str){tail.at, digits}, &n) || n > 1000000)
        return false;
    *rest = str_tail(tail, digits);
    *out = n;
    return true;
}

static bool repeat_histogram(struct arena *a, struct str *rest, struct items *out, struct err *err)
{
    struct item first, step = {0};
    struct histogram_note note;
    size_t times = 0;

    *rest = str_tail(*rest, 2);
    if (!take_histogram(a, rest, &first, err))
        return false;
    bool add = str_starts(*rest, "+{{"), sub = str_starts(*rest, "-{{");
    if (add || sub) {
        *rest = str_tail(*rest, 3);
        if (!take_histogram(a, rest, &step, err))
            return false;
    }
    bool repeated = take_count(rest, &times);
    if ((add || sub) && !repeated)
        return err_set(err, ERR_INVALID, "a histogram's step without a count");
    if (add || sub)
        first.hint_set = step.hint_set;
    push(a, out, first);
    struct histogram *now = (struct histogram *)(uintptr_t)first.histogram;
    for (size_t i = 0; i < times; i++) {
        now = histogram_copy(a, now);
        bool ok = !add && !sub ? true
                  : add        ? histogram_add(a, now, step.histogram, &note)
                               : histogram_sub(a, now, step.histogram, &note);
        if (!ok)
            return err_set(err, ERR_INVALID, "histograms that do not go together");
        push(a, out, (struct item){.histogram = now, .hint_set = first.hint_set});
    }
    return true;
}

/* The length of a number with its sign at the start of `text`. */
static size_t number_length(struct str text)
{
    size_t i = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');

    if (i < text.len && ((text.at[i] | 0x20) == 'i' || (text.at[i] | 0x20) == 'n'))
        return i + 3;
    for (; i < text.len; i++) {
        char c = text.at[i];
        bool exponent_sign = (c == '-' || c == '+') && i > 0 && (text.at[i - 1] | 0x20) == 'e';
        if (!((c >= '0' && c <= '9') || c == '.' || (c | 0x20) == 'e' || exponent_sign))
            break;
    }
    return i;
}

static bool take_number(struct str *rest, double *out)
{
    size_t len = number_length(*rest);

    if (len == 0 || len > rest->len || !sequence_number((struct str){rest->at, len}, out))
        return false;
    *rest = str_tail(*rest, len);
    return true;
}

/* 1, 1x3, 1+2x3, 1-2x3 */
static bool repeat_number(struct arena *a, struct str *rest, struct items *out, struct err *err)
{
    double value, step = 0;
    size_t times = 0;

    if (!take_number(rest, &value))
        return err_set(err, ERR_INVALID, "no number at \"%.*s\"", STR_ARG(*rest));
    if (rest->len > 0 && (rest->at[0] == '+' || rest->at[0] == '-') && !take_number(rest, &step))
        return err_set(err, ERR_INVALID, "no step at \"%.*s\"", STR_ARG(*rest));
    if (rest->len > 0 && rest->at[0] == 'x' && !take_count(rest, &times))
        return err_set(err, ERR_INVALID, "no count at \"%.*s\"", STR_ARG(*rest));
    for (size_t i = 0; i <= times; i++, value += step)
        push(a, out, (struct item){.value = value});
    return true;
}

static double stale(void)
{
    double value;
    uint64_t bits = STALE_BITS;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool take_items(struct arena *a, struct str rest, struct items *out, struct err *err)
{
    while ((rest = str_trim(rest)).len > 0) {
        size_t times = 1;
        if (rest.at[0] == '_') {
            rest = str_tail(rest, 1);
            if (rest.len > 0 && rest.at[0] == 'x' && !take_count(&rest, &times))
                return err_set(err, ERR_INVALID, "no count at \"%.*s\"", STR_ARG(rest));
            for (size_t i = 0; i < times; i++)
                push(a, out, (struct item){.omitted = true});
        } else if (str_starts(rest, "stale")) {
            rest = str_tail(rest, 5);
            push(a, out, (struct item){.value = stale()});
        } else if (str_starts(rest, "{{")) {
            TRY(repeat_histogram(a, &rest, out, err));
        } else {
            TRY(repeat_number(a, &rest, out, err));
        }
        if (rest.len > 0 && rest.at[0] != ' ' && rest.at[0] != '\t')
            return err_set(err, ERR_INVALID, "something behind an item: \"%.*s\"", STR_ARG(rest));
    }
    return true;
}

bool sequence_parse(struct arena *a, struct str line, const struct labels **out_labels,
    struct items *out, struct err *err)
{
    TRY(take_labels(a, &line, out_labels, err));
    return take_items(a, line, out, err);
}

/* ---- start timestamps ---- */

bool sequence_is_starts(struct str line)
{
    ptrdiff_t at = str_find_text(line, STR("}@st"));
    ptrdiff_t blank = str_find(line, ' ');

    if (at >= 0)
        return true;
    at = str_find_text(line, STR("@st"));
    return at > 0 && (blank < 0 || at < blank);
}

/* The duration at the start of `rest`: -1m, 500ms, 0 */
static bool take_duration(struct str *rest, int64_t *out_ms)
{
    size_t i = rest->len > 0 && (rest->at[0] == '-' || rest->at[0] == '+');

    while (i < rest->len && ((rest->at[i] >= '0' && rest->at[i] <= '9') || rest->at[i] == '.' ||
                                strchr("smhdwy", rest->at[i]) != NULL))
        i++;
    struct str text = {rest->at, i};
    if (text.len > 0 && text.at[0] == '+')
        text = str_tail(text, 1);
    *rest = str_tail(*rest, i);
    return sequence_duration(text, out_ms);
}

bool sequence_parse_starts(struct arena *a, struct str line, const struct labels **out_labels,
    struct items *out, struct err *err)
{
    TRY(take_labels(a, &line, out_labels, err));
    line = str_tail(line, 3); /* @st */
    while ((line = str_trim(line)).len > 0) {
        size_t times = 0;
        int64_t first = 0, step = 0;
        bool blank = line.at[0] == '_';
        if (blank) {
            line = str_tail(line, 1);
            times = 1;
            (void)take_count(&line, &times);
            times--;
        } else {
            if (!take_duration(&line, &first))
                return err_set(err, ERR_INVALID, "no duration at \"%.*s\"", STR_ARG(line));
            if (line.len > 0 && (line.at[0] == '+' || line.at[0] == '-') &&
                !take_duration(&line, &step))
                return err_set(err, ERR_INVALID, "no step at \"%.*s\"", STR_ARG(line));
            (void)take_count(&line, &times);
        }
        for (size_t i = 0; i <= times; i++, first += step)
            push(a, out, (struct item){.omitted = blank, .value = (double)first});
    }
    return true;
}
