/* node.h - the attribute tree: what a file says, before anybody knows what it means.
 *
 *     services:                 map ─ "services" ─▶ map ─ "web" ─▶ map ─ "command" ─▶ text
 *       web:                                                         "ports" ─▶ list ─▶ int
 *         command: python3 web.py
 *         ports: [8080]
 *
 * Every node and every key knows its span. Scalars are typed by YAML 1.2's core schema (so `yes`
 * and `on` are texts) and keep their text as written, so that a field that wants a text takes
 * `1.10` as "1.10". Maps keep the order of the file and find a key by hash.
 *
 * An alias is the very node that its anchor names, so a tree may share parts. `weight` is how many
 * nodes there would be if nothing were shared and is bounded for the whole file, which makes alias
 * bombs harmless: whoever walks the tree walks at most NODE_COUNT_MAX nodes.
 *
 * Nodes live in an arena, are built by one thread and not changed afterwards. */
#ifndef TEND_SPEC_NODE_H
#define TEND_SPEC_NODE_H

#include "spec/diagnostic.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_COUNT_MAX    1000000u
#define NODE_WEIGHT_BYTES 64u /* so much text weighs as much as a node */
#define NODE_DEPTH_MAX    64u

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_TEXT, NODE_LIST, NODE_MAP };

/* Compose's tags for merging files. */
enum node_tag { NODE_TAG_NONE, NODE_TAG_RESET, NODE_TAG_OVERRIDE };

struct node;

struct node_pair {
    struct str key; /* terminated */
    struct span key_span;
    struct node *value;
};

struct node {
    enum node_kind kind : 8;
    enum node_tag tag : 8;
    bool is_plain : 1;      /* a scalar without quotes */
    bool has_reference : 1; /* holds ${services.…}: see interpolate.h */
    bool interpolated : 1;  /* variables were replaced: done once, since nodes are shared */
    uint32_t weight, height;
    uint32_t count, capacity; /* of a list or map */
    struct span span;
    struct str text; /* scalars: terminated, escapes resolved */
    union {
        struct node **items;     /* NODE_LIST */
        struct node_pair *pairs; /* NODE_MAP */
    };
    uint32_t *slots; /* of a larger map: index + 1 by hash */
    uint32_t slot_count;
};

/* Each pair of a map (a plain expression: it is evaluated twice), in order; nothing for NULL or
 * another kind. */
#define NODE_EACH(map, pair)                                                                \
    for (const struct node_pair *pair = node_pairs(map), *pair##_end = node_pairs_end(map); \
         pair < pair##_end; pair++)

/* NULL, both, unless it is a map. */
const struct node_pair *node_pairs(const struct node *map);
const struct node_pair *node_pairs_end(const struct node *map);
size_t node_count(const struct node *n); /* of a map or list; 0 otherwise */
/* The value of a key, NULL if it is not there or `map` is NULL or no map. */
struct node *node_get(const struct node *map, const char *key);
struct node_pair *node_find(const struct node *map, struct str key);
bool node_is_scalar(const struct node *n);
/* The number or truth that a scalar spells; also from text, as interpolation gives. */
bool node_to_int(const struct node *n, int64_t *out) __attribute__((warn_unused_result));
bool node_to_number(const struct node *n, double *out) __attribute__((warn_unused_result));
bool node_to_bool(const struct node *n, bool *out) __attribute__((warn_unused_result));
/* "a map", "a list", "a number", … for messages. */
const char *node_kind_name(const struct node *n);

/* Same kinds, values and keys; the order of keys and the spans do not matter. */
bool node_equal(const struct node *a, const struct node *b);
/* A deep copy that nobody shares, without tags. */
struct node *node_copy(struct arena *a, const struct node *n);
/* As JSON text without blanks, keys in their order. */
void node_write_json(struct buf *out, const struct node *n);

/* Building. */
struct node *node_null(struct arena *a);
struct node *node_text(struct arena *a, struct str text);
struct node *node_int(struct arena *a, int64_t value);
struct node *node_number(struct arena *a, double value);
struct node *node_bool(struct arena *a, bool value);
struct node *node_list(struct arena *a);
struct node *node_map(struct arena *a);
void node_push(struct arena *a, struct node *list, struct node *item);
/* Add or replace; `key` is copied. Returns the pair, whose key span may be set. */
struct node_pair *node_put(struct arena *a, struct node *map, struct str key, struct node *value);
/* Take a key out of a map; nothing where it is not there. */
void node_remove(struct node *map, struct str key);
/* Sort a map's keys by bytes; only its own. */
void node_sort_keys(struct node *map);
/* Sort all maps' keys. */
void node_sort(struct node *n);
/* The kind that a plain scalar's text has by the core schema. */
enum node_kind node_kind_of(struct str text);

#endif
