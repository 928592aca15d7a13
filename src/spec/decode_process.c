/* How a program is called: argv, environment, signals. */
#include "spec/env_file.h"
#include "spec/signals.h"
#include "spec/spec_private.h"
#include "spec/words.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/must.h"
#include "base/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* argv */

static bool split_command(struct decode *d, const struct field *f, const struct node *value,
    const char *const **out, size_t *out_count)
{
    struct err err = ERR_INIT;

    if (value->kind == NODE_LIST)
        return field_texts(d, f->name, value, out, out_count);
    if (!node_is_scalar(value))
        return field_wrong(d, f->name, value, "a text or a list of texts");
    *out = words_split(d->arena, value->text, out_count, &err);
    if (*out != NULL)
        return true;
    diagnostic_error(d->diagnostics, "wrong-value", &value->span,
        "'%s' cannot be split into words: %s", f->name, err.text);
    return false;
}

void decode_argv(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;
    const char *const *words = NULL;
    size_t count = 0;

    if (!split_command(d, f, pair->value, &words, &count))
        return;
    if (strcmp(f->name, "command") == 0) {
        draft->command = words;
        draft->command_count = count;
    } else {
        draft->entrypoint = words;
        draft->entrypoint_count = count;
    }
}

struct node *encode_texts(struct arena *a, const char *const *texts)
{
    struct node *list = node_list(a);

    for (; texts != NULL && *texts != NULL; texts++)
        node_push(a, list, node_text(a, str_from(*texts)));
    return list;
}

struct node *encode_argv(struct encode *e, const struct field *f, const void *from)
{
    const char *const *argv = ((const struct service *)from)->argv;

    (void)f;
    return argv != NULL ? encode_texts(e->arena, argv) : NULL; /* a container's is its own */
}

/* Signals: an int at the row's offset. */

void decode_signal(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    int *out = (int *)(void *)((char *)into + f->offset);

    if (!node_is_scalar(pair->value)) {
        (void)field_wrong(d, f->name, pair->value, "a signal");
    } else if (!signal_parse(pair->value->text, out)) {
        diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
            "'%s' takes a signal such as SIGTERM or 15, not '%.*s'", f->name,
            (int)(pair->value->text.len < 40 ? pair->value->text.len : 40), pair->value->text.at);
    }
}

struct node *encode_signal(struct encode *e, const struct field *f, const void *from)
{
    int number = *(const int *)(const void *)((const char *)from + f->offset);
    int by_default =
        *(const int *)(const void *)((const char *)(const void *)&service_defaults + f->offset);

    return number == by_default ? NULL : node_text(e->arena, str_from(signal_text(number)));
}

/* Environment. */

void decode_environment(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;

    draft->environment = field_by_name(d->arena, d->diagnostics, f->name, pair->value);
}

static bool is_word_of_secrets(struct str word)
{
    static const char *const words[] = {"PASS", "PASSWD", "PASSWORD", "PASSPHRASE", "PWD", "PW",
        "SECRET", "SECRETS", "TOKEN", "TOKENS", "KEY", "KEYS", "APIKEY", "CREDENTIAL",
        "CREDENTIALS", "CREDS", "AUTH", "SALT", "DSN"};

    for (size_t i = 0; i < COUNT(words); i++)
        if (word.len == strlen(words[i]) && strncasecmp(word.at, words[i], word.len) == 0)
            return true;
    return false;
}

static bool contains_secret_word(struct str name)
{
    static const char *const parts[] = {
        "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY"};

    for (size_t i = 0; i < COUNT(parts); i++)
        for (size_t at = 0; at + strlen(parts[i]) <= name.len; at++)
            if (strncasecmp(name.at + at, parts[i], strlen(parts[i])) == 0)
                return true;
    return false;
}

/* scheme://user:password@host */
static bool is_url_with_password(struct str value)
{
    ptrdiff_t scheme = str_find_text(value, STR("://"));

    if (scheme < 0)
        return false;
    struct str rest = str_tail(value, (size_t)scheme + 3), authority = str_cut(&rest, '/');
    ptrdiff_t at = str_find(authority, '@'), colon = str_find(authority, ':');
    return at > 0 && colon >= 0 && colon < at;
}

bool spec_name_is_secret(struct str name)
{
    return contains_secret_word(name);
}

bool spec_is_secret(struct str name, struct str value)
{
    struct str rest = name;

    if (is_url_with_password(value) || contains_secret_word(name))
        return true;
    if (str_is(name, "PWD"))
        return false;
    while (rest.len > 0)
        if (is_word_of_secrets(str_cut(&rest, '_')))
            return true;
    return false;
}

/* One name into `all`, with the value that stands there or that the variable has. */
static void add_variable(struct decode *d, struct node *all, const struct node_pair *pair)
{
    const struct node *value = pair->value;
    const char *text = NULL;

    if (pair->key.len == 0 || str_find(pair->key, '=') >= 0) {
        diagnostic_error(d->diagnostics, "wrong-value", &pair->key_span,
            "'%.*s' is no name for an environment variable", STR_ARG(pair->key));
        return;
    }
    if (value->kind == NODE_NULL) {
        if (d->variable != NULL)
            text = d->variable(d->variable_context, pair->key.at);
    } else if (!field_text(d, pair->key.at, value, &text)) {
        return;
    }
    if (text != NULL)
        (void)node_put(d->arena, all, pair->key, node_text(d->arena, str_from(text)));
}

