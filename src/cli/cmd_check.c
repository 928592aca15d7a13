#include "base/arena.h"
#include "base/must.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/project_load.h"

#define FINDINGS_BYTES_MAX (16u << 20)

/* One load for the files alone and for each environment; what is wrong in all of them is told once.
 */
struct check {
    struct cli *cli;
    struct diagnostics *diagnostics;
    struct arena *arena;
    struct {
        VEC_OF(const char *);
    } environments;   /* that are not checked yet */
    struct buf clean; /* a line for each load that found nothing wrong */
};

static void take_environment(void *context, const char *name, bool is_chosen)
{
    struct check *c = context;

    if (is_chosen) /* by the files themselves */
        diagnostics_name_run(c->diagnostics, name);
    else
        vec_push(&c->environments, arena_copy(c->arena, name));
}

static void add_clean(struct check *c, const struct project *project)
{
    const struct terminal *t = &c->cli->out;
    size_t count = project->service_count;

    buf_format(&c->clean, "%s%s%s %s: %zu service%s\n", terminal_tone(t, TONE_GOOD),
        terminal_mark(t, MARK_GOOD), terminal_tone(t, TONE_PLAIN), project->name, count,
        count == 1 ? "" : "s");
}

/* Whether it found nothing wrong; `environment` NULL: what the flags say. */
static bool check_one(struct check *c, const char *environment, load_environment_fn found)
{
    struct load_options options = {
        .environment = environment, .environment_fn = found, .environment_context = c};
    const struct project *project = project_load(c->cli, &options, c->diagnostics);
    bool ok = project != NULL;

    if (ok)
        add_clean(c, project);
    project_unref(&project);
    return ok;
}

/* The files as they are without --env, then each environment of theirs. */
static bool check_all(struct check *c)
{
    bool ok;

    diagnostics_begin_run(c->diagnostics, "no environment");
    ok = check_one(c, NULL, take_environment);
    for (size_t i = 0; i < c->environments.count; i++) {
        diagnostics_begin_run(c->diagnostics, c->environments.at[i]);
        ok = check_one(c, c->environments.at[i], NULL) && ok;
    }
    return ok;
}

static void print(struct check *c, bool ok)
{
    struct buf out = BUF_INIT(FINDINGS_BYTES_MAX);

    if (c->cli->json) {
        project_print_findings(c->diagnostics);
        return;
    }
    diagnostics_render(c->diagnostics, &out, c->cli->out.colour);
    cli_write(buf_str(&out));
    if (ok && !c->cli->quiet)
        cli_write(buf_str(&c->clean));
    buf_fini(&out);
}

static int run(struct cli *cli)
{
    struct check c = {.cli = cli,
        .diagnostics = diagnostics_create(),
        .arena = arena_create(0),
        .clean = BUF_INIT(1 << 20)};
    const char *environment = cli_environment(cli);
    bool ok = environment != NULL ? check_one(&c, environment, NULL) : check_all(&c);

    print(&c, ok);
    buf_fini(&c.clean);
    vec_fini(&c.environments);
    arena_destroy(&c.arena);
    diagnostics_destroy(&c.diagnostics);
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
    .about = "Checks the files as they are, and with each of their environments; with --env only\n"
             "that one.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
