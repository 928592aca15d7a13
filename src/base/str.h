/* str.h - text that somebody else owns.
 *
 * `struct str` is a pointer and a length: borrowed, not terminated, may hold any byte. Print one
 * with "%.*s", STR_ARG(s). Any thread. */
#ifndef TEND_BASE_STR_H
#define TEND_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *at;
    size_t len;
};

#define STR(literal)                                 \
    (struct str)                                     \
    {                                                \
        .at = "" literal, .len = sizeof(literal) - 1 \
    }
#define STR_ARG(s) (int)(s).len, (s).at

/* NULL gives the empty text. */
struct str str_from(const char *terminated);
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *terminated);
/* <0, 0, >0 by bytes, a prefix first. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str text, const char *prefix);
bool str_ends(struct str text, const char *suffix);
/* Without blanks, tabs and line ends on both sides. */
struct str str_trim(struct str text);
/* Index of the first `byte`, or -1. */
ptrdiff_t str_find(struct str text, char byte);
/* Index of the first `needle`, or -1. */
ptrdiff_t str_find_text(struct str text, struct str needle);
/* Cut `rest` at the first `byte`: returns what is before it and leaves what is behind it; without
 * that byte returns all and leaves nothing. */
struct str str_cut(struct str *rest, char byte);
/* From `from` to the end; an index past the end gives the empty text. */
struct str str_tail(struct str text, size_t from);

/* The whole text as a decimal number; false if it is anything else or does not fit. */
bool str_to_int(struct str text, int64_t *out) __attribute__((warn_unused_result));
bool str_to_uint(struct str text, uint64_t *out) __attribute__((warn_unused_result));

/* Damerau-Levenshtein distance (adjacent swaps count one), for "did you mean"; texts over 63 bytes
 * are never near anything and give SIZE_MAX. */
size_t str_distance(struct str a, struct str b);
/* The candidate nearest to `typed` within a third of its length (at least 1), or NULL. */
const char *str_nearest(struct str typed, const char *const *candidates, size_t count);

/* The number of bytes of `text`, from its start, that are valid UTF-8 (RFC 3629). */
size_t str_utf8_valid(struct str text);

#endif
