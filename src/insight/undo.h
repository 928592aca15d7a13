/* undo.h - the last change that somebody made, and what takes it back: from the journal alone.
 *
 *     scale.requested web, before 1   ──▶ scale it to 1
 *     stop.requested web              ──▶ start it
 *     down.requested                  ──▶ declare again what was declared
 *     apply.requested                 ──▶ declare what was declared before, and put back what its
 *                                         changes of files took the place of (STATE/objects)
 *
 * An undo is a change like any other: undoing it takes it back. Any thread; it blocks on the disk.
 */
#ifndef TEND_INSIGHT_UNDO_H
#define TEND_INSIGHT_UNDO_H

#include "base/arena.h"
#include "base/err.h"
#include "record/views.h"

#include <stdbool.h>
#include <stdint.h>

enum undo_how {
    UNDO_NOT, /* see why_not */
    UNDO_APPLY,
    UNDO_SCALE,
    UNDO_START,
    UNDO_STOP,
    UNDO_RESUME, /* ends a pause */
};

/* Texts in the arena. */
struct undo {
    uint64_t seq;     /* of the change; 0: there is none */
    const char *what; /* "user:root asked for 3 instances of web" */
    enum undo_how how;
    const char *text;    /* what taking it back does: "scales web back to 1" */
    const char *why_not; /* where it cannot be taken back */
    const char *service;
    int slot, replicas; /* replicas -1: as declared */
    const char *before,
        *declared; /* digests of documents before and behind the change; NULL: none */
};

MUST_USE bool undo_read(struct arena *a, struct views *v, struct undo *out, struct err *err);

/* For UNDO_APPLY: the document to plan for, into `out_document`: what was declared before, and with
 * it what the change took the place of. `out_target` gets the document that is declared in the
 * end; it stays empty where nothing was declared. */
MUST_USE bool undo_document(const struct undo *u, struct views *v, const char *state_dir,
    struct buf *out_document, struct buf *out_target, struct err *err);

#endif
