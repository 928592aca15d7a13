/* Files of a project: read, with their variables replaced. */
#include "spec/env_file.h"
#include "spec/load_private.h"
#include "spec/yaml.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Variables. */

const char *load_outer_variable(void *load, const char *name)
{
    const struct load_options *o = ((struct load *)load)->options;

    return o->variable != NULL ? o->variable(o->variable_context, name) : getenv(name);
}

const char *load_variable(void *load, const char *name)
{
    struct load *l = load;
    const char *value = load_outer_variable(l, name);
    const struct node *entry = value == NULL ? node_get(l->dotenv, name) : NULL;

    return entry != NULL ? entry->text.at : value;
}

const char *origin_variable(void *origin, const char *name)
{
    const char *value = load_variable(((const struct origin *)origin)->load, name);
    const struct node *dotenvs[LOAD_NESTING_MAX + 1];
    size_t count = 0;

    for (const struct origin *o = origin; o != NULL && count < LOAD_NESTING_MAX + 1; o = o->parent)
        dotenvs[count++] = o->dotenv;
    while (value == NULL && count > 0) {
        const struct node *entry = node_get(dotenvs[--count], name);
        value = entry != NULL ? entry->text.at : NULL;
    }
    return value;
}

/* Bytes. */

struct source *load_add_source(struct load *l, const char *name, struct str text)
{
    struct source *s = arena_new(l->arena, struct source);

    s->name = arena_copy(l->arena, name);
    s->text = text;
    vec_push(&l->sources, s);
    return s;
}

struct found_file load_file_at(struct load *l, const char *dir, struct str path)
{
    char *absolute = fs_absolute(dir, path);
    struct found_file file = {.path = arena_copy(l->scratch, absolute)};
    size_t len = strlen(l->dir);

    free(absolute);
    file.shown = file.path;
    if (strncmp(file.path, l->dir, len) == 0 && file.path[len] == '/')
        file.shown += len + 1;
    return file;
}

const char *load_shown(struct load *l, const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : load_file_at(l, "/", str_from(path)).shown;
}

static bool read_bytes(struct load *l, const struct found_file *file, const struct span *span,
    size_t bytes_max, struct buf *out)
{
    struct err err = ERR_INIT;
    const char *path = strcmp(file->path, "-") == 0 ? "/dev/stdin" : file->path;

    buf_init(out, bytes_max);
    if (fs_read(path, out, &err))
        return true;
    if (err.kind == ERR_LIMIT)
        diagnostic_error(
            l->diagnostics, "limit", span, "'%s' is larger than %zu bytes", file->shown, bytes_max);
    else
        diagnostic_error(l->diagnostics, "missing-file", span, "cannot read '%s': %s", file->shown,
            err.sys != 0 ? strerror(err.sys) : err.text);
    buf_fini(out);
    return false;
}

struct node *load_env_file(struct load *l, const struct found_file *file,
    const struct origin *parent, const struct span *span)
{
    struct source source = {.name = file->shown, .text = STR("")}; /* its lines are secrets */
    struct interpolation run = {.arena = l->scratch,
        .diagnostics = l->diagnostics,
        .variable = parent != NULL ? origin_variable : load_outer_variable,
        .context = parent != NULL ? (void *)(uintptr_t)parent : l};
    struct buf text;

    if (!read_bytes(l, file, span, ENV_FILE_BYTES_MAX, &text))
        return NULL;
    struct node *names = env_file_read(&run, &source, buf_str(&text));
    interpolation_fini(&run);
    buf_fini(&text);
    return names;
}

/* Spans. */

struct span load_narrow(const struct span *span, struct str text)
{
    struct span narrow = *span;

