/* logs.h - reading what services wrote: the CRI files that their shims keep.
 *
 * A file holds one record a line, as Kubernetes' container runtimes write them:
 *
 *     2026-11-23T21:06:00.123456789Z stdout F the text\n
 *     └ time, UTC, nine digits       │      └ F: the line ends here; P: it goes on in the next
 * record └ or stderr                      of the same stream
 *
 * A slot's files are DIR/SERVICE/SLOT.log, and the rotated SLOT.log.1 (newest) to SLOT.log.N. The
 * writer rotates by rename and goes on in a new file; a line may go on across the two.
 *
 * logs_read joins partial records to lines again, merges several slots by time (each slot's own
 * order is kept as written), and follows across rotations: nothing is lost or given twice as long
 * as the files are there when they are read. It blocks: worker threads only, never the control
 * thread. Text is bytes, neither changed nor checked. */
#ifndef TEND_OBSERVE_LOGS_LOGS_H
#define TEND_OBSERVE_LOGS_LOGS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writers split a line into records of at most so many bytes of text. */
#define LOG_PIECE_BYTES (16u << 10)
/* Lines are joined up to here; what is longer comes in several pieces. */
#define LOG_LINE_BYTES_MAX (1u << 20)

enum log_stream { LOG_STDOUT, LOG_STDERR };

/* "stdout", "stderr" */
const char *log_stream_name(enum log_stream stream);

/* Borrowed, for the time of the call that hands it over. */
struct log_line {
    const char *service;
    int slot;
    int64_t at_ns; /* wall clock, of the line's first byte */
    enum log_stream stream;
    struct str text; /* without the line end */
    bool continues;  /* the line goes on in the slot's next piece of this stream, or was cut */
    bool malformed;  /* not in CRI form: the text is as found, the time that of the line before */
};

/* Stops a reading from any thread. The maker owns it and destroys it when the reading has
 * returned. */
struct logs_cancel;
MUST_USE bool logs_cancel_create(struct logs_cancel **out, struct err *err);
void logs_cancel_destroy(struct logs_cancel **c);
void logs_cancel(struct logs_cancel *c);

struct regex; /* base/regex.h */

struct logs_query {
    const char *dir;             /* STATE/logs */
    const char *const *services; /* names; NULL with count 0: all that are there */
    size_t service_count;
    int slot;                    /* 0: all */
    int64_t since_ns;            /* wall clock; 0: from the start */
    int64_t until_ns;            /* wall clock, exclusive; 0: no end */
    int64_t tail;                /* the last so many lines (after the other conditions); -1: all */
    struct str grep;             /* literal text that a line must hold; empty: any line. A line that
                                  * comes in pieces is judged piece by piece */
    const struct regex *pattern; /* that some part of it must match, too; NULL: none. Borrowed */
    bool follow;                 /* go on as lines are written, new slots and services included */
    struct logs_cancel *cancel;  /* may be NULL where `follow` is false */
};

/* false ends the reading (which then succeeds). */
typedef bool (*logs_fn)(void *data, const struct log_line *line);

/* Gives the lines to `fn`, on this thread, oldest first. A service that has no logs gives none.
 * ERR_CANCELLED when cancelled. */
MUST_USE bool logs_read(const struct logs_query *query, logs_fn fn, void *data, struct err *err);

#endif
