/* Rows that hold several: texts, names with values, and entries of a table. */
#include "spec/fields.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 10000

/* Texts. */

static void decode_texts(
    struct decode *d, const struct field *f, const struct node *value, const char *const **out)
{
    size_t count;

    if (value->kind != NODE_LIST && !(f->forms & FORM_TEXT))
        (void)field_wrong(d, f->name, value, "a list");
    else
        (void)field_texts(d, f->name, value, out, &count);
}

static struct node *encode_texts(struct encode *e, const char *const *texts)
{
    struct node *list = node_list(e->arena);

    if (texts == NULL)
        return NULL;
    for (; *texts != NULL; texts++)
        node_push(e->arena, list, node_text(e->arena, str_from(*texts)));
    return list;
}

/* Names with values. */

static void decode_named(
    struct decode *d, const struct field *f, const struct node *value, const char *const **out)
{
    struct node *given =
        field_by_name(d->arena, d->diagnostics, f->name, (struct node *)(uintptr_t)value);
    struct node *all = node_map(d->arena);

    NODE_EACH (given, pair) {
        const char *text = "";
        if (pair->value->kind == NODE_NULL || field_text(d, pair->key.at, pair->value, &text))
            (void)node_put(d->arena, all, pair->key, node_text(d->arena, str_from(text)));
    }
    if (all->count == 0)
        return;
    node_sort_keys(all);
    const char **names = arena_new_array(d->arena, 2 * (size_t)all->count + 1, const char *);
    for (size_t i = 0; i < all->count; i++) {
        names[2 * i] = all->pairs[i].key.at;
        names[2 * i + 1] = all->pairs[i].value->text.at;
    }
    *out = (const char *const *)names;
}

static struct node *encode_named(struct encode *e, const char *const *names)
{
    struct node *map = node_map(e->arena);

    for (; names != NULL && names[0] != NULL; names += 2)
        (void)node_put(e->arena, map, str_from(names[0]), node_text(e->arena, str_from(names[1])));
    return map->count > 0 ? map : NULL;
}

/* Entries. */

static char *new_entries(struct decode *d, const struct field *f, size_t count)
{
    char *entries = arena_alloc(d->arena, count + 1, f->entry_bytes);

    for (size_t i = 0; i < count && f->table->defaults != NULL; i++)
        memcpy(entries + i * f->entry_bytes, f->table->defaults, f->entry_bytes);
    return entries;
}

static bool is_too_many(struct decode *d, const struct field *f, const struct node *value)
{
    if (value->count <= ENTRIES_MAX)
        return false;
    diagnostic_error(d->diagnostics, "limit", &value->span, "'%s' has more than %d entries",
        f->name, ENTRIES_MAX);
    return true;
}

/* Each entry as a map. */
static struct node *expand_list(struct decode *d, const struct field *f, const struct node *value)
{
    struct node *list = node_list(d->arena);

    for (size_t i = 0; i < value->count; i++) {
        const struct node *item = value->items[i];
        if (item->kind == NODE_MAP)
            node_push(d->arena, list, value->items[i]);
        else if (f->expand != NULL && node_is_scalar(item) && item->kind != NODE_NULL)
            f->expand(d, f, item, list);
        else
            (void)field_wrong(d, f->name, item,
                f->expand != NULL ? "texts and maps in its list" : "maps in its list");
    }
    return list;
}

static void decode_list_of(
    struct decode *d, const struct field *f, const struct node *value, struct field_list *out)
{
    if (value->kind != NODE_LIST) {
        (void)field_wrong(d, f->name, value, "a list");
        return;
    }
    if (is_too_many(d, f, value))
        return;
    struct node *list = expand_list(d, f, value);
    if (is_too_many(d, f, list))
        return;
    char *entries = new_entries(d, f, list->count);
    for (size_t i = 0; i < list->count; i++)
        fields_decode(d, f->table, list->items[i], entries + i * f->entry_bytes);
    *out = (struct field_list){.at = entries, .count = list->count};
}

static struct node *names_as_map(struct decode *d, const struct field *f, const struct node *value)
{
    struct node *map = node_map(d->arena);

    map->span = value->span;
    for (size_t i = 0; i < value->count; i++) {
        struct node *item = value->items[i];
        if (!node_is_scalar(item) || item->kind == NODE_NULL)
            (void)field_wrong(d, f->name, item, "names in its list");
        else
            node_put(d->arena, map, item->text, node_null(d->arena))->key_span = item->span;
    }
    return map;
}

static void decode_entries(
    struct decode *d, const struct field *f, const struct node *value, struct field_list *out)
{
    if (value->kind == NODE_LIST && (f->forms & FORM_LIST)) {
        value = names_as_map(d, f, value);
    } else if (value->kind != NODE_MAP) {
        (void)field_wrong(d, f->name, value,
            f->forms & FORM_LIST ? "a map by name, or a list of names" : "a map by name");
        return;
    }
    if (is_too_many(d, f, value))
        return;
    char *entries = new_entries(d, f, value->count);
    size_t count = 0;
    NODE_EACH (value, pair) {
        if (str_starts(pair->key, "x-"))
            continue;
        char *entry = entries + count++ * f->entry_bytes;
        *(const char **)(void *)entry = arena_copy_str(d->arena, pair->key).at;
        if (pair->value->kind == NODE_MAP)
            fields_decode(d, f->table, pair->value, entry);
        else if (pair->value->kind != NODE_NULL)
            (void)field_wrong(d, pair->key.at, pair->value, "a map");
    }
    *out = (struct field_list){.at = entries, .count = count};
}

static struct node *encode_list_of(
    struct encode *e, const struct field *f, const struct field_list *list)
{
    struct node *out = f->type == FIELD_ENTRIES ? node_map(e->arena) : node_list(e->arena);

    for (size_t i = 0; i < list->count; i++) {
        const char *entry = (const char *)list->at + i * f->entry_bytes;
        struct node *map = fields_encode(&(struct encode){.arena = e->arena}, f->table, entry);
        if (f->type == FIELD_LIST_OF)
            node_push(e->arena, out, map);
        else
            (void)node_put(e->arena, out, str_from(*(const char *const *)(const void *)entry), map);
    }
    return list->count > 0 ? out : NULL;
}

void field_decode_list(struct decode *d, const struct field *f, const struct node *value, void *at)
{
    if (f->type == FIELD_TEXTS)
        decode_texts(d, f, value, at);
    else if (f->type == FIELD_NAMED)
        decode_named(d, f, value, at);
    else if (f->type == FIELD_LIST_OF)
        decode_list_of(d, f, value, at);
    else
        decode_entries(d, f, value, at);
}

struct node *field_encode_list(struct encode *e, const struct field *f, const void *at)
{
    if (f->type == FIELD_TEXTS)
        return encode_texts(e, *(const char *const *const *)at);
    if (f->type == FIELD_NAMED)
        return encode_named(e, *(const char *const *const *)at);
    return encode_list_of(e, f, at);
}
