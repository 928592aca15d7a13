/* project_name.h - which project a command means, without loading its file.
 *
 * `tend status` must work while tend.yaml is being edited and broken, so this reads no YAML: it
 * looks for a `name:` at the start of a line, as Compose's files have it, and otherwise takes the
 * folder's name. Only a file that declares environments is read as YAML; a broken one then counts
 * as having none. Values that need YAML or variables to be understood are left to spec/ (then the
 * folder's name would be wrong: such a project is named with -p). */
#ifndef TEND_CLI_PROJECT_NAME_H
#define TEND_CLI_PROJECT_NAME_H

#include "base/err.h"
#include "io/paths.h"

/* How the text of that failure begins. */
#define PROJECT_FILE_MISSING "no tend.yaml or compose.yaml"

/* The first of tend.yaml, tend.yml, compose.yaml, … in `dir` or a folder above it; ERR_MISSING. */
MUST_USE bool project_file_find(char out[PATHS_BYTES], const char *dir, struct err *err);
/* What the invocation says. */
struct project_wish {
    const char *const *files; /* that make the project; may be none if there is a name */
    size_t file_count;
    const char *name;        /* -p, COMPOSE_PROJECT_NAME; NULL: what the files or the folder say */
    const char *environment; /* --env, TEND_ENV; NULL: what the files say */
};
/* The name of the project, with its environment's. */
MUST_USE bool project_name_find(
    char out[PATHS_PROJECT_BYTES], const struct project_wish *wish, struct err *err);
/* The value of the first top-level `name:` in the text; false if there is none that is plain. */
bool project_name_scan(struct str text, struct str *out);

#endif
