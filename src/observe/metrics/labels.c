#include "observe/metrics/labels.h"

#include "base/mem.h"
#include "base/must.h"

#include <xxhash.h>

#include <stdlib.h>
#include <string.h>

/* ---- symbols ---- */

struct symbols {
    struct arena *arena;
    const struct symbol **slots; /* open addressing; NULL is free */
    size_t capacity, count;
};

struct symbols *symbols_create(void)
{
    struct symbols *s = mem_new(struct symbols);

    s->arena = arena_create(0);
    s->capacity = 64;
    s->slots = mem_new_array(s->capacity, const struct symbol *);
    return s;
}

void symbols_destroy(struct symbols **s)
{
    if (*s == NULL)
        return;
    arena_destroy(&(*s)->arena);
    free((*s)->slots);
    free(*s);
    *s = NULL;
}

static size_t free_slot(const struct symbols *s, uint64_t hash)
{
    size_t i = hash & (s->capacity - 1);

    while (s->slots[i] != NULL)
        i = (i + 1) & (s->capacity - 1);
    return i;
}

static void grow(struct symbols *s)
{
    const struct symbol **old = s->slots;
    size_t old_capacity = s->capacity;

    s->capacity *= 2;
    s->slots = mem_new_array(s->capacity, const struct symbol *);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i] != NULL)
            s->slots[free_slot(s, old[i]->hash)] = old[i];
    free(old);
}

static const struct symbol *make_symbol(struct arena *a, struct str text, uint64_t hash)
{
    struct symbol *made = arena_alloc(a, 1, sizeof *made + text.len + 1);

    made->hash = hash;
    made->len = (uint32_t)text.len;
    if (text.len > 0)
        memcpy(made->text, text.at, text.len);
    return made;
}

const struct symbol *symbols_intern(struct symbols *s, struct str text)
{
    uint64_t hash = XXH3_64bits(text.at, text.len);

    for (size_t i = hash & (s->capacity - 1); s->slots[i] != NULL; i = (i + 1) & (s->capacity - 1))
        if (s->slots[i]->hash == hash && str_eq(symbol_str(s->slots[i]), text))
            return s->slots[i];
    if (s->count * 2 >= s->capacity)
        grow(s);
    s->count++;
    return s->slots[free_slot(s, hash)] = make_symbol(s->arena, text, hash);
}

const struct symbol *symbol_create(struct arena *a, struct str text)
{
    return make_symbol(a, text, XXH3_64bits(text.at, text.len));
}

bool symbol_eq_other(const struct symbol *a, const struct symbol *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* ---- label sets ---- */

const struct labels labels_none = {.hash = 0, .count = 0};

static uint64_t mix(uint64_t hash, const struct label *l)
{
    hash = (hash ^ l->name->hash) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29) ^ l->value->hash) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ (hash >> 32);
}

static int name_cmp(const struct label *x, const struct label *y)
{
    if (x->name == y->name)
        return 0;
    return str_cmp(symbol_str(x->name), symbol_str(y->name));
}

/* Label sets are short: an insertion sort is stable and quick. */
static size_t sort_pairs(struct label *at, const struct label *pairs, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        size_t k = n;
        while (k > 0 && name_cmp(&at[k - 1], &pairs[i]) > 0)
            k--;
        if (k > 0 && name_cmp(&at[k - 1], &pairs[i]) == 0) {
            at[k - 1] = pairs[i];
            continue;
        }
        memmove(&at[k + 1], &at[k], (n - k) * sizeof *at);
        at[k] = pairs[i];
        n++;
    }
    return n;
}

static const struct labels *finish(struct labels *l, size_t count)
{
    l->count = 0;
    l->hash = 0;
    for (size_t i = 0; i < count; i++)
        if (l->at[i].value->len > 0) {
            l->at[l->count] = l->at[i];
            l->hash = mix(l->hash, &l->at[l->count++]);
        }
    return l;
}

static struct labels *room(struct arena *a, size_t count)
{
    return arena_alloc(a, 1, sizeof(struct labels) + count * sizeof(struct label));
}

const struct labels *labels_create(struct arena *a, const struct label *pairs, size_t count)
{
    struct labels *l = room(a, count);

    return finish(l, sort_pairs(l->at, pairs, count));
}

