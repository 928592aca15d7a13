/* cri.h - one record of a CRI log file, and joining records to lines. Pure; one thread at a time.
 */
#ifndef TEND_OBSERVE_LOGS_CRI_H
#define TEND_OBSERVE_LOGS_CRI_H

#include "base/buf.h"
#include "observe/logs/logs.h"

struct cri_record {
    int64_t at_ns;
    enum log_stream stream;
    bool partial;
    bool malformed;
    struct str text; /* borrowed from the record's bytes */
};

/* Times come in order and near each other: the minute seen last is remembered. Zeroed is empty. */
struct cri_clock {
    char minute[17]; /* "2026-11-23T21:06:" */
    int64_t minute_ns;
};

/* `bytes` without its line end. A record that is not in CRI form comes as malformed, with all its
 * bytes as the text, and at_ns 0. */
struct cri_record cri_parse(struct str bytes, struct cri_clock *clock);

/* The pieces of lines whose ends have not come yet, one line a stream. Zeroed is empty. */
struct cri_join {
    struct cri_pending {
        struct buf text;
        int64_t at_ns;
        bool open;  /* the next record of the stream goes on */
        bool given; /* the text was handed out as a piece and is to be forgotten */
    } pending[2];
    int64_t last_ns; /* of the record before: malformed ones are given its time */
};

void cri_join_fini(struct cri_join *j);
/* True when a line or a piece of LOG_LINE_BYTES_MAX has come about in `out`; its text is borrowed
 * from the record or the join, until the next call. Service and slot are left alone. */
bool cri_join_feed(struct cri_join *j, const struct cri_record *r, struct log_line *out);
/* What is left where nothing more will come: true for each, then false. */
bool cri_join_flush(struct cri_join *j, struct log_line *out);

#endif
