/* generations.h - what was declared, one after the other, from the journal alone.
 *
 *     #2  apply.requested  document a5f5…   ──▶ generation 1
 *     #9  apply.requested  document a5f5…       (the same again: none)
 *     #31 apply.requested  document 77c0…   ──▶ generation 2, operation.finished of #31: done
 *     #40 apply.requested  document a5f5…   ──▶ generation 3, "rollback_to": 1
 *
 * A generation is an apply that declared something else than the one before. Nothing else is kept:
 * numbers follow from the order of events. Any thread; it may block on the disk. */
#ifndef TEND_INSIGHT_GENERATIONS_H
#define TEND_INSIGHT_GENERATIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "record/views.h"

#include <stddef.h>
#include <stdint.h>

struct generation {
    int number; /* 1, 2, … */
    uint64_t seq;
    int64_t at_ns;
    const char *actor, *document; /* digest of the object */
    int changes;                  /* that its plan had */
    int rollback_to;              /* 0: it was no rollback */
    const char *result;           /* "done", "failed", "unfinished" */
};

struct generations {
    const struct generation *at; /* in the arena */
    size_t count;
    bool is_down; /* the newest one is not declared any more: somebody said down */
};

MUST_USE bool generations_read(
    struct arena *a, struct views *v, struct generations *out, struct err *err);
/* NULL if there is none of that number. */
const struct generation *generations_find(const struct generations *g, int64_t number);

#endif
