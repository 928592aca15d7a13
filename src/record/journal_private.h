/* journal_private.h - what the files of the journal share: store.c (which segments there are),
 * journal.c (queue and notices), writer.c (the journal thread), reader.c, verify.c. */
#ifndef TEND_RECORD_JOURNAL_PRIVATE_H
#define TEND_RECORD_JOURNAL_PRIVATE_H

#include "base/buf.h"
#include "base/vec.h"
#include "record/journal.h"
#include "record/segment.h"

#include <pthread.h>
#include <sys/types.h>

/* ---- store: the segments of a directory ---- */

/* Each 256th record's offset is remembered, so that a reader finds one by reading 64 KiB or so. */
#define STORE_MARK_EVERY 256u

struct segment {
    uint32_t number;
    uint64_t first_seq;
    char boot_id[CLOCK_BOOT_ID_BYTES];
    struct {
        VEC_OF(uint32_t);
    } marks; /* of first_seq + i * STORE_MARK_EVERY */
};

struct store {
    int dir_fd;
    pthread_mutex_t lock; /* guards the segments; any thread */
    struct {
        VEC_OF(struct segment);
    } segments; /* in order; grows at the end */
};

/* Numbers of all segment files in order, whatever is in them. */
struct segment_numbers {
    VEC_OF(uint32_t);
};
MUST_USE bool store_list(int dir_fd, struct segment_numbers *out, struct err *err);
MUST_USE bool store_open_file(int dir_fd, uint32_t number, int flags, int *out_fd, struct err *err);
/* ERR_CORRUPT also for a file too short to have one, or of another number. */
MUST_USE bool store_read_header(
    int fd, uint32_t number, struct segment_header *out, struct err *err);

void store_add(struct store *s, const struct segment_header *h);
void store_mark(struct store *s, uint32_t number, uint64_t seq, off_t offset);

struct store_place {
    uint32_t number;
    uint64_t first_seq; /* of the segment */
    off_t offset;       /* of a record at or before the one looked for */
    char boot_id[CLOCK_BOOT_ID_BYTES];
};
/* The segment that should hold `seq` and a place to scan from; false: it is before all of them. */
bool store_find(struct store *s, uint64_t seq, struct store_place *out);
/* The segment behind `number`, at its first record. */
bool store_next(struct store *s, uint32_t number, struct store_place *out);

/* ---- opening: where the last segment ends ---- */

struct tail {
    uint32_t number; /* of the last segment file; 0: there is none */
    uint64_t head;
    struct hash chain;
    off_t end;     /* append here … */
    bool may_grow; /* … unless it is damaged or of another boot */
    unsigned char node[SEGMENT_NODE_BYTES];
    bool has_node;
    uint64_t torn_bytes;
    uint32_t torn_number;
    char broken_text[160]; /* "" if nothing is */
};
/* Fills the store, cuts a torn end off. */
MUST_USE bool store_open(struct store *s, const char *dir, struct tail *out, struct err *err);
void store_close(struct store *s);

/* ---- the journal ---- */

struct waiter {
    uint64_t seq;
    journal_durable_fn fn;
    void *data;
};
struct waiters {
    VEC_OF(struct waiter);
};

struct journal {
    struct journal_options options;
    struct store store;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;     /* guards all down to the next group; any thread */
    pthread_cond_t work;      /* something is queued, or it is to end */
    pthread_cond_t committed; /* durable moved, failing changed, a reader was woken */
    struct buf queue;         /* records, not sealed, of durable + taken + 1 … head */
    size_t batch_bytes;       /* in `batch`, counted into the bound */
    uint64_t head, durable;
    struct hash chain; /* at durable */
    struct journal_health health;
    struct waiters waiters;
    bool stopping;
    int64_t stop_by_ms;

    pthread_mutex_t readers_lock; /* guards the list and its notify functions */
    struct journal_reader *readers;

    /* The journal thread alone. */
    struct buf batch; /* records taken from the queue, sealed up to batch_sealed */
    size_t batch_sealed;
    struct hash batch_chain; /* of the last sealed record */
    uint32_t number;         /* of the segment that is written; fd -1: none yet */
    int fd;
    off_t end;
    unsigned char node[SEGMENT_NODE_BYTES];
};

/* writer.c */
void *journal_thread(void *journal);
/* notices, journal.c: `err` NULL for durable; called without the lock. */
void journal_post_notices(struct journal *j, struct waiters *due, const struct err *err);
void journal_post_health(struct journal *j, const struct journal_health *health);
/* reader.c */
void journal_notify_readers(struct journal *j);

/* Of the event that was read last. */
struct hash journal_reader_chain(const struct journal_reader *r);
/* Damage found while reading: the first goes into the health. */
void journal_note_broken(struct journal *j, const char *text);

/* A condition that waits by CLOCK_MONOTONIC, and waiting for `ms` (an hour at most): look again. */
void cond_init(pthread_cond_t *c);
void cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms);

#endif
