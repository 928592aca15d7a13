#include "base/map.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROTATE(x, bits) (((x) << (bits)) | ((x) >> (64 - (bits))))

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = ROTATE(s->v1, 13) ^ s->v0;
    s->v0 = ROTATE(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = ROTATE(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = ROTATE(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = ROTATE(s->v1, 17) ^ s->v2;
    s->v2 = ROTATE(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static uint64_t secret[2]; /* drawn once for the process */
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
    random_secret(secret, sizeof secret);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012). */
uint64_t map_hash(struct str key)
{
    (void)pthread_once(&secret_once, draw_secret);

    struct sip s = {
        .v0 = 0x736f6d6570736575u ^ secret[0],
        .v1 = 0x646f72616e646f6du ^ secret[1],
        .v2 = 0x6c7967656e657261u ^ secret[0],
        .v3 = 0x7465646279746573u ^ secret[1],
    };
    size_t i = 0;
    for (; i + 8 <= key.len; i += 8) {
        uint64_t word;
        memcpy(&word, key.at + i, 8);
        sip_word(&s, word);
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t k = 0; i + k < key.len; k++)
        last |= (uint64_t)(unsigned char)key.at[i + k] << (8 * k);
    sip_word(&s, last);
    s.v2 ^= 0xff;
    for (int round = 0; round < 3; round++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void map_fini(struct map *m)
{
    free(m->entries);
    free(m->slots);
    *m = (struct map){0};
}

/* The slot that holds `key`, or the free one where it would go. */
static size_t find_slot(const struct map *m, struct str key, uint64_t hash)
{
    size_t mask = m->slot_count - 1;
    size_t at = hash & mask;

    for (;; at = (at + 1) & mask) {
        uint32_t index = m->slots[at];
        if (index == 0)
            return at;
        const struct map_entry *e = &m->entries[index - 1];
        if (e->key.at != NULL && e->hash == hash && str_eq(e->key, key))
            return at;
    }
}

void *map_get(const struct map *m, struct str key)
{
    if (m->count == 0)
        return NULL;
    uint32_t index = m->slots[find_slot(m, key, map_hash(key))];
    return index > 0 ? m->entries[index - 1].value : NULL;
}

#define CAPACITY_FIRST 8

/* Removed entries go, the order stays, and the slots are laid anew: at least half of the new room
 * is free. The number of slots is a power of two, as find_slot's mask wants it. */
static void rebuild(struct map *m)
{
    size_t capacity = CAPACITY_FIRST;

    while (capacity < m->count * 2)
        capacity *= 2;
    struct map_entry *old = m->entries;
    size_t old_used = m->used;

    m->entries = mem_new_array(capacity, struct map_entry);
    m->capacity = capacity;
    m->used = 0;
    free(m->slots);
    m->slot_count = capacity * 2;
    m->slots = mem_new_array(m->slot_count, uint32_t);
    for (size_t i = 0; i < old_used; i++) {
        if (old[i].key.at == NULL)
            continue;
        m->entries[m->used++] = old[i];
        m->slots[find_slot(m, old[i].key, old[i].hash)] = (uint32_t)m->used;
    }
    free(old);
}

void *map_put(struct map *m, struct str key, void *value)
{
    must(key.at != NULL);
    if (m->used == m->capacity)
        rebuild(m);

    uint64_t hash = map_hash(key);
    size_t slot = find_slot(m, key, hash);
    if (m->slots[slot] != 0) {
        struct map_entry *e = &m->entries[m->slots[slot] - 1];
        void *before = e->value;
        e->key = key;
        e->value = value;
        return before;
    }
    m->entries[m->used++] = (struct map_entry){.key = key, .value = value, .hash = hash};
    m->slots[slot] = (uint32_t)m->used;
    m->count++;
    return NULL;
}

void *map_remove(struct map *m, struct str key)
{
    if (m->count == 0)
        return NULL;
    uint32_t index = m->slots[find_slot(m, key, map_hash(key))];
    if (index == 0)
        return NULL;
    struct map_entry *e = &m->entries[index - 1];
    void *value = e->value;
    e->key.at = NULL; /* its slot stays taken until the next rebuild */
    e->value = NULL;
    m->count--;
    return value;
}
