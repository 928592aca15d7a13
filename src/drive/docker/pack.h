/* pack.h - a build's context as a tar archive (POSIX ustar, with GNU's long names).
 *
 * Entries come in order of their names and without their times, so that the archive, and its
 * digest, change only when something that a build can see does. Blocks: on a worker. */
#ifndef TEND_DRIVE_DOCKER_PACK_H
#define TEND_DRIVE_DOCKER_PACK_H

#include "base/err.h"
#include "base/hash.h"

#include <stdint.h>

#define PACK_BYTES_MAX   (INT64_C(8) << 30)
#define PACK_ENTRIES_MAX 200000

struct cancel;

struct pack {
    /* in: */
    const char *dir;         /* the context, absolute */
    const char *dockerfile;  /* relative to it: sent whatever .dockerignore says */
    const char *inline_text; /* the Dockerfile's text in place of a file; NULL: none */
    int fd;                  /* the archive is written here, from its start */
    struct cancel *cancel;   /* NULL: none */
    /* out: */
    int64_t bytes;
    struct hash digest;
};

/* What the entry of an inline Dockerfile is called. */
#define PACK_INLINE_NAME ".tend.Dockerfile"

MUST_USE bool pack_context(struct pack *p, struct err *err);

#endif
