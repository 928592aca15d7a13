#include "spec/node.h"

#include "base/json.h"
#include "base/map.h"
#include "base/must.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEXED_FROM 9 /* a map with fewer keys is searched one by one */

const struct node_pair *node_pairs(const struct node *map)
{
    return map != NULL && map->kind == NODE_MAP ? map->pairs : NULL;
}

const struct node_pair *node_pairs_end(const struct node *map)
{
    const struct node_pair *pairs = node_pairs(map);

    return pairs != NULL ? pairs + map->count : NULL;
}

size_t node_count(const struct node *n)
{
    return n != NULL && (n->kind == NODE_MAP || n->kind == NODE_LIST) ? n->count : 0;
}

bool node_is_scalar(const struct node *n)
{
    return n != NULL && n->kind != NODE_MAP && n->kind != NODE_LIST;
}

static struct node_pair *find_indexed(const struct node *map, struct str key)
{
    size_t slot = map_hash(key) & (map->slot_count - 1);

    for (; map->slots[slot] != 0; slot = (slot + 1) & (map->slot_count - 1))
        if (str_eq(map->pairs[map->slots[slot] - 1].key, key))
            return &map->pairs[map->slots[slot] - 1];
    return NULL;
}

struct node_pair *node_find(const struct node *map, struct str key)
{
    if (map == NULL || map->kind != NODE_MAP)
        return NULL;
    if (map->slots != NULL)
        return find_indexed(map, key);
    for (size_t i = 0; i < map->count; i++)
        if (str_eq(map->pairs[i].key, key))
            return &map->pairs[i];
    return NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
    struct node_pair *pair = node_find(map, str_from(key));

    return pair != NULL ? pair->value : NULL;
}

const char *node_kind_name(const struct node *n)
{
    static const char *const names[] = {
        "nothing", "true or false", "a number", "a number", "a text", "a list", "a map"};

    return n != NULL ? names[n->kind] : "nothing";
}

/* Scalars. */

static bool is_one_of(struct str text, const char *const *names)
{
    for (; *names != NULL; names++)
        if (str_is(text, *names))
            return true;
    return false;
}

