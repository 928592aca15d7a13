#include "io/http_target.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes `piece`, which lies in the target's own text, where it is: it only gets shorter. */
static bool decode(struct str *piece, bool plus_is_blank, struct err *err)
{
    char *at = (char *)piece->at;
    size_t len = 0;

    for (size_t i = 0; i < piece->len; i++) {
        char c = at[i];
        if (c == '%') {
            int high = i + 2 < piece->len ? hex_digit(at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(at[i + 2]) : -1;
            if (low < 0)
                return err_set(err, ERR_INVALID, "'%%' needs two hexadecimal digits behind it");
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c == '\0')
            return err_set(err, ERR_INVALID, "an encoded zero byte");
        at[len++] = c;
    }
    piece->len = len;
    if (str_utf8_valid(*piece) != len)
        return err_set(err, ERR_INVALID, "not UTF-8");
    return true;
}

static bool parse_path(struct http_target *t, struct str path, struct err *err)
{
    path = str_tail(path, 1); /* the slash in front */
    if (path.len == 0)
        return true;
    for (bool more = true; more;) {
        more = str_find(path, '/') >= 0;
        struct str segment = str_cut(&path, '/');
        if (t->segment_count == HTTP_SEGMENTS_MAX)
            return err_set(err, ERR_INVALID, "more than %d segments", HTTP_SEGMENTS_MAX);
        TRY(decode(&segment, false, err));
        if (str_is(segment, ".") || str_is(segment, ".."))
            return err_set(err, ERR_INVALID, "dot segments are not followed");
        t->segments[t->segment_count++] = segment;
    }
    return true;
}

static bool parse_query(struct http_target *t, struct str query, struct err *err)
{
    while (query.len > 0) {
        struct str value = str_cut(&query, '&');
        if (value.len == 0)
            continue;
        struct str name = str_cut(&value, '=');
        if (t->parameter_count == HTTP_PARAMETERS_MAX)
            return err_set(err, ERR_INVALID, "more than %d parameters", HTTP_PARAMETERS_MAX);
        TRY(decode(&name, true, err));
        TRY(decode(&value, true, err));
        t->parameters[t->parameter_count++] = (struct http_parameter){.name = name, .value = value};
    }
    return true;
}

static bool check_bytes(struct str raw, struct err *err)
{
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.at[i];
        if (c <= 0x20 || c == 0x7f || c == '#')
            return err_set(err, ERR_INVALID, "byte 0x%02x", c);
    }
    return true;
}

bool http_target_parse(struct http_target *out, struct str raw, struct err *err)
{
    out->segment_count = out->parameter_count = 0;
    if (raw.len >= sizeof out->text) {
        (void)err_set(err, ERR_LIMIT, "over %zu bytes", sizeof out->text - 1);
        return err_in(err, "request target");
    }
    if (raw.len == 0 || raw.at[0] != '/') {
        (void)err_set(err, ERR_INVALID, "does not begin with '/'");
        return err_in(err, "request target");
    }
    memcpy(out->text, raw.at, raw.len);
    out->text[raw.len] = '\0';
    struct str query = {.at = out->text, .len = raw.len};
    struct str path = str_cut(&query, '?');
    if (!check_bytes(raw, err) || !parse_path(out, path, err) || !parse_query(out, query, err))
        return err_in(err, "request target");
    return true;
}

struct str http_target_parameter(const struct http_target *t, const char *name)
{
    for (size_t i = 0; i < t->parameter_count; i++)
        if (str_is(t->parameters[i].name, name))
            return t->parameters[i].value;
    return (struct str){0};
}
