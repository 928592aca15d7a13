/* state_dir.h - the state directory as its one owner has it: format, lock, and what proves who
 * asks.
 *
 *     STATE/version   the format, an integer; a newer one is refused
 *     STATE/lock      flock'ed by the owner, holds "pid N, project NAME"
 *     STATE/token     bearer token of the API, 64 hexadecimal digits, made once
 *     STATE/key       HMAC key for secrets in revisions, likewise
 *     STATE/objects/  made if it is missing
 *
 * All are 0600. One thread; open and close by the daemon. */
#ifndef TEND_IO_STATE_DIR_H
#define TEND_IO_STATE_DIR_H

#include "base/err.h"
#include "base/hash.h"
#include "io/paths.h"

struct state_dir {
    int lock_fd; /* -1: not open */
    char token[HASH_TEXT_BYTES];
    struct hash key;
};

/* Both directories exist (paths_make). ERR_CONFLICT names who holds it; one that was killed may
 * hold it a moment longer through a child, which is awaited for up to 2 s. */
MUST_USE bool state_dir_open(struct state_dir *out, const struct paths *paths, struct err *err);
/* Accepts what is half open. */
void state_dir_close(struct state_dir *s);

#endif
