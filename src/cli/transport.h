/* transport.h - a byte stream to a daemon: its UNIX socket, or an ssh that runs `tend dial-stdio`
 * on the machine where the daemon is.
 *
 * A UNIX socket path has 107 bytes, so the socket is reached through its directory's descriptor
 * (/proc/self/fd/N/sock); the directory is checked to be ours first. One thread. */
#ifndef TEND_CLI_TRANSPORT_H
#define TEND_CLI_TRANSPORT_H

#include "base/err.h"
#include "io/paths.h"

#include <sys/types.h>

struct transport {
    int in, out; /* the same descriptor for a socket */
    pid_t child; /* ssh, or -1 */
};

/* ERR_UNREACHABLE where nobody listens. */
MUST_USE bool transport_dial(struct transport *t, const struct paths *paths, struct err *err);
/* Where on the other machine: each NULL or the flag's value. */
struct transport_remote {
    const char *host; /* [USER@]HOST */
    const char *project, *state_dir;
};
MUST_USE bool transport_ssh(
    struct transport *t, const struct transport_remote *remote, struct err *err);
/* Become `ssh HOST tend exec SUBJECT -- WORDS…` over there, with a terminal if we have one. Returns
 * only on failure. */
MUST_USE bool transport_ssh_exec(const struct transport_remote *remote, const char *subject,
    const char *const *words, size_t word_count, struct err *err);
/* Also ends the child. */
void transport_close(struct transport *t);

/* Whether ssh can be given this without taking it for an option or a command. */
bool transport_host_valid(struct str host);

#endif
