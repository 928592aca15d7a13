/* operation_view.h - asking the daemon to do something, and showing how it gets on.
 *
 * An operation goes on when the client goes away: Ctrl-C only stops watching it (unless the caller
 * says otherwise), and a daemon that is replaced meanwhile takes it up again. One thread. */
#ifndef TEND_CLI_OPERATION_VIEW_H
#define TEND_CLI_OPERATION_VIEW_H

#include "cli/cli.h"
#include "cli/client.h"

#define OPERATION_TEXT_BYTES 480

struct operation {
    const char *path;    /* POST there */
    struct str body;     /* JSON */
    int64_t timeout_ms;  /* watch no longer than this; 0: as long as it takes */
    int conflict_code;   /* exit code of a refusal as conflict; 0: the usual one */
    bool keep_interrupt; /* the caller has called interrupt_begin and handles Ctrl-C itself */
    bool report;         /* say the outcome and the undo; false: only failures are told */
};

struct operation_outcome {
    bool ok;
    uint64_t event; /* of its request, 0: not known */
    char text[OPERATION_TEXT_BYTES];
    char undo[OPERATION_TEXT_BYTES];
};

/* Gives the exit code; `out` may be NULL. Failures are told, with --json as the result object. */
int operation_run(
    struct cli *cli, struct client *c, const struct operation *o, struct operation_outcome *out);

#endif
