#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/daemon_start.h"

#include <stdio.h>
#include <unistd.h>

static int run(struct cli *cli)
{
    const char *listen = cli_value(cli, "listen");
    struct paths paths;
    struct err err = ERR_INIT;
    char program[PATHS_BYTES];

    if (!cli_paths(cli, &paths, &err) || !daemon_program(program, "tendd", &err))
        return cli_fail(cli, &err, "name the project with -p NAME");
    (void)execl(program, "tendd", "--project", paths.project, "--state", paths.state_dir,
        listen != NULL ? "--listen" : (char *)NULL, listen, (char *)NULL);
    (void)err_sys(&err, "%s", program); /* always false */
    return cli_fail(cli, &err, NULL);
}

static const struct example examples[] = {
    {"tend daemon -p shop", "in the foreground, as systemd wants it"},
};

const struct command cmd_daemon = {
    .name = "daemon",
    .group = GROUP_OTHER,
    .summary = "run the daemon in the foreground",
    .usage = "",
    .about = "`tend up -d` starts it in the background, guarded. Here it is the process that was\n"
             "asked for: for systemd units and containers.",
    COMMAND_EXAMPLES(examples),
    .run = run,
};
