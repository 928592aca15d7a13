/* cli.h - one invocation of `tend`, and what all commands need: where the project is, how to
 * say something went wrong, where results go.
 *
 * Results go to stdout, progress and prose to stderr. A failure is told once, as
 *
 *     error: what failed
 *     help: the exact next command
 *
 * or, with --json, as {"v":1,"error":{"kind":…,"text":…,"help":…}} on stdout. One thread. */
#ifndef TEND_CLI_CLI_H
#define TEND_CLI_CLI_H

#include "base/err.h"
#include "cli/arguments.h"
#include "cli/terminal.h"
#include "io/paths.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,       /* also: changes pending with plan --detailed-exitcode */
    EXIT_UNHEALTHY = 3,   /* denied, or not healthy */
    EXIT_PARTLY = 4,      /* partly applied and resumable */
    EXIT_LOCKED = 5,      /* somebody else holds it */
    EXIT_STALE = 6,       /* the plan is older than the world */
    EXIT_UNREACHABLE = 7, /* no daemon answers */
    EXIT_INTERRUPTED = 130,
};

struct cli {
    struct arguments arguments;
    struct terminal out, err_out; /* stdout and stderr */
    bool json, quiet, verbose;
    char project[PATHS_PROJECT_BYTES]; /* known from loading its file; "" before */
};

/* Everything that main does. */
int cli_main(int argc, char **argv);

/* Shorthands for the flags and arguments of this invocation. */
bool cli_flag(const struct cli *cli, const char *name);
const char *cli_value(const struct cli *cli, const char *name);
/* The i-th argument of the command, or NULL. */
const char *cli_word(const struct cli *cli, size_t i);

/* Tell the failure with its advice (NULL: none) and give the exit code that fits its kind. */
int cli_fail(struct cli *cli, const struct err *err, const char *help);
/* The same for what was typed wrongly; the code is EXIT_USAGE. */
int cli_misuse(struct cli *cli, const struct err *err, const char *help);
int cli_exit_code(enum err_kind kind);
/* A result, on stdout. That a full disk or a closed pipe did not take it is found at the end. */
void cli_write(struct str text);
/* A line of prose on stderr, unless -q or --json. */
void cli_say(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The environment that --env or TEND_ENV names, or NULL. */
const char *cli_environment(const struct cli *cli);

/* The project's name: of the file that was loaded, else -p, else what the file that would be
 * loaded or its folder says (project_name.h). False with
 * ERR_MISSING where there is no file. */
MUST_USE bool cli_project(struct cli *cli, char out[PATHS_PROJECT_BYTES], struct err *err);
/* Where the project's things lie. */
MUST_USE bool cli_paths(struct cli *cli, struct paths *out, struct err *err);

#endif
