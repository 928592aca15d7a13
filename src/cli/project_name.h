/* project_name.h - which project a command means, without loading its file.
 *
 * `tend status` must work while tend.yaml is being edited and broken, so this reads no YAML: it
 * looks for a `name:` at the start of a line, as Compose's files have it, and otherwise takes the
 * folder's name. Values that need YAML or variables to be understood are left to spec/ (then the
 * folder's name would be wrong: such a project is named with -p). */
#ifndef TEND_CLI_PROJECT_NAME_H
#define TEND_CLI_PROJECT_NAME_H

#include "base/err.h"
#include "io/paths.h"

/* How the text of that failure begins. */
#define PROJECT_FILE_MISSING "no tend.yaml or compose.yaml"

/* The first of tend.yaml, tend.yml, compose.yaml, … in `dir` or a folder above it; ERR_MISSING. */
MUST_USE bool project_file_find(char out[PATHS_BYTES], const char *dir, struct err *err);
/* The name of the project that `file` declares. */
MUST_USE bool project_name_of_file(
    char out[PATHS_PROJECT_BYTES], const char *file, struct err *err);
/* The value of the first top-level `name:` in the text; false if there is none that is plain. */
bool project_name_scan(struct str text, struct str *out);

#endif
