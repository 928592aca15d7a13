/* `include`: other projects' files, each with its own folder and variables, put beside what the
 * file itself declares. Two of a name are an error, unless they say the same. */
#include "spec/load_private.h"

#include "base/fs.h"
#include "base/must.h"

#include <stddef.h>
#include <string.h>

struct include {
    const char *const *paths, *const *env_files;
    size_t path_count, env_file_count;
    const char *project_directory;
};

static void decode_texts(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *const **out = (const char *const **)(void *)((char *)into + f->offset);
    struct include *include = into;
    bool is_path = f->offset == offsetof(struct include, paths);

    (void)field_texts(
        d, f->name, pair->value, out, is_path ? &include->path_count : &include->env_file_count);
}

static const struct field rows[] = {
    {.name = "path",
     .type = FIELD_CUSTOM,
     .offset = offsetof(struct include, paths),
     .forms = FORM_TEXT | FORM_LIST,
     .required = true,
     .decode = decode_texts,
     .input_only = true,
     .help = "The file; of several, later ones are merged over earlier ones."},
    {.name = "project_directory",
     .type = FIELD_TEXT,
     .offset = offsetof(struct include, project_directory),
     .default_text = "the folder of the first file",
     .help = "What its paths are relative to, and where its services run."      },
    {.name = "env_file",
     .type = FIELD_CUSTOM,
     .offset = offsetof(struct include,            env_files),
     .forms = FORM_TEXT | FORM_LIST,
     .decode = decode_texts,
     .input_only = true,
     .default_text = ".env in its folder",
     .help = "Files of variables for it; the including project's variables win."                                                    },
};
const struct field_table fields_include =
    FIELD_TABLE("an include", "Another project's files.", rows, NULL);

static bool read_entry(struct load *l, struct node *value, struct include *out)
{
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    *out = (struct include){0};
    if (!load_has_no_reference(l, "include", value))
        return false;
    if (value->kind == NODE_MAP)
        fields_decode(&d, &fields_include, value, out);
    else if (node_is_scalar(value))
        (void)field_texts(&d, "include", value, &out->paths, &out->path_count);
    else
        (void)field_wrong(&d, "include", value, "paths and maps with a path");
    for (size_t i = 0; i < out->path_count; i++)
        if (strstr(out->paths[i], "://") != NULL) {
            field_refuse(
                &d, &value->span, "'include' of a file elsewhere: '%.200s'", out->paths[i]);
            return false;
        }
    return out->path_count > 0;
}

/* Circles and bounds. */

static bool may_include(struct load *l, const struct origin *from, const struct found_file *file,
    const struct span *span)
{
    struct buf names = BUF_INIT(64 << 10);
    const struct origin *path[LOAD_NESTING_MAX + 1], *o;
    size_t count = 0;

    for (o = from; o != NULL && count <= LOAD_NESTING_MAX; o = o->parent) {
        path[count++] = o;
        if (strcmp(o->path, file->path) == 0)
            break;
    }
    if (o == NULL && count < LOAD_NESTING_MAX)
        return true;
    if (o == NULL || strcmp(o->path, file->path) != 0) {
        diagnostic_error(l->diagnostics, "limit", span, "more than %d files include each other",
            LOAD_NESTING_MAX);
        return false;
    }
    while (count-- > 0)
        buf_format(&names, "%s → ", load_shown(l, path[count]->path));
    buf_add_text(&names, file->shown);
    diagnostic_error(l->diagnostics, "cycle", span, "files include each other in a circle: %s",
        names.at != NULL ? names.at : "");
    buf_fini(&names);
    return false;
}

/* Reading. */

static struct node *read_variables(struct load *l, const struct origin *from,
    const struct include *include, const char *dir, const struct span *span)
{
    struct found_file file = load_file_at(l, dir, STR(".env"));
    struct node *all = node_map(l->scratch);

    if (include->env_file_count == 0 && fs_exists(file.path))
        return load_env_file(l, &file, from, span);
    for (size_t i = 0; i < include->env_file_count; i++) {
        file = load_file_at(l, from->dir, str_from(include->env_files[i]));
        const struct node *variables = load_env_file(l, &file, from, span);
        NODE_EACH (variables, pair)
            (void)node_put(l->scratch, all, pair->key, pair->value);
    }
    return all;
}

/* The files of one entry, merged. */
static struct node *read_files(struct load *l, const struct origin *from,
    const struct include *include, struct origin *o, const struct span *span)
{
    struct node *all = NULL;

    for (size_t i = 0; i < include->path_count; i++) {
        struct found_file file = load_file_at(l, from->dir, str_from(include->paths[i]));
        if (!may_include(l, from, &file, span))
            return NULL;
        struct origin *mine = arena_new(l->scratch, struct origin);
        *mine = *o;
        mine->path = file.path;
        struct node *root = load_file(l, &file, mine, span);
        if (root == NULL)
            return NULL;
        all = all == NULL ? root : merge_nodes(l->scratch, &fields_project, all, root);
    }
    if (all != NULL)
        merge_clean(all);
    return all;
}

/* Names without a value take the variables of the included project. */
static struct node *fill_environment(struct arena *a, struct node *value, struct origin *o)
{
    struct node *given = field_by_name(a, NULL, "environment", value), *all = node_map(a);

