/* contents.h - what is in configs and secrets, on its way from whoever read them to the services.
 *
 *     spec_load ─▶ project->contents ─▶ {"SHA256":"base64",…} ─▶ contents_store ─▶
 * STATE/objects/SHA256 beside the document                            │ 0600 contents_read ◀────┘
 * each start
 *
 * Any thread; store and read block on the disk. */
#ifndef TEND_SPEC_CONTENTS_H
#define TEND_SPEC_CONTENTS_H

#include "base/buf.h"
#include "base/err.h"
#include "spec/project.h"

/* As a JSON object. */
void contents_write(const struct project *p, struct buf *out);
/* Keeps what the services of `p` (which is of a document) need: out of `json`, NULL for nothing, or
 * because it is kept already. ERR_INVALID if one is neither. */
MUST_USE bool contents_store(
    const struct project *p, const char *json, const char *objects_dir, struct err *err);
/* Appends the bytes. ERR_CORRUPT if they are others than they were. */
MUST_USE bool contents_read(
    const char *objects_dir, const struct hash *hash, struct buf *out, struct err *err);

#endif
