/* codes.h - every kind of finding, one row each: what `tend explain CODE` says.
 *
 * A diagnostic's `code` names its kind for people and programs and never changes its meaning. Each
 * row brings a wrong file that gives the code and one that says the same in the right way; both are
 * loaded in a test. Constants; any thread. */
#ifndef TEND_SPEC_CODES_H
#define TEND_SPEC_CODES_H

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

#include <stddef.h>

struct code {
    const char *name;        /* "unknown-key" */
    const char *title;       /* one line, no full stop */
    const char *explanation; /* a few plain sentences; lines end with \n, but for the last */
    const char *wrong;       /* a tend.yaml that gives it */
    const char *right;       /* one without it */
};

extern const struct code codes[];
extern const size_t code_count;

/* NULL if there is none of that name. */
const struct code *code_find(struct str name);
/* The name nearest to what was typed, or NULL. */
const char *code_nearest(struct str typed);

/* For a terminal; as an object of `j`; as docs/reference/diagnostics.md. */
void code_write(const struct code *code, struct buf *out);
void code_write_json(const struct code *code, const char *key, struct json *j);
void codes_write_reference(struct buf *out);

#endif
