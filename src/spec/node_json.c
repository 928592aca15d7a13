#include "spec/node_json.h"

#include <jansson.h>

static struct node *from_value(struct arena *a, json_t *value)
{
    struct node *n;
    const char *key;
    json_t *child;
    size_t i;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        n = node_map(a);
        json_object_foreach(value, key, child)(void)
            node_put(a, n, str_from(key), from_value(a, child));
        return n;
    case JSON_ARRAY:
        n = node_list(a);
        json_array_foreach(value, i, child) node_push(a, n, from_value(a, child));
        return n;
    case JSON_STRING:
        return node_text(a,
            arena_copy_str(a, (struct str){json_string_value(value), json_string_length(value)}));
    case JSON_INTEGER:
        return node_int(a, json_integer_value(value));
    case JSON_REAL:
        return node_number(a, json_real_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return node_bool(a, json_is_true(value));
    default:
        return node_null(a);
    }
}

struct node *node_from_json(struct arena *a, struct str json)
{
    json_t *value = json_loadb(json.at, json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    struct node *n = value != NULL ? from_value(a, value) : NULL;

    json_decref(value);
    return n;
}
