#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"

#include <stdio.h>

static int run(struct cli *cli)
{
    if (cli->json)
        (void)printf("{\"v\":1,\"version\":\"%s\"}\n", TEND_VERSION);
    else
        (void)printf("tend %s\n", TEND_VERSION);
    return EXIT_DONE;
}

const struct command cmd_version = {
    .name = "version",
    .group = GROUP_OTHER,
    .summary = "print the version",
    .usage = "",
    .run = run,
};
