/* apply.h - what `up` and `apply` share: a daemon to talk to, and the operation. One thread. */
#ifndef TEND_CLI_APPLY_H
#define TEND_CLI_APPLY_H

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/plan_file.h"
#include "cli/plan_view.h"
#include "spec/project.h"

#include <stdbool.h>

/* Connects; starts a daemon that is absent (not on other machines) and says so in `out_started`
 * (may be NULL). */
MUST_USE bool apply_connect(struct cli *cli, const struct project *project, struct client **out,
    bool *out_started, struct err *err);

struct apply_request {
    const struct project *project;
    struct str contents;        /* of its files, as JSON; empty: the project's own */
    struct plan_part part;      /* of which it is; {0}: all */
    const char *digest;         /* of the plan that was shown; NULL: whatever it takes */
    const char *seal;           /* of the plan file that it came from; NULL: none */
    int64_t rollback_to, cause; /* the generation that it is of, and its event; 0: none */
    bool start;                 /* services that a person had stopped too, as `up` says */
    bool report;                /* say the outcome and the undo */
    bool keep_interrupt;        /* see operation_view.h */
};

/* Gives the exit code: EXIT_STALE if the plan is not what would be done now. */
int apply_run(struct cli *cli, struct client *c, const struct apply_request *request);

/* Shows the plan, asks unless --yes is given, and applies exactly that. A plan that was kept in a
 * `file` (else NULL) was looked at before: nobody is asked. Sets the request's digest for the call.
 */
int apply_shown(
    struct cli *cli, struct client *c, struct apply_request *request, const struct plan_file *file);

#endif
