#include "base/must.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/daemon_start.h"
#include "cli/operation_view.h"

#include <stdio.h>
#include <unistd.h>

/* Ends the one that runs; the services live on, and the next daemon takes them over. */
static int stop(struct cli *cli)
{
    struct operation o = {.path = "/tend/v1/shutdown", .body = STR("{}"), .report = true};
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    code = client_open(&c, cli, &err) ? operation_run(cli, c, &o, NULL) : client_fail(cli, c, &err);
    client_close(&c);
    return code;
}

static int start(struct cli *cli)
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

static int run(struct cli *cli)
{
    return cli_flag(cli, "stop") ? stop(cli) : start(cli);
}

static const struct flag flags[] = {
    FLAG("stop", 0, "end the daemon that runs; the services live on"),
};

static const struct example examples[] = {
    {"tend daemon -p shop", "in the foreground, as systemd wants it"                        },
    {"tend daemon --stop",  "end it without touching a service; tend up -d takes over again"},
};

const struct command cmd_daemon = {
    .name = "daemon",
    .group = GROUP_OTHER,
    .summary = "run the daemon in the foreground",
    .usage = "",
    .about = "`tend up -d` starts it in the background, guarded. Here it is the process that was\n"
             "asked for: for systemd units and containers.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
