/* journal.h - the append-only, hash-chained log of everything tend did and why.
 *
 *     control thread                      journal thread                         any thread
 *     journal_append ──▶ queue (bounded) ──▶ write + one fdatasync ──▶ segments ──▶ journal_reader
 *          │ seq at once                        │ durable                             ▲
 *          └── journal_when_durable ◀───posted──┴──────── wakes waiting readers ──────┘
 *
 * Words:
 *   seq      an event's number: 1, 2, 3 … without a gap, for ever
 *   head     the newest event appended; durable: the newest that survives a power cut. Readers see
 *            events up to `durable`, never further
 *   chain    each record's hash covers the hash of the one before; journal_verify recomputes all
 *   segment  one file of the journal, at most 16 MiB: DIR/00000001.seg … (drawn in segment.h)
 *
 * When the disk is full or fails, events wait in memory while the journal thread tries again each
 * `retry_ms`: bytes of a failed write are cut off, nothing is skipped, and it recovers by itself.
 * While it fails, what somebody asked for is refused (journal_append_durable), what tend decides is
 * still accepted until the queue is full, and then dropped and counted: the service comes first.
 *
 * Threads: open and close by the owner. journal_append and the other functions may be called from
 * any thread and do not touch the disk, except readers, journal_read, journal_flush and verify. */
#ifndef TEND_RECORD_JOURNAL_H
#define TEND_RECORD_JOURNAL_H

#include "base/err.h"
#include "base/hash.h"
#include "record/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

/* How the journal thread hands `fn(data)` to the thread that its callbacks shall run on; wrap
 * loop_post. NULL in the options: they run on the journal thread itself. */
typedef void (*journal_post_fn)(void *host, void (*fn)(void *data), void *data);

/* How the journal is: given to on_health at each change, and by journal_health. */
struct journal_health {
    bool failing;     /* the last write failed; it tries again */
    char text[160];   /* why, "" when it does not fail: "No space left on device" */
    uint64_t waiting; /* events in memory that are not durable */
    uint64_t dropped; /* events refused because the queue was full, since open */
    bool broken;      /* stored events are damaged: journal_verify says which */
    char broken_text[160];
};

struct journal_options {
    journal_post_fn post;
    void *post_host;
    /* By `post`, when `failing` changes. NULL for none. */
    void (*on_health)(void *data, const struct journal_health *health);
    void *on_health_data;
    /* 0 takes the default. */
    size_t queue_bytes_max;   /* 8 MiB */
    size_t segment_bytes_max; /* 16 MiB */
    int64_t retry_ms;         /* 250 */
};

/* What opening found; the daemon journals it ("journal.torn_tail_cut"). */
struct journal_opened {
    uint64_t head;       /* 0: the journal is new */
    uint64_t torn_bytes; /* cut off: the end of a write that a crash interrupted */
    char torn_file[32];  /* "00000007.seg" */
    bool broken;         /* damage that is not a torn end is left as it is; see journal_health */
};

/* Creates the directory if it is not there. `opened` may be NULL. The caller holds the state
 * directory's lock: two journals on one directory destroy each other. */
MUST_USE bool journal_open(struct journal **out, const char *dir,
    const struct journal_options *options, struct journal_opened *opened, struct err *err);
/* Writes out what is queued (waiting at most 5 s for a failing disk), fails the notices that are
 * left, and ends the thread. Readers must be closed before. */
void journal_close(struct journal **j);

/* The event's number, at once. Copies `e`; its seq, at_ns, boot_ns and boot_id are ignored and set.
 * Texts past their bound (event.h) are cut; evidence past its bound, or that is no JSON object, is
 * replaced by {"invalid_evidence":…}. 0: the queue is full, the event was dropped and counted. */
uint64_t journal_append(struct journal *j, const struct event *e);

/* Called once: with NULL when the event is durable, with the reason when that cannot be promised
 * now (the disk fails, or the journal was closed; the event may become durable later). */
typedef void (*journal_durable_fn)(void *data, const struct err *err);
void journal_when_durable(struct journal *j, uint64_t seq, journal_durable_fn fn, void *data);
/* For what must be durable before it takes effect. Fails at once, and appends nothing, while the
 * disk fails or the queue is full; after true, `fn` is called as by journal_when_durable. */
