/* kind.h - the providers' contract: what every kind of resource can do, one row a kind.
 *
 *     declared ─┐
 *               ├─ diff ─▶ struct change ── apply ──▶ the world ── observe ─┐
 *     observed ─┘◀─────────────────────────────────────────────────────────┘
 *
 * Plan, drift, dry runs, the schema and the reference all come from the rows, so that a new kind is
 * one new file and one row in the wiring's table. A row says nothing about order: that follows from
 * what its resources depend on.
 *
 * What tend looks after it remembers: each kind keeps a *record* of each of its resources (a small
 * map, a fact of the journal) that says what tend made there and what was there before. So an entry
 * that is taken out of the file is known to be tend's to remove, and what somebody else changed
 * since can be told.
 *
 * Threads: diff and remember are pure, any thread. observe and apply of a kind that `blocks` are
 * called on a worker (by several at once) and get nothing but plain data that nobody changes
 * meanwhile; observe of the others on the control thread, where it must not wait, and their apply
 * is NULL: the engine carries out all their changes together, since they hang together (batches,
 * dependencies, taking back). */
#ifndef TEND_DRIVE_KIND_H
#define TEND_DRIVE_KIND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "spec/fields.h"
#include "spec/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum change_action {
    CHANGE_NONE,
    CHANGE_CREATE,
    CHANGE_UPDATE,  /* without a restart */
    CHANGE_REPLACE, /* what runs is restarted */
    CHANGE_DELETE,
    CHANGE_RESTART, /* it stays as it is, and is restarted because something it needs changes */
};

/* "create", "update", … */
const char *change_action_name(enum change_action action);

/* One field that differs. Values are JSON text, secrets already redacted; an absent one is empty.
 */
struct field_change {
    const char *path; /* "deploy.replicas" */
    struct str before, after;
    enum field_effect effect;
    struct str hunks; /* of a text: what differs, as a unified diff; empty: see before and after */
};

/* What a change does to what runs. */
struct change_impact {
    int instances;       /* that run now */
    int at_once;         /* of those, stopped at the same time; 0: none */
    int64_t expected_ms; /* from how long it took before; -1: nothing is known of that */
};

struct change {
    enum change_action action;
    const struct kind *kind;
    const char *name;
    struct {
        VEC_OF(struct field_change);
    } fields;           /* of an update or a replacement; the caller frees by change_fini */
    const char *reason; /* why, where it is not a field: "it has failed"; NULL */
    const char *drift;  /* somebody changed it behind tend's back: when and who, where that can be
                         * known; NULL */
    const char *at;     /* where it is declared: "tend.yaml:12"; NULL: not known, or nowhere */
    int unchanged;      /* fields that are declared and as they should be */
    struct change_impact impact;
    int wave;      /* those of one wave go at once, in order of the waves from 0 */
    bool restarts; /* of an update: restarted besides, because something it needs changes */
    const struct node *declared;     /* NULL: it is no longer declared */
    const struct observed *observed; /* NULL: nothing is there */
};

void change_fini(struct change *c);

/* A resource as it is in the world. Texts and nodes live in the arena it was observed into. */
struct observed {
    const char *name;
    const struct node
        *node;           /* the fields it has, in canonical form; NULL: only its name is known */
    const char *trouble; /* it is there and does not work: "it has failed"; NULL */
    const char *note;    /* what a person set aside from the declaration; NULL */
    const char *const *needs;  /* subjects it depends on, NULL-terminated; NULL: nothing */
    const struct node *record; /* what tend remembers of it; NULL: it is not tend's */
    const char *drift;         /* other than tend left it, see struct change; NULL */
    bool gone;     /* it is not there any more: only how long it took to start and stop is known */
    int instances; /* of it that run */
    int64_t start_ms, stop_ms; /* how long one took lately; -1: not known */
};

struct observed_list {
    VEC_OF(struct observed);
};

/* What is to be looked at: all that is declared, and all that tend remembers. */
struct kind_look {
    const char *name;
    const struct node *declared; /* NULL: no longer */
    const struct node *record;   /* NULL: not tend's yet */
};

struct kind_look_list {
    VEC_OF(struct kind_look);
};

/* What blocking kinds work with. */
struct kind_host {
    const char *objects_dir; /* STATE/objects: what is overwritten or removed is kept there, by
                              * hash; NULL: only looking */
};

/* What came of a change. */
struct kind_outcome {
    const struct node *record; /* to be remembered from now on; NULL: it is not tend's any more */
    const struct node *before; /* what was there, for an undo; NULL: nothing */
    const char *text; /* for people, where it is not plain: "is not empty: left as it is" */
};

struct kind {
    const char *name;    /* "service" */
    const char *section; /* "services": its map in tend.yaml */
    const struct field_table *fields;
    const struct field_kind *declares; /* for fields_register; NULL: spec knows it by itself */
    bool blocks;
    /* What is there. `world` is the engine, or the struct kind_host of a kind that blocks; kinds
     * that know themselves what they look after pass `looks` over. What is remembered and not
     * there is told with node NULL. */
    MUST_USE bool (*observe)(void *world, struct arena *a, const struct kind_look_list *looks,
        struct observed_list *out, struct err *err);
    /* What would have to change; NULL takes kind_diff. */
    void (*diff)(struct arena *a, const struct kind *k, const struct node *declared,
        const struct observed *observed, struct change *out);
    /* The record to be durable before anything is done; NULL: as it is. */
    const struct node *(*remember)(struct arena *a, const struct change *c);
    /* One change: idempotent, may be called again after a crash at any point. Refuses with
     * ERR_CONFLICT what has changed since it was observed, and verifies by observing again. */
    MUST_USE bool (*apply)(const struct kind_host *host, struct arena *a, const struct change *c,
        struct kind_outcome *out, struct err *err);
};

/* "web" of a service, "files.conf" of others: as events and depends_on call it. */
const char *kind_subject(struct arena *a, const struct kind *k, const char *name);

/* Field by field along the kind's table. `declared` NULL is a deletion, `observed` NULL a creation.
 * Values of environments that count as secrets are redacted. */
void kind_diff(struct arena *a, const struct kind *k, const struct node *declared,
    const struct observed *observed, struct change *out);

#endif
