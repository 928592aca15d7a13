/* Numbers, durations and strings as PromQL writes them. */
#include "base/decimal.h"
#include "observe/promql/parse_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

/* A whole number as Go writes them: 0x1F, 0b1, 0o7, 017, 1_000. */
static bool read_integer(struct str text, double *out)
{
    int base = 10;
    uint64_t value = 0;
    size_t i = 0;

    if (text.len > 1 && text.at[0] == '0') {
        char kind = text.at[1] | 0x20;
        base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
        i = kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1;
    }
    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        if (text.at[i] == '_' && i + 1 < text.len && text.at[i + 1] != '_')
            continue;
        int digit = digit_value(text.at[i]);
        if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value) || value > INT64_MAX)
            return false;
    }
    *out = (double)value;
    return true;
}

bool literal_number(struct str text, double *out)
{
    return read_integer(text, out) || decimal_parse(text, out);
}

/* ---- durations ---- */

bool literal_duration(struct str text, double *out_seconds, const char **why)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"y",  INT64_C(365) * 86400000},
        {"w",  INT64_C(7) * 86400000  },
        {"d",  86400000               },
        {"h",  3600000                },
        {"m",  60000                  },
        {"s",  1000                   },
        {"ms", 1                      }
    };
    size_t next_unit = 0;
    int64_t total = 0;

    *why = "not a valid duration string";
    while (text.len > 0) {
        size_t digits = 0, letters = 0, u = next_unit;
        int64_t value;
        while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
            digits++;
        while (digits + letters < text.len &&
               (text.at[digits + letters] < '0' || text.at[digits + letters] > '9'))
            letters++;
        struct str unit = {text.at + digits, letters};
        while (u < sizeof units / sizeof *units && !str_is(unit, units[u].unit))
            u++;
        if (u == sizeof units / sizeof *units || digits == 0)
            return false;
        if (!str_to_int((struct str){text.at, digits}, &value) ||
            __builtin_mul_overflow(value, units[u].ms, &value) ||
            __builtin_add_overflow(total, value, &total) || total > INT64_MAX / 1000000) {
            *why = "duration out of range";
            return false;
        }
        next_unit = u + 1;
        text = str_tail(text, digits + letters);
    }
    *out_seconds = (double)total / 1000;
    return true;
}

/* ---- strings ---- */

static size_t put_utf8(char *out, uint32_t rune)
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    size_t more = rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | (rune >> (6 * more)));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | ((rune >> (6 * (more - i))) & 0x3f));
    return more + 1;
}

/* What stands for a backslash sequence at `*at` (behind the backslash); 0 bytes if it is wrong. */
static size_t unescape(struct str text, size_t *at, char quote, char out[4], char why[96])
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    char c = *at < text.len ? text.at[*at] : '\0';
    const char *known = c != '\0' ? strchr(letters, c) : NULL;
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : c >= '0' && c <= '7' ? 3 : 0;
    int base = digits == 3 ? 8 : 16;
    uint32_t value = 0;

    if (known != NULL || (c == quote && c != '\0')) {
        *at += 1;
        out[0] = known != NULL ? values[known - letters] : c;
        return 1;
    }
    if (digits == 0) {
        (void)snprintf(why, 96, "unknown escape sequence U+%04X '%c'", (unsigned char)c, c);
        return 0;
    }
    *at += base == 16;
    for (size_t i = 0; i < digits; i++, *at += 1) {
        int digit = *at < text.len ? digit_value(text.at[*at]) : 99;
        if (digit >= base) {
            (void)snprintf(why, 96, "illegal character in escape sequence");
            return 0;
        }
        value = value * (uint32_t)base + (uint32_t)digit;
    }
    bool byte = c == 'x' || base == 8;
    if (byte ? value > 255 : value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
        (void)snprintf(why, 96, "escape sequence is an invalid Unicode code point");
        return 0;
    }
    if (!byte)
        return put_utf8(out, value);
    out[0] = (char)value;
    return 1;
}

bool literal_unquote(struct arena *a, struct str quoted, struct str *out, char why[96])
{
    char quote = quoted.at[0];
    struct str text = {quoted.at + 1, quoted.len - 2};
    char *made = arena_alloc(a, text.len + 1, 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len;) {
        if (quote == '`' || text.at[i] != '\\') {
            made[len++] = text.at[i++];
            continue;
        }
        char bytes[4];
        i++;
        size_t n = unescape(text, &i, quote, bytes, why);
        if (n == 0)
            return false;
        memcpy(made + len, bytes, n);
        len += n;
    }
    *out = (struct str){.at = made, .len = len};
    return true;
}
