#include "base/clock.h"
#include "base/must.h"
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
    const struct plan_part *part, struct plan_view *plan, struct err *err)
{
    if (cli_value(cli, "out") != NULL)
        return apply_connect(cli, project, c, NULL, err) &&
               plan_view_ask(*c, project, part, plan, err);
    if (client_open(c, cli, err))
        return plan_view_ask(*c, project, part, plan, err);
    if (err->kind != ERR_UNREACHABLE || cli_value(cli, "host") != NULL)
        return false;
    if (project->service_count > 0)
        cli_say(cli, "(no daemon runs: every service is to be created)");
    *err = (struct err)ERR_INIT;
    return plan_view_make(cli, project, part, plan, err);
}

/* The command that does what is shown. */
static void write_next(struct cli *cli, const struct plan_part *part, struct buf *out)
{
    const char *file = cli_value(cli, "out");
    struct str targets = str_from(part->targets), excludes = str_from(part->excludes);

    buf_format(out, "tend apply%s%s", file != NULL ? " " : "", file != NULL ? file : "");
    while (file == NULL && targets.len > 0) {
        struct str name = str_cut(&targets, '\n');

        buf_format(out, " --target %.*s", STR_ARG(name));
    }
    while (file == NULL && excludes.len > 0) {
        struct str name = str_cut(&excludes, '\n');

        buf_format(out, " --exclude %.*s", STR_ARG(name));
    }
}

static int show(struct cli *cli, const struct project *project, const struct plan_part *part,
    struct plan_view *plan)
{
    const char *out = cli_value(cli, "out");
    struct buf next = BUF_INIT(8192);
    struct err err = ERR_INIT;
    bool empty = plan_is_empty(&plan->plan);

    if (out != NULL && !plan_file_write(out, project, part, plan->json, &err))
        return cli_fail(cli, &err, NULL);
    write_next(cli, part, &next);
    plan_view_add_places(plan, project);
    if (cli->json)
        plan_view_print_json(plan);
    else
        plan_view_print(cli, &cli->out, stdout, plan, buf_str(&next).at);
    if (out != NULL)
        cli_say(cli, "Kept in %s (it may hold secrets).", out);
    buf_fini(&next);
    return cli_flag(cli, "detailed-exitcode") && !empty ? EXIT_USAGE : EXIT_DONE;
}

static int run(struct cli *cli)
{
    struct plan_view plan = {.began_ns = clock_boot_ns()};
    struct arena *a = arena_create(0);
    struct plan_part part = plan_part_of(cli, a);
    int code;
    const struct project *project = project_need(cli, &code);
    struct client *c = NULL;
    struct err err = ERR_INIT;

    if (project == NULL) {
        arena_destroy(&a);
        return code;
    }
    if (make_plan(cli, &c, project, &part, &plan, &err))
        code = show(cli, project, &part, &plan);
    else
        code = client_fail(cli, c, &err);
    plan_view_fini(&plan);
    arena_destroy(&a);
    client_close(&c);
    project_unref(&project);
    return code;
}

static const struct flag flags[] = {
    FLAG("detailed-exitcode", 0, "exit with 2 if there are changes"),
    FLAG_VALUE("out", 0, "FILE", COMPLETES_FILE, "keep the plan, for `tend apply FILE`"),
    PART_FLAGS,
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend plan",                     "what `tend apply` would change"             },
    {"tend plan --out release.plan",  "keep it, to apply exactly this later"       },
    {"tend plan --target web",        "of web and what it needs alone"             },
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
