/* Paths of a service that was declared in another folder's file. */
#include "spec/load_private.h"

#include "base/fs.h"
#include "base/must.h"

#include <stdlib.h>

/* Where paths stand: keys of maps, "*" for each entry of a list (or a text in its place). */
static const char *const places[] = {
    "working_dir",
    "env_file/*",
    "env_file/*/path",
    "env_file/path",
    "label_file/*",
    "develop/watch/*/path",
    "build",
    "build/context",
    ".volumes/*", /* only what begins with a dot: the rest are names of volumes */
    ".volumes/*/source",
};

static struct node *absolute(struct arena *a, struct node *value, const char *dir)
{
    if (!node_is_scalar(value) || value->kind == NODE_NULL || value->text.len == 0 ||
        value->text.at[0] == '/' || str_find_text(value->text, STR("://")) >= 0)
        return value;
    char *path = fs_absolute(dir, value->text);
    struct node *moved = node_text(a, str_from(path));
    moved->span = value->span;
    moved->interpolated = true;
    moved->has_reference = value->has_reference;
    moved->tag = value->tag;
    free(path);
    return moved;
}

static struct node *copy_shallow(struct arena *a, const struct node *n)
{
    struct node *copy = n->kind == NODE_MAP ? node_map(a) : node_list(a);

    copy->span = n->span;
    copy->tag = n->tag;
    NODE_EACH (n, pair)
        node_put(a, copy, pair->key, pair->value)->key_span = pair->key_span;
    for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
        node_push(a, copy, n->items[i]);
    return copy;
}

/* Nodes may be shared by aliases, so what changes is copied on the way down. */
static struct node *rebase(
    struct arena *a, struct node *n, struct str place, const char *dir, bool dotted)
{
    struct str rest = place, step = str_cut(&rest, '/');
    bool each = str_is(step, "*");

    if (step.len == 0 || (each && rest.len == 0 && node_is_scalar(n)))
        return dotted && n->text.len > 0 && n->text.at[0] != '.' ? n : absolute(a, n, dir);
    if (each && n->kind == NODE_LIST) {
        struct node *copy = copy_shallow(a, n);
        for (size_t i = 0; i < copy->count; i++)
            copy->items[i] = rebase(a, copy->items[i], rest, dir, dotted);
        return copy;
    }
    const struct node_pair *pair = each ? NULL : node_find(n, step);
    if (pair == NULL)
        return n;
    struct node *copy = copy_shallow(a, n);
    node_find(copy, pair->key)->value = rebase(a, pair->value, rest, dir, dotted);
    return copy;
}

struct node *rebase_service(struct arena *a, struct node *service, const char *dir)
{
    for (size_t i = 0; i < COUNT(places); i++)
        service = rebase(a, service, str_tail(str_from(places[i]), places[i][0] == '.'), dir,
            places[i][0] == '.');
    return service;
}

struct node *rebase_store(struct arena *a, struct node *store, const char *dir)
{
    return rebase(a, store, STR("file"), dir, false);
}

struct node *rebase_entry(
    struct arena *a, const struct field_kind *kind, const struct node_pair *entry, const char *dir)
{
    struct node *n = entry->value;

    for (size_t i = 0; kind->path_keys != NULL && kind->path_keys[i] != NULL; i++)
        n = rebase(a, n, str_from(kind->path_keys[i]), dir, false);
    if (kind->name_is_path && n->kind == NODE_MAP && node_get(n, "path") == NULL) {
        struct node *path = node_text(a, entry->key);

        path->span = entry->key_span;
        path->interpolated = true;
        n = copy_shallow(a, n);
        node_put(a, n, STR("path"), absolute(a, path, dir))->key_span = entry->key_span;
    }
    return n;
}
