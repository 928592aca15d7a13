/* event.h - one line of the journal: who did what to which subject, why, on what evidence.
 *
 * Words:
 *   type      a fixed name from event_types (event_types.c), "instance.exited"
 *   actor     who: "tend" (a decision of the daemon), "shim" (the shim acted first), "user:NAME"
 *             (a person, by the UNIX socket's credentials), "token" (a bearer of the API token)
 *   subject   what it happened to: "web" (a service), "web/1" (an instance), "project", "daemon"
 *   causes    the events that led to it, the nearest first: `tend why` walks them
 *   evidence  a JSON object: what was seen. A decision names the function that made it with its
 *             parameters, value and threshold:
 *             {"function":"probe","params":{"retries":3},"value":3,"threshold":3,"detail":"…"}
 *
 * Order is the sequence number, never a time. Secrets never enter an event. */
#ifndef TEND_RECORD_EVENT_H
#define TEND_RECORD_EVENT_H

#include "base/json.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define EVENT_CAUSES_MAX         4
#define EVENT_TYPE_BYTES_MAX     64
#define EVENT_SUBJECT_BYTES_MAX  160
#define EVENT_ACTOR_BYTES_MAX    64
#define EVENT_EVIDENCE_BYTES_MAX (64u << 10)

/* Plain data; the texts are borrowed from whoever made the struct. */
struct event {
    uint64_t seq;        /* 1, 2, 3 … without a gap; 0 while not appended */
    int64_t at_ns;       /* CLOCK_REALTIME; 0 while not appended: the journal sets it */
    int64_t boot_ns;     /* CLOCK_BOOTTIME, comparable within one boot id */
    const char *boot_id; /* 36 characters */
    const char *type;
    const char *actor;
    const char *subject;
    uint64_t causes[EVENT_CAUSES_MAX];
    size_t cause_count;
    struct str evidence; /* a JSON object; "{}" for none */
};

/* The members of the event as the API and `--json` have them, into an object that is open:
 * seq, at, type, severity, actor, subject, causes, evidence. */
void event_json(const struct event *e, struct json *j);

#endif
