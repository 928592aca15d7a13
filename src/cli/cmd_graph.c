#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/project_load.h"
#include "cli/text.h"
#include "plan/graph.h"

#include <stdio.h>

#define GRAPH_BYTES_MAX (64u << 20)

static int write_graph(struct cli *cli, const struct project *project, struct buf *out)
{
    struct arena *a = arena_create(0);
    struct graph graph;
    struct err err = ERR_INIT;

    graph_make(&graph, a, project);
    if (cli->json)
        graph_write_json(&graph, out);
    else if (cli_flag(cli, "dot"))
        graph_write_dot(&graph, out);
    else if (cli_flag(cli, "svg"))
        graph_write_svg(&graph, out);
    else
        graph_write_text(&graph, out);
    arena_destroy(&a);
    if (!buf_full(out)) {
        cli_write(buf_str(out));
        return EXIT_DONE;
    }
    (void)err_set(&err, ERR_LIMIT, "the graph is longer than %u MiB", GRAPH_BYTES_MAX >> 20);
    return cli_fail(cli, &err, "tend graph --json is the shortest");
}

static int run(struct cli *cli)
{
    struct buf out = BUF_INIT(GRAPH_BYTES_MAX);
    const struct project *project;
    struct err err = ERR_INIT;
    int code;

    if (cli_flag(cli, "dot") + cli_flag(cli, "svg") + cli->json > 1) {
        (void)err_set(&err, ERR_INVALID, "--dot, --svg and --json exclude each other");
        return cli_misuse(cli, &err, "tend graph --svg > graph.svg");
    }
    project = project_need(cli, &code);
    if (project != NULL)
        code = write_graph(cli, project, &out);
    buf_fini(&out);
    project_unref(&project);
    return code;
}

static const struct flag flags[] = {
    FLAG("dot", 0, "for Graphviz"),
    FLAG("svg", 0, "as a picture"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend graph",                   "a tree: below each service what it needs"},
    {"tend graph --svg > graph.svg", "a picture, first things on the left"     },
};

const struct command cmd_graph = {
    .name = "graph",
    .group = GROUP_DECLARING,
    .summary = "show what needs what, without a daemon",
    .usage = "",
    .about =
        "The waves are the order of a plan: what is of one wave goes at once, and begins when\n"
        "what it needs is there.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
