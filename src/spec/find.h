/* find.h - which files make the project, as Compose finds them. Blocks on the disk. */
#ifndef TEND_SPEC_FIND_H
#define TEND_SPEC_FIND_H

#include "spec/diagnostic.h"
#include "spec/interpolate.h"

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

struct found_file {
    const char *path;  /* absolute, "-" for standard input */
    const char *shown; /* as the user would write it */
};

#define FIND_FILES_MAX 64

/* The files that were named; or those of COMPOSE_FILE; or the first of tend.yaml, tend.yml,
 * compose.yaml, compose.yml, docker-compose.yaml, docker-compose.yml in `dir` or a folder above it,
 * with its `.override.` beside it. Zero after a diagnostic. */
size_t find_files(struct arena *a, const char *dir, const char *const *named, size_t named_count,
    const char *compose_file, struct found_file out[FIND_FILES_MAX], struct diagnostics *d);

/* A folder's name as the name of a project: lower case, what does not fit left out; "" if nothing
 * is left. */
const char *find_project_name(struct arena *a, const char *dir);

#endif
