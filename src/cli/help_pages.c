/* The command table as man pages and as the Markdown reference. */
#include "cli/help.h"

#include <string.h>

/* roff: a backslash is escaped, dashes are real ones, a leading dot or quote is no request. */
static void add_roff(struct buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        buf_add_text(out, "\\&");
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            buf_add_text(out, "\\e");
        else if (*text == '-')
            buf_add_text(out, "\\-");
        else
            buf_add_byte(out, *text);
        if (*text == '\n' && (text[1] == '.' || text[1] == '\''))
            buf_add_text(out, "\\&");
    }
}

static void add_roff_flags(struct buf *out, const struct flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, ".TP\n");
        if (flags[i].letter != 0)
            buf_format(out, "\\fB\\-%c\\fR, ", flags[i].letter);
        buf_add_text(out, "\\fB\\-\\-");
        add_roff(out, flags[i].name);
        buf_add_text(out, "\\fR");
        if (flags[i].value != NULL)
            buf_format(out, " \\fI%s\\fR", flags[i].value);
        buf_add_byte(out, '\n');
        add_roff(out, flags[i].help);
        buf_add_text(out, ".\n");
    }
}

static const struct {
    int code;
    const char *what;
} exit_codes[] = {
    {EXIT_DONE,        "done"                                                                },
    {EXIT_FAILED,      "failed (an update that took itself back too)"                        },
    {EXIT_USAGE,       "wrong usage; or changes are pending (plan \\-\\-detailed\\-exitcode)"},
    {EXIT_UNHEALTHY,   "denied, or not healthy (status \\-\\-exit\\-code)"                   },
    {EXIT_PARTLY,      "partly applied; the same command goes on"                            },
    {EXIT_LOCKED,      "somebody else holds it"                                              },
    {EXIT_STALE,       "the plan is older than the world"                                    },
    {EXIT_UNREACHABLE, "no daemon answers"                                                   },
    {EXIT_INTERRUPTED, "interrupted"                                                         },
};

static void add_roff_exit_codes(struct buf *out)
{
    buf_add_text(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof exit_codes[0]; i++)
        buf_format(out, ".TP\n%d\n%s.\n", exit_codes[i].code, exit_codes[i].what);
}

void help_man_overview(struct buf *out)
{
    buf_add_text(out, ".TH TEND 1 \"\" \"tend " TEND_VERSION "\" \"User commands\"\n"
                      ".SH NAME\ntend \\- run what is declared, keep it healthy, say why\n"
                      ".SH SYNOPSIS\n.B tend\n.I COMMAND\n[flags] [arguments]\n.SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        if (commands[i]->group == GROUP_HIDDEN)
            continue;
        buf_add_text(out, ".TP\n\\fBtend\\-");
        add_roff(out, commands[i]->name);
        buf_add_text(out, "\\fR(1)\n");
        add_roff(out, commands[i]->summary);
        buf_add_text(out, ".\n");
    }
    buf_add_text(out, ".SH FLAGS OF EVERY COMMAND\n");
    add_roff_flags(out, global_flags, global_flag_count);
    add_roff_exit_codes(out);
    buf_add_text(out, ".SH ENVIRONMENT\n.TP\n\\fBTEND_STATE\\fR\nState directory, where "
                      "\\-\\-state is not given.\n.TP\n\\fBCOMPOSE_PROJECT_NAME\\fR\nName of the "
                      "project, where \\-p is not given.\n.TP\n\\fBNO_COLOR\\fR\nTurns colours "
                      "off.\n");
}

void help_man_command(struct buf *out, const struct command *command)
{
    buf_format(out, ".TH TEND\\-%s 1 \"\" \"tend " TEND_VERSION "\" \"User commands\"\n.SH NAME\n",
        command->name);
    buf_add_text(out, "tend\\-");
    add_roff(out, command->name);
    buf_add_text(out, " \\- ");
    add_roff(out, command->summary);
    buf_format(out, "\n.SH SYNOPSIS\n.B tend %s\n[flags] ", command->name);
    add_roff(out, command->usage);
    buf_add_byte(out, '\n');
    if (command->about != NULL) {
        buf_add_text(out, ".SH DESCRIPTION\n");
        add_roff(out, command->about);
        buf_add_byte(out, '\n');
    }
    if (command->flag_count > 0)
        buf_add_text(out, ".SH FLAGS\n");
    add_roff_flags(out, command->flags, command->flag_count);
    if (command->example_count > 0)
        buf_add_text(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < command->example_count; i++) {
        buf_add_text(out, ".TP\n.B ");
        add_roff(out, command->examples[i].line);
        buf_add_byte(out, '\n');
        add_roff(out, command->examples[i].what);
        buf_add_text(out, ".\n");
    }
    add_roff_exit_codes(out);
    buf_add_text(out, ".SH SEE ALSO\n\\fBtend\\fR(1)\n");
}

/* In a table cell a bar would end it. */
static void add_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_add_byte(out, '\\');
        buf_add_byte(out, *text);
    }
}

static void add_flag_rows(struct buf *out, const struct flag *flags, size_t count)
{
    buf_add_text(out, "\n| flag | what |\n| --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(out, "| `");
        if (flags[i].letter != 0)
            buf_format(out, "-%c, ", flags[i].letter);
        buf_format(out, "--%s%s%s` | ", flags[i].name, flags[i].value != NULL ? " " : "",
            flags[i].value != NULL ? flags[i].value : "");
        add_cell(out, flags[i].help);
        buf_add_text(out, " |\n");
    }
}

static void add_command_section(struct buf *out, const struct command *command)
{
    buf_format(out, "\n## tend %s\n\n%s.\n\n    tend %s [flags]%s%s\n", command->name,
        command->summary, command->name, command->usage[0] != '\0' ? " " : "", command->usage);
    if (command->about != NULL)
        buf_format(out, "\n%s\n", command->about);
    if (command->flag_count > 0)
        add_flag_rows(out, command->flags, command->flag_count);
    for (size_t i = 0; i < command->example_count; i++)
        buf_format(out, "%s- `%s`: %s\n", i == 0 ? "\n" : "", command->examples[i].line,
            command->examples[i].what);
}

void help_reference(struct buf *out)
{
    buf_add_text(out, "# Commands\n\n<!-- Made by `tend __reference` from the command table: "
                      "change it there. -->\n\n| command | what |\n| --- | --- |\n");
    for (size_t i = 0; i < command_count; i++)
        if (commands[i]->group != GROUP_HIDDEN)
            buf_format(out, "| [`tend %s`](#tend-%s) | %s |\n", commands[i]->name,
                commands[i]->name, commands[i]->summary);
    buf_add_text(out, "\n## Flags of every command\n");
    add_flag_rows(out, global_flags, global_flag_count);
    buf_add_text(out, "\nA command's own letter wins behind it: `tend -f FILE logs` names a file, "
                      "`tend logs -f` follows.\n\n## Exit codes\n\n| code | what |\n| --- | --- "
                      "|\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof exit_codes[0]; i++) {
        buf_format(out, "| %d | ", exit_codes[i].code);
        for (const char *c = exit_codes[i].what; *c != '\0'; c++)
            if (*c != '\\') /* roff's dashes */
                buf_add_byte(out, *c);
        buf_add_text(out, " |\n");
    }
    for (size_t i = 0; i < command_count; i++)
        if (commands[i]->group != GROUP_HIDDEN)
            add_command_section(out, commands[i]);
}
