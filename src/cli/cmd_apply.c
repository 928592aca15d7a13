#include "base/json.h"
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

/* `file` NULL: the plan is made now. One that was kept was looked at before: nobody is asked. */
static int apply(
    struct cli *cli, struct client *c, const struct project *project, const struct plan_file *file)
{
    struct err err = ERR_INIT;
    json_t *plan = NULL;
    int code = EXIT_DONE;

    if (!plan_ask(c, project, &plan, &err))
        return client_fail(cli, c, &err);
    if (file != NULL && !plan_file_is_current(file, plan, &err)) {
        json_decref(plan);
        code = cli_fail(cli, &err, "make it again: tend plan --out FILE");
        return err.kind == ERR_CONFLICT ? EXIT_STALE : code;
    }
    if (!cli->json)
        plan_view_print(&cli->out, stdout, plan);
    (void)fflush(stdout); /* so that the question stands below it */
    if (plan_view_is_empty(plan)) {
        if (cli->json)
            (void)printf(
                "{\"v\":1,\"ok\":true,\"exit\":0,\"text\":\"no changes\",\"undo\":null}\n");
    } else if (file == NULL && !cli_flag(cli, "yes") && !confirmed(cli)) {
        cli_say(cli, "Nothing was changed.");
        code = EXIT_FAILED;
    } else {
        struct apply_request request = {
            .project = project, .digest = answer_text(plan, "digest"), .report = true};

        if (file != NULL)
            request.seal = answer_text(file->content, "seal");

        code = apply_run(cli, c, &request);
    }
    json_decref(plan);
    return code;
}

/* What is to be applied: of the plan file, else of tend.yaml. */
static int carry_out(struct cli *cli, const struct project *project, const struct plan_file *file)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    if (apply_connect(cli, project, &c, NULL, &err))
        code = apply(cli, c, project, file);
    else
        code = client_fail(cli, c, &err);
    client_close(&c);
    return code;
}

static int apply_file(struct cli *cli, const char *path)
{
    struct plan_file file;
    struct err err = ERR_INIT;
    char here[PATHS_PROJECT_BYTES];
    int code;

    if (!plan_file_read(path, &file, &err))
        return cli_fail(cli, &err, "make it again: tend plan --out FILE");
    if (cli_project(cli, here, NULL) && strcmp(here, file.project->name) != 0) {
        (void)err_set(&err, ERR_INVALID, "%s: is a plan of the project %s, and this is %s", path,
            file.project->name, here);
        code = cli_fail(cli, &err, "run it where that project is, or name it with -p");
    } else {
        (void)snprintf(cli->project, sizeof cli->project, "%s", file.project->name);
        code = carry_out(cli, file.project, &file);
    }
    plan_file_fini(&file);
    return code;
}

static int run(struct cli *cli)
{
    int code;
    const struct project *project;
    struct err err = ERR_INIT;

    if (cli_word(cli, 0) != NULL)
        return apply_file(cli, cli_word(cli, 0));
    if (!cli_flag(cli, "yes") && isatty(STDIN_FILENO) != 1) {
        (void)err_set(&err, ERR_INVALID, "there is no terminal to ask on"); /* always false */
        return cli_misuse(cli, &err, "tend apply --yes");
    }
    project = project_need(cli, &code);
    if (project == NULL)
        return code;
    code = carry_out(cli, project, NULL);
    project_unref(&project);
    return code;
}

static const struct flag flags[] = {
    FLAG("yes", 'y', "do not ask"),
    FLAG_VALUE("timeout", 0, "TIME", COMPLETES_NOTHING, "watch no longer than this"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend apply",              "show the plan, ask, and do it"                 },
    {"tend apply --yes",        "for scripts"                                   },
    {"tend apply release.plan", "do what `tend plan --out` kept, without asking"},
};

const struct command cmd_apply = {
    .name = "apply",
    .group = GROUP_DECLARING,
    .summary = "make what is declared true",
    .usage = "[FILE]",
    .args_max = 1,
    .args_complete = COMPLETES_FILE,
    .about =
        "Shows the plan and asks. What is done is exactly what was shown: if the world changed\n"
        "meanwhile nothing is done, and the exit code is 6. FILE is a plan that `tend plan --out "
        "FILE`\n"
        "kept: it needs no tend.yaml, and it is not asked again.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
