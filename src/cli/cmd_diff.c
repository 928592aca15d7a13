#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_view.h"
#include "cli/project_load.h"
#include "engine/kinds.h"
#include "plan/plan.h"

#include <stdio.h>

#define DIFF_BYTES_MAX (64u << 20)

static int show(struct cli *cli, const json_t *diff)
{
    bool is_same = plan_view_is_empty(diff);

    if (cli->json)
        answer_print(diff);
    else
        plan_view_print_diff(&cli->out, stdout, diff);
    if (is_same)
        cli_say(cli, "No differences.");
    return cli_flag(cli, "detailed-exitcode") && !is_same ? EXIT_USAGE : EXIT_DONE;
}

/* What the file says against what was applied last. */
static int with_applied(struct cli *cli)
{
    int code;
    const struct project *project = project_need(cli, &code);
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *diff = NULL;

    if (project == NULL)
        return code;
    if (client_open(&c, cli, &err) &&
        client_json(c, "POST", "/tend/v1/diff", project->document, &diff, &err))
        code = show(cli, diff);
    else
        code = client_fail(cli, c, &err);
    json_decref(diff);
    client_close(&c);
    project_unref(&project);
    return code;
}

static json_t *compare(
    const struct project *before, const struct project *after, const char *from, const char *to)
{
    struct arena *a = arena_create(0);
    struct buf text = BUF_INIT(DIFF_BYTES_MAX);
    struct plan plan;
    json_t *value;

    plan_between(&plan, a, before, after, kinds_all, KINDS_COUNT);
    plan_write_diff_json(&plan, from, to, &text);
    value = json_loadb(text.at, text.len, 0, NULL);
    plan_fini(&plan);
    buf_fini(&text);
    arena_destroy(&a);
    return value;
}

/* Two files, without a daemon. */
static int of_files(struct cli *cli, const char *from, const char *to)
{
    int code;
    const struct project *before = project_need_file(cli, from, &code), *after = NULL;
    json_t *diff = NULL;

    if (before != NULL)
        after = project_need_file(cli, to, &code);
    if (after != NULL && (diff = compare(before, after, from, to)) != NULL)
        code = show(cli, diff);
    json_decref(diff);
    project_unref(&before);
    project_unref(&after);
    return code;
}

static int run(struct cli *cli)
{
    struct err err = ERR_INIT;

    if (cli_word(cli, 0) == NULL)
        return with_applied(cli);
    if (cli_word(cli, 1) != NULL)
        return of_files(cli, cli_word(cli, 0), cli_word(cli, 1));
    (void)err_set(&err, ERR_INVALID, "one file has nothing to be compared with");
    return cli_misuse(cli, &err, "tend -f FILE diff, or tend diff A.yaml B.yaml");
}

static const struct flag flags[] = {
    FLAG("detailed-exitcode", 0, "exit with 2 if there are differences"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend diff",                     "what the file says against what was applied last"},
    {"tend diff old.yaml new.yaml",   "two files, without a daemon"                     },
    {"tend diff --detailed-exitcode", "for scripts: 0 nothing, 2 differences, 1 failed" },
};

const struct command cmd_diff = {
    .name = "diff",
    .group = GROUP_DECLARING,
    .summary = "show what is declared other than what was applied last, field by field",
    .usage = "[A.yaml B.yaml]",
    .about = "Compares declarations, whatever runs; `tend plan` says what would be done. Secrets\n"
             "are shown as \"***\".",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .args_max = 2,
    .args_complete = COMPLETES_FILE,
    .run = run,
};
