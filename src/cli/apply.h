/* apply.h - what `up` and `apply` share: a daemon to talk to, and the operation. One thread. */
#ifndef TEND_CLI_APPLY_H
#define TEND_CLI_APPLY_H

#include "cli/cli.h"
#include "cli/client.h"
#include "spec/project.h"

#include <stdbool.h>

/* Connects; starts a daemon that is absent (not on other machines) and says so in `out_started`
 * (may be NULL). */
MUST_USE bool apply_connect(struct cli *cli, const struct project *project, struct client **out,
    bool *out_started, struct err *err);

struct apply_request {
    const struct project *project;
    const char *digest;  /* of the plan that was shown; NULL: whatever it takes */
    const char *seal;    /* of the plan file that it came from; NULL: none */
    bool start;          /* services that a person had stopped too, as `up` says */
    bool report;         /* say the outcome and the undo */
    bool keep_interrupt; /* see operation_view.h */
};

/* Gives the exit code: EXIT_STALE if the plan is not what would be done now. */
int apply_run(struct cli *cli, struct client *c, const struct apply_request *request);

#endif
