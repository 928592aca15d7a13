/* watch_match.h - which files count for a rule of develop.watch. Pure; any thread.
 *
 * Patterns are those of a .dockerignore: relative to the rule's path, `*`, `?` and `[…]` within a
 * component, `**` for any number of them; what matches a directory matches all below it. A pattern
 * without a slash counts at any depth, as in a .gitignore. */
#ifndef TEND_CLI_WATCH_MATCH_H
#define TEND_CLI_WATCH_MATCH_H

#include "spec/project.h"

#include <stdbool.h>

bool watch_pattern_matches(const char *pattern, const char *path);
/* `path` is absolute. `is_dir`: whether something in it may count. */
bool watch_counts(const struct service_watch *w, const char *path, bool is_dir);

#endif
