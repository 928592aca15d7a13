/* must.h - what can only be false through a bug.
 *
 * must(cond) stays on in release builds and ends the process with file, line and condition, after
 * calling the hook (which prints the last events). Outside input is never a must.
 *
 * An object that travels through a `void *` starts with a magic number and comes back by
 * OBJ(probe, pointer), which checks it:
 *
 *     #define PROBE_MAGIC 0x70726f62
 *     struct probe { uint32_t magic; … };
 *     struct probe *p = OBJ(probe, PROBE_MAGIC, handle->data);
 *
 * Any thread. */
#ifndef TEND_BASE_MUST_H
#define TEND_BASE_MUST_H

#include <stddef.h>
#include <stdint.h>

#define must(cond)                                \
    do {                                          \
        if (__builtin_expect(!(cond), 0))         \
            must_fail(__FILE__, __LINE__, #cond); \
    } while (0)

_Noreturn void must_fail(const char *file, int line, const char *cond);

/* Called once by must_fail before the process ends; NULL for none. */
void must_hook(void (*hook)(void));

#define OBJ(type, magic_value, pointer) ((struct type *)must_magic((pointer), (magic_value)))

void *must_magic(void *pointer, uint32_t magic);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
