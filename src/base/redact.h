/* redact.h - secrets are found by their value, in whatever form they are printed, and replaced.
 *
 *     redact_learn(values) ──▶ a table of patterns ──▶ redact(text) ──▶ text with *** in their
 * place
 *
 * Of each value these forms are known: as it is; base64, also where it stands within something
 * longer (all three alignments), padded or not, with either alphabet; hexadecimal in either case;
 * percent-encoded as in URLs, whatever is encoded; and escaped as in JSON. Of a value with several
 * lines each line that is long enough is a value too, but for PEM's marks. A value that is cut off
 * after REDACT_HEAD_BYTES or later is found as well.
 *
 * Values shorter than REDACT_BYTES_MIN are not looked for: they would be found everywhere. Who
 * learns a value sees to it that it is no word that stands in names.
 *
 * A table is constant once it is made. What the process has learned is one table, replaced whole by
 * a larger one; the old ones are kept, since a reader may be within. Reading takes no lock;
 * learning takes one of its own. Any thread.
 *
 * How: patterns are sorted; an index leads from the first six bytes of the text to the patterns
 * that begin so, a filter of bits in front of it. From there the range is narrowed byte by byte, up
 * to REDACT_HEAD_BYTES; so it takes linear time whatever the text and the values. */
#ifndef TEND_BASE_REDACT_H
#define TEND_BASE_REDACT_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define REDACT_BYTES_MIN      6u
#define REDACT_LINE_BYTES_MIN 16u
#define REDACT_HEAD_BYTES     64u
#define REDACT_VALUES_MAX     50000u     /* that one process learns */
#define REDACT_ALL_BYTES_MAX  (8u << 20) /* of them together */
#define REDACT_MARK           "***"

struct redactor;

/* Copies the values; those that are too short are passed over. */
struct redactor *redactor_create(const struct str *values, size_t count);
void redactor_destroy(struct redactor **r);
/* Whether a value stands in the text as it is; which one. */
bool redactor_find(const struct redactor *r, struct str text, size_t *out_value);
/* Sets out_found[i] for every value i that stands in the text as it is, with its first
 * REDACT_HEAD_BYTES if it is longer. */
void redactor_find_all(const struct redactor *r, struct str text, bool *out_found);
/* Appends the text, with a mark for each stretch that is secret. */
void redactor_write(const struct redactor *r, struct str text, struct buf *out);

/* What the process knows: false if that would be more than it may learn; then nothing is learned.
 */
bool redact_learn(const struct str *values, size_t count);
/* Whether there is anything to be found in it. Quick where nothing was learned. */
bool redact_needed(struct str text);
/* Appends the text, redacted. */
void redact_write(struct str text, struct buf *out);
/* What `out` holds from `from` on. */
void redact_rest(struct buf *out, size_t from);
/* A terminated text in place; one that grows past `bytes` is cut. */
void redact_text(char *text, size_t bytes);

#endif
