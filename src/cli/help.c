#include "cli/help.h"

#include "base/must.h"
#include "cli/text.h"

#include <stdio.h>

#define HELP_BYTES_MAX (64u << 10)
#define NAME_COLUMNS   12
#define FLAG_COLUMNS   22

static void add_title(struct cli *cli, struct buf *out, const char *title)
{
    buf_format(out, "\n%s%s%s\n", terminal_tone(&cli->out, TONE_STRONG), title,
        terminal_tone(&cli->out, TONE_PLAIN));
}

/* "  -f, --follow           help" with the helps below each other. */
static void add_flag_line(struct cli *cli, struct buf *out, const struct flag *flag)
{
    struct buf left = BUF_INIT(256);
    int pad;

    if (flag->letter != 0)
        buf_format(&left, "-%c, ", flag->letter);
    else
        buf_add_text(&left, "    ");
    buf_format(&left, "--%s", flag->name);
    if (flag->value != NULL)
        buf_format(&left, " %s", flag->value);
    pad = FLAG_COLUMNS - text_width(buf_str(&left));
    buf_format(out, "  %s%s%s%*s  %s\n", terminal_tone(&cli->out, TONE_BUSY), left.at,
        terminal_tone(&cli->out, TONE_PLAIN), pad > 0 ? pad : 0, "", flag->help);
    buf_fini(&left);
}

static void add_group(struct cli *cli, struct buf *out, enum command_group group)
{
    bool titled = false;

    for (size_t i = 0; i < command_count; i++) {
        if (commands[i]->group != group)
            continue;
        if (!titled)
            add_title(cli, out, command_group_title(group));
        titled = true;
        buf_format(out, "  %s%-*s%s %s\n", terminal_tone(&cli->out, TONE_BUSY), NAME_COLUMNS,
            commands[i]->name, terminal_tone(&cli->out, TONE_PLAIN), commands[i]->summary);
    }
}

static int print(struct buf *out)
{
    must(!buf_full(out));
    cli_write(buf_str(out));
    buf_fini(out);
    return EXIT_DONE;
}

int help_print_overview(struct cli *cli)
{
    struct buf out = BUF_INIT(HELP_BYTES_MAX);

    buf_add_text(&out, "tend runs what tend.yaml or compose.yaml declares, keeps it healthy, and "
                       "says why.\n\nusage: tend COMMAND [flags] [arguments]\n");
    for (enum command_group group = 0; group < GROUP_HIDDEN; group++)
        add_group(cli, &out, group);
    add_title(cli, &out, "Flags of every command");
    for (size_t i = 0; i < global_flag_count; i++)
        add_flag_line(cli, &out, &global_flags[i]);
    buf_add_text(&out, "\nMore about one command: tend help COMMAND\n");
    return print(&out);
}

static void add_examples(struct cli *cli, struct buf *out, const struct command *command)
{
    int widest = 0;

    if (command->example_count == 0)
        return;
    add_title(cli, out, "Examples");
    for (size_t i = 0; i < command->example_count; i++)
        if (text_width(str_from(command->examples[i].line)) > widest)
            widest = text_width(str_from(command->examples[i].line));
    for (size_t i = 0; i < command->example_count; i++) {
        const struct example *e = &command->examples[i];

        buf_format(out, "  %s%*s  %s%s%s\n", e->line, widest - text_width(str_from(e->line)), "",
            terminal_tone(&cli->out, TONE_FAINT), e->what, terminal_tone(&cli->out, TONE_PLAIN));
    }
}

static void add_about(struct buf *out, const struct command *command)
{
    struct str rest = str_from(command->about);

    if (rest.len > 0)
        buf_add_byte(out, '\n');
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');

        buf_format(out, "%.*s\n", STR_ARG(line));
    }
}

int help_print_command(struct cli *cli, const struct command *command)
{
    struct buf out = BUF_INIT(HELP_BYTES_MAX);

    buf_format(&out, "tend %s: %s\n\nusage: tend %s [flags]%s%s\n", command->name, command->summary,
        command->name, command->usage[0] != '\0' ? " " : "", command->usage);
    add_examples(cli, &out, command);
    add_about(&out, command);
    if (command->flag_count > 0)
        add_title(cli, &out, "Flags");
    for (size_t i = 0; i < command->flag_count; i++)
        add_flag_line(cli, &out, &command->flags[i]);
    add_title(cli, &out, "Flags of every command");
    for (size_t i = 0; i < global_flag_count; i++) {
        struct flag flag = global_flags[i];

        if (flag.letter != 0 && flag_find_letter(command, flag.letter) != &global_flags[i])
            flag.letter = 0; /* the command uses the letter for its own */
        add_flag_line(cli, &out, &flag);
    }
    return print(&out);
}
