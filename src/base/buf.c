#include "base/buf.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 256

void buf_init(struct buf *b, size_t bytes_max)
{
    *b = (struct buf){.bytes_max = bytes_max};
}

void buf_fini(struct buf *b)
{
    free(b->at);
    *b = (struct buf){.bytes_max = b->bytes_max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->at != NULL)
        b->at[0] = '\0';
}

static void grow_to(struct buf *b, size_t needed)
{
    size_t capacity = b->capacity > 0 ? b->capacity : FIRST_BYTES;

    while (capacity < needed)
        capacity *= 2;
    b->at = mem_resize(b->at, capacity, 1);
    b->capacity = capacity;
}

char *buf_room(struct buf *b, size_t len)
{
    if (b->overflow || len > b->bytes_max || b->len > b->bytes_max - len) {
        b->overflow = true;
        return NULL;
    }
    if (b->len + len + 1 > b->capacity)
        grow_to(b, b->len + len + 1);
    return b->at + b->len;
}

void buf_grew(struct buf *b, size_t len)
{
    must(b->len + len < b->capacity);
    b->len += len;
    b->at[b->len] = '\0';
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    char *room = buf_room(b, len);

    if (room == NULL)
        return;
    if (len > 0)
        memcpy(room, bytes, len);
    buf_grew(b, len);
}

void buf_add_text(struct buf *b, const char *terminated)
{
    buf_add(b, terminated, strlen(terminated));
}

void buf_add_str(struct buf *b, struct str text)
{
    buf_add(b, text.at, text.len);
}

void buf_add_byte(struct buf *b, char byte)
{
    if (b->len + 1 < b->capacity && !b->overflow && b->len < b->bytes_max) {
        b->at[b->len++] = byte;
        b->at[b->len] = '\0';
        return;
    }
    buf_add(b, &byte, 1);
}

void buf_format_list(struct buf *b, const char *fmt, va_list args)
{
    size_t left = b->overflow ? 0 : b->capacity - b->len;
    va_list again;

    /* Mostly it fits into what is there, and is written at once. */
    va_copy(again, args);
    int len = vsnprintf(left > 0 ? b->at + b->len : NULL, left, fmt, again);
    va_end(again);
    must(len >= 0);
    if ((size_t)len < left && (size_t)len <= b->bytes_max - b->len) {
        b->len += (size_t)len;
        return;
    }
    if (left > 0)
        b->at[b->len] = '\0';
    char *room = buf_room(b, (size_t)len);
    if (room == NULL)
        return;
    (void)vsnprintf(room, (size_t)len + 1, fmt, args);
    buf_grew(b, (size_t)len);
}

void buf_format(struct buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    buf_format_list(b, fmt, args);
    va_end(args);
}

void buf_drop(struct buf *b, size_t len)
{
    must(len <= b->len);
    if (len == 0)
        return;
    memmove(b->at, b->at + len, b->len - len);
    b->len -= len;
    b->at[b->len] = '\0';
}

char *buf_take(struct buf *b)
{
    char *at = b->at != NULL ? b->at : mem_copy_string("");

    *b = (struct buf){.bytes_max = b->bytes_max};
    return at;
}
