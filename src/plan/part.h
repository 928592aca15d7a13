/* part.h - what is to be applied, where that is not simply what is declared.
 *
 *     declared ─┐                ┌─ chosen: as declared, but for what `ignore_changes` names
 *               ├─ part_settle ──┤
 *     applied ──┘                └─ left out (--target, --exclude): as it was applied
 *
 * A *target* is a resource with all that it needs; what is *excluded* takes with it all that needs
 * it (as OpenTofu's -target and -exclude). Names are service.web, web, files.conf or file.conf. The
 * result is a whole document, so that whatever carries plans out knows nothing of parts. Pure. */
#ifndef TEND_PLAN_PART_H
#define TEND_PLAN_PART_H

#include "plan/plan.h"

#include "base/map.h"

struct part {
    struct arena *arena;
    const struct project *declared, *applied; /* applied NULL: nothing was */
    const struct kind *const *kinds;
    size_t kind_count;
    bool is_partial;
    struct map chosen; /* subject → anything */
    struct {
        VEC_OF(const char *);
    } left_out;          /* "service api": differs, and is not chosen */
    struct str document; /* empty: what is declared, as it is */
};

/* `targets` and `excludes` hold a name a line; NULL or "": none. All is borrowed. */
void part_begin(struct part *out, struct arena *a, const struct project *declared,
    const struct project *applied, const struct kind *const *kinds, size_t kind_count);
/* ERR_MISSING: a name is of nothing; `err` says what may have been meant. */
MUST_USE bool part_choose(
    struct part *p, const char *targets, const char *excludes, struct err *err);
/* Behind part_choose. ERR_DENIED: something that prevent_destroy protects would be removed. */
MUST_USE bool part_settle(struct part *p, struct err *err);
/* Say in a plan what it is a part of. The texts are the part's. */
void part_tell(const struct part *p, struct plan *plan);
/* The changes of a whole plan that belong to the part: to look at, where nothing was applied. */
void part_filter(const struct part *p, struct plan *plan);
void part_fini(struct part *p);

/* The first thing of `p` that prevent_destroy protects, as "service db"; NULL: none. */
const char *part_protected(
    struct arena *a, const struct project *p, const struct kind *const *kinds, size_t kind_count);

#endif