static const char *look_up(void *context, const char *name)
{
    struct decode *d = context;

    return d->variable != NULL ? d->variable(d->variable_context, name) : NULL;
}

static void take_names(
    struct decode *d, struct node *all, const struct named_file *f, struct str text)
{
    struct interpolation run = {
        .arena = d->arena, .diagnostics = d->diagnostics, .variable = look_up, .context = d};
    struct source source = {.name = f->path, .text = STR("")}; /* its lines are secrets */
    struct node *names =
        f->raw ? env_file_read_raw(&run, &source, text) : env_file_read(&run, &source, text);

    NODE_EACH (names, pair)
        add_variable(d, all, pair);
    interpolation_fini(&run);
}

void named_file_read(struct decode *d, struct node *all, const struct named_file *f)
{
    struct buf text = BUF_INIT(ENV_FILE_BYTES_MAX);
    struct err err = ERR_INIT;
    char *path = fs_absolute(d->dir, str_from(f->path));

    if (fs_read(path, &text, &err)) {
        take_names(d, all, f, buf_str(&text));
    } else if (f->required || err.sys != ENOENT) {
        diagnostic_error(d->diagnostics, "missing-file", f->span, "cannot read %s '%s': %s", f->key,
            f->path, err.sys != 0 ? strerror(err.sys) : err.text);
        if (err.sys == ENOENT && strcmp(f->key, "env_file") == 0)
            diagnostic_help(d->diagnostics,
                "create it, or write {path: %s, required: false} if it may be missing", f->path);
    }
    free(path);
    buf_fini(&text);
}

struct env_file_entry {
    const char *path, *format;
    bool required;
};

static const struct field env_file_rows[] = {
    {.name = "path",
     .type = FIELD_TEXT,
     .offset = offsetof(struct env_file_entry,                              path),
     .required = true,
     .help = "The file, relative to the project's folder."},
    {.name = "required",
     .type = FIELD_BOOL,
     .offset = offsetof(struct env_file_entry,                                                    required),
     .default_text = "true",
     .help = "Whether it is an error if it is missing."},
    {.name = "format",
     .type = FIELD_TEXT,
     .offset = offsetof(struct env_file_entry, format),
     .help = "'raw': values are taken as they stand, without quotes and variables."                                                              },
};
const struct field_table fields_env_file = {.name = "an env_file",
    .help = "A file of variables.",
    .fields = env_file_rows,
    .count = COUNT(env_file_rows)};

static void read_env_entry(struct decode *d, struct node *all, const struct node *value)
{
    struct env_file_entry entry = {.required = true};

    if (value->kind == NODE_MAP)
        fields_decode(d, &fields_env_file, value, &entry);
    else if (!field_text(d, "env_file", value, &entry.path))
        return;
    if (entry.path == NULL)
        return;
    if (entry.format != NULL && strcmp(entry.format, "raw") != 0) {
        field_refuse(d, &value->span, "env_file format '%s': only 'raw' is known", entry.format);
        return;
    }
    named_file_read(d, all,
        &(struct named_file){.key = "env_file",
            .span = &value->span,
            .path = entry.path,
            .required = entry.required,
            .raw = entry.format != NULL});
}

static void read_env_files(struct decode *d, struct node *all, const struct node *value)
{
    if (value == NULL)
        return;
    if (d->from_document)
        field_refuse(d, &value->span, "env_file in a resolved document");
    else if (value->kind != NODE_LIST)
        read_env_entry(d, all, value);
    else
        for (size_t i = 0; i < value->count; i++)
            read_env_entry(d, all, value->items[i]);
}

void environment_finish(struct decode *d, struct service_draft *draft)
{
    struct node *all = node_map(d->arena);
    struct service *s = &draft->service;
    size_t which;

    read_env_files(d, all, draft->env_file);
    NODE_EACH (draft->environment, pair)
        add_variable(d, all, pair);
    node_sort(all);
    struct environment_entry *entries =
        arena_new_array(d->arena, all->count + 1, struct environment_entry);
    for (size_t i = 0; i < all->count; i++)
        entries[i] = (struct environment_entry){.name = all->pairs[i].key.at,
            .value = all->pairs[i].value->text.at,
            .secret = spec_is_secret(all->pairs[i].key, all->pairs[i].value->text) ||
                      (d->secrets != NULL &&
                          redactor_find(d->secrets, all->pairs[i].value->text, &which))};
    s->environment = entries;
    s->environment_count = all->count;
}

/* For the revision a secret's value is its HMAC, so that a revision can be shown and kept. */
static struct node *encode_value(struct encode *e, const struct environment_entry *entry)
{
    char text[HASH_TEXT_BYTES];

    if (!e->restarting_only || !entry->secret)
        return node_text(e->arena, str_from(entry->value));
    struct hash h = hash_hmac(e->revision_key, str_from(entry->value));
    hash_format(&h, text);
    return node_text(e->arena, str_from(text));
}

struct node *encode_environment(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    struct node *map = node_map(e->arena);

    (void)f;
    for (size_t i = 0; i < s->environment_count; i++)
        (void)node_put(
            e->arena, map, str_from(s->environment[i].name), encode_value(e, &s->environment[i]));
    return map->count > 0 ? map : NULL;
}
