#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_view.h"
#include "cli/project_load.h"

#include <stdio.h>

/* By the daemon if there is one. */
static bool make_plan(struct cli *cli, struct client **c, const struct project *project,
    json_t **plan, struct err *err)
{
    if (client_open(c, cli, err))
        return plan_ask(*c, project, plan, err);
    if (err->kind != ERR_UNREACHABLE || cli_value(cli, "host") != NULL)
        return false;
    cli_say(cli, "(no daemon runs: everything is to be created)");
    *plan = plan_compute(project);
    return *plan != NULL || err_set(err, ERR_LIMIT, "the plan is too long");
}

static int run(struct cli *cli)
{
    int code;
    const struct project *project = project_need(cli, &code);
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *plan = NULL;

    if (project == NULL)
        return code;
    if (!make_plan(cli, &c, project, &plan, &err)) {
        code = client_fail(cli, c, &err);
    } else {
        if (cli->json)
            answer_print(plan);
        else
            plan_view_print(&cli->out, stdout, plan);
        if (!cli->json && !plan_view_is_empty(plan))
            cli_say(cli, "Make it so: tend apply");
        if (cli_flag(cli, "detailed-exitcode") && !plan_view_is_empty(plan))
            code = EXIT_USAGE;
    }
    json_decref(plan);
    client_close(&c);
    project_unref(&project);
    return code;
}

static const struct flag flags[] = {
    FLAG("detailed-exitcode", 0, "exit with 2 if there are changes"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend plan",                     "what `tend apply` would change"             },
    {"tend plan --detailed-exitcode", "for scripts: 0 nothing, 2 changes, 1 failed"},
};

const struct command cmd_plan = {
    .name = "plan",
    .group = GROUP_DECLARING,
    .summary = "show what would change",
    .usage = "",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
