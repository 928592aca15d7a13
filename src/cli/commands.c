#include "cli/commands.h"

#include "base/must.h"
#include "cli/cmd.h"

#include <string.h>

/* In the order in which help shows them. */
const struct command *const commands[] = {
    &cmd_up,
    &cmd_watch,
    &cmd_down,
    &cmd_status,
    &cmd_logs,
    &cmd_start,
    &cmd_stop,
    &cmd_restart,
    &cmd_scale,
    &cmd_pause,
    &cmd_undo,
    &cmd_exec,
    &cmd_events,
    &cmd_why,
    &cmd_init,
    &cmd_check,
    &cmd_explain,
    &cmd_schema,
    &cmd_diff,
    &cmd_drift,
    &cmd_graph,
    &cmd_plan,
    &cmd_apply,
    &cmd_history,
    &cmd_output,
    &cmd_rollback,
    &cmd_retry,
    &cmd_daemon,
    &cmd_completion,
    &cmd_help,
    &cmd_version,
    &cmd_dial_stdio,
    &cmd_complete,
    &cmd_man,
    &cmd_reference,
};
const size_t command_count = COUNT(commands);

const struct flag global_flags[] = {
    FLAG_VALUE("file", 'f', "FILE", COMPLETES_FILE,
        "tend.yaml or compose.yaml to read; several are merged in order"),
    FLAG_VALUE("project", 'p', "NAME", COMPLETES_NOTHING,
        "name of the project (else the file's, else the folder's)"),
    FLAG_VALUE("env", 0, "NAME", COMPLETES_NOTHING,
        "environment of the project (else TEND_ENV, else its default_environment)"),
    FLAG_VALUE("host", 'H', "USER@HOST", COMPLETES_NOTHING, "work on another machine, by ssh"),
    FLAG_VALUE("state", 0, "DIR", COMPLETES_DIR,
        "state directory (else TEND_STATE, else the project's own)"),
    FLAG_VALUE("listen", 0, "ADDR", COMPLETES_NOTHING,
        "address of the daemon's HTTP server (default 127.0.0.1:8363)"),
    FLAG("json", 0, "print JSON: one object, or one a line for streams"),
    FLAG("quiet", 'q', "print results and errors only"),
    FLAG("verbose", 'v', "print more"),
    FLAG_WORDS("color", 0, "WHEN", "auto always never", "colours: auto, always or never"),
};
const size_t global_flag_count = COUNT(global_flags);

/* Words that tend's plan has and this version has not. */
static const char *const planned[] = {
    "abort",
    "alerts",
    "assess",
    "audit",
    "backup",
    "chaos",
    "cost",
    "data",
    "deploy",
    "export",
    "flags",
    "generate",
    "hold",
    "hosts",
    "images",
    "import",
    "incidents",
    "map",
    "mcp",
    "oncall",
    "persona",
    "pipeline",
    "policy",
    "promote",
    "query",
    "report",
    "routes",
    "scan",
    "search",
    "secrets",
    "slo",
    "system",
    "top",
    "trace",
    "ui",
};

static const char *const group_titles[] = {
    [GROUP_RUNNING] = "Running",
    [GROUP_DECLARING] = "Declaring",
    [GROUP_DEPLOYING] = "Deploying",
    [GROUP_OTHER] = "The rest",
    [GROUP_HIDDEN] = NULL,
};

#define CANDIDATES_MAX 64

const struct command *command_find(struct str name)
{
    for (size_t i = 0; i < command_count; i++)
        if (str_is(name, commands[i]->name))
            return commands[i];
    return NULL;
}

const char *command_nearest(struct str typed)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < command_count && count < CANDIDATES_MAX; i++)
        if (commands[i]->group != GROUP_HIDDEN)
            candidates[count++] = commands[i]->name;
    return str_nearest(typed, candidates, count);
}

bool command_is_planned(struct str name)
{
    for (size_t i = 0; i < COUNT(planned); i++)
        if (str_is(name, planned[i]))
            return true;
    return false;
}

const char *command_group_title(enum command_group group)
{
    return group_titles[group];
}

static const struct flag *find_in(const struct flag *flags, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(name, flags[i].name))
            return &flags[i];
    return NULL;
}

const struct flag *flag_find(const struct command *command, struct str name)
{
    const struct flag *flag = NULL;

    if (command != NULL)
        flag = find_in(command->flags, command->flag_count, name);
    return flag != NULL ? flag : find_in(global_flags, global_flag_count, name);
}

static const struct flag *find_letter_in(const struct flag *flags, size_t count, char letter)
{
    for (size_t i = 0; i < count; i++)
        if (flags[i].letter == letter)
            return &flags[i];
    return NULL;
}

const struct flag *flag_find_letter(const struct command *command, char letter)
{
    const struct flag *flag = NULL;

    if (command != NULL)
        flag = find_letter_in(command->flags, command->flag_count, letter);
    return flag != NULL ? flag : find_letter_in(global_flags, global_flag_count, letter);
}

const char *flag_nearest(const struct command *command, struct str typed)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;

    for (size_t i = 0; command != NULL && i < command->flag_count && count < CANDIDATES_MAX; i++)
        candidates[count++] = command->flags[i].name;
    for (size_t i = 0; i < global_flag_count && count < CANDIDATES_MAX; i++)
        candidates[count++] = global_flags[i].name;
    return str_nearest(typed, candidates, count);
}
