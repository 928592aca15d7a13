/* ignore.h - .dockerignore: what of a build's context is not sent.
 *
 * A line is a pattern as in Go's filepath.Match, with `**` for any number of folders, relative to
 * the context; `!` in front takes back what earlier lines left out, `#` starts a comment. The last
 * line that matches a path, or a folder above it, decides. Bounded: IGNORE_LINES_MAX lines of
 * IGNORE_LINE_BYTES_MAX; what is beyond is an error. Pure. */
#ifndef TEND_DRIVE_DOCKER_IGNORE_H
#define TEND_DRIVE_DOCKER_IGNORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define IGNORE_LINES_MAX      1000
#define IGNORE_LINE_BYTES_MAX 512

struct ignore {
    const struct ignore_rule *rules;
    size_t count;
    bool has_exceptions; /* folders that are left out must be looked into all the same */
};

MUST_USE bool ignore_read(struct arena *a, struct str text, struct ignore *out, struct err *err);
/* `path` has no slash at either end. */
bool ignore_matches(const struct ignore *ignore, struct str path);

#endif
