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

/* What one side is: a file, an environment of the project, or (both NULL) the project itself. */
struct side {
    const char *file, *environment;
};

static const char *side_name(const struct side *s)
{
    return s->file != NULL ? s->file : s->environment;
}

/* Two declarations, without a daemon. */
static int of_sides(struct cli *cli, const struct side *from, const struct side *to)
{
    int code;
    const struct project *before = project_need_file(cli, from->file, from->environment, &code);
    const struct project *after = NULL;
    json_t *diff = NULL;

    if (before != NULL)
        after = project_need_file(cli, to->file, to->environment, &code);
    if (after != NULL && (diff = compare(before, after, side_name(from), side_name(to))) != NULL)
        code = show(cli, diff);
    json_decref(diff);
    project_unref(&before);
    project_unref(&after);
    return code;
}

static int run(struct cli *cli)
{
    const char *first = cli_word(cli, 0), *second = cli_word(cli, 1);
    const char *environment = cli_value(cli, "env");
    struct err err = ERR_INIT;

    if (first == NULL)
        return with_applied(cli);
    if (second != NULL)
        return of_sides(cli, &(struct side){.file = first}, &(struct side){.file = second});
    if (environment != NULL)
        return of_sides(
            cli, &(struct side){.environment = environment}, &(struct side){.environment = first});
    (void)err_set(&err, ERR_INVALID, "\"%.80s\" has nothing to be compared with", first);
    return cli_misuse(cli, &err,
        "tend -f FILE diff, tend diff A.yaml B.yaml, or tend diff --env staging production");
}

static const struct flag flags[] = {
    FLAG("detailed-exitcode", 0, "exit with 2 if there are differences"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend diff",                          "what the file says against what was applied last"},
    {"tend diff old.yaml new.yaml",        "two files, without a daemon"                     },
    {"tend diff --env staging production", "two environments, without a daemon"              },
    {"tend diff --detailed-exitcode",      "for scripts: 0 nothing, 2 differences, 1 failed" },
};

const struct command cmd_diff = {
    .name = "diff",
    .group = GROUP_DECLARING,
    .summary = "show what is declared other than what was applied last, field by field",
    .usage = "[A.yaml B.yaml | --env NAME OTHER]",
    .about = "Compares declarations, whatever runs; `tend plan` says what would be done. Secrets\n"
             "are shown as \"***\".",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .args_max = 2,
    .args_complete = COMPLETES_FILE,
    .run = run,
};
