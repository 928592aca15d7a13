/* reader.c - reading durable events in either direction, and waiting for more. */
#include "base/mem.h"
#include "base/must.h"
#include "record/journal_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (16u << 10)

struct journal_reader {
    struct journal *journal;
    uint64_t next_seq;

    struct window window;
    uint32_t number; /* of the open segment, whose descriptor is the window's; 0: none */
    uint64_t first_seq;
    char boot_id[CLOCK_BOOT_ID_BYTES];
    off_t offset;
    struct hash chain; /* of the record read last */
    uint64_t at_seq;   /* the record at `offset`, if it is the one expected; 0: look for a place */

    bool woken; /* guarded by journal->lock */

    /* Guarded by journal->readers_lock. */
    struct journal_reader *next;
    void (*notify)(void *);
    void *notify_data;
};

/* ---- life ---- */

struct journal_reader *journal_reader_create(struct journal *j, uint64_t from_seq)
{
    struct journal_reader *r = mem_new(struct journal_reader);

    r->journal = j;
    window_init(&r->window, -1, WINDOW_BYTES);
    journal_reader_seek(r, from_seq);
    (void)pthread_mutex_lock(&j->readers_lock);
    r->next = j->readers;
    j->readers = r;
    (void)pthread_mutex_unlock(&j->readers_lock);
    return r;
}

static void close_segment(struct journal_reader *r)
{
    if (r->window.fd != -1)
        (void)close(r->window.fd);
    window_reset(&r->window, -1);
    r->number = 0;
}

void journal_reader_destroy(struct journal_reader **destroying)
{
    struct journal_reader *r = *destroying;

    if (r == NULL)
        return;
    (void)pthread_mutex_lock(&r->journal->readers_lock);
    struct journal_reader **link = &r->journal->readers;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    (void)pthread_mutex_unlock(&r->journal->readers_lock);
    close_segment(r);
    window_fini(&r->window);
    free(r);
    *destroying = NULL;
}

void journal_reader_seek(struct journal_reader *r, uint64_t seq)
{
    uint64_t first = journal_first(r->journal);

    r->next_seq = seq > first ? seq : first;
}

/* ---- placing ---- */

static bool open_segment(struct journal_reader *r, const struct store_place *place, struct err *err)
{
    if (r->number != place->number) {
        int fd;
        close_segment(r);
        TRY(store_open_file(r->journal->store.dir_fd, place->number, O_RDONLY, &fd, err));
        window_reset(&r->window, fd);
        r->number = place->number;
        r->first_seq = place->first_seq;
        memcpy(r->boot_id, place->boot_id, sizeof r->boot_id);
    }
    r->offset = place->offset;
    return true;
}

static void mark(struct journal_reader *r, uint64_t seq)
{
    if ((seq - r->first_seq) % STORE_MARK_EVERY == 0)
        store_mark(&r->journal->store, r->number, seq, r->offset);
}

/* Steps over records before next_seq, and over damage among them. */
static bool scan_forward(struct journal_reader *r, struct err *err)
{
    for (;;) {
        const unsigned char *record;
        enum record_state state;
        const char *why;
        TRY(window_record(&r->window, r->offset, &record, &state, &why, err));
        if (record == NULL)
            return true;
        if (state != RECORD_WHOLE) {
            off_t next;
            TRY(window_resync(&r->window, r->offset + 8, &next, err));
            if (next == -1)
                return true; /* reading there says what is wrong */
            r->offset = next;
            continue;
        }
        if (record_seq(record) >= r->next_seq)
            return true;
        mark(r, record_seq(record));
        r->offset += (off_t)record_bytes(record);
    }
}

/* Moves to next_seq: from where it is if that is near, else from a mark. */
static bool place(struct journal_reader *r, struct err *err)
{
    struct store_place found;

    if (!store_find(&r->journal->store, r->next_seq, &found))
        return err_set(
            err, ERR_MISSING, "event %llu is not in the journal", (unsigned long long)r->next_seq);
    bool near = r->number == found.number && r->at_seq != 0 && r->at_seq <= r->next_seq &&
                r->next_seq - r->at_seq < STORE_MARK_EVERY;
    r->at_seq = 0;
    if (!near)
        TRY(open_segment(r, &found, err));
    TRY(scan_forward(r, err));
    r->at_seq = r->next_seq;
    return true;
}

/* ---- reading ---- */

/* The number of the next readable record behind the damage at the place. */
static bool find_readable(struct journal_reader *r, uint64_t *out_seq, struct err *err)
{
    struct store_place found;
    const unsigned char *record;
    enum record_state state;
    const char *why;
    off_t next;

    TRY(window_resync(&r->window, r->offset, &next, err));
    if (next != -1) {
        TRY(window_record(&r->window, next, &record, &state, &why, err));
        *out_seq = record_seq(record);
    } else if (store_next(&r->journal->store, r->number, &found)) {
        *out_seq = found.first_seq;
    } else {
        *out_seq = journal_durable(r->journal) + 1;
    }
    return true;
}

