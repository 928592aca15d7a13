/* documents.h - resolved documents, kept as STATE/objects/SHA256 (0600: they hold secrets). Blocks
 * on the disk; any thread. */
#ifndef TEND_ENGINE_DOCUMENTS_H
#define TEND_ENGINE_DOCUMENTS_H

#include "base/err.h"
#include "base/str.h"
#include "spec/project.h"

/* NULL after an error: not there, damaged, or of another version. */
const struct project *documents_load(
    const char *state_dir, const char *digest, struct str revision_key, struct err *err);
/* Durable, under the digest of the document; what is in its configs and secrets (contents.h) first.
 */
MUST_USE bool documents_store(
    const char *state_dir, const struct project *p, const char *contents, struct err *err);

#endif
