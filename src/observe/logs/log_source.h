/* log_source.h - the lines of one slot that somebody wants, one after the other.
 *
 *     log_chain ─ bytes ─▶ block ─ records ─▶ cri_join ─ lines ─▶ since, until, grep ─▶ next
 *
 * Reading never waits for more to be written: at the end the source says DRAINED, and later may
 * have more. One thread at a time; probes use one on the control thread with a small budget. */
#ifndef TEND_OBSERVE_LOGS_LOG_SOURCE_H
#define TEND_OBSERVE_LOGS_LOG_SOURCE_H

#include "observe/logs/cri.h"
#include "observe/logs/log_chain.h"

#include <stdatomic.h>

struct regex; /* base/regex.h */

struct log_filter {
    int64_t since_ns, until_ns; /* 0: none */
    struct str grep;
    const struct regex *pattern; /* borrowed; NULL: any line */
};

enum log_next {
    LOG_NEXT_LINE,
    LOG_NEXT_DRAINED, /* nothing more for now */
    LOG_NEXT_PAUSED,  /* the budget is used up */
    LOG_NEXT_FAILED,
};

struct log_source {
    const char *service; /* borrowed; NULL is fine */
    int slot;
    struct log_filter filter;     /* the text is borrowed */
    const atomic_bool *cancelled; /* NULL: cannot be */

    struct log_chain chain;
    struct log_place place;     /* of the next byte to be read */
    struct log_place emit_from; /* lines that end before only help to join pieces */
    struct log_place limit;     /* read no further; bounded only where `limited` */
    bool limited, follows;
    int64_t budget_bytes; /* may still be read; INT64_MAX: no matter */

    char *block;
    size_t block_bytes;         /* its size, allocated while in use */
    size_t start, end, scanned; /* the unread part; without a line end up to `scanned` */
    bool skipping;              /* to the next record: we began in the middle of one */
    bool in_long;               /* within a record that is longer than the block */
    struct cri_record long_record;
    struct cri_clock clock;
    struct cri_join join;

    struct log_line line; /* after LOG_NEXT_LINE, until the next call */
};

/* Opens the files; the place is the start. */
MUST_USE bool log_source_open(struct log_source *s, const char *path,
    const struct log_filter *filter, size_t block_bytes, struct err *err);
void log_source_close(struct log_source *s);
/* Go to `place`, in the middle of a record or not; lines that end before it are not given, but the
 * pieces of one that spans it are found. */
void log_source_seek(struct log_source *s, struct log_place place);
enum log_next log_source_next(struct log_source *s, struct err *err);

#endif