MUST_USE bool journal_append_durable(struct journal *j, const struct event *e, uint64_t *out_seq,
    journal_durable_fn fn, void *data, struct err *err);
/* Blocks until all appended so far is durable, or the deadline (clock_boot_ms) or a failing disk;
 * for the end of a program and for tests. */
MUST_USE bool journal_flush(struct journal *j, int64_t deadline_ms, struct err *err);

uint64_t journal_head(struct journal *j);
uint64_t journal_durable(struct journal *j);
/* The oldest event that is kept; 1 unless old segments were dropped. */
uint64_t journal_first(struct journal *j);
/* Hash of the chain at `durable`: print it, and nobody can rewrite history unseen. */
struct hash journal_chain(struct journal *j, uint64_t *out_seq);
void journal_health(struct journal *j, struct journal_health *out);

/* ---- reading: any thread, each reader by one thread at a time ---- */

struct journal_reader;

enum journal_next {
    JOURNAL_EVENT,  /* *out is filled; its texts live until the next call with this reader */
    JOURNAL_END,    /* nothing more is durable yet (or nothing before, going back) */
    JOURNAL_BROKEN, /* damaged bytes: err says where. The next call goes on behind them */
    JOURNAL_FAILED, /* the disk said no; the next call tries again */
};

/* The next event will be `from_seq` (0: the oldest kept; journal_durable() + 1: only new ones). */
struct journal_reader *journal_reader_create(struct journal *j, uint64_t from_seq);
void journal_reader_destroy(struct journal_reader **r);
enum journal_next journal_reader_next(struct journal_reader *r, struct event *out, struct err *err);
/* The event before the position; the position moves before it. */
enum journal_next journal_reader_back(struct journal_reader *r, struct event *out, struct err *err);
void journal_reader_seek(struct journal_reader *r, uint64_t seq);
/* Blocks until there is a next event (true), or the deadline (clock_boot_ms, 0: no wait), or
 * journal_reader_wake. */
bool journal_reader_wait(struct journal_reader *r, int64_t deadline_ms);
/* Any thread: ends a wait of this reader, also one that begins later (once). */
void journal_reader_wake(struct journal_reader *r);
/* `fn` is called on the journal thread each time more became durable: it must not block, nor use
 * the reader; it may post. Not called any more after the destroy. NULL for none. */
void journal_reader_notify(struct journal_reader *r, void (*fn)(void *data), void *data);

/* One event; its texts live in the reader-like handle `*hold`, which the caller frees by
 * journal_reader_destroy (reuse it for more calls; NULL at first). ERR_MISSING if there is no such
 * event, ERR_CORRUPT if it is damaged. */
MUST_USE bool journal_read(struct journal *j, uint64_t seq, struct journal_reader **hold,
    struct event *out, struct err *err);

/* ---- verification: offline or while the journal is written, in bounded memory ---- */

struct journal_verdict {
    bool ok;
    uint64_t events;     /* records that were checked */
    uint64_t first_seq;  /* of the oldest kept */
    uint64_t head_seq;   /* last event of the unbroken chain */
    struct hash head;    /* its hash */
    uint64_t torn_bytes; /* an unfinished write at the very end: no damage */
    uint64_t erased;     /* bodies that were erased on purpose: no damage either */
    uint64_t broken_seq; /* not ok: the first event that is damaged or missing … */
    char file[32];       /* … where it should be … */
    uint64_t offset;
    char reason[160]; /* … and what is wrong with it */
};

/* Called about every 16 MiB; false gives up (ERR_CANCELLED). */
typedef bool (*journal_progress_fn)(void *data, uint64_t events, uint64_t bytes, uint64_t of_bytes);
/* False only if it could not be checked (no such directory, read error); damage is a verdict. That
 * the newest events were taken away cannot be seen from the files: compare the head's hash with one
 * that was printed before. */
MUST_USE bool journal_verify(const char *dir, journal_progress_fn progress, void *data,
    struct journal_verdict *out, struct err *err);

#endif
