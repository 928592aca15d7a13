/* mem.h - memory that is always there.
 *
 * Running out of memory ends the process; whatever a user can make grow has a bound of its own and
 * fails with ERR_LIMIT long before. New memory is zeroed. Any thread. */
#ifndef TEND_BASE_MEM_H
#define TEND_BASE_MEM_H

#include <stddef.h>

#define mem_new(type)          ((type *)mem_alloc(1, sizeof(type)))
#define mem_new_array(n, type) ((type *)mem_alloc((n), sizeof(type)))

void *mem_alloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks; bytes beyond the old size are not zeroed. */
void *mem_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_copy_string(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_format(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
/* Gives back to the system what bursts have left free. For an occasional call by one thread: it is
 * cheap unless much was freed since the last one. */
void mem_give_back(void);

#endif
