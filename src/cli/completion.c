#include "cli/completion.h"

#include "base/must.h"
#include "spec/codes.h"
#include "spec/describe.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *shell, *script;
} scripts[] = {
    {"bash",
     "# tend completion bash > /etc/bash_completion.d/tend\n"
        "_tend() {\n"
        "    local line IFS=$'\\n'\n"
        "    COMPREPLY=()\n"
        "    for line in $(tend __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null); do\n"
        "        case $line in\n"
        "            :file) COMPREPLY+=($(compgen -f -- \"$2\")); compopt -o filenames ;;\n"
        "            :dir) COMPREPLY+=($(compgen -d -- \"$2\")); compopt -o filenames ;;\n"
        "            *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
        "        esac\n"
        "    done\n"
        "}\n"
        "complete -F _tend tend\n"                                     },
    {"zsh",  "#compdef tend\n"
            "# tend completion zsh > /usr/local/share/zsh/site-functions/_tend\n"
            "_tend() {\n"
            "    local line\n"
            "    local -a offers\n"
            "    for line in ${(f)\"$(tend __complete -- \"${(@)words[2,CURRENT]}\" "
            "2>/dev/null)\"}; do\n"
            "        case $line in\n"
            "            :file) _files ;;\n"
            "            :dir) _files -/ ;;\n"
            "            *) offers+=(\"${${line//:/\\\\:}/$'\\t'/:}\") ;;\n"
            "        esac\n"
            "    done\n"
            "    _describe 'tend' offers\n"
            "}\n"
            "compdef _tend tend\n"                          },
    {"fish", "# tend completion fish > ~/.config/fish/completions/tend.fish\n"
             "function __tend_complete\n"
             "    set -l typed (commandline -opc) (commandline -ct)\n"
             "    for line in (tend __complete -- $typed[2..-1] 2>/dev/null)\n"
             "        switch $line\n"
             "            case :file\n"
             "                __fish_complete_path (commandline -ct)\n"
             "            case :dir\n"
             "                __fish_complete_directories (commandline -ct)\n"
             "            case '*'\n"
             "                echo $line\n"
             "        end\n"
             "    end\n"
             "end\n"
             "complete -c tend -f -a '(__tend_complete)'\n"},
};

const char *completion_script(struct str shell)
{
    for (size_t i = 0; i < COUNT(scripts); i++)
        if (str_is(shell, scripts[i].shell))
            return scripts[i].script;
    return NULL;
}

/* What is asked for, found by walking over the words before it. */
struct cursor {
    const struct command *command;
    const struct flag *value_of; /* the word is this flag's value */
    bool flags_ended;
    size_t args;
};

static void offer(struct buf *out, struct str prefix, const char *word, const char *what)
{
    if (strncmp(word, prefix.at, prefix.len) == 0)
        buf_format(out, "%s%s%s\n", word, what[0] != '\0' ? "\t" : "", what);
}

static void offer_flag(struct buf *out, struct str prefix, const struct flag *flag)
{
    char word[64] = "--";

    must(strlen(flag->name) + 3 < sizeof word);
    (void)strcat(word, flag->name); /* fits: see above */
    offer(out, prefix, word, flag->help);
}

static void offer_flags(struct buf *out, struct str prefix, const struct command *command)
{
    for (size_t i = 0; command != NULL && i < command->flag_count; i++)
        offer_flag(out, prefix, &command->flags[i]);
    for (size_t i = 0; i < global_flag_count; i++)
        offer_flag(out, prefix, &global_flags[i]);
    offer(out, prefix, "--help", "explain this");
}

static void offer_commands(struct buf *out, struct str prefix)
{
    for (size_t i = 0; i < command_count; i++)
        if (commands[i]->group != GROUP_HIDDEN)
            offer(out, prefix, commands[i]->name, commands[i]->summary);
}

