/* map.h - from text to a pointer, in the order of insertion.
 *
 * Open addressing over an array of entries; the hash is SipHash-like keyed per process, so that
 * strangers cannot choose colliding keys. Keys are borrowed: they must outlive their entry.
 * Removing leaves the order of the others as it is. One thread at a time. */
#ifndef TEND_BASE_MAP_H
#define TEND_BASE_MAP_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    struct str key; /* at == NULL: removed */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    uint32_t *slots; /* index into entries + 1; 0 is free */
    size_t used;     /* entries, the removed ones too */
    size_t count;    /* entries that are there */
    size_t capacity, slot_count;
};

void map_fini(struct map *m);
/* NULL if it is not there. */
void *map_get(const struct map *m, struct str key);
/* Set or replace; returns the value that was there before, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Returns the value that was there, or NULL. */
void *map_remove(struct map *m, struct str key);

/* MAP_EACH(&m, e) use(e->key, e->value); removing the current entry is allowed, putting is not. */
#define MAP_EACH(m, e)                                                                       \
    for (struct map_entry *e = (m)->entries; e != NULL && e < (m)->entries + (m)->used; e++) \
        if (e->key.at != NULL)

/* The keyed hash itself, for other tables. */
uint64_t map_hash(struct str key);

#endif
