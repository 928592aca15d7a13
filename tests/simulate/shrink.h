/* shrink.h - the shortest life that still goes wrong in the same way. */
#ifndef TEND_TESTS_SIMULATE_SHRINK_H
#define TEND_TESTS_SIMULATE_SHRINK_H

#include "life.h"

/* Takes out deeds, services, replicas, needs and settings of `script`, as long as the same check
 * fails; at most `lives_max` lives are tried. */
void shrink(
    struct script *script, const struct life_options *options, const char *check, int lives_max);

#endif
