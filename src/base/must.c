#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

static void (*on_fail)(void);

void must_hook(void (*hook)(void))
{
    on_fail = hook;
}

_Noreturn void must_fail(const char *file, int line, const char *cond)
{
    static int failing;

    (void)fprintf(stderr, "tend: bug: %s:%d: must(%s)\n", file, line, cond);
    if (on_fail != NULL && failing++ == 0)
        on_fail();
    abort();
}

void *must_magic(void *pointer, uint32_t magic)
{
    must(pointer != NULL);
    must(*(const uint32_t *)pointer == magic);
    return pointer;
}
