#include "base/must.h"
#include "cli/answer.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_file.h"
#include "cli/plan_view.h"
#include "cli/project_load.h"

#include <stdio.h>

/* By the daemon if there is one. A plan that is kept needs one, and starts it: that is who seals
 * it. */
static bool make_plan(struct cli *cli, struct client **c, const struct project *project,
    json_t **plan, struct err *err)
{
    if (cli_value(cli, "out") != NULL)
        return apply_connect(cli, project, c, NULL, err) && plan_ask(*c, project, plan, err);
    if (client_open(c, cli, err))
        return plan_ask(*c, project, plan, err);
    if (err->kind != ERR_UNREACHABLE || cli_value(cli, "host") != NULL)
        return false;
    if (project->service_count > 0)
        cli_say(cli, "(no daemon runs: every service is to be created)");
    *err = (struct err)ERR_INIT;
    *plan = plan_compute(cli, project, err);
    return *plan != NULL;
}

static int show(struct cli *cli, const struct project *project, const json_t *plan)
{
    const char *out = cli_value(cli, "out");
    struct err err = ERR_INIT;

    if (out != NULL && !plan_file_write(out, project, plan, &err))
        return cli_fail(cli, &err, NULL);
    if (cli->json)
        answer_print(plan);
    else
        plan_view_print(&cli->out, stdout, plan);
    if (out != NULL)
        cli_say(cli, "Kept in %s (it may hold secrets). Make it so: tend apply %s", out, out);
    else if (!plan_view_is_empty(plan))
        cli_say(cli, "Make it so: tend apply");
    return cli_flag(cli, "detailed-exitcode") && !plan_view_is_empty(plan) ? EXIT_USAGE : EXIT_DONE;
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
    if (make_plan(cli, &c, project, &plan, &err))
        code = show(cli, project, plan);
    else
        code = client_fail(cli, c, &err);
    json_decref(plan);
    client_close(&c);
    project_unref(&project);
    return code;
}

static const struct flag flags[] = {
    FLAG("detailed-exitcode", 0, "exit with 2 if there are changes"),
    FLAG_VALUE("out", 0, "FILE", COMPLETES_FILE, "keep the plan, for `tend apply FILE`"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend plan",                     "what `tend apply` would change"             },
    {"tend plan --out release.plan",  "keep it, to apply exactly this later"       },
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
