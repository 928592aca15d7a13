/* why.h - the reason of things, from the journal alone.
 *
 *     web/1 was restarted (took 2 ms) at 12:00:01.250                                    [#81220]
 *       because  web/1 was killed by SIGKILL after 3 min at 12:00:01.248                 [#81219]
 *         after    web/1 was started (pid 901) at 11:57:00.100                           [#81203]
 *       then     web/1 is ready (12 ms after its start) at 12:00:01.262                  [#81222]
 *
 * One sentence is one claim is one event. "because" (and "and", for a further one) stands only
 * before what the event itself names as its cause, "after" before a cause that is a step on the way
 * and no reason, "seen" before the function and values a decision was made on, "then" before what
 * named this event as its cause. Nothing is guessed, nothing is taken from nearness in time.
 *
 * Everything is built into the arena. Any thread; it may block on the disk. */
#ifndef TEND_INSIGHT_WHY_H
#define TEND_INSIGHT_WHY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "record/views.h"

#include <stddef.h>
#include <stdint.h>

struct why_line {
    int depth;         /* 0: what is explained */
    const char *label; /* "", "because", "and", "after", "seen", "then" */
    const char *text;  /* a sentence without a full stop */
    uint64_t seq;      /* the event it comes from; 0 for a remark */
};

struct why {
    const char *subject;
    const struct why_line *lines;
    size_t count;
};

/* From the newest decisive event of the subject: "web" (a service and its instances), "web/1",
 * "project", "daemon". ERR_MISSING names known subjects when nothing is known. */
MUST_USE bool why_subject(
    struct arena *a, struct views *v, const char *subject, struct why *out, struct err *err);
/* From one event. */
MUST_USE bool why_event(
    struct arena *a, struct views *v, uint64_t seq, struct why *out, struct err *err);

/* As the API has it: {"v":1,"subject":…,"sentences":[{"depth","label","text","seq"}]} */
void why_json(const struct why *w, struct buf *out);
/* As the terminal has it, without colour; lines end with "\n". */
void why_text(const struct why *w, struct buf *out);

#endif
