#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/project_load.h"

#include <stdio.h>

#define FINDINGS_BYTES_MAX (16u << 20)

static void print(struct cli *cli, const struct project *project, struct diagnostics *d)
{
    struct buf out = BUF_INIT(FINDINGS_BYTES_MAX);

    diagnostics_render(d, &out, cli->out.colour);
    cli_write(buf_str(&out));
    buf_fini(&out);
    if (project != NULL && !cli->quiet)
        (void)printf("%s%s%s %s: %zu service%s\n", terminal_tone(&cli->out, TONE_GOOD),
            terminal_mark(&cli->out, MARK_GOOD), terminal_tone(&cli->out, TONE_PLAIN),
            project->name, project->service_count, project->service_count == 1 ? "" : "s");
}

static int run(struct cli *cli)
{
    struct diagnostics *d = diagnostics_create();
    const struct project *project = project_load(cli, d);
    bool ok = project != NULL;

    if (cli->json)
        project_print_findings(d);
    else
        print(cli, project, d);
    project_unref(&project);
    diagnostics_destroy(&d);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

static const struct flag flags[] = {
    FLAG("strict", 0, "warnings are errors"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend check",                        "all problems of the file, in one run"},
    {"tend check -f other.yaml --strict", "another file; warnings fail too"     },
};

const struct command cmd_check = {
    .name = "check",
    .group = GROUP_DECLARING,
    .summary = "find what is wrong in tend.yaml, without a daemon",
    .usage = "",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
