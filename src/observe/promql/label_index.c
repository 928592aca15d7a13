/* An open-addressing table from label sets, or what a projection leaves of them, to ordinals. */
#include "observe/promql/query_private.h"

#include <string.h>

void label_index_init(struct label_index *x, const struct str *names, size_t name_count, bool keep)
{
    *x = (struct label_index){.names = names, .name_count = name_count, .keep = keep};
}

static bool is_whole(const struct label_index *x)
{
    return x->name_count == 0 && !x->keep;
}

static uint64_t hash_of_labels(const struct label_index *x, const struct labels *l)
{
    return is_whole(x) ? l->hash : labels_project_hash(l, x->names, x->name_count, x->keep);
}

static bool same(const struct label_index *x, const struct labels *a, const struct labels *b)
{
    return is_whole(x) ? labels_eq(a, b)
                       : labels_project_eq(a, b, x->names, x->name_count, x->keep);
}

static void grow(struct query *q, struct label_index *x)
{
    size_t capacity = x->capacity > 0 ? x->capacity * 2 : 16;
    const struct labels **at = query_new_array(q, capacity, const struct labels *);
    uint64_t *hashes = query_new_array(q, capacity, uint64_t);

    if (x->count > 0) {
        memcpy(at, x->at, x->count * sizeof *at);
        memcpy(hashes, x->hashes, x->count * sizeof *hashes);
    }
    x->at = at;
    x->hashes = hashes;
    x->capacity = capacity;
    x->slot_count = capacity * 2;
    x->slots = query_new_array(q, x->slot_count, uint32_t);
    for (size_t i = 0; i < x->count; i++) {
        size_t slot = x->hashes[i] & (x->slot_count - 1);
        while (x->slots[slot] != 0)
            slot = (slot + 1) & (x->slot_count - 1);
        x->slots[slot] = (uint32_t)i + 1;
    }
}

static ptrdiff_t find(const struct label_index *x, const struct labels *l, uint64_t hash)
{
    if (x->slot_count == 0)
        return -1;
    for (size_t s = hash & (x->slot_count - 1); x->slots[s] != 0;
         s = (s + 1) & (x->slot_count - 1)) {
        size_t i = x->slots[s] - 1;
        if (x->hashes[i] == hash && same(x, x->at[i], l))
            return (ptrdiff_t)i;
    }
    return -1;
}

ptrdiff_t label_index_find(const struct label_index *x, const struct labels *l)
{
    return find(x, l, hash_of_labels(x, l));
}

size_t label_index_add(
    struct query *q, struct label_index *x, const struct labels *l, bool *out_new)
{
    uint64_t hash = hash_of_labels(x, l);
    ptrdiff_t found = find(x, l, hash);

    *out_new = found < 0;
    if (found >= 0)
        return (size_t)found;
    if (x->count == x->capacity)
        grow(q, x);
    size_t slot = hash & (x->slot_count - 1);
    while (x->slots[slot] != 0)
        slot = (slot + 1) & (x->slot_count - 1);
    x->at[x->count] = l;
    x->hashes[x->count] = hash;
    x->slots[slot] = (uint32_t)++x->count;
    return x->count - 1;
}
