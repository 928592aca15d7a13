/* live.h - `tend status --watch`: services and events, live on the full screen. One thread. */
#ifndef TEND_CLI_LIVE_H
#define TEND_CLI_LIVE_H

#include "cli/cli.h"
#include "cli/client.h"

/* Until q or a signal; gives the exit code. `status` is asked on `c`, which stays the caller's. */
int live_run(struct cli *cli, struct client *c);

#endif
