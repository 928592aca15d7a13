/* kind.h - the providers' contract: what every kind of resource can do, one row a kind.
 *
 *     declared ─┐
 *               ├─ diff ─▶ struct change ─ apply / destroy ─▶ the world ─ observe ─┐
 *     observed ─┘◀─────────────────────────────────────────────────────────────────┘
 *
 * Plan, drift, dry runs, the schema and the reference all come from the rows, so that a new kind is
 * one new file and one row in the wiring's table. A row says nothing about order: that follows from
 * what its resources depend on.
 *
 * Threads: diff is pure, any thread. observe, apply and destroy are called on the control thread
 * and must not block: a kind that has to wait runs its work on a worker and calls `done` from the
 * loop. apply is idempotent and may be called again after a crash; it verifies by observing. */
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
};

/* "create", "update", … */
const char *change_action_name(enum change_action action);

/* One field that differs. Values are JSON text, secrets already redacted; an absent one is empty.
 */
struct field_change {
    const char *path; /* "deploy.replicas" */
    struct str before, after;
    enum field_effect effect;
};

struct change {
    enum change_action action;
    const struct kind *kind;
    const char *name;
    struct {
        VEC_OF(struct field_change);
    } fields;           /* of an update or a replacement; the caller frees by change_fini */
    const char *reason; /* why, where it is not a field: "it has failed"; NULL */
    int wave;           /* those of one wave go at once, in order of the waves from 0 */
};

void change_fini(struct change *c);

/* A resource as it is in the world. Texts and nodes live in the arena it was observed into. */
struct observed {
    const char *name;
    const struct node
        *node;           /* the fields it has, in canonical form; NULL: only its name is known */
    const char *trouble; /* it is there and does not work: "it has failed"; NULL */
    const char *note;    /* what a person set aside from the declaration; NULL */
    const char *const *needs; /* what it depends on, NULL-terminated; NULL: nothing */
};

struct observed_list {
    VEC_OF(struct observed);
};

/* The end of an apply or destroy; `err` is NULL when it is done. */
typedef void (*kind_done_fn)(void *data, const struct err *err);

struct kind {
    const char *name;    /* "service" */
    const char *section; /* "services": its map in tend.yaml */
    const struct field_table *fields;
    /* Everything of this kind that tend looks after. */
    MUST_USE bool (*observe)(
        void *world, struct arena *a, struct observed_list *out, struct err *err);
    /* What would have to change; NULL takes kind_diff. */
    void (*diff)(struct arena *a, const struct kind *k, const struct node *declared,
        const struct observed *observed, struct change *out);
    /* One change; both NULL: the engine carries out all changes of the kind together, since they
     * hang together (batches, dependencies, taking back). */
    void (*apply)(void *world, const struct change *change, kind_done_fn done, void *data);
    void (*destroy)(void *world, const struct change *change, kind_done_fn done, void *data);
};

/* Field by field along the kind's table. `declared` NULL is a deletion, `observed` NULL a creation.
 * Values of environments that count as secrets are redacted. */
void kind_diff(struct arena *a, const struct kind *k, const struct node *declared,
    const struct observed *observed, struct change *out);

#endif
