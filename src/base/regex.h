/* regex.h - regular expressions in linear time, by RE2.
 *
 * The syntax is RE2's (github.com/google/re2/wiki/Syntax), which Prometheus and Loki users know; a
 * stranger's pattern can neither backtrack for ever nor outgrow the memory it is given. Matching is
 * anchored at both ends (but for regex_search) and `.` matches line ends too, as in PromQL. A
 * compiled expression is immutable: any thread may match with it. */
#ifndef TEND_BASE_REGEX_H
#define TEND_BASE_REGEX_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* What one expression may take, program and caches together. */
#define REGEX_MEMORY_BYTES_MAX (1u << 20)
#define REGEX_GROUPS_MAX       32

struct regex;

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, and ERR_INVALID with RE2's reason or ERR_LIMIT for an expression that needs too much. */
struct regex *regex_compile(struct str pattern, struct err *err);
void regex_free(struct regex **r);
bool regex_match(const struct regex *r, struct str text);
/* Whether some part of the text matches. */
bool regex_search(const struct regex *r, struct str text);
/* Fills groups[0] (the whole) to groups[count - 1]; a group that took no part has at == NULL.
 * Groups that the expression does not have are such too. */
bool regex_match_groups(const struct regex *r, struct str text, struct str *groups, size_t count);
/* Capturing groups of the expression, without the whole. */
size_t regex_group_count(const struct regex *r);
/* The number of the group of that name; -1 if there is none. */
int regex_group_named(const struct regex *r, struct str name);

#ifdef __cplusplus
}
#endif

#endif
