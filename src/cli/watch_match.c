#include "cli/watch_match.h"

#include "base/must.h"
#include "base/str.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* As Compose has them: version control, and what editors write beside a file. */
static const char *const always_ignored[] = {
    ".git", ".hg", ".svn", "*.swp", "*.swx", "*~", "4913", ".#*", "#*#", "___jb_*___"};

/* One component against one of the pattern's. */
static bool part_matches(struct str pattern, struct str part)
{
    char p[256], t[256];

    if (pattern.len >= sizeof p || part.len >= sizeof t)
        return false;
    (void)snprintf(p, sizeof p, "%.*s", STR_ARG(pattern));
    (void)snprintf(t, sizeof t, "%.*s", STR_ARG(part));
    return fnmatch(p, t, 0) == 0;
}

/* The pattern is used up: what is left of the path lies below it. `**` is bounded by its depth. */
static bool parts_match(struct str pattern, struct str path, int depth)
{
    struct str rest = pattern, part = str_cut(&rest, '/');

    if (pattern.len == 0)
        return true;
    if (str_is(part, "**") && depth < 8) {
        struct str below = path;
        for (;;) {
            if (parts_match(rest, below, depth + 1))
                return true;
            if (below.len == 0)
                return false;
            (void)str_cut(&below, '/');
        }
    }
    if (path.len == 0)
        return false;
    struct str first = str_cut(&path, '/');
    return part_matches(part, first) && parts_match(rest, path, depth);
}

bool watch_pattern_matches(const char *pattern, const char *path)
{
    struct str p = str_from(pattern), rest = str_from(path);
    bool anchored;

    if (str_starts(p, "./"))
        p = str_tail(p, 2);
    while (p.len > 0 && p.at[p.len - 1] == '/')
        p.len--;
    anchored = str_find(p, '/') >= 0;
    if (str_starts(p, "/"))
        p = str_tail(p, 1);
    if (p.len == 0)
        return false;
    if (anchored)
        return parts_match(p, rest, 0);
    while (rest.len > 0)
        if (part_matches(p, str_cut(&rest, '/')))
            return true;
    return false;
}

static bool any_matches(const char *const *patterns, size_t count, const char *path)
{
    for (size_t i = 0; patterns != NULL && i < count && patterns[i] != NULL; i++)
        if (watch_pattern_matches(patterns[i], path))
            return true;
    return false;
}

bool watch_counts(const struct service_watch *w, const char *path, bool is_dir)
{
    size_t length = strlen(w->path);

    if (strncmp(path, w->path, length) != 0 || (path[length] != '\0' && path[length] != '/'))
        return false;
    const char *below = path[length] == '/' ? path + length + 1 : "";
    if (below[0] == '\0')
        return true;
    if (any_matches(always_ignored, COUNT(always_ignored), below) ||
        any_matches(w->ignore, SIZE_MAX, below))
        return false;
    return is_dir || w->include == NULL || w->include[0] == NULL ||
           any_matches(w->include, SIZE_MAX, below);
}