static void offer_words(struct buf *out, struct str prefix, const char *words)
{
    struct str rest = str_from(words);

    while (rest.len > 0) {
        struct str word = str_cut(&rest, ' ');

        if (word.len >= prefix.len && memcmp(word.at, prefix.at, prefix.len) == 0)
            buf_format(out, "%.*s\n", STR_ARG(word));
    }
}

/* Keys of a service, or those below the last dot, with the path before them. */
static void offer_keys(struct buf *out, struct str prefix)
{
    const struct field_table *table = &fields_service;
    struct str path = prefix;
    struct field_place place;
    const char *nearest;
    char word[200];

    while (path.len > 0 && path.at[path.len - 1] != '.')
        path.len--;
    if (path.len > 0) {
        struct str parent = {.at = path.at, .len = path.len - 1};
        if (!describe_find(parent, &place, &nearest) || place.field->table == NULL)
            return;
        table = place.field->table;
    }
    FIELDS_EACH (table, f) {
        (void)snprintf(word, sizeof word, "%.*s%s", STR_ARG(path), f->name);
        offer(out, prefix, word, f->help);
    }
}

static void offer_topics(struct buf *out, struct str prefix)
{
    for (size_t i = 0; i < code_count; i++)
        offer(out, prefix, codes[i].name, codes[i].title);
    offer_keys(out, prefix);
}

static void step_flag(struct cursor *c, const char *word)
{
    const struct flag *flag;
    struct str name = str_from(word[1] == '-' ? word + 2 : word + 1);

    if (word[1] == '-')
        flag = str_find(name, '=') >= 0 ? NULL : flag_find(c->command, name);
    else
        flag = name.len == 1 ? flag_find_letter(c->command, name.at[0]) : NULL;
    if (flag != NULL && flag->value != NULL)
        c->value_of = flag;
}

static void step(struct cursor *c, const char *word)
{
    if (c->value_of != NULL)
        c->value_of = NULL;
    else if (!c->flags_ended && strcmp(word, "--") == 0)
        c->flags_ended = true;
    else if (!c->flags_ended && word[0] == '-' && word[1] != '\0')
        step_flag(c, word);
    else if (c->command == NULL)
        c->command = command_find(str_from(word));
    else
        c->args++;
}

static void offer_kind(struct buf *out, struct str prefix, enum completes what,
    const char *flag_words, completion_names_fn names, void *data)
{
    switch (what) {
    case COMPLETES_NOTHING:
        break;
    case COMPLETES_FILE:
        buf_add_text(out, ":file\n");
        break;
    case COMPLETES_DIR:
        buf_add_text(out, ":dir\n");
        break;
    case COMPLETES_WORDS:
        offer_words(out, prefix, flag_words);
        break;
    case COMPLETES_SHELL:
        offer_words(out, prefix, "bash zsh fish");
        break;
    case COMPLETES_TOPIC:
        offer_topics(out, prefix);
        break;
    case COMPLETES_COMMAND:
        offer_commands(out, prefix);
        break;
    case COMPLETES_SERVICE:
    case COMPLETES_INSTANCE:
        names(data, what, prefix, out);
        break;
    }
}

void completion_candidates(
    const char *const *words, size_t count, completion_names_fn names, void *data, struct buf *out)
{
    struct cursor c = {0};
    struct str prefix = str_from(count > 0 ? words[count - 1] : "");

    for (size_t i = 0; i + 1 < count; i++)
        step(&c, words[i]);
    if (c.value_of != NULL)
        offer_kind(out, prefix, c.value_of->completes, c.value_of->words, names, data);
    else if (!c.flags_ended && str_starts(prefix, "-"))
        offer_flags(out, prefix, c.command);
    else if (c.command == NULL)
        offer_commands(out, prefix);
    else if (c.args < c.command->args_max && (!c.command->rest_is_command || c.args == 0))
        offer_kind(out, prefix, c.command->args_complete, NULL, names, data);
}
