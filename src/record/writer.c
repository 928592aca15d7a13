/* writer.c - the journal thread: takes what is queued, seals it, writes it, syncs it once. */
#include "base/fs.h"
#include "base/must.h"
#include "base/random.h"
#include "record/journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEEP_BYTES (256u << 10) /* a buffer that a burst made larger is given back */

/* ---- segments ---- */

static bool make_segment(
    struct journal *j, const struct segment_header *h, int *out_fd, struct err *err)
{
    unsigned char bytes[SEGMENT_HEADER_BYTES];
    struct str all = {.at = (const char *)bytes, .len = sizeof bytes};

    segment_header_encode(h, bytes);
    TRY(store_open_file(j->store.dir_fd, h->number, O_RDWR | O_CREAT | O_TRUNC, out_fd, err));
    if (!fs_write_all(*out_fd, all, err))
        return false;
    if (fsync(*out_fd) == -1 || fsync(j->store.dir_fd) == -1)
        return err_sys(err, "sync a new segment");
    return true;
}

/* A new segment that begins with the first record of the batch. */
static bool next_segment(struct journal *j, struct err *err)
{
    struct segment_header h = {
        .number = j->number + 1,
        .first_seq = record_seq((unsigned char *)j->batch.at),
        .created_ns = clock_wall_ns(),
        .before = j->chain, /* written by this thread only */
    };
    char name[SEGMENT_NAME_BYTES];
    int fd = -1;

    memcpy(h.node, j->node, sizeof h.node);
    memcpy(h.boot_id, clock_boot_id(), sizeof h.boot_id);
    if (!make_segment(j, &h, &fd, err)) {
        if (fd != -1) {
            segment_name(h.number, name);
            (void)close(fd);
            (void)unlinkat(j->store.dir_fd, name, 0); /* made anew at the next try anyway */
        }
        return false;
    }
    if (j->fd != -1)
        (void)close(j->fd);
    j->fd = fd;
    j->number = h.number;
    j->end = SEGMENT_HEADER_BYTES;
    store_add(&j->store, &h);
    return true;
}

/* ---- one portion: what of the batch fits into the segment ---- */

struct portion {
    size_t bytes;
    uint64_t last_seq;
    struct hash chain; /* of its last record */
};

static struct portion first_portion(struct journal *j, size_t room)
{
    struct portion p = {0};
    unsigned char *at = (unsigned char *)j->batch.at;

    while (p.bytes < j->batch.len) {
        size_t bytes = record_bytes(at + p.bytes);
        if (bytes > room - p.bytes)
            break;
        if (p.bytes >= j->batch_sealed) {
            record_seal(at + p.bytes, &j->batch_chain);
            j->batch_sealed = p.bytes + bytes;
        }
        p.last_seq = record_seq(at + p.bytes);
        p.chain = record_chain(at + p.bytes);
        p.bytes += bytes;
    }
    return p;
}

