/* project_load.h - the project that the flags of this invocation mean (-f, -p, --env, --profile,
 * --var), loaded and checked; what is wrong with it is shown as it is found. One thread. */
#ifndef TEND_CLI_PROJECT_LOAD_H
#define TEND_CLI_PROJECT_LOAD_H

#include "cli/cli.h"
#include "spec/load.h"

/* NULL: it has errors, which are in `d`. `options` may say more than the flags do (an environment,
 * who is told of them); NULL: it does not. */
const struct project *project_load(
    struct cli *cli, const struct load_options *more, struct diagnostics *d);
/* The same for commands that need the project: findings are told on stderr. NULL: told. */
const struct project *project_need(struct cli *cli, int *out_code);
/* This one file, whatever -f says; and this environment, whatever --env says. Either may be NULL.
 */
const struct project *project_need_file(
    struct cli *cli, const char *file, const char *environment, int *out_code);
/* {"v":1,"ok":…,"errors":N,"warnings":N,"diagnostics":[…]} on stdout. */
void project_print_findings(struct diagnostics *d);

#define PROFILE_FLAG                                                                      \
    FLAG_VALUE("profile", 0, "NAME", COMPLETES_NOTHING, "also services of this profile"), \
        FLAG_VALUE("var", 0, "NAME=VALUE", COMPLETES_NOTHING, "the value of a variable"), \
        FLAG_VALUE("var-file", 0, "FILE", COMPLETES_FILE,                                 \
            "values of variables: a map from names to values, or NAME=VALUE lines in a *.env")

#endif
