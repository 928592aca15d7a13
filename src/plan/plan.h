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

#include <jansson.h>

/* One thing that was observed, so that what has changed since can be named. */
struct plan_seen {
    const char *kind, *name;
    struct hash digest; /* of its fields: the daemon puts its key into it before it is shown */
};

/* What a policy has to say about it. */
struct plan_finding {
    const char *severity; /* "deny", "warn" */
    const char *policy, *text;
    const char *at; /* the place in the file; NULL */
};

/* low: nothing that runs is interrupted. medium: something restarts. high: something is deleted,
 * or what others need is down meanwhile. */
enum plan_risk { PLAN_RISK_LOW, PLAN_RISK_MEDIUM, PLAN_RISK_HIGH };

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
    struct {
        VEC_OF(struct plan_finding);
    } findings;
    struct {
        VEC_OF(const char *);
    } left_out; /* "service api": differs too, and is not part of this plan (targets) */
    bool is_partial;
    int creates, updates, replaces, deletes, restarts;
    int unchanged; /* resources that are as they should be */
    enum plan_risk risk;
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

/* Where each resource is declared, as far as `project` was read from files. */
void plan_add_places(struct plan *p, struct arena *a, const struct project *project);
/* How long it takes, wave by wave; the sum of what is known, and how many changes nothing is known
 * of. */
int64_t plan_expected_ms(const struct plan *p, int *out_unknown);

/* How it is shown. */
struct plan_look {
    bool ascii;       /* no "→", "…" */
    bool verbose;     /* long values whole */
    int columns;      /* 0: 80 */
    int64_t took_ns;  /* what making it took; 0: is not said */
    const char *next; /* the command that comes next; NULL */
};

/* For the terminal, without colours; NULL is {0}. A change's line begins with its sign in three
 * columns ("+", "~", "-/+", "-", "→", "!"), two blanks end its name. */
void plan_write_text(const struct plan *p, const struct plan_look *look, struct buf *out);
/* One object, documented by docs/reference/plan.schema.json. What was added to it later may be
 * missing; a change of meaning changes its `v`. */
void plan_write_json(const struct plan *p, struct buf *out);
/* A plan that plan_write_json wrote; all texts live in the arena. Kinds that are not in `kinds` are
 * made up. False if it is no plan of version 1. */
MUST_USE bool plan_read_json(struct plan *out, struct arena *a, const json_t *value,
    const struct kind *const *kinds, size_t kind_count);

/* The changes as a unified diff, field by field: "--- applied\n+++ declared\n@@ service web @@\n
 * -environment.COLOUR: "red"\n+environment.COLOUR: "blue"\n"; nothing where nothing differs. */
void plan_write_diff(const struct plan *p, const char *from, const char *to, struct buf *out);
/* As plan_write_json, the diff as its text. */
void plan_write_diff_json(const struct plan *p, const char *from, const char *to, struct buf *out);

#endif
