/* completion.h - what a shell offers for the word under the cursor.
 *
 * The scripts that `tend completion SHELL` prints are thin: they hand the words typed so far to the
 * hidden `tend __complete`, which answers from the command table, one candidate a line:
 *
 *     restart<TAB>stop and start instances
 *
 * A line ":file" or ":dir" asks the shell for its own files. */
#ifndef TEND_CLI_COMPLETION_H
#define TEND_CLI_COMPLETION_H

#include "base/buf.h"
#include "cli/commands.h"

/* Adds the names that start with `prefix` and exist now, one a line; may do nothing. */
typedef void (*completion_names_fn)(
    void *data, enum completes what, struct str prefix, struct buf *out);

/* `words` is what was typed behind `tend`, the last one being completed ("" for a new one). */
void completion_candidates(
    const char *const *words, size_t count, completion_names_fn names, void *data, struct buf *out);
/* The script, or NULL for a shell that is not known. */
const char *completion_script(struct str shell);

#endif
