/* commands.h - the one table of what `tend` can do.
 *
 * Each command is a row: how it is called, what it takes, what it says about itself and the
 * function that does it. Parsing, help, completion, man pages and the reference page all read the
 * same row, so they cannot drift apart. A command lives in its own file cmd_NAME.c and is listed in
 * commands.c; adding one is a new file and one line there.
 *
 * All of it is constant data; any thread. */
#ifndef TEND_CLI_COMMANDS_H
#define TEND_CLI_COMMANDS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct cli; /* one invocation: cli.h */

/* What a shell offers for a value or an argument. */
enum completes {
    COMPLETES_NOTHING,
    COMPLETES_FILE,
    COMPLETES_DIR,
    COMPLETES_WORDS,    /* the flag's own `words` */
    COMPLETES_SERVICE,  /* names of services */
    COMPLETES_INSTANCE, /* names of services and of their instances */
    COMPLETES_COMMAND,  /* names of commands */
    COMPLETES_SHELL,    /* bash, zsh, fish */
    COMPLETES_TOPIC,    /* codes of findings, keys of tend.yaml */
};

struct flag {
    const char *name;  /* "follow", without the dashes */
    char letter;       /* 'f', or 0 */
    const char *value; /* "N" as help shows it; NULL: the flag takes none */
    const char *help;  /* one line, no full stop */
    enum completes completes;
    const char *words; /* "auto always never": the only values it may have; NULL: any */
};

/* A flag that is there or not. */
#define FLAG(flag_name, flag_letter, flag_help)                           \
    {                                                                     \
        .name = (flag_name), .letter = (flag_letter), .help = (flag_help) \
    }
/* A flag with a value, as help shows it. */
#define FLAG_VALUE(flag_name, flag_letter, flag_value, kind, flag_help)                           \
    {                                                                                             \
        .name = (flag_name), .letter = (flag_letter), .value = (flag_value), .help = (flag_help), \
        .completes = (kind)                                                                       \
    }
/* A flag whose value is one of the words. */
#define FLAG_WORDS(flag_name, flag_letter, flag_value, flag_words, flag_help)                     \
    {                                                                                             \
        .name = (flag_name), .letter = (flag_letter), .value = (flag_value), .help = (flag_help), \
        .completes = COMPLETES_WORDS, .words = (flag_words)                                       \
    }

struct example {
    const char *line; /* "tend up -d" */
    const char *what; /* "start in the background" */
};

enum command_group { GROUP_RUNNING, GROUP_DECLARING, GROUP_DEPLOYING, GROUP_OTHER, GROUP_HIDDEN };

#define ARGS_ANY 1000

struct command {
    const char *name;
    enum command_group group;
    const char *summary; /* one line, no full stop */
    const char *usage;   /* what follows the name: "[SERVICE…]" */
    const char *about;   /* paragraphs, split by \n; NULL: the summary says all */
    const struct flag *flags;
    size_t flag_count;
    size_t args_min, args_max;
    bool rest_is_command; /* behind the first argument all words are arguments, flags too */
    enum completes args_complete;
    const struct example *examples;
    size_t example_count;
    int (*run)(struct cli *cli); /* returns the exit code */
};

extern const struct command *const commands[];
extern const size_t command_count;

/* Flags that every command knows. */
extern const struct flag global_flags[];
extern const size_t global_flag_count;

/* NULL if there is none of that name. */
const struct command *command_find(struct str name);
/* The name nearest to what was typed, or NULL. */
const char *command_nearest(struct str typed);
/* A word that tend's plan has, but not this version. */
bool command_is_planned(struct str name);
/* "Running", …; NULL for the hidden group. */
const char *command_group_title(enum command_group group);

/* `command` may be NULL: only global flags. The command's own come first, so that `logs -f` follows
 * and `tend -f FILE logs` names a file. */
const struct flag *flag_find(const struct command *command, struct str name);
const struct flag *flag_find_letter(const struct command *command, char letter);
/* The name nearest to what was typed, or NULL. */
const char *flag_nearest(const struct command *command, struct str typed);

#define COMMAND_FLAGS(table)    .flags = (table), .flag_count = COUNT(table)
#define COMMAND_EXAMPLES(table) .examples = (table), .example_count = COUNT(table)

#endif