    if (span->source == NULL || span->at >= span->source->text.len)
        return narrow;
    struct str below = str_tail(span->source->text, span->at);
    if (span->end > span->at && span->end - span->at < below.len)
        below.len = span->end - span->at;
    ptrdiff_t at = str_find_text(below, text);
    for (ptrdiff_t i = 0; i < at; i++)
        narrow.line += below.at[i] == '\n';
    if (at >= 0) {
        narrow.at += (uint32_t)at;
        narrow.end = narrow.at + (uint32_t)text.len;
    }
    return narrow;
}

static const struct node *first_reference(const struct node *n)
{
    const struct node *found = n->has_reference ? n : NULL;

    for (size_t i = 0; found == NULL && i < node_count(n); i++)
        found = first_reference(n->kind == NODE_MAP ? n->pairs[i].value : n->items[i]);
    return found;
}

bool load_has_no_reference(struct load *l, const char *name, const struct node *value)
{
    const struct node *found = first_reference(value);

    if (found != NULL) {
        diagnostic_error(l->diagnostics, "bad-variable", &found->span,
            "'%s' is read before ${var.…} and ${services.…} are known", name);
        diagnostic_help(l->diagnostics, "a variable of the shell can be used: ${NAME}");
    }
    return found == NULL;
}

/* Trees. */

static bool within_bounds(struct load *l, const struct span *span, size_t bytes)
{
    l->file_bytes += bytes;
    l->file_count++;
    if (l->file_count <= LOAD_FILES_MAX && l->file_bytes <= LOAD_FILES_BYTES_MAX)
        return true;
    diagnostic_error(l->diagnostics, "limit", span,
        "the project has more than %d files, or more than %u MiB of them", LOAD_FILES_MAX,
        LOAD_FILES_BYTES_MAX >> 20);
    return false;
}

/* A pattern's dollar is its own. */
static void interpolate_variables(struct load *l, struct node *variables)
{
    NODE_EACH (variables, entry) {
        if (entry->value->kind != NODE_MAP)
            interpolate_tree(&l->run, entry->value);
        NODE_EACH (entry->value, pair)
            if (!str_is(pair->key, "pattern"))
                interpolate_tree(&l->run, pair->value);
    }
}

void load_interpolate(struct load *l, struct node *root)
{
    NODE_EACH (root, pair) {
        if (str_is(pair->key, "variables") && pair->value->kind == NODE_MAP)
            interpolate_variables(l, pair->value);
        else if (!str_is(pair->key, "environments"))
            interpolate_tree(&l->run, pair->value);
    }
}

struct node *load_tree(
    struct load *l, const struct found_file *file, struct origin *o, const struct span *span)
{
    struct buf text;

    if (!read_bytes(l, file, span, YAML_BYTES_MAX, &text))
        return NULL;
    struct str all = buf_str(&text);
    struct source *source = load_add_source(l, file->shown, all);
    vec_push(&l->texts, buf_take(&text));
    source->text.at = all.len > 0 ? l->texts.at[l->texts.count - 1] : "";
    if (str_starts(source->text, BYTE_ORDER_MARK)) /* no character of the first line */
        source->text = str_tail(source->text, strlen(BYTE_ORDER_MARK));
    if (!within_bounds(l, span, all.len))
        return NULL;
    struct node *root = yaml_read(l->scratch, source, source->text, l->diagnostics);
    if (root == NULL)
        return NULL;
    if (root->kind != NODE_MAP && root->kind != NODE_NULL) {
        struct span start = {.source = source, .line = 1, .column = 1};
        diagnostic_error(l->diagnostics, "wrong-type", &start,
            "the file must be a map with `services`, and this is %s", node_kind_name(root));
        return NULL;
    }
    l->run.context = o;
    load_interpolate(l, root);
    return root;
}

struct node *load_file(
    struct load *l, const struct found_file *file, struct origin *o, const struct span *span)
{
    struct node *root = load_tree(l, file, o, span);

    if (root == NULL || root->kind != NODE_MAP)
        return root;
    variables_normalise(l, root);
    include_apply(l, o, root);
    extends_apply(l, o, root, NULL);
    environments_collect(l, o, root);
    return root;
}
