/* interpolate.h - variables in the texts of a tree, as Compose replaces them.
 *
 *     $NAME ${NAME}                the value; unset: a warning, and empty
 *     ${NAME:-text} ${NAME-text}   `text` if NAME is unset (or empty, with the colon)
 *     ${NAME:+text} ${NAME+text}   `text` if NAME is set (and not empty), else empty
 *     ${NAME:?text} ${NAME?text}   an error that says `text` if NAME is unset (or empty)
 *     $$                           one $
 *     ${services.NAME.url}         another service's address (also .host and .port)
 *     ${files.NAME.path}           where a resource of a registered kind (fields.h) lies
 *     ${var.NAME}                  a variable of the project: variables.c puts its value in
 *
 * `text` may hold variables itself. Values of scalars are replaced, keys are not. A reference to a
 * service cannot be replaced before its ports are known: the text then holds REFERENCE_OPEN,
 * "services.NAME.url", REFERENCE_CLOSE, and its node has `has_reference` set;
 * interpolate_references does the rest. One thread at a time. */
#ifndef TEND_SPEC_INTERPOLATE_H
#define TEND_SPEC_INTERPOLATE_H

#include "spec/diagnostic.h"
#include "spec/node.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>

#define INTERPOLATE_TEXT_BYTES_MAX (1u << 20)  /* one text */
#define INTERPOLATE_ALL_BYTES_MAX  (64u << 20) /* all texts of a run */
#define INTERPOLATE_DEPTH_MAX      16          /* variables in defaults of variables */

#define REFERENCE_OPEN             '\x01'
#define REFERENCE_CLOSE            '\x02'

/* NULL: unset. `name` is terminated. */
typedef const char *(*variable_fn)(void *context, const char *name);

struct interpolation {
    struct arena *arena;
    struct diagnostics *diagnostics;
    variable_fn variable;
    void *context;
    struct map warned; /* names that were unset: each is told once */
    size_t bytes;      /* of all texts so far */
};

void interpolation_fini(struct interpolation *i);

/* Replace in all scalars below `n`, in place. */
void interpolate_tree(struct interpolation *i, struct node *n);
/* Replace in one text that stands at `span` of a source, which need not hold it byte by byte.
 * False after a diagnostic. `out_reference` tells whether a reference is left; it may be NULL where
 * references are no use and so an error. */
bool interpolate_text(struct interpolation *i, const struct span *span, struct str text,
    struct buf *out, bool *out_reference);

/* The text of a reference such as "services.api.url", in the arena; NULL after it added a
 * diagnostic. */
typedef const char *(*reference_fn)(void *context, const struct span *span, struct str reference);
/* Replace the references below `n`, in place. */
void interpolate_references(struct arena *a, struct node *n, reference_fn reference, void *context);

#endif
