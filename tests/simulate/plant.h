/* plant.h - bugs that are put in on purpose: a simulation that does not find them proves nothing.
 *
 * They lie in no product file. Functions of the engine that other files of it call are replaced by
 * the linker (--wrap=NAME in meson.build) with ones that do as the shipped one does, unless this
 * thread's plant says otherwise. So the program that finds the bugs and the one that finds none are
 * the same, and link the shipped engine. */
#ifndef TEND_TESTS_SIMULATE_PLANT_H
#define TEND_TESTS_SIMULATE_PLANT_H

#include <stddef.h>

struct plant {
    const char *name;
    const char *help;
    const char *found_by; /* checks that may be the first to see it, separated by spaces */
    int seeds;            /* within so many lives it is found */
};

const struct plant *plants_all(size_t *out_count);
const struct plant *plant_find(const char *name); /* NULL: there is none */
/* What this thread's engine does wrong from now on; NULL: nothing. */
void plant_use(const struct plant *p);

#endif
