// The digits come from std::to_chars (Ryu: shortest, and exact), the layout is ours.
#include "base/decimal.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <strings.h>

namespace
{
struct digits {
    char at[24];
    int count;    // digits, without a point
    int exponent; // of the first digit: 1.5 has 0
    bool negative;
};

digits digits_of(double value)
{
    char text[48];
    digits d = {{0}, 0, 0, false};
    auto end = std::to_chars(text, text + sizeof text - 1, value, std::chars_format::scientific);
    const char *p = text;

    *end.ptr = '\0';
    if (*p == '-') {
        d.negative = true;
        p++;
    }
    for (; *p != '\0' && *p != 'e'; p++)
        if (*p != '.')
            d.at[d.count++] = *p;
    if (*p == 'e')
        d.exponent = (int)std::strtol(p + 1, nullptr, 10);
    return d;
}

bool special(double value, char *out, size_t *len)
{
    const char *text = std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

    if (std::isfinite(value))
        return false;
    *len = std::strlen(text);
    std::memcpy(out, text, *len + 1);
    return true;
}

size_t lay_out_f(const digits &d, char *out)
{
    char *p = out;

    if (d.negative)
        *p++ = '-';
    if (d.exponent < 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = -1; i > d.exponent; i--)
            *p++ = '0';
        std::memcpy(p, d.at, (size_t)d.count);
        p += d.count;
    } else {
        for (int i = 0; i <= d.exponent || i < d.count; i++) {
            if (i == d.exponent + 1)
                *p++ = '.';
            *p++ = i < d.count ? d.at[i] : '0';
        }
    }
    *p = '\0';
    return (size_t)(p - out);
}

size_t lay_out_e(const digits &d, char *out)
{
    char *p = out;

    if (d.negative)
        *p++ = '-';
    *p++ = d.at[0];
    if (d.count > 1) {
        *p++ = '.';
        std::memcpy(p, d.at + 1, (size_t)d.count - 1);
        p += d.count - 1;
    }
    p += std::snprintf(p, 8, "e%c%02d", d.exponent < 0 ? '-' : '+', std::abs(d.exponent));
    return (size_t)(p - out);
}

// Most samples are whole numbers: those need no search for the shortest digits.
bool small_integer(double value, char *out, size_t *len)
{
    if (!(std::fabs(value) < 1e15) || value != std::trunc(value) ||
        (value == 0 && std::signbit(value)))
        return false;
    auto end = std::to_chars(out, out + 24, (int64_t)value);
    *end.ptr = '\0';
    *len = (size_t)(end.ptr - out);
    return true;
}
} // namespace

size_t decimal_format_f(double value, char out[DECIMAL_TEXT_BYTES])
{
    size_t len;

    if (small_integer(value, out, &len) || special(value, out, &len))
        return len;
    return lay_out_f(digits_of(value), out);
}

size_t decimal_format_e(double value, char out[DECIMAL_TEXT_BYTES])
{
    size_t len;

    return special(value, out, &len) ? len : lay_out_e(digits_of(value), out);
}

size_t decimal_format_g(double value, char out[DECIMAL_TEXT_BYTES])
{
    size_t len;

    if (special(value, out, &len))
        return len;
    digits d = digits_of(value);
    return d.exponent < -4 || d.exponent >= 21 ? lay_out_e(d, out) : lay_out_f(d, out);
}

size_t decimal_format_api(double value, char out[DECIMAL_TEXT_BYTES])
{
    double size = std::fabs(value);

    if (size != 0 && (size < 1e-6 || size >= 1e21))
        return decimal_format_e(value, out);
    return decimal_format_f(value, out);
}

static bool parse_word(struct str text, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"inf", INFINITY}, {"infinity", INFINITY}, {"nan", NAN}};
    bool sign = text.len > 0 && (text.at[0] == '+' || text.at[0] == '-');
    const char *at = text.at + sign;
    size_t len = text.len - sign;

    for (const auto &w : words) {
        if (len != std::strlen(w.word) || strncasecmp(at, w.word, len) != 0)
            continue;
        if (sign && std::isnan(w.value))
            return false;
        *out = sign && text.at[0] == '-' ? -w.value : w.value;
        return true;
    }
    return false;
}

// Digits may be parted by single underscores, each with a digit on either side.
static bool strip_underscores(const char *from, size_t len, char *to, size_t *out_len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (from[i] != '_') {
            to[n++] = from[i];
            continue;
        }
        if (i + 1 >= len || from[i + 1] == '_' || from[i + 1] == '.')
            return false;
    }
    *out_len = n;
    return true;
}

bool decimal_parse(struct str text, double *out)
{
    char plain[512];
    size_t len = text.len;
    const char *at = text.at;

    if (parse_word(text, out))
        return true;
    bool negative = len > 0 && *at == '-';
    if (len > 0 && (*at == '+' || *at == '-')) {
        at++;
        len--;
    }
    bool hexadecimal = len > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    if (hexadecimal) {
        at += 2;
        len -= 2;
        if (len >= sizeof plain || !strip_underscores(at, len, plain, &len))
            return false;
        at = plain;
        if (std::memchr(at, 'p', len) == nullptr && std::memchr(at, 'P', len) == nullptr)
            return false; // Go demands the exponent
    }
    if (len == 0 || !(*at == '.' || (*at >= '0' && *at <= '9') || hexadecimal) || *at == '-')
        return false;
    auto end = std::from_chars(
        at, at + len, *out, hexadecimal ? std::chars_format::hex : std::chars_format::general);
    if (end.ptr != at + len)
        return false;
    if (end.ec == std::errc::result_out_of_range) {
        // Too small is zero in Go, too large an error; from_chars tells both alike.
        char copy[600];
        if (len >= sizeof copy)
            return false;
        std::memcpy(copy, at, len);
        copy[len] = '\0';
        *out = std::strtod(copy, nullptr);
        if (std::isinf(*out))
            return false;
    } else if (end.ec != std::errc()) {
        return false;
    }
    if (negative)
        *out = -*out;
    return true;
}
