/* door_private.h - what the files of the door share.
 *
 *   door.c        commands, intents, and what follows them     door_plan.c   plan, diff, apply
 *   door_volumes.c  down --volumes */
#ifndef TEND_SERVE_DOOR_PRIVATE_H
#define TEND_SERVE_DOOR_PRIVATE_H

#include "plan/part.h"
#include "serve/door.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"
#include "engine/documents.h"
#include "engine/executor.h"
#include "engine/hands.h"
#include "io/loop.h"
#include "record/journal.h"
#include "serve/operation.h"

#define DOOR_MAGIC    0x646f6f72
#define REQUEST_MAGIC 0x72657131

struct door {
    uint32_t magic;
    struct door_settings settings;
    struct engine *engine;
};

/* A command on its way: from the inbox to the end of its operation. */
struct request {
    uint32_t magic;
    struct door *door;
    struct command *command;
    struct http_stream *stream;
    const struct project *project; /* of a plan or apply */
    const struct project *target;  /* what is declared in the end; NULL: nothing */
    struct run *run;               /* of an apply that has more in it than services; NULL */
    int changes;                   /* of the plan that is applied */
    struct part part;              /* of a plan or apply: what it is of … */
    struct arena *part_arena;      /* … and where that lives */
    uint64_t intent;
    int64_t until_ns, until_wall_ns; /* of a pause */
};

/* ---- door.c ---- */
void request_end(struct request *r);
void request_refuse(struct request *r, const struct err *err, const char *help);
void request_answer(struct request *r, struct buf *body);
/* The intent into the journal; it takes effect when it is durable. */
void request_intend(struct request *r);

/* The last line of its stream; the daemon ends if that was asked for. */
void request_finish(struct request *r, bool ok, int exit_code, const char *text, const char *undo);

/* ---- door_volumes.c ---- */
/* Removes the project's volumes, says which, and finishes the request. */
void volumes_remove(struct request *r);

/* ---- door_plan.c ---- */
void do_plan(struct request *r);
void do_diff(struct request *r);
void do_drift(struct request *r);
void do_apply(struct request *r);
/* The facts of an apply, into the open `set`; and what its evidence says besides. */
void write_apply_facts(struct request *r, struct json *j);
void write_apply_evidence(struct request *r, struct json *j);

#endif
