#include "base/must.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_file.h"
#include "cli/project_load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is to be applied: of the plan file, else of tend.yaml. */
static int carry_out(struct cli *cli, const struct project *project, const struct plan_file *file)
{
    struct apply_request request = {.project = project, .report = true};
    struct arena *a = arena_create(0);
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    request.part = file != NULL ? plan_part_read(file->content, a) : plan_part_of(cli, a);
    if (apply_connect(cli, project, &c, NULL, &err))
        code = apply_shown(cli, c, &request, file);
    else
        code = client_fail(cli, c, &err);
    client_close(&c);
    arena_destroy(&a);
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

    if (cli_word(cli, 0) != NULL && (cli_value(cli, "target") || cli_value(cli, "exclude"))) {
        (void)err_set(&err, ERR_INVALID, "a kept plan is applied as it is, or not at all");
        return cli_misuse(cli, &err, "tend plan --target NAME --out FILE");
    }
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
    PART_FLAGS,
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
