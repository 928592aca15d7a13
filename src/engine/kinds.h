/* kinds.h - the table of all kinds of resource: adding a kind is a new file and one row in kinds.c.
 * Constant; any thread. */
#ifndef TEND_ENGINE_KINDS_H
#define TEND_ENGINE_KINDS_H

#include "drive/kind.h"

#define KINDS_COUNT 4

extern const struct kind *const kinds_all[KINDS_COUNT];

/* Tell the loader of projects which maps they have. Once, when a program starts. */
void kinds_register(void);

#endif
