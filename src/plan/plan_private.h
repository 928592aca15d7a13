/* plan_private.h - what the files of this folder share while a plan is made. */
#ifndef TEND_PLAN_PLAN_PRIVATE_H
#define TEND_PLAN_PLAN_PRIVATE_H

#include "plan/plan.h"

/* Sets the wave of each change, and sorts them: what is needed first; deletions last, what needs
 * others first. */
void plan_order(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count);
/* Services that something they need has changed for are restarted. Behind the comparison. */
void plan_restarts(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count);

#endif