static bool put_at(int fd, const char *at, size_t len, off_t offset, struct err *err)
{
    while (len > 0) {
        ssize_t put = pwrite(fd, at, len, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_sys(err, "write");
        at += put;
        offset += put;
        len -= (size_t)put;
    }
    return true;
}

/* All of it durable, or the file as it was. */
static bool write_portion(struct journal *j, const struct portion *p, struct err *err)
{
    bool ok = put_at(j->fd, j->batch.at, p->bytes, j->end, err) &&
              (fdatasync(j->fd) == 0 || err_sys(err, "fdatasync"));

    if (!ok)
        (void)!ftruncate(j->fd, j->end); /* if even that fails, the next write covers the rest */
    return ok;
}

static void mark_portion(struct journal *j, const struct portion *p)
{
    const unsigned char *at = (unsigned char *)j->batch.at;

    for (size_t offset = 0; offset < p->bytes; offset += record_bytes(at + offset))
        store_mark(&j->store, j->number, record_seq(at + offset), j->end + (off_t)offset);
}

/* ---- telling ---- */

static struct waiters take_due(struct journal *j, uint64_t up_to)
{
    struct waiters due = {0};
    size_t kept = 0;

    for (size_t i = 0; i < j->waiters.count; i++) {
        if (j->waiters.at[i].seq <= up_to)
            vec_push(&due, j->waiters.at[i]);
        else
            j->waiters.at[kept++] = j->waiters.at[i];
    }
    j->waiters.count = kept;
    return due;
}

static void commit_portion(struct journal *j, const struct portion *p)
{
    mark_portion(j, p);
    j->end += (off_t)p->bytes;
    buf_drop(&j->batch, p->bytes);
    j->batch_sealed -= p->bytes;

    (void)pthread_mutex_lock(&j->lock);
    j->durable = p->last_seq;
    j->chain = p->chain;
    j->batch_bytes = j->batch.len;
    struct waiters due = take_due(j, j->durable);
    bool recovered = j->health.failing;
    j->health.failing = false;
    if (recovered)
        j->health.text[0] = '\0';
    j->health.waiting = j->head - j->durable;
    struct journal_health health = j->health;
    (void)pthread_cond_broadcast(&j->committed);
    (void)pthread_mutex_unlock(&j->lock);

    journal_post_notices(j, &due, NULL);
    if (recovered)
        journal_post_health(j, &health);
    journal_notify_readers(j);
}

static void fail(struct journal *j, const struct err *why)
{
    (void)pthread_mutex_lock(&j->lock);
    bool first = !j->health.failing;
    j->health.failing = true;
    (void)snprintf(j->health.text, sizeof j->health.text, "%s", why->text);
    j->health.waiting = j->head - j->durable;
    struct journal_health health = j->health;
    struct waiters due = take_due(j, UINT64_MAX);
    (void)pthread_cond_broadcast(&j->committed);
    (void)pthread_mutex_unlock(&j->lock);

    journal_post_notices(j, &due, why);
    if (first)
        journal_post_health(j, &health);
}

/* ---- the thread ---- */

static bool write_some(struct journal *j, struct err *err)
{
    size_t room = j->fd != -1 && (uint64_t)j->end < j->options.segment_bytes_max
                      ? j->options.segment_bytes_max - (size_t)j->end
                      : 0;
    struct portion p = first_portion(j, room);

    if (p.bytes == 0) {
        TRY(next_segment(j, err));
        p = first_portion(j, j->options.segment_bytes_max - SEGMENT_HEADER_BYTES);
    }
    TRY(write_portion(j, &p, err));
    commit_portion(j, &p);
    return true;
}

static void release_large(struct buf *b)
{
    if (b->len > 0 || b->capacity <= KEEP_BYTES)
        return;
    buf_fini(b);
}

/* Waits for work; false when there is none and it is to end. */
static bool take_batch(struct journal *j)
{
    (void)pthread_mutex_lock(&j->lock);
    while (j->queue.len == 0 && !j->stopping)
        (void)pthread_cond_wait(&j->work, &j->lock);
    struct buf taken = j->queue;
    j->queue = j->batch;
    j->batch = taken;
    j->batch_bytes = taken.len;
    (void)pthread_mutex_unlock(&j->lock);
    j->batch_sealed = 0;
    return j->batch.len > 0;
}

/* False: it is to end and may not wait longer. */
static bool pause_before_retry(struct journal *j)
{
    int64_t until_ms = clock_boot_ms() + j->options.retry_ms;

    (void)pthread_mutex_lock(&j->lock);
    bool was_stopping = j->stopping;
    for (int64_t now_ms; (now_ms = clock_boot_ms()) < until_ms && j->stopping == was_stopping;)
        cond_wait_ms(&j->work, &j->lock, until_ms - now_ms);
    bool go_on = !j->stopping || clock_boot_ms() < j->stop_by_ms;
    (void)pthread_mutex_unlock(&j->lock);
    return go_on;
}

void *journal_thread(void *data)
{
    struct journal *j = data;

    while (take_batch(j)) {
        while (j->batch.len > 0) {
            struct err err = ERR_INIT;
            if (write_some(j, &err))
                continue;
            fail(j, &err);
            if (!pause_before_retry(j))
                return NULL;
        }
        release_large(&j->batch);
    }
    return NULL;
}