    if (given == NULL)
        return value; /* decoding tells */
    all->span = value->span;
    NODE_EACH (given, pair) {
        const char *text = pair->value->kind == NODE_NULL ? origin_variable(o, pair->key.at) : NULL;
        struct node *entry = text != NULL ? node_text(a, str_from(text)) : pair->value;
        if (text != NULL)
            entry->span = pair->value->span;
        node_put(a, all, pair->key, entry)->key_span = pair->key_span;
    }
    return all;
}

/* A service as it is anywhere: absolute paths, its own folder to run in. */
static struct node *settle_service(struct load *l, struct node *service, struct origin *o)
{
    struct arena *a = l->scratch;

    if (service->kind != NODE_MAP)
        return service;
    struct node *settled = node_map(a);
    settled->span = service->span;
    NODE_EACH (service, pair) {
        struct node *value =
            str_is(pair->key, "environment") ? fill_environment(a, pair->value, o) : pair->value;
        node_put(a, settled, pair->key, value)->key_span = pair->key_span;
    }
    if (node_get(service, "working_dir") == NULL && node_get(service, "image") == NULL &&
        node_get(service, "build") == NULL) {
        struct node *dir = node_text(a, str_from(o->dir));
        dir->span = service->span;
        node_put(a, settled, STR("working_dir"), dir)->key_span = service->span;
    }
    return rebase_service(a, settled, o->dir);
}

/* Putting in. */

static void add_entry(
    struct load *l, struct node *into, const struct node_pair *pair, const char *kind)
{
    const struct node_pair *before = node_find(into, pair->key);

    if (before == NULL) {
        node_put(l->scratch, into, pair->key, pair->value)->key_span = pair->key_span;
        return;
    }
    if (node_equal(before->value, pair->value))
        return;
    diagnostic_error(l->diagnostics, "conflict", &pair->key_span,
        "'%s.%.*s' is declared in two files, and not the same", kind, STR_ARG(pair->key));
    diagnostic_other(l->diagnostics, &before->key_span, "the first is here");
    diagnostic_help(l->diagnostics, "rename one; only files that are given with -f are merged");
}

/* The map of `root` that the section's entries go to; NULL if they cannot. */
static struct node *target_of(struct load *l, struct node *root, const struct node_pair *section)
{
    const struct node_pair *there = node_find(root, section->key);
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    if (section->value->kind != NODE_MAP) {
        if (section->value->kind != NODE_NULL)
            (void)field_wrong(&d, section->key.at, section->value, "a map");
        return NULL;
    }
    if (there != NULL && there->value->kind != NODE_NULL)
        return there->value->kind == NODE_MAP ? there->value : NULL; /* decoding tells */
    struct node *empty = node_map(l->scratch);
    empty->span = section->value->span;
    node_put(l->scratch, root, section->key, empty)->key_span = section->key_span;
    return empty;
}

static void add_entries(
    struct load *l, struct node *root, const struct node_pair *section, struct origin *o)
{
    struct node *into = target_of(l, root, section);
    bool has_paths = str_is(section->key, "services") || str_is(section->key, "jobs");
    bool has_files = str_is(section->key, "configs") || str_is(section->key, "secrets");

    for (size_t i = 0; into != NULL && i < section->value->count; i++) {
        struct node_pair entry = section->value->pairs[i];
        const struct field_kind *kind = fields_kind(section->key);
        if (has_paths)
            entry.value = settle_service(l, entry.value, o);
        else if (kind != NULL)
            entry.value = rebase_entry(l->scratch, kind, &entry, o->dir);
        if (has_files)
            entry.value = rebase_store(l->scratch, entry.value, o->dir);
        add_entry(l, into, &entry, section->key.at);
    }
}

/* What an included project says of itself alone. */
static bool stays_behind(struct str key)
{
    return str_is(key, "name") || str_is(key, "version") || str_is(key, "environments") ||
           str_is(key, "default_environment") || str_starts(key, "x-");
}

static void include_entry(
    struct load *l, const struct origin *from, struct node *root, struct node *value)
{
    struct origin *o = arena_new(l->scratch, struct origin);
    struct include include;

    if (!read_entry(l, value, &include))
        return;
    *o = (struct origin){.load = l, .parent = from};
    struct found_file first = load_file_at(l, from->dir, str_from(include.paths[0]));
    o->dir = include.project_directory != NULL
                 ? load_file_at(l, from->dir, str_from(include.project_directory)).path
                 : load_file_at(l, first.path, STR("..")).path;
    o->dotenv = read_variables(l, from, &include, o->dir, &value->span);
    const struct node *included = read_files(l, from, &include, o, &value->span);
    NODE_EACH (included, section)
        if (!stays_behind(section->key))
            add_entries(l, root, section, o);
}

void include_apply(struct load *l, const struct origin *o, struct node *root)
{
    struct node_pair *pair = node_find(root, STR("include"));
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    if (pair == NULL)
        return;
    struct node *list = pair->value;
    pair->value = node_null(l->scratch); /* done */
    pair->value->span = list->span;
    if (list->kind != NODE_LIST && list->kind != NODE_NULL)
        (void)field_wrong(&d, "include", list, "a list of files");
    for (size_t i = 0; list->kind == NODE_LIST && i < list->count; i++)
        include_entry(l, o, root, list->items[i]);
}
