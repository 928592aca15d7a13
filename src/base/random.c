#include "base/random.h"

#include "base/must.h"

#include <errno.h>
#include <sys/random.h>

uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

__extension__ typedef unsigned __int128 uint128; /* ISO C has no such type; gcc and clang do */

uint64_t random_below(struct random *r, uint64_t bound)
{
    must(bound > 0);
    return (uint64_t)(((uint128)random_next(r) * bound) >> 64);
}

double random_unit(struct random *r)
{
    return (double)(random_next(r) >> 11) * 0x1.0p-53;
}

void random_secret(void *out, size_t bytes)
{
    char *at = out;

    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0) {
            must(errno == EINTR);
            continue;
        }
        at += got;
        bytes -= (size_t)got;
    }
}

uint64_t random_secret_seed(void)
{
    uint64_t seed;

    random_secret(&seed, sizeof seed);
    return seed;
}