static const char *const true_names[] = {"true", "True", "TRUE", NULL};
static const char *const false_names[] = {"false", "False", "FALSE", NULL};
static const char *const null_names[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const special_numbers[] = {
    ".inf", ".Inf", ".INF", "-.inf", "-.Inf", "-.INF", "+.inf", ".nan", ".NaN", ".NAN", NULL};

static size_t span_of(struct str text, size_t from, const char *set)
{
    size_t i = from;

    while (i < text.len && strchr(set, text.at[i]) != NULL && text.at[i] != '\0')
        i++;
    return i - from;
}

static bool is_int(struct str text)
{
    size_t sign = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');

    if (str_starts(text, "0o"))
        return text.len > 2 && span_of(text, 2, "01234567") == text.len - 2;
    if (str_starts(text, "0x"))
        return text.len > 2 && span_of(text, 2, "0123456789abcdefABCDEF") == text.len - 2;
    return text.len > sign && span_of(text, sign, "0123456789") == text.len - sign;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(struct str text)
{
    size_t i = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');
    size_t whole = span_of(text, i, "0123456789"), part = 0;

    i += whole;
    if (i < text.len && text.at[i] == '.') {
        part = span_of(text, i + 1, "0123456789");
        i += 1 + part;
    }
    if (whole + part == 0)
        return is_one_of(text, special_numbers);
    if (i < text.len && (text.at[i] == 'e' || text.at[i] == 'E')) {
        i++;
        i += i < text.len && (text.at[i] == '-' || text.at[i] == '+');
        size_t exponent = span_of(text, i, "0123456789");
        if (exponent == 0)
            return false;
        i += exponent;
    }
    return i == text.len;
}

enum node_kind node_kind_of(struct str text)
{
    if (text.len > 0 && strchr("nNtTfF~.+-0123456789", text.at[0]) == NULL)
        return NODE_TEXT;
    if (is_one_of(text, null_names))
        return NODE_NULL;
    if (is_one_of(text, true_names) || is_one_of(text, false_names))
        return NODE_BOOL;
    if (is_int(text))
        return NODE_INT;
    return is_float(text) ? NODE_FLOAT : NODE_TEXT;
}

bool node_to_int(const struct node *n, int64_t *out)
{
    struct str text;
    int base = 10;

    if (!node_is_scalar(n) || n->text.len == 0 || n->text.len > 24 || !is_int(n->text))
        return false;
    text = n->text;
    if (str_starts(text, "0o") || str_starts(text, "0x")) {
        base = text.at[1] == 'o' ? 8 : 16;
        text = str_tail(text, 2);
    }
    errno = 0;
    *out = strtoll(text.at, NULL, base);
    return errno == 0;
}

bool node_to_number(const struct node *n, double *out)
{
    int64_t whole;

    if (!node_is_scalar(n) || n->text.len == 0 || n->text.len > 40)
        return false;
    if (node_to_int(n, &whole)) {
        *out = (double)whole;
        return true;
    }
    if (!is_float(n->text) || is_one_of(n->text, special_numbers))
        return false;
    *out = strtod(n->text.at, NULL);
    return isfinite(*out);
}

bool node_to_bool(const struct node *n, bool *out)
{
    if (!node_is_scalar(n))
        return false;
    *out = is_one_of(n->text, true_names);
    return *out || is_one_of(n->text, false_names);
}

/* Comparing and writing. */

static bool maps_equal(const struct node *a, const struct node *b)
{
    NODE_EACH (a, pair) {
        struct node_pair *other = node_find(b, pair->key);
        if (other == NULL || !node_equal(pair->value, other->value))
            return false;
    }
    return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind || node_count(a) != node_count(b))
        return false;
    if (a->kind == NODE_MAP)
        return maps_equal(a, b);
    if (a->kind != NODE_LIST)
        return a->kind == NODE_NULL || str_eq(a->text, b->text);
    for (size_t i = 0; i < a->count; i++)
        if (!node_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

static void write_scalar(struct buf *out, const struct node *n)
{
    int64_t whole;
    double number;
    bool truth;

    if (n->kind == NODE_NULL)
        buf_add_text(out, "null");
    else if (n->kind == NODE_BOOL && node_to_bool(n, &truth))
        buf_add_text(out, truth ? "true" : "false");
    else if (n->kind == NODE_INT && node_to_int(n, &whole))
        buf_format(out, "%lld", (long long)whole);
    else if (n->kind == NODE_FLOAT && node_to_number(n, &number))
        buf_format(out, "%.17g", number);
    else
        json_quote(out, n->text);
}

void node_write_json(struct buf *out, const struct node *n)
{
    if (node_is_scalar(n)) {
        write_scalar(out, n);
        return;
    }
    buf_add_byte(out, n->kind == NODE_MAP ? '{' : '[');
    for (size_t i = 0; i < n->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        if (n->kind == NODE_MAP) {
            json_quote(out, n->pairs[i].key);
            buf_add_byte(out, ':');
        }
        node_write_json(out, n->kind == NODE_MAP ? n->pairs[i].value : n->items[i]);
    }
    buf_add_byte(out, n->kind == NODE_MAP ? '}' : ']');
}

/* Building. */

static struct node *new_node(struct arena *a, enum node_kind kind)
{
    struct node *n = arena_new(a, struct node);

    n->kind = kind;
    n->weight = 1;
    n->height = 1;
    n->text = STR("");
    return n;
}

struct node *node_null(struct arena *a)
{
    return new_node(a, NODE_NULL);
}

struct node *node_text(struct arena *a, struct str text)
{
    struct node *n = new_node(a, NODE_TEXT);

    n->text = arena_copy_str(a, text);
    return n;
}

struct node *node_int(struct arena *a, int64_t value)
{
    struct node *n = new_node(a, NODE_INT);

    n->text = str_from(arena_format(a, "%lld", (long long)value));
    return n;
}

struct node *node_number(struct arena *a, double value)
{
    char text[40] = "0";

    for (int digits = 1; digits <= 17; digits++) { /* the shortest that reads back the same */
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    struct node *n = node_text(a, str_from(text));
    n->kind = node_kind_of(n->text);
    return n;
}

struct node *node_bool(struct arena *a, bool value)
{
    struct node *n = new_node(a, NODE_BOOL);

    n->text = value ? STR("true") : STR("false");
    return n;
}

struct node *node_list(struct arena *a)
{
    return new_node(a, NODE_LIST);
}

struct node *node_map(struct arena *a)
{
    return new_node(a, NODE_MAP);
}

static void count_child(struct node *parent, const struct node *child)
{
    uint32_t sum;

    if (__builtin_add_overflow(parent->weight, child->weight, &sum))
        sum = UINT32_MAX;
    parent->weight = sum;
    if (parent->height <= child->height)
        parent->height = child->height + 1;
}

/* Room for one more of `size` bytes each; the old array stays in the arena. */
static void *grow(struct arena *a, struct node *n, void *old, size_t size)
{
    if (n->count < n->capacity)
        return old;
    n->capacity = n->capacity > 0 ? n->capacity * 2 : 4;
    void *wider = arena_alloc(a, n->capacity, size);
    if (n->count > 0)
        memcpy(wider, old, n->count * size);
    return wider;
}

void node_push(struct arena *a, struct node *list, struct node *item)
{
    must(list->kind == NODE_LIST);
    list->items = grow(a, list, list->items, sizeof *list->items);
    list->items[list->count++] = item;
    count_child(list, item);
}

static void add_slot(struct node *map, size_t i)
{
    size_t slot = map_hash(map->pairs[i].key) & (map->slot_count - 1);

    while (map->slots[slot] != 0)
        slot = (slot + 1) & (map->slot_count - 1);
    map->slots[slot] = (uint32_t)i + 1;
}

static void index_keys(struct arena *a, struct node *map)
{
    if (map->count < INDEXED_FROM)
        return;
    if (map->slots == NULL || map->count * 2 > map->slot_count) {
        map->slot_count = map->slot_count > 0 ? map->slot_count * 2 : 32;
        map->slots = arena_new_array(a, map->slot_count, uint32_t);
        for (size_t i = 0; i < map->count; i++)
            add_slot(map, i);
    } else {
        add_slot(map, map->count - 1);
    }
}

struct node_pair *node_put(struct arena *a, struct node *map, struct str key, struct node *value)
{
    must(map->kind == NODE_MAP);
    struct node_pair *pair = node_find(map, key);
    if (pair == NULL) {
        map->pairs = grow(a, map, map->pairs, sizeof *map->pairs);
        pair = &map->pairs[map->count++];
        pair->key = arena_copy_str(a, key);
        index_keys(a, map);
    }
    pair->value = value;
    count_child(map, value);
    return pair;
}

static int compare_pairs(const void *left, const void *right)
{
    return str_cmp(((const struct node_pair *)left)->key, ((const struct node_pair *)right)->key);
}

static void find_slots_again(struct node *map)
{
    if (map->slots == NULL)
        return;
    memset(map->slots, 0, map->slot_count * sizeof *map->slots);
    for (size_t i = 0; i < map->count; i++)
        add_slot(map, i);
}

void node_sort_keys(struct node *map)
{
    if (map->kind != NODE_MAP || map->count < 2)
        return;
    qsort(map->pairs, map->count, sizeof *map->pairs, compare_pairs);
    find_slots_again(map);
}

void node_remove(struct node *map, struct str key)
{
    struct node_pair *pair = node_find(map, key);
    size_t i = pair != NULL ? (size_t)(pair - map->pairs) : 0;

    if (pair == NULL)
        return;
    memmove(pair, pair + 1, (map->count - i - 1) * sizeof *pair);
    map->count--;
    find_slots_again(map);
}

void node_sort(struct node *n)
{
    for (size_t i = 0; i < node_count(n); i++)
        node_sort(n->kind == NODE_MAP ? n->pairs[i].value : n->items[i]);
    node_sort_keys(n);
}

struct node *node_copy(struct arena *a, const struct node *n)
{
    struct node *copy = n->kind == NODE_MAP    ? node_map(a)
                        : n->kind == NODE_LIST ? node_list(a)
                                               : node_text(a, n->text);

    copy->kind = n->kind;
    copy->is_plain = n->is_plain;
    copy->span = n->span;
    NODE_EACH (n, pair)
        node_put(a, copy, pair->key, node_copy(a, pair->value))->key_span = pair->key_span;
    for (size_t i = 0; n->kind == NODE_LIST && i < n->count; i++)
        node_push(a, copy, node_copy(a, n->items[i]));
    return copy;
}
