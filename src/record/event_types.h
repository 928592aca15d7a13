/* event_types.h - the table of event types: what each is called, how it reads, what it changes.
 *
 * A type is one row: its name, how grave it is, the sentence that `tend why` and `tend events`
 * print, and what folding it does to the views. Adding a type is adding a row (event_types.c, where
 * each row also names the evidence that its writers give). Types that are not in the table (a
 * journal of a newer or older tend) are kept, indexed and shown generically.
 *
 * Sentences have fields in braces, taken from the event ({subject}, {actor}, {service}) or from its
 * evidence, with dots for nested objects ({params.retries}). How a value is shown follows from the
 * unit that ends its name: {took_ms} "2 ms", {ran_ms} "3 min", {delay_ns}, {used_bytes} "17 MiB",
 * {until_ns} (and {…_at_ns}) a time of day. {changes#change} counts: "1 change", "2 changes".
 * A part in brackets is left out when a field in it is missing; of alternatives separated by | the
 * first whose fields are all there is taken.
 *
 *     "{subject} was killed by {signal}[ after {ran_ms}]|{subject} exited with code {code}"
 *
 * An event that is appended later than it happened (a record of a shim, imported) says when by
 * `"happened_at_ns":WALL` in its evidence; `why` shows that time.
 *
 * Any event may carry `"set":{"key":value,…}` in its evidence: these become facts of its subject
 * (views.h), null removes one. That is how state survives: what a starting daemon must know is
 * `set` by the event that decided it. Any thread. */
#ifndef TEND_RECORD_EVENT_TYPES_H
#define TEND_RECORD_EVENT_TYPES_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum event_severity { EVENT_INFO, EVENT_NOTICE, EVENT_WARN, EVENT_ERROR };

/* What an event is in the story that `why` tells. */
enum event_role {
    EVENT_STEP,     /* something on the way: instance.starting */
    EVENT_REQUEST,  /* somebody asked for it: apply.requested */
    EVENT_SEEN,     /* an observation: instance.exited */
    EVENT_DECISION, /* tend (or a shim) did something about it: instance.restarted */
    EVENT_OUTCOME,  /* where it led: instance.ready */
};

/* What folding does, beyond the index and `set`. */
enum event_fold {
    EVENT_FOLD_NONE,
    EVENT_FOLD_STATE,   /* the subject (a service or an instance) is now in `state` */
    EVENT_FOLD_EXIT,    /* as STATE, and its last exit is this event */
    EVENT_FOLD_RESTART, /* as STATE, and it has one restart more */
    EVENT_FOLD_REMOVE,  /* the subject and its facts, and those of its instances, are gone */
};

struct event_type {
    const char *name;
    enum event_severity severity;
    enum event_role role;
    enum event_fold fold;
    const char *state; /* for STATE, EXIT, RESTART */
    const char *sentence;
};

/* NULL if the table does not have it. */
const struct event_type *event_type_find(const char *name);
/* All rows, sorted by name. */
const struct event_type *event_types_all(size_t *out_count);

/* The page docs/reference/events.md, from the table. */
void event_types_reference(struct buf *out);

/* "info", "notice", "warn", "error". */
const char *event_severity_name(enum event_severity severity);
bool event_severity_parse(struct str text, enum event_severity *out)
    __attribute__((warn_unused_result));
/* EVENT_INFO for a type that is not in the table. */
enum event_severity event_severity_of(const char *type);

#endif