bool labels_eq(const struct labels *a, const struct labels *b)
{
    if (a == b)
        return true;
    if (a->hash != b->hash || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!symbol_eq(a->at[i].name, b->at[i].name) || !symbol_eq(a->at[i].value, b->at[i].value))
            return false;
    return true;
}

static int symbol_cmp(const struct symbol *a, const struct symbol *b)
{
    return a == b ? 0 : str_cmp(symbol_str(a), symbol_str(b));
}

int labels_cmp(const struct labels *a, const struct labels *b)
{
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        int order = symbol_cmp(a->at[i].name, b->at[i].name);
        if (order == 0)
            order = symbol_cmp(a->at[i].value, b->at[i].value);
        if (order != 0)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

const struct symbol *labels_find(const struct labels *l, struct str name)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->at[i].name->len == name.len && memcmp(l->at[i].name->text, name.at, name.len) == 0)
            return l->at[i].value;
    return NULL;
}

struct str labels_get(const struct labels *l, struct str name)
{
    const struct symbol *found = labels_find(l, name);

    return found != NULL ? symbol_str(found) : STR("");
}

static bool is_named(const struct symbol *name, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name->len == names[i].len && memcmp(name->text, names[i].at, name->len) == 0)
            return true;
    return false;
}

const struct labels *labels_project(
    struct arena *a, const struct labels *l, const struct str *names, size_t count, bool keep)
{
    struct labels *made = room(a, l->count);
    size_t n = 0;

    for (uint32_t i = 0; i < l->count; i++)
        if (is_named(l->at[i].name, names, count) == keep)
            made->at[n++] = l->at[i];
    return finish(made, n);
}

uint64_t labels_project_hash(
    const struct labels *l, const struct str *names, size_t count, bool keep)
{
    uint64_t hash = 0;

    if (keep && count == 0)
        return 0;
    for (uint32_t i = 0; i < l->count; i++)
        if (is_named(l->at[i].name, names, count) == keep)
            hash = mix(hash, &l->at[i]);
    return hash;
}

/* The index of the next label from `i` on that the projection keeps. */
static uint32_t next_kept(
    const struct labels *l, uint32_t i, const struct str *names, size_t count, bool keep)
{
    while (i < l->count && is_named(l->at[i].name, names, count) != keep)
        i++;
    return i;
}

bool labels_project_eq(const struct labels *x, const struct labels *y, const struct str *names,
    size_t count, bool keep)
{
    uint32_t i = next_kept(x, 0, names, count, keep);
    uint32_t k = next_kept(y, 0, names, count, keep);

    while (i < x->count && k < y->count) {
        if (!symbol_eq(x->at[i].name, y->at[k].name) || !symbol_eq(x->at[i].value, y->at[k].value))
            return false;
        i = next_kept(x, i + 1, names, count, keep);
        k = next_kept(y, k + 1, names, count, keep);
    }
    return i == x->count && k == y->count;
}

const struct labels *labels_with(
    struct arena *a, const struct labels *l, struct str name, struct str value)
{
    struct labels *made = room(a, (size_t)l->count + 1);
    struct label added = {symbol_create(a, name), symbol_create(a, value)};
    size_t n = 0;
    uint32_t i = 0;

    while (i < l->count && name_cmp(&l->at[i], &added) < 0)
        made->at[n++] = l->at[i++];
    made->at[n++] = added;
    if (i < l->count && name_cmp(&l->at[i], &added) == 0)
        i++;
    while (i < l->count)
        made->at[n++] = l->at[i++];
    return finish(made, n);
}

static void hash_text(XXH64_state_t *state, const struct symbol *s)
{
    unsigned char size[4] = {(unsigned char)s->len};
    size_t size_bytes = 1;

    if (s->len >= 255) {
        size[0] = 255;
        for (int i = 0; i < 3; i++)
            size[1 + i] = (unsigned char)(s->len >> (8 * i));
        size_bytes = 4;
    }
    (void)XXH64_update(state, size, size_bytes);
    (void)XXH64_update(state, s->text, s->len);
}

uint64_t labels_prometheus_hash(const struct labels *l)
{
    XXH64_state_t *state = XXH64_createState();

    must(state != NULL);
    (void)XXH64_reset(state, 0);
    for (uint32_t i = 0; i < l->count; i++) {
        hash_text(state, l->at[i].name);
        hash_text(state, l->at[i].value);
    }
    uint64_t hash = XXH64_digest(state);
    (void)XXH64_freeState(state);
    return hash;
}
