/* storm.h - the restart-storm limiter: one bucket of tokens for the restarts of all services, so
 * that a hundred crash loops cannot starve what is healthy. Pure; control thread.
 *
 * Each restart that the daemon decides on takes a token; without one it waits until the bucket has
 * refilled. The first starts of an apply are not restarts and take none. */
#ifndef TEND_ENGINE_STORM_H
#define TEND_ENGINE_STORM_H

#include <stdbool.h>
#include <stdint.h>

enum { STORM_BURST = 100, STORM_PER_SECOND = 50 };

struct storm {
    double tokens;
    int64_t refilled_ns;
    bool limiting; /* somebody was made to wait and nobody has passed freely since */
};

void storm_init(struct storm *s, int64_t now_ns);
/* Takes a token and returns 0, or says how long to wait (> 0). */
int64_t storm_take(struct storm *s, int64_t now_ns);

#endif
