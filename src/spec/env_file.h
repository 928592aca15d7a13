/* env_file.h - `NAME=value` files: `.env` and `env_file`, in the format that Compose reads.
 *
 *     # a comment
 *     export NAME=value            blanks around are cut; " # …" behind it is a comment
 *     NAME: value
 *     SINGLE='as it is'            may span lines
 *     DOUBLE="a\n${NAME}"          escapes and variables; may span lines
 *     INHERITED                    the value that the variable has where tend is called
 *
 * Variables in values see the earlier names of the same file first, then `run->variable`. */
#ifndef TEND_SPEC_ENV_FILE_H
#define TEND_SPEC_ENV_FILE_H

#include "spec/diagnostic.h"
#include "spec/interpolate.h"
#include "spec/node.h"

#define ENV_FILE_BYTES_MAX (1u << 20)

/* A map from name to text, in run->arena; a later line of a name wins. Names without a value are
 * looked up by `run->variable` and left out if unset. Problems become diagnostics. */
struct node *env_file_read(struct interpolation *run, const struct source *source, struct str text);
/* The same without quotes, escapes, variables and comments behind values (format: raw): a line is
 * NAME=value, blank, or a comment. */
struct node *env_file_read_raw(
    struct interpolation *run, const struct source *source, struct str text);

#endif
