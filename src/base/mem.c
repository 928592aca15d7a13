#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORTH_BYTES (1u << 20) /* so much more free than last time is worth the walk */

static _Noreturn void out_of_memory(void)
{
    (void)fputs("tend: out of memory\n", stderr);
    abort();
}

void *mem_alloc(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    if (p == NULL)
        out_of_memory();
    return p;
}

void *mem_resize(void *old, size_t count, size_t size)
{
    void *p = reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1);

    if (p == NULL)
        out_of_memory();
    return p;
}

char *mem_copy_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = mem_alloc(bytes, 1);

    memcpy(copy, text, bytes);
    return copy;
}

char *mem_format(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        out_of_memory();
    return text;
}

void mem_give_back(void)
{
    static size_t left; /* free, and in pages that are used too: it cannot be given */
    size_t unused = mallinfo2().fordblks;

    if (unused > left + WORTH_BYTES) {
        (void)malloc_trim(0);
        left = unused;
    } else if (unused < left)
        left = unused;
}
