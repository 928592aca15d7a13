/* Compose's rules for several files: what a later one says about a key meets what is there. */
#include "spec/spec_private.h"

#include "base/must.h"

#define UNIQUE_MAX 1000 /* longer lists are appended without looking for equal entries */

static struct node *merge_maps(struct arena *a, const struct field_table *table,
    const struct field_table *each, struct node *earlier, struct node *later);

static bool holds(const struct node *list, const struct node *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (node_equal(list->items[i], item))
            return true;
    return false;
}

static void append(struct arena *a, struct node *list, struct node *more, bool unique)
{
    size_t count = more->kind == NODE_LIST ? more->count : 1;

    unique = unique && list->count + count <= UNIQUE_MAX;
    for (size_t i = 0; i < count; i++) {
        struct node *item = more->kind == NODE_LIST ? more->items[i] : more;
        if (!unique || !holds(list, item))
            node_push(a, list, item);
    }
}

static struct node *append_lists(
    struct arena *a, struct node *earlier, struct node *later, bool unique)
{
    struct node *list = node_list(a);

    list->span = later->span;
    append(a, list, earlier, unique);
    append(a, list, later, unique);
    return list;
}

static struct node *merge_by_name(
    struct arena *a, const struct field *f, struct node *earlier, struct node *later)
{
    struct node *before = field_by_name(a, NULL, f->name, earlier);
    struct node *after = field_by_name(a, NULL, f->name, later);

    if (before == NULL || after == NULL)
        return later; /* malformed: decoding tells */
    return merge_maps(a, NULL, f->table, before, after);
}

/* Where an entry of volumes, tmpfs, configs or secrets is seen: its long form says so, else
 * [SOURCE:]TARGET[:ACCESS], TARGET[:OPTIONS], or its name. */
static struct str target_of(const struct field *f, const struct node *item)
{
    const struct node *target = node_get(item, "target");
    struct str rest, first;

    if (item->kind == NODE_MAP && target == NULL)
        target = node_get(item, "source");
    if (item->kind == NODE_MAP)
        return target != NULL && node_is_scalar(target) ? target->text : STR("");
    rest = item->text;
    first = str_cut(&rest, ':');
    return str_is(str_from(f->name), "volumes") && rest.len > 0 ? str_cut(&rest, ':') : first;
}

static bool is_replaced(const struct field *f, const struct node *item, const struct node *later)
{
    size_t count = later->kind == NODE_LIST ? later->count : 1;
    struct str target = target_of(f, item);

    for (size_t i = 0; i < count && target.len > 0; i++)
        if (str_eq(target, target_of(f, later->kind == NODE_LIST ? later->items[i] : later)))
            return true;
    return false;
}

static struct node *merge_by_target(
    struct arena *a, const struct field *f, struct node *earlier, struct node *later)
{
    size_t count = earlier->kind == NODE_LIST ? earlier->count : 1;
    struct node *kept = node_list(a);

    if (count + node_count(later) > UNIQUE_MAX)
        return append_lists(a, earlier, later, false); /* decoding tells that it is too long */
    for (size_t i = 0; i < count; i++) {
        struct node *item = earlier->kind == NODE_LIST ? earlier->items[i] : earlier;
        if (!is_replaced(f, item, later))
            node_push(a, kept, item);
    }
    return append_lists(a, kept, later, false);
}

/* `f` is NULL for a key without a row. */
static struct node *merge_values(
    struct arena *a, const struct field *f, struct node *earlier, struct node *later)
{
    enum field_merge how = f != NULL ? f->merge : MERGE_DEEP;
    const struct field_table *table = f != NULL ? f->table : NULL;
    bool is_map_of =
        f != NULL && (f->type == FIELD_MAP_OF || (f->type == FIELD_ENTRIES && how == MERGE_DEEP));

    if (later->tag == NODE_TAG_OVERRIDE || how == MERGE_REPLACE)
        return later;
    if (later->kind == NODE_NULL)
        return earlier;
    if (how == MERGE_BY_NAME)
        return merge_by_name(a, f, earlier, later);
    if (how == MERGE_UNIQUE && earlier->kind != NODE_MAP && later->kind != NODE_MAP)
        return append_lists(a, earlier, later, true);
    if (how == MERGE_BY_TARGET && earlier->kind != NODE_MAP && later->kind != NODE_MAP)
        return merge_by_target(a, f, earlier, later);
    if (earlier->kind == NODE_MAP && later->kind == NODE_MAP)
        return merge_maps(a, is_map_of ? NULL : table, is_map_of ? table : NULL, earlier, later);
    if (earlier->kind == NODE_LIST && later->kind == NODE_LIST)
        return append_lists(a, earlier, later, false);
    return later;
}

/* Keys are rows of `table`, or free with values by `each`. */
static struct node *merge_maps(struct arena *a, const struct field_table *table,
    const struct field_table *each, struct node *earlier, struct node *later)
{
    const struct field entry = {.table = each};
    struct node *merged = node_map(a);

    merged->span = earlier->span;
    NODE_EACH (earlier, pair) {
        const struct node_pair *other = node_find(later, pair->key);
        if (other == NULL || other->value->tag != NODE_TAG_RESET)
            node_put(a, merged, pair->key, pair->value)->key_span = pair->key_span;
    }
    NODE_EACH (later, pair) {
        const struct node_pair *before = node_find(earlier, pair->key);
        const struct field *f = table != NULL ? field_find_any(table, pair->key) : NULL;
        if (pair->value->tag == NODE_TAG_RESET)
            continue;
        struct node *value =
            before == NULL ? pair->value
                           : merge_values(a, each != NULL ? &entry : f, before->value, pair->value);
        node_put(a, merged, pair->key, value)->key_span = pair->key_span;
    }
    return merged;
}

struct node *merge_nodes(
    struct arena *a, const struct field_table *table, struct node *earlier, struct node *later)
{
    if (earlier->kind != NODE_MAP || later->kind != NODE_MAP)
        return later->kind == NODE_NULL ? earlier : later;
    return merge_maps(a, table, NULL, earlier, later);
}

void merge_clean(struct node *n)
{
    if (n->tag == NODE_TAG_RESET) {
        n->kind = NODE_NULL;
        n->text = STR("");
        n->count = 0;
    }
    n->tag = NODE_TAG_NONE;
    for (size_t i = 0; i < node_count(n); i++)
        merge_clean(n->kind == NODE_MAP ? n->pairs[i].value : n->items[i]);
}
