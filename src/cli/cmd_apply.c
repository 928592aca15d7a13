#include "base/json.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_view.h"
#include "cli/project_load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "y" or "yes" on the terminal. */
static bool confirmed(struct cli *cli)
{
    char answer[16];

    (void)fprintf(stderr, "%sApply?%s [y/N] ", terminal_tone(&cli->err_out, TONE_STRONG),
        terminal_tone(&cli->err_out, TONE_PLAIN));
    (void)fflush(stderr); /* it is a terminal */
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0 || strcmp(answer, "Y\n") == 0;
}

static int apply(struct cli *cli, struct client *c, const struct project *project)
{
    struct err err = ERR_INIT;
    json_t *plan = NULL;
    int code = EXIT_DONE;

    if (!plan_ask(c, project, &plan, &err))
        return client_fail(cli, c, &err);
    if (!cli->json)
        plan_view_print(&cli->out, stdout, plan);
    (void)fflush(stdout); /* so that the question stands below it */
    if (plan_view_is_empty(plan)) {
        if (cli->json)
            (void)printf(
                "{\"v\":1,\"ok\":true,\"exit\":0,\"text\":\"no changes\",\"undo\":null}\n");
    } else if (!cli_flag(cli, "yes") && !confirmed(cli)) {
        cli_say(cli, "Nothing was changed.");
        code = EXIT_FAILED;
    } else {
        struct apply_request request = {
            .project = project, .digest = answer_text(plan, "digest"), .report = true};

        code = apply_run(cli, c, &request);
    }
    json_decref(plan);
    return code;
}

static int run(struct cli *cli)
{
    int code;
    const struct project *project;
    struct client *c = NULL;
    struct err err = ERR_INIT;

    if (!cli_flag(cli, "yes") && isatty(STDIN_FILENO) != 1) {
        (void)err_set(&err, ERR_INVALID, "there is no terminal to ask on"); /* always false */
        return cli_misuse(cli, &err, "tend apply --yes");
    }
    project = project_need(cli, &code);
    if (project == NULL)
        return code;
    if (apply_connect(cli, project, &c, NULL, &err))
        code = apply(cli, c, project);
    else
        code = client_fail(cli, c, &err);
    client_close(&c);
    project_unref(&project);
    return code;
}

static const struct flag flags[] = {
    FLAG("yes", 'y', "do not ask"),
    FLAG_VALUE("timeout", 0, "TIME", COMPLETES_NOTHING, "watch no longer than this"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend apply",       "show the plan, ask, and do it"},
    {"tend apply --yes", "for scripts"                  },
};

const struct command cmd_apply = {
    .name = "apply",
    .group = GROUP_DECLARING,
    .summary = "make what is declared true",
    .usage = "",
    .about =
        "Shows the plan and asks. What is done is exactly what was shown: if the world changed\n"
        "meanwhile nothing is done, and the exit code is 6.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
