#include "engine/documents.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spec/contents.h"
#include "spec/load.h"

#include <stdlib.h>

#define DOCUMENT_BYTES_MAX (32u << 20)

static char *object_path(const char *state_dir, const char *digest)
{
    return mem_format("%s/objects/%s", state_dir, digest);
}

const struct project *documents_load(
    const char *state_dir, const char *digest, struct str revision_key, struct err *err)
{
    struct buf document = BUF_INIT(DOCUMENT_BYTES_MAX);
    struct diagnostics *d = diagnostics_create();
    char *path = object_path(state_dir, digest);
    const struct project *p = NULL;

    if (fs_read(path, &document, err)) {
        p = spec_load_document(buf_str(&document), revision_key, d);
        if (p == NULL)
            (void)err_set(err, ERR_CORRUPT, "%s: is no document of this version", path);
    }
    free(path);
    buf_fini(&document);
    diagnostics_destroy(&d);
    return p;
}

bool documents_store(
    const char *state_dir, const struct project *p, const char *contents, struct err *err)
{
    char digest[HASH_TEXT_BYTES];
    char *path = mem_format("%s/objects", state_dir);
    bool ok = contents_store(p, contents, path, err);

    free(path);
    TRY(ok);
    hash_format(&p->digest, digest);
    path = object_path(state_dir, digest);
    ok = fs_exists(path) || fs_write(path, p->document, 0600, err);
    free(path);
    return ok;
}
