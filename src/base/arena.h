/* arena.h - memory of one operation (a request, a plan, a tick), released all at once.
 *
 * What is built for an operation lives in its arena and goes with it; a function that builds into
 * one takes `struct arena *a` first, and that says the result needs no free. Memory is zeroed and
 * aligned for any type. Not shared between threads. Read PostgreSQL's backend/utils/mmgr/README. */
#ifndef TEND_BASE_ARENA_H
#define TEND_BASE_ARENA_H

#include "base/str.h"

#include <stddef.h>

struct arena;

/* `chunk_bytes` is the first chunk's size (later ones double, up to 1 MiB); 0 means 4 KiB. */
struct arena *arena_create(size_t chunk_bytes);
void arena_destroy(struct arena **a);

#define arena_new(a, type)          ((type *)arena_alloc((a), 1, sizeof(type)))
#define arena_new_array(a, n, type) ((type *)arena_alloc((a), (n), sizeof(type)))

void *arena_alloc(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));
/* Terminated copies. */
char *arena_copy(struct arena *a, const char *text) __attribute__((returns_nonnull));
struct str arena_copy_str(struct arena *a, struct str text);
char *arena_format(struct arena *a, const char *fmt, ...)
    __attribute__((returns_nonnull, format(printf, 2, 3)));
/* Bytes handed out so far. */
size_t arena_bytes(const struct arena *a);

#endif
