/* paths.h - where a project's state and its boot-scoped things lie; the CLI and the daemon agree
 * by asking here.
 *
 *     STATE   the directory named (flag, else TEND_STATE), else for root /var/lib/tend/NAME,
 *             else $XDG_STATE_HOME/tend/NAME, else ~/.local/state/tend/NAME
 *     RUN     BASE/NAME-HASH8, HASH8 being the first 8 digits of the SHA-256 of STATE's real path;
 *             BASE is /run/tend for root, else $XDG_RUNTIME_DIR/tend, else /tmp/tend-UID
 *
 * The real path of a directory that does not exist yet is that of its nearest existing parent plus
 * the rest, so the answer does not change when STATE is made. A BASE that others could have made
 * (in /tmp) is used only if it is a directory, no link, our own, and closed to others.
 * Plain data; any thread; may block on the disk. */
#ifndef TEND_IO_PATHS_H
#define TEND_IO_PATHS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

#define PATHS_BYTES         4096
#define PATHS_PROJECT_BYTES 64 /* 63 characters at most */

struct paths {
    char project[PATHS_PROJECT_BYTES];
    char state_dir[PATHS_BYTES]; /* absolute */
    char run_dir[PATHS_BYTES];   /* absolute */
};

/* Compose's rule: lower-case letters, digits, '-' and '_', a letter or digit first, 1 to 63. */
bool paths_project_valid(struct str name);
/* The name a project gets from its folder: lower-cased, what is not allowed left out; false if
 * nothing is left. */
bool paths_project_from_dir(struct str dir, char out[PATHS_PROJECT_BYTES]);

/* `state_dir` NULL: TEND_STATE, else the default place. `project` NULL: found in BASE by the hash
 * of STATE (ERR_UNREACHABLE if no daemon left its directory there). Makes nothing. */
MUST_USE bool paths_find(
    struct paths *out, const char *project, const char *state_dir, struct err *err);
/* Make both directories (0700) and check that RUN is ours. For the daemon and who starts it. */
MUST_USE bool paths_make(const struct paths *p, struct err *err);
/* RUN is there, a directory, ours and closed to others. Before trusting a socket in it. */
MUST_USE bool paths_check_run(const struct paths *p, struct err *err);

#endif