struct hash journal_reader_chain(const struct journal_reader *r)
{
    return r->chain;
}

/* Says what is damaged, and goes on behind it. */
static enum journal_next tell_damage(struct journal_reader *r, const char *why, struct err *err)
{
    uint64_t wanted = r->next_seq, readable;
    struct err damage;

    r->at_seq = 0;
    if (!find_readable(r, &readable, err))
        return JOURNAL_FAILED;
    r->next_seq = readable > wanted ? readable : wanted + 1;
    err_set(&damage, ERR_CORRUPT, "event %llu in %08u.seg at byte %lld: %s",
        (unsigned long long)wanted, r->number, (long long)r->offset, why);
    journal_note_broken(r->journal, damage.text);
    if (err != NULL)
        *err = damage;
    return JOURNAL_BROKEN;
}

static void take_record(struct journal_reader *r, const unsigned char *record, struct event *out)
{
    out->boot_id = r->boot_id;
    record_decode(record, out);
    r->chain = record_chain(record);
    mark(r, out->seq);
    r->offset += (off_t)record_bytes(record);
    r->next_seq = r->at_seq = out->seq + 1;
}

/* Whether next_seq begins another segment than the open one. */
static bool is_elsewhere(struct journal_reader *r)
{
    struct store_place found;

    return store_find(&r->journal->store, r->next_seq, &found) && found.number != r->number;
}

enum journal_next journal_reader_next(struct journal_reader *r, struct event *out, struct err *err)
{
    const unsigned char *record;
    enum record_state state;
    const char *why = "it is missing";

    if (r->next_seq > journal_durable(r->journal))
        return JOURNAL_END;
    if ((r->at_seq != r->next_seq || is_elsewhere(r)) && !place(r, err))
        return JOURNAL_FAILED;
    if (!window_record(&r->window, r->offset, &record, &state, &why, err))
        return JOURNAL_FAILED;
    if (record == NULL || state != RECORD_WHOLE)
        return tell_damage(r, state == RECORD_UNFINISHED ? "it is not whole" : why, err);
    if (record_seq(record) != r->next_seq)
        return tell_damage(r, "it is missing", err);
    take_record(r, record, out);
    return JOURNAL_EVENT;
}

enum journal_next journal_reader_back(struct journal_reader *r, struct event *out, struct err *err)
{
    uint64_t durable = journal_durable(r->journal);
    uint64_t wanted = (r->next_seq <= durable + 1 ? r->next_seq : durable + 1) - 1;

    if (wanted < journal_first(r->journal))
        return JOURNAL_END;
    r->next_seq = wanted;
    enum journal_next got = journal_reader_next(r, out, err);
    r->next_seq = wanted;
    return got;
}

bool journal_read(struct journal *j, uint64_t seq, struct journal_reader **hold, struct event *out,
    struct err *err)
{
    if (*hold == NULL)
        *hold = journal_reader_create(j, seq);
    if (seq < journal_first(j) || seq > journal_durable(j))
        return err_set(err, ERR_MISSING, "there is no event %llu", (unsigned long long)seq);
    journal_reader_seek(*hold, seq);
    switch (journal_reader_next(*hold, out, err)) {
    case JOURNAL_EVENT:
        return true;
    case JOURNAL_END:
        return err_set(err, ERR_MISSING, "there is no event %llu", (unsigned long long)seq);
    default:
        return false;
    }
}

/* ---- waiting ---- */

bool journal_reader_wait(struct journal_reader *r, int64_t deadline_ms)
{
    struct journal *j = r->journal;
    bool ready;

    (void)pthread_mutex_lock(&j->lock);
    for (;;) {
        int64_t left_ms = deadline_ms - clock_boot_ms();
        ready = j->durable >= r->next_seq;
        if (ready || r->woken || left_ms <= 0)
            break;
        cond_wait_ms(&j->committed, &j->lock, left_ms);
    }
    r->woken = false;
    (void)pthread_mutex_unlock(&j->lock);
    return ready;
}

void journal_reader_wake(struct journal_reader *r)
{
    (void)pthread_mutex_lock(&r->journal->lock);
    r->woken = true;
    (void)pthread_cond_broadcast(&r->journal->committed);
    (void)pthread_mutex_unlock(&r->journal->lock);
}

void journal_reader_notify(struct journal_reader *r, void (*fn)(void *data), void *data)
{
    (void)pthread_mutex_lock(&r->journal->readers_lock);
    r->notify = fn;
    r->notify_data = data;
    (void)pthread_mutex_unlock(&r->journal->readers_lock);
}

void journal_notify_readers(struct journal *j)
{
    (void)pthread_mutex_lock(&j->readers_lock);
    for (struct journal_reader *r = j->readers; r != NULL; r = r->next)
        if (r->notify != NULL)
            r->notify(r->notify_data);
    (void)pthread_mutex_unlock(&j->readers_lock);
}
