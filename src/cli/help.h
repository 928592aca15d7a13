/* help.h - what the command table says about itself: on a terminal, as man pages, as Markdown.
 * Each returns an exit code. */
#ifndef TEND_CLI_HELP_H
#define TEND_CLI_HELP_H

#include "base/buf.h"
#include "cli/cli.h"

int help_print_overview(struct cli *cli);
int help_print_command(struct cli *cli, const struct command *command);

/* man(7) text of tend(1), or of one command. */
void help_man_overview(struct buf *out);
void help_man_command(struct buf *out, const struct command *command);
/* docs/reference/cli.md. */
void help_reference(struct buf *out);

#endif
