/* random.h - randomness: from the system for secrets, from a seed for decisions.
 *
 * A decision that uses chance (jitter) draws from a `struct random` that its caller hands in, so
 * that a simulation replays it. Any thread; a `struct random` belongs to one. */
#ifndef TEND_BASE_RANDOM_H
#define TEND_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state; /* SplitMix64: Steele, Lea, Flood, "Fast splittable PRNGs", 2014 */
};

uint64_t random_next(struct random *r);
/* Evenly from 0 to bound - 1; bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);
/* Evenly from [0, 1). */
double random_unit(struct random *r);

/* From getrandom(2); fit for keys and tokens. */
void random_secret(void *out, size_t bytes);
uint64_t random_secret_seed(void);

#endif
