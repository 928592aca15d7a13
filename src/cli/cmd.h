/* cmd.h - the rows of the command table; each is defined in the file of its name. */
#ifndef TEND_CLI_CMD_H
#define TEND_CLI_CMD_H

#include "cli/commands.h"

extern const struct command cmd_apply, cmd_check, cmd_complete, cmd_completion, cmd_daemon,
    cmd_dial_stdio, cmd_diff, cmd_down, cmd_drift, cmd_events, cmd_exec, cmd_explain, cmd_graph,
    cmd_help, cmd_history, cmd_init, cmd_logs, cmd_man, cmd_output, cmd_pause, cmd_plan,
    cmd_reference, cmd_restart, cmd_retry, cmd_rollback, cmd_scale, cmd_schema, cmd_start,
    cmd_status, cmd_stop, cmd_undo, cmd_up, cmd_version, cmd_watch, cmd_why;

#endif
