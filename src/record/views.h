/* views.h - what follows from the journal: an index of its events and the state they add up to.
 *
 * A SQLite file that is a pure fold of the journal: it may be deleted at any time and is folded
 * again, equal in every row. A thread of its own follows the journal, so that a commit never waits
 * for SQLite; queries run on connections of their own and first wait (bounded) until what was
 * durable when they began is folded.
 *
 *     journal ──reader──▶ views thread ──one transaction a batch──▶ state.db ◀──queries── any
 * thread
 *
 *   events     seq, type, severity, subject, its service, at
 *   causes     effect ← cause, both ways
 *   instances  subject, state, since, incarnation, restarts, last exit
 *   services   subject, state, since, revision, replicas
 *   facts      (subject, key) → JSON value: the last `"set":{key:value}` in the evidence of an
 * event of that subject; null, and removal of the service, delete. Keys are the writer's: the
 * daemon keeps there what it must know when it starts again (what is applied, overrides, who was
 * stopped by a person, paused until, held, in quarantine, …) meta       how far it is folded, and
 * the chain's hash there
 *
 * Threads: open and close by the owner; the rest by any thread, and it may block on the disk (the
 * control thread asks only while it starts). */
#ifndef TEND_RECORD_VIEWS_H
#define TEND_RECORD_VIEWS_H

#include "base/buf.h"
#include "base/err.h"
#include "record/event_types.h"
#include "record/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct views;

struct views_opened {
    bool rebuilt;     /* folded from the first event */
    char reason[160]; /* why, "" for a new one: "database disk image is malformed" */
    uint64_t folded;  /* events folded while opening */
};

/* Folds until all that is durable is in, then goes on in the background. A damaged file, one of
 * another format or of another journal is deleted and built anew. `opened` may be NULL. The journal
 * must outlive the views. */
MUST_USE bool views_open(struct views **out, const char *path, struct journal *j,
    struct views_opened *opened, struct err *err);
void views_close(struct views **v);

/* Until event `seq` is folded (true) or the deadline (clock_boot_ms). */
bool views_wait(struct views *v, uint64_t seq, int64_t deadline_ms);
uint64_t views_folded(struct views *v);
/* Why folding does not get on, "" if it does ("database or disk is full"). */
void views_trouble(struct views *v, char out[160]);
struct journal *views_journal(struct views *v);

/* ---- events ---- */

struct views_filter {
    const char *subject;              /* NULL: all; "web": of web and its instances; "web/1" */
    const char *type;                 /* NULL: all; a glob: "instance.*" */
    enum event_severity severity_min; /* EVENT_INFO: all */
    int64_t since_ns, until_ns;       /* wall clock, until is exclusive; 0: no bound */
    uint64_t since_seq, until_seq;    /* both inclusive; 0: no bound */
    size_t limit;                     /* 0: no bound */
    bool last;                        /* with a limit: the newest ones, not the oldest */
};

/* False stops. The event's texts live during the call. */
typedef bool (*views_event_fn)(void *data, const struct event *e);
/* Oldest first. */
MUST_USE bool views_each_event(struct views *v, const struct views_filter *filter,
    views_event_fn fn, void *data, struct err *err);
/* The same filter on one event, for following a reader (limit and last are ignored). */
bool views_filter_matches(const struct views_filter *filter, const struct event *e);
/* The events that name `seq` as a cause, oldest first; at most `max`. */
MUST_USE bool views_effects(struct views *v, uint64_t seq, uint64_t *out_seqs, size_t max,
    size_t *out_count, struct err *err);

/* ---- state ---- */

/* The fact's value as JSON text appended to `out`; ERR_MISSING if it is not set. */
MUST_USE bool views_fact_get(
    struct views *v, const char *subject, const char *key, struct buf *out, struct err *err);
struct views_fact {
    const char *subject, *key;
    struct str value; /* JSON */
    uint64_t seq;     /* the event that set it */
};
/* False stops. The texts live during the call. */
typedef bool (*views_fact_fn)(void *data, const struct views_fact *fact);
/* Facts of `subject` (NULL: of all; "web" also gives those of "web/1") whose key begins with
 * `key_prefix` (NULL: all), ordered by subject and key. */
MUST_USE bool views_facts_each(struct views *v, const char *subject, const char *key_prefix,
    views_fact_fn fn, void *data, struct err *err);

/* The facts of that key in a state.db that nobody has open: for programs that only look, where no
 * daemon runs. A file that is not there has none. What a killed daemon had not folded yet is
 * missing. */
MUST_USE bool views_read_facts(
    const char *path, const char *key, views_fact_fn fn, void *data, struct err *err);

struct views_instance {
    const char *subject, *service, *state;
    int64_t slot, incarnation, restarts;
    int64_t since_ns;       /* in this state since */
    uint64_t state_seq;     /* by this event */
    uint64_t last_exit_seq; /* 0: has not exited */
    const char *last_exit;  /* its evidence, JSON; "" */
};
typedef bool (*views_instance_fn)(void *data, const struct views_instance *instance);
/* `service` NULL: of all. Ordered by service and slot. */
MUST_USE bool views_instances_each(
    struct views *v, const char *service, views_instance_fn fn, void *data, struct err *err);

struct views_service {
    const char *subject, *state, *revision; /* "" where no event said */
    int64_t replicas;                       /* -1 where no event said */
    int64_t since_ns;
    uint64_t state_seq;
};
typedef bool (*views_service_fn)(void *data, const struct views_service *service);
MUST_USE bool views_services_each(
    struct views *v, views_service_fn fn, void *data, struct err *err);

/* All rows of all tables as text in a fixed order: equal text is equal state. */
MUST_USE bool views_dump(struct views *v, struct buf *out, struct err *err);

#endif
