/* plan_file.h - a plan that is kept to be applied later, exactly as it was shown.
 *
 *     tend-plan 1 8f14e45f…                 format, and the SHA-256 of all that follows
 *     {"project":…,"made_at":…,"version":…,"digest":…,"seal":…,"observed":[…],
 *      "document":{…},"contents":{…}}       the resolved document, and what is in its configs and
 *                                           secrets: so 0600
 *
 * The hash finds damage and edits; the seal is the daemon's, made with the key of its state
 * directory, so that a plan of another project, or one whose hash was made to fit, is refused
 * there. `digest` covers the document and what was observed, `observed` names what has changed
 * since. One thread. */
#ifndef TEND_CLI_PLAN_FILE_H
#define TEND_CLI_PLAN_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "spec/project.h"

#include <jansson.h>

struct plan_part; /* cli/plan_view.h */

struct plan_file {
    json_t *content;
    const struct project *project; /* of its document */
};

/* `plan` as the daemon gave it. */
MUST_USE bool plan_file_write(const char *path, const struct project *project,
    const struct plan_part *part, const json_t *plan, struct err *err);
/* ERR_CORRUPT: damaged or edited. ERR_UNSUPPORTED: of a newer tend. ERR_INVALID: no plan file. */
MUST_USE bool plan_file_read(const char *path, struct plan_file *out, struct err *err);
void plan_file_fini(struct plan_file *f);

/* The world is still as it was: `now` is the plan for the same document as it would be made now.
 * ERR_CONFLICT with what has changed since. */
MUST_USE bool plan_file_is_current(const struct plan_file *f, const json_t *now, struct err *err);

#endif
