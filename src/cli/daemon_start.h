/* daemon_start.h - starting the daemon that is not there yet.
 *
 *     tend up -d ──▶ tend-shim (the guard) ──▶ tendd --project NAME --state DIR --listen ADDR
 *                       │ starts it again within milliseconds when it dies
 *                       └ keeps what it logs in STATE/guard/daemon.log (the last ones rotated)
 *
 * The guard is an ordinary shim in RUN/guard, with the one difference that what the daemon leaves
 * behind lives (SHIM_SPEC_KEEP_ORPHANS): those are the shims of the services. It ends when the
 * daemon ends well (exit code 0), or with a code that trying again cannot change. One thread. */
#ifndef TEND_CLI_DAEMON_START_H
#define TEND_CLI_DAEMON_START_H

#include "cli/cli.h"

/* Starts it and waits until it answers. A daemon that came up meanwhile is as good. */
MUST_USE bool daemon_start(struct cli *cli, const struct paths *paths, struct err *err);
/* The file of one of tend's programs: beside this one, else in PATH. */
MUST_USE bool daemon_program(char out[PATHS_BYTES], const char *name, struct err *err);

#endif
