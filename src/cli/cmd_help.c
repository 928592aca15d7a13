#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/help.h"

#include <stdio.h>

static int run(struct cli *cli)
{
    const char *name = cli_word(cli, 0);
    const struct command *command;
    const char *nearest;
    struct err err = ERR_INIT;
    char advice[80] = "tend help";

    if (name == NULL)
        return help_print_overview(cli);
    command = command_find(str_from(name));
    if (command != NULL)
        return help_print_command(cli, command);
    nearest = command_nearest(str_from(name));
    if (nearest != NULL)
        (void)snprintf(advice, sizeof advice, "did you mean `tend help %s`?", nearest);
    (void)err_set(&err, ERR_INVALID, "there is no command \"%.60s\"", name);
    return cli_misuse(cli, &err, advice);
}

const struct command cmd_help = {
    .name = "help",
    .group = GROUP_OTHER,
    .summary = "explain a command",
    .usage = "[COMMAND]",
    .args_max = 1,
    .args_complete = COMPLETES_COMMAND,
    .run = run,
};
