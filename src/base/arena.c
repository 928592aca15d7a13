#include "base/arena.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES_FIRST 4096u
#define CHUNK_BYTES_MAX   (1u << 20)

struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

struct arena {
    struct chunk *head; /* the one being filled; full ones behind it */
    size_t chunk_bytes;
    size_t total_bytes;
};

struct arena *arena_create(size_t chunk_bytes)
{
    struct arena *a = mem_new(struct arena);

    a->chunk_bytes = chunk_bytes > 0 ? chunk_bytes : CHUNK_BYTES_FIRST;
    return a;
}

void arena_destroy(struct arena **a)
{
    if (*a == NULL)
        return;
    for (struct chunk *c = (*a)->head, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(*a);
    *a = NULL;
}

static void add_chunk(struct arena *a, size_t needed)
{
    size_t size = needed > a->chunk_bytes ? needed : a->chunk_bytes;
    struct chunk *c = mem_alloc(1, sizeof *c + size);

    c->size = size;
    c->next = a->head;
    a->head = c;
    if (a->chunk_bytes < CHUNK_BYTES_MAX)
        a->chunk_bytes *= 2;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;

    must(!__builtin_mul_overflow(count, size, &bytes));
    must(bytes < SIZE_MAX / 2);
    bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (a->head == NULL || a->head->size - a->head->used < bytes)
        add_chunk(a, bytes);
    void *p = a->head->bytes + a->head->used;
    a->head->used += bytes;
    a->total_bytes += bytes;
    return p;
}

struct str arena_copy_str(struct arena *a, struct str text)
{
    char *copy = arena_alloc(a, text.len + 1, 1);

    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    return (struct str){.at = copy, .len = text.len};
}

char *arena_copy(struct arena *a, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = arena_alloc(a, bytes, 1);

    memcpy(copy, text, bytes);
    return copy;
}

char *arena_format(struct arena *a, const char *fmt, ...)
{
    char near[200]; /* most fit: written once */
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(near, sizeof near, fmt, args);
    va_end(args);
    must(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1, 1);
    if ((size_t)len < sizeof near)
        return memcpy(text, near, (size_t)len + 1);
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

size_t arena_bytes(const struct arena *a)
{
    return a->total_bytes;
}
