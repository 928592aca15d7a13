#include "base/json.h"

#include "base/must.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json json_begin(struct buf *out)
{
    return (struct json){.out = out};
}

static void add_escape(struct buf *out, unsigned char c)
{
    static const char *const shorts[] = {
        ['\b'] = "\\b",
        ['\t'] = "\\t",
        ['\n'] = "\\n",
        ['\f'] = "\\f",
        ['\r'] = "\\r",
        ['"'] = "\\\"",
        ['\\'] = "\\\\",
    };

    if (c < COUNT(shorts) && shorts[c] != NULL)
        buf_add_text(out, shorts[c]);
    else
        buf_format(out, "\\u%04x", c);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void add_valid(struct buf *out, struct str text)
{
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (is_plain((unsigned char)text.at[i]))
            continue;
        buf_add(out, text.at + from, i - from);
        add_escape(out, (unsigned char)text.at[i]);
        from = i + 1;
    }
    buf_add(out, text.at + from, text.len - from);
}

static bool is_all_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_plain((unsigned char)text.at[i]) || (unsigned char)text.at[i] >= 0x80)
            return false;
    return true;
}

void json_quote(struct buf *out, struct str text)
{
    if (is_all_plain(text)) {
        buf_add_byte(out, '"');
        buf_add_str(out, text);
        buf_add_byte(out, '"');
        return;
    }
    buf_add_byte(out, '"');
    while (text.len > 0) {
        size_t valid = str_utf8_valid(text);
        add_valid(out, (struct str){.at = text.at, .len = valid});
        text = str_tail(text, valid);
        if (text.len > 0) {
            buf_add_text(out, "\xef\xbf\xbd");
            text = str_tail(text, 1);
        }
    }
    buf_add_byte(out, '"');
}

/* The comma and the key that stand before a value. */
static void open_value(struct json *j, struct str key)
{
    bool in_object = j->depth > 0 && j->closer[j->depth] == '}';

    if (key.at == NULL && j->depth > 0 && j->closer[j->depth] == ':') {
        j->depth--; /* json_str_key has written comma and key */
        return;
    }
    must(in_object == (key.at != NULL));
    if (j->started[j->depth])
        buf_add_byte(j->out, ',');
    j->started[j->depth] = true;
    if (key.at != NULL) {
        json_quote(j->out, key);
        buf_add_byte(j->out, ':');
    }
}

static struct str key_of(const char *key)
{
    return key != NULL ? str_from(key) : (struct str){0};
}

static void push(struct json *j, char closer)
{
    must(j->depth < JSON_DEPTH_MAX);
    j->depth++;
    j->started[j->depth] = false;
    j->closer[j->depth] = closer;
}

void json_str_key(struct json *j, struct str key)
{
    open_value(j, key);
    push(j, ':');
}

void json_open_object(struct json *j, const char *key)
{
    open_value(j, key_of(key));
    buf_add_byte(j->out, '{');
    push(j, '}');
}

void json_open_array(struct json *j, const char *key)
{
    open_value(j, key_of(key));
    buf_add_byte(j->out, '[');
    push(j, ']');
}

void json_end(struct json *j)
{
    must(j->depth > 0 && j->closer[j->depth] != ':');
    buf_add_byte(j->out, j->closer[j->depth]);
    j->depth--;
}

void json_str(struct json *j, const char *key, struct str value)
{
    open_value(j, key_of(key));
    json_quote(j->out, value);
}

void json_text(struct json *j, const char *key, const char *value)
{
    if (value == NULL)
        json_add_null(j, key);
    else
        json_str(j, key, str_from(value));
}

void json_format(struct json *j, const char *key, const char *fmt, ...)
{
    struct buf text = BUF_INIT(1 << 20);
    va_list args;

    va_start(args, fmt);
    buf_format_list(&text, fmt, args);
    va_end(args);
    json_str(j, key, buf_str(&text));
    buf_fini(&text);
}

void json_int(struct json *j, const char *key, int64_t value)
{
    open_value(j, key_of(key));
    buf_format(j->out, "%lld", (long long)value);
}

void json_number(struct json *j, const char *key, double value)
{
    char text[40];

    if (!isfinite(value)) {
        json_add_null(j, key);
        return;
    }
    open_value(j, key_of(key));
    (void)snprintf(text, sizeof text, "%.0f", value);
    if (fabs(value) < 1e15 && strtod(text, NULL) == value) {
        buf_add_text(j->out, text);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) { /* the shortest text that reads back the same */
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_add_text(j->out, text);
}

void json_bool(struct json *j, const char *key, bool value)
{
    open_value(j, key_of(key));
    buf_add_text(j->out, value ? "true" : "false");
}

void json_add_null(struct json *j, const char *key)
{
    open_value(j, key_of(key));
    buf_add_text(j->out, "null");
}

void json_raw(struct json *j, const char *key, struct str value)
{
    open_value(j, key_of(key));
    buf_add_str(j->out, value);
}
