#include "spec/node_json.h"

#include <jansson.h>

/* How deep, and how many nodes so far. */
struct bounds {
    unsigned depth;
    size_t count;
};

static struct node *from_value(struct arena *a, json_t *value, struct bounds *b);

static struct node *from_object(struct arena *a, json_t *value, struct bounds *b)
{
    struct node *n = node_map(a), *child_node;
    const char *key;
    json_t *child;

    json_object_foreach(value, key, child)
    {
        child_node = from_value(a, child, b);
        if (child_node == NULL)
            return NULL;
        (void)node_put(a, n, str_from(key), child_node);
    }
    return n;
}

static struct node *from_array(struct arena *a, json_t *value, struct bounds *b)
{
    struct node *n = node_list(a), *child_node;
    json_t *child;
    size_t i;

    json_array_foreach(value, i, child)
    {
        child_node = from_value(a, child, b);
        if (child_node == NULL)
            return NULL;
        node_push(a, n, child_node);
    }
    return n;
}

static struct node *from_value(struct arena *a, json_t *value, struct bounds *b)
{
    struct node *n;

    if (++b->count > NODE_COUNT_MAX || b->depth >= NODE_DEPTH_MAX)
        return NULL;
    b->depth++;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        n = from_object(a, value, b);
        break;
    case JSON_ARRAY:
        n = from_array(a, value, b);
        break;
    case JSON_STRING:
        n = node_text(a, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case JSON_INTEGER:
        n = node_int(a, json_integer_value(value));
        break;
    case JSON_REAL:
        n = node_number(a, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        n = node_bool(a, json_is_true(value));
        break;
    default:
        n = node_null(a);
        break;
    }
    b->depth--;
    return n;
}

struct node *node_from_json(struct arena *a, struct str json)
{
    json_t *value = json_loadb(json.at, json.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    struct bounds bounds = {0};
    struct node *n = value != NULL ? from_value(a, value, &bounds) : NULL;

    json_decref(value);
    return n;
}
