#include "cli/arguments.h"

#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where parsing stands. */
struct parse {
    struct arguments *out;
    int argc;
    const char *const *argv;
    int at;
    bool flags_ended;
};

__attribute__((format(printf, 2, 3))) static void advise(
    struct arguments *out, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(out->advice, sizeof out->advice, fmt, args);
    va_end(args);
}

static void advise_help(struct arguments *out)
{
    if (out->command != NULL)
        advise(out, "tend help %s", out->command->name);
    else
        advise(out, "tend help");
}

static bool value_is_allowed(const struct flag *flag, const char *value)
{
    struct str rest = str_from(flag->words), typed = str_from(value);

    if (flag->words == NULL)
        return true;
    while (rest.len > 0)
        if (str_eq(str_cut(&rest, ' '), typed))
            return true;
    return false;
}

static bool add_flag(struct parse *p, const struct flag *flag, const char *value, struct err *err)
{
    if (value != NULL && !value_is_allowed(flag, value)) {
        advise(p->out, "one of: %s", flag->words);
        return err_set(err, ERR_INVALID, "--%s cannot be \"%.60s\"", flag->name, value);
    }
    vec_push(&p->out->flags, (struct given_flag){flag, value});
    return true;
}

/* The value behind a flag, as the next word. */
static bool next_value(struct parse *p, const struct flag *flag, const char **out, struct err *err)
{
    if (p->at + 1 >= p->argc) {
        advise_help(p->out);
        return err_set(err, ERR_INVALID, "--%s needs a value: %s", flag->name, flag->value);
    }
    *out = p->argv[++p->at];
    return true;
}

static bool unknown_flag(struct parse *p, struct str name, struct err *err)
{
    const char *nearest = flag_nearest(p->out->command, name);

    if (nearest != NULL)
        advise(p->out, "did you mean --%s?", nearest);
    else
        advise_help(p->out);
    return err_set(err, ERR_INVALID, "unknown flag --%.60s", name.at);
}

static bool parse_long(struct parse *p, const char *word, struct err *err)
{
    struct str rest = str_from(word + 2);
    bool has_value = str_find(rest, '=') >= 0;
    struct str name = str_cut(&rest, '=');
    const struct flag *flag;
    const char *value = NULL;

    if (str_is(name, "help"))
        return p->out->help = true;
    if (str_is(name, "version") && !has_value && flag_find(p->out->command, name) == NULL)
        return p->out->version = true;
    flag = flag_find(p->out->command, name);
    if (flag == NULL)
        return unknown_flag(p, name, err);
    if (flag->value == NULL && has_value) {
        advise(p->out, "write --%s alone", flag->name);
        return err_set(err, ERR_INVALID, "--%s takes no value", flag->name);
    }
    if (flag->value != NULL && has_value)
        value = rest.at;
    else if (flag->value != NULL)
        TRY(next_value(p, flag, &value, err));
    return add_flag(p, flag, value, err);
}

static bool parse_letters(struct parse *p, const char *word, struct err *err)
{
    for (const char *c = word + 1; *c != '\0'; c++) {
        const struct flag *flag = flag_find_letter(p->out->command, *c);
        const char *value = NULL;

        if (flag == NULL && *c == 'h') {
            p->out->help = true;
            continue;
        }
        if (flag == NULL && *c == 'V') {
            p->out->version = true;
            continue;
        }
        if (flag == NULL) {
            advise_help(p->out);
            return err_set(err, ERR_INVALID, "unknown flag -%c", *c >= ' ' && *c < 127 ? *c : '?');
        }
        if (flag->value == NULL) {
            TRY(add_flag(p, flag, NULL, err));
            continue;
        }
        if (c[1] != '\0')
            value = c + 1;
        else
            TRY(next_value(p, flag, &value, err));
        return add_flag(p, flag, value, err);
    }
    return true;
}

static bool parse_command(struct parse *p, const char *word, struct err *err)
{
    const char *nearest;

    p->out->command = command_find(str_from(word));
    if (p->out->command != NULL)
        return true;
    if (command_is_planned(str_from(word))) {
        advise(p->out, "tend help lists what is");
        return err_set(
            err, ERR_UNSUPPORTED, "not supported: `tend %s` is not part of this version", word);
    }
    nearest = command_nearest(str_from(word));
    if (nearest != NULL)
        advise(p->out, "did you mean `tend %s`?", nearest);
    else
        advise_help(p->out);
    return err_set(err, ERR_INVALID, "unknown command \"%.60s\"", word);
}

static bool parse_word(struct parse *p, const char *word, struct err *err)
{
    const struct command *command = p->out->command;

    if (!p->flags_ended && strcmp(word, "--") == 0)
        return p->flags_ended = true;
    if (!p->flags_ended && word[0] == '-' && word[1] == '-')
        return parse_long(p, word, err);
    if (!p->flags_ended && word[0] == '-' && word[1] != '\0')
        return parse_letters(p, word, err);
    if (command == NULL)
        return parse_command(p, word, err);
    vec_push(&p->out->words, word);
    if (command->rest_is_command && p->out->words.count == 1) {
        if (p->at + 1 < p->argc && strcmp(p->argv[p->at + 1], "--") == 0)
            p->at++;
        p->flags_ended = true;
    }
    return true;
}

static bool check_count(struct arguments *out, struct err *err)
{
    const struct command *command = out->command;

    if (command == NULL || out->help || out->version)
        return true;
    advise(out, "usage: tend %s %s", command->name, command->usage);
    if (out->words.count < command->args_min)
        return err_set(err, ERR_INVALID, "tend %s needs %s", command->name, command->usage);
    if (out->words.count > command->args_max)
        return err_set(err, ERR_INVALID, "tend %s: one argument too many: \"%.60s\"", command->name,
            out->words.at[command->args_max]);
    out->advice[0] = '\0';
    return true;
}

bool arguments_parse(struct arguments *out, int argc, const char *const *argv, struct err *err)
{
    struct parse p = {.out = out, .argc = argc, .argv = argv};

    memset(out, 0, sizeof *out);
    for (p.at = 1; p.at < argc; p.at++)
        TRY(parse_word(&p, argv[p.at], err));
    return check_count(out, err);
}

void arguments_fini(struct arguments *a)
{
    vec_fini(&a->flags);
    vec_fini(&a->words);
}

bool arguments_flag(const struct arguments *a, const char *name)
{
    must(flag_find(a->command, str_from(name)) != NULL);
    VEC_EACH (&a->flags, struct given_flag, given)
        if (strcmp(given->flag->name, name) == 0)
            return true;
    return false;
}

const char *arguments_value(const struct arguments *a, const char *name)
{
    const char *value = NULL;

    must(flag_find(a->command, str_from(name)) != NULL);
    VEC_EACH (&a->flags, struct given_flag, given)
        if (strcmp(given->flag->name, name) == 0)
            value = given->value;
    return value;
}

bool arguments_join(const struct arguments *a, const char *name, char separator, struct buf *out)
{
    bool given = false;

    VEC_EACH (&a->flags, const struct given_flag, g) {
        if (strcmp(g->flag->name, name) != 0 || g->value == NULL)
            continue;
        if (given)
            buf_add_byte(out, separator);
        buf_add_text(out, g->value);
        given = true;
    }
    return given;
}
