/* plan.h - what must change, in which order: declared and observed in, an ordered list out. Pure.
 *
 *     declared ──┐                   ┌─ wave 0:  + db
 *                ├─ diff by kind ──▶ ├─ wave 1:  ~ api            (depends on db)
 *     observed ──┘                   ├─ wave 2:  -/+ web          (depends on api)
 *                                    └─ then, in reverse: - old
 *
 * A plan's digest covers what is declared and what was observed, so that a plan that was shown can
 * be told from one that the world has overtaken ("plan stale"). Everything lives in the arena that
 * plan_make is given, except what plan_fini frees. Any thread. */
#ifndef TEND_PLAN_PLAN_H
#define TEND_PLAN_PLAN_H

#include "base/buf.h"
#include "base/hash.h"
#include "drive/kind.h"
#include "spec/project.h"

/* One thing that was observed, so that what has changed since can be named. */
struct plan_seen {
    const char *kind, *name;
    struct hash digest; /* of its fields: the daemon puts its key into it before it is shown */
};

struct plan {
    const char *project;
    struct {
        VEC_OF(struct change);
    } changes; /* in the order in which they are made; they point into declared and observed */
    struct {
        VEC_OF(const char *);
    } notes; /* what a person set aside from the declaration, for people */
    struct {
        VEC_OF(struct plan_seen);
    } seen;
    int creates, updates, replaces, deletes, restarts;
    struct hash digest;
    const char *seal; /* the daemon's word that it made this plan; NULL: none */
};

/* `observed` is what kinds[k]->observe gave, list by list; NULL: nothing is there. `declared` NULL
 * is the empty project. */
void plan_make(struct plan *out, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count);
/* What one declaration has other than another, whatever is in the world: `before` and `after` may
 * be NULL, the empty project. What is deleted has its fields too. */
void plan_between(struct plan *out, struct arena *a, const struct project *before,
    const struct project *after, const struct kind *const *kinds, size_t kind_count);
void plan_fini(struct plan *p);
static inline bool plan_is_empty(const struct plan *p)
{
    return p->changes.count == 0;
}

/* For the terminal, with ANSI colours or without. */
void plan_write_text(const struct plan *p, bool colours, struct buf *out);
/* {"v":1,"project":…,"digest":…,"changes":[{"action","kind","name","wave","reason","summary",
 *  "fields":[{"path","before","after","restarts"}]}],"counts":{…},"notes":[…],
 *  "observed":[{"kind","name","digest"}],"seal":…,"text":…} */
void plan_write_json(const struct plan *p, struct buf *out);

/* The changes as a unified diff, field by field: "--- applied\n+++ declared\n@@ service web @@\n
 * -environment.COLOUR: "red"\n+environment.COLOUR: "blue"\n"; nothing where nothing differs. */
void plan_write_diff(const struct plan *p, const char *from, const char *to, struct buf *out);
/* As plan_write_json, the diff as its text. */
void plan_write_diff_json(const struct plan *p, const char *from, const char *to, struct buf *out);

#endif
