#include "base/str.h"

#include <errno.h>
#include <string.h>

struct str str_from(const char *terminated)
{
    if (terminated == NULL)
        return STR("");
    return (struct str){.at = terminated, .len = strlen(terminated)};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_is(struct str a, const char *terminated)
{
    return str_eq(a, str_from(terminated));
}

int str_cmp(struct str a, struct str b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both > 0 ? memcmp(a.at, b.at, both) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && (len == 0 || memcmp(text.at, prefix, len) == 0);
}

bool str_ends(struct str text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len >= len && (len == 0 || memcmp(text.at + text.len - len, suffix, len) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str text)
{
    while (text.len > 0 && is_blank(text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

ptrdiff_t str_find(struct str text, char byte)
{
    const char *hit = text.len > 0 ? memchr(text.at, byte, text.len) : NULL;

    return hit != NULL ? hit - text.at : -1;
}

ptrdiff_t str_find_text(struct str text, struct str needle)
{
    if (needle.len == 0)
        return 0;
    const char *hit = text.len > 0 ? memmem(text.at, text.len, needle.at, needle.len) : NULL;

    return hit != NULL ? hit - text.at : -1;
}

struct str str_tail(struct str text, size_t from)
{
    if (from > text.len)
        from = text.len;
    return (struct str){.at = text.at + from, .len = text.len - from};
}

struct str str_cut(struct str *rest, char byte)
{
    ptrdiff_t at = str_find(*rest, byte);
    struct str head = *rest;

    if (at < 0) {
        *rest = str_tail(*rest, rest->len);
        return head;
    }
    head.len = (size_t)at;
    *rest = str_tail(*rest, (size_t)at + 1);
    return head;
}

bool str_to_uint(struct str text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_to_int(struct str text, int64_t *out)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    uint64_t value;

    if (!str_to_uint(negative ? str_tail(text, 1) : text, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

#define DISTANCE_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

size_t str_distance(struct str a, struct str b)
{
    size_t rows[3][DISTANCE_MAX]; /* the row before last, the last, this one */
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    if (a.len >= DISTANCE_MAX || b.len >= DISTANCE_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = a.at[i - 1] == b.at[j - 1] ? 0 : 1;
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b.len];
}

const char *str_nearest(struct str typed, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = typed.len / 3 > 0 ? typed.len / 3 : 1;

    for (size_t i = 0; i < count; i++) {
        size_t distance = str_distance(typed, str_from(candidates[i]));
        if (distance <= best_distance && (best == NULL || distance < best_distance)) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}

/* Length of the sequence that starts with `c`, and the least code point it may encode. */
static size_t sequence_length(unsigned char c, uint32_t *bits, uint32_t *least)
{
    if (c < 0x80) {
        *bits = c;
        *least = 0;
        return 1;
    }
    if ((c & 0xe0) == 0xc0) {
        *bits = c & 0x1fu;
        *least = 0x80;
        return 2;
    }
    if ((c & 0xf0) == 0xe0) {
        *bits = c & 0x0fu;
        *least = 0x800;
        return 3;
    }
    if ((c & 0xf8) == 0xf0) {
        *bits = c & 0x07u;
        *least = 0x10000;
        return 4;
    }
    return 0;
}

size_t str_utf8_valid(struct str text)
{
    const unsigned char *bytes = (const unsigned char *)text.at;
    size_t i = 0;

    while (i < text.len) {
        uint32_t code, least;

        if (bytes[i] < 0x80) {
            i++;
            continue;
        }
        size_t len = sequence_length(bytes[i], &code, &least);
        if (len == 0 || text.len - i < len)
            return i;
        for (size_t k = 1; k < len; k++) {
            if ((bytes[i + k] & 0xc0) != 0x80)
                return i;
            code = code << 6 | (bytes[i + k] & 0x3fu);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return i;
        i += len;
    }
    return i;
}
