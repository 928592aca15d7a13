#include "record/views.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "record/journal_private.h"
#include "record/views_private.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_EVENTS 4096
#define RETRY_MS     250
#define IDLE_MS      3600000
#define STACK_BYTES  (512u << 10)

/* ---- the file ---- */

static ino_t inode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool open_fold(struct views *v, struct err *err)
{
    sqlite3 *db;

    TRY(db_open(&db, v->path, err));
    v->inode = inode_of(v->path);
    if (fold_init(&v->fold, db, err) && db_read_state(db, &v->state, err))
        return true;
    if (sqlite3_errcode(db) == SQLITE_ERROR)
        err->kind = ERR_CORRUPT; /* no such table */
    fold_fini(&v->fold);
    return false;
}

/* The chain at `folded` must be the journal's, or the file belongs to another one. */
static bool check_belongs(struct views *v, struct err *err)
{
    struct event e;

    if (v->state.folded == 0)
        return true;
    journal_reader_seek(v->reader, v->state.folded);
    bool same = v->state.folded <= journal_durable(v->journal) &&
                journal_reader_next(v->reader, &e, NULL) == JOURNAL_EVENT &&
                e.seq == v->state.folded;
    if (same) {
        struct hash chain = journal_reader_chain(v->reader);
        same = hash_eq(&chain, &v->state.chain);
    }
    return same || err_set(err, ERR_INVALID, "folded from another journal");
}

static bool open_present(struct views *v, struct err *err)
{
    TRY(open_fold(v, err));
    if (check_belongs(v, err))
        return true;
    fold_fini(&v->fold);
    return false;
}

/* From now on queries wait until what follows is folded. */
static void close_idle(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    for (size_t i = 0; i < v->idle_count; i++)
        (void)sqlite3_close(v->idle[i]);
    v->idle_count = 0;
    v->generation++;
    v->rebuild = false;
    v->folded = 0;
    (void)pthread_mutex_unlock(&v->lock);
}

static bool build_anew(struct views *v, struct err *err)
{
    fold_fini(&v->fold);
    close_idle(v);
    return db_remove(v->path, err) && open_fold(v, err);
}

/* Kinds that a new file helps against. */
static bool is_file_bad(const struct err *err)
{
    return err->kind == ERR_CORRUPT || err->kind == ERR_INVALID;
}

/* ---- folding ---- */

/* Up to a batch of events into the open transaction. */
static bool fold_some(struct views *v, size_t *out_count, struct err *err)
{
    struct event e;

    for (*out_count = 0; *out_count < BATCH_EVENTS;) {
        switch (journal_reader_next(v->reader, &e, err)) {
        case JOURNAL_EVENT:
            TRY(fold_event(&v->fold, &e, err));
            v->state.folded = e.seq;
            v->state.chain = journal_reader_chain(v->reader);
            (*out_count)++;
            break;
        case JOURNAL_BROKEN:
            break; /* in the journal's health; what is damaged changes nothing */
        case JOURNAL_END:
            return true;
        case JOURNAL_FAILED:
            return false;
        }
    }
    return true;
}

static void publish(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    v->folded = v->state.folded;
    v->trouble[0] = '\0';
    (void)pthread_cond_broadcast(&v->moved);
    (void)pthread_mutex_unlock(&v->lock);
}

static bool fold_batch(struct views *v, size_t *out_count, struct err *err)
{
    struct db_state before = v->state;

    journal_reader_seek(v->reader, v->state.folded + 1);
    TRY(db_run(v->fold.db, "BEGIN IMMEDIATE", err));
    if (fold_some(v, out_count, err) && (*out_count == 0 || fold_state(&v->fold, &v->state, err)) &&
        db_run(v->fold.db, "COMMIT", err)) {
        publish(v);
        return true;
    }
    v->state = before;
    (void)sqlite3_exec(v->fold.db, "ROLLBACK", NULL, NULL, NULL); /* may be rolled back already */
    return false;
}

static bool catch_up(struct views *v, uint64_t *out_events, struct err *err)
{
    size_t count;

    do {
        TRY(fold_batch(v, &count, err));
        *out_events += count;
    } while (count > 0);
    return true;
}

/* ---- the thread ---- */

static void set_trouble(struct views *v, const char *text)
{
    (void)pthread_mutex_lock(&v->lock);
    (void)snprintf(v->trouble, sizeof v->trouble, "%s", text);
    (void)pthread_mutex_unlock(&v->lock);
}

static bool is_stopping(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    bool stopping = v->stopping;
    (void)pthread_mutex_unlock(&v->lock);
    return stopping;
}

static bool wants_rebuild(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    bool wanted = v->rebuild;
    (void)pthread_mutex_unlock(&v->lock);
    return wanted || v->fold.db == NULL || inode_of(v->path) != v->inode; /* somebody deleted it */
}

/* False: pause before the next round. */
static bool fold_round(struct views *v)
{
    struct err err = ERR_INIT;
    uint64_t events = 0;

    if ((!wants_rebuild(v) || build_anew(v, &err)) && catch_up(v, &events, &err))
        return true;
    set_trouble(v, err.text);
    if (is_file_bad(&err))
        fold_fini(&v->fold); /* the next round builds it anew */
    return false;
}

static void pause_before_retry(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    if (!v->stopping)
        cond_wait_ms(&v->moved, &v->lock, RETRY_MS);
    (void)pthread_mutex_unlock(&v->lock);
}

static void *views_thread(void *data)
{
    struct views *v = data;

    while (!is_stopping(v)) {
        if (fold_round(v))
            (void)journal_reader_wait(v->reader, clock_boot_ms() + IDLE_MS);
        else
            pause_before_retry(v);
    }
    return NULL;
}

static bool start_thread(struct views *v, struct err *err)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the control thread's */
    int code = pthread_create(&v->thread, &attributes, views_thread, v);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    v->has_thread = code == 0;
    return code == 0 || err_set(err, ERR_LIMIT, "start the views' thread: %s", strerror(code));
}

/* ---- open and close ---- */

/* The file that is there, or a new one; folded as far as the journal is durable. */
static bool open_caught_up(struct views *v, struct views_opened *out, struct err *err)
{
    bool was_there = inode_of(v->path) != 0;
    bool ok = open_present(v, err) && catch_up(v, &out->folded, err);

    if (!ok && is_file_bad(err)) {
        (void)snprintf(out->reason, sizeof out->reason, "%s", err->text);
        out->folded = 0;
        ok = build_anew(v, err) && catch_up(v, &out->folded, err);
        was_there = false;
    }
    out->rebuilt = !was_there && out->folded > 0;
    return ok;
}

bool views_open(struct views **out, const char *path, struct journal *j,
    struct views_opened *opened, struct err *err)
{
    struct views *v = mem_new(struct views);
    struct views_opened found = {0};
    struct err why;

    v->path = mem_copy_string(path);
    v->journal = j;
    (void)pthread_mutex_init(&v->lock, NULL);
    cond_init(&v->moved);
    v->reader = journal_reader_create(j, 0);
    if (!open_caught_up(v, &found, &why) || !start_thread(v, &why)) {
        views_close(&v);
        if (err != NULL)
            *err = why;
        return err_in(err, "views %s", path);
    }
    if (opened != NULL)
        *opened = found;
    *out = v;
    return true;
}

void views_close(struct views **closing)
{
    struct views *v = *closing;

    if (v == NULL)
        return;
    if (v->has_thread) {
        (void)pthread_mutex_lock(&v->lock);
        v->stopping = true;
        (void)pthread_cond_broadcast(&v->moved);
        (void)pthread_mutex_unlock(&v->lock);
        journal_reader_wake(v->reader);
        (void)pthread_join(v->thread, NULL);
    }
    close_idle(v);
    fold_fini(&v->fold);
    journal_reader_destroy(&v->reader);
    (void)pthread_cond_destroy(&v->moved);
    (void)pthread_mutex_destroy(&v->lock);
    free(v->path);
    free(v);
    *closing = NULL;
}

/* ---- asking ---- */

bool views_wait(struct views *v, uint64_t seq, int64_t deadline_ms)
{
    bool folded;

    (void)pthread_mutex_lock(&v->lock);
    for (;;) {
        int64_t left_ms = deadline_ms - clock_boot_ms();
        folded = v->folded >= seq;
        if (folded || left_ms <= 0)
            break;
        cond_wait_ms(&v->moved, &v->lock, left_ms);
    }
    (void)pthread_mutex_unlock(&v->lock);
    return folded;
}

uint64_t views_folded(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    uint64_t folded = v->folded;
    (void)pthread_mutex_unlock(&v->lock);
    return folded;
}

void views_trouble(struct views *v, char out[160])
{
    (void)pthread_mutex_lock(&v->lock);
    memcpy(out, v->trouble, sizeof v->trouble);
    (void)pthread_mutex_unlock(&v->lock);
}

struct journal *views_journal(struct views *v)
{
    return v->journal;
}

/* ---- connections for queries ---- */

static void ask_for_rebuild(struct views *v)
{
    (void)pthread_mutex_lock(&v->lock);
    v->rebuild = true;
    (void)pthread_mutex_unlock(&v->lock);
    journal_reader_wake(v->reader);
}

bool views_borrow(struct views *v, struct views_connection *out, struct err *err)
{
    (void)pthread_mutex_lock(&v->lock);
    out->generation = v->generation;
    out->db = v->idle_count > 0 ? v->idle[--v->idle_count] : NULL;
    (void)pthread_mutex_unlock(&v->lock);
    if (out->db != NULL || db_open_reader(&out->db, v->path, err))
        return true;
    if (!fs_exists(v->path))
        ask_for_rebuild(v);
    return false;
}

void views_give_back(struct views *v, struct views_connection *c, const struct err *err)
{
    bool is_bad = err != NULL && err->kind == ERR_CORRUPT;

    (void)pthread_mutex_lock(&v->lock);
    if (!is_bad && c->generation == v->generation && v->idle_count < VIEWS_IDLE_READERS) {
        v->idle[v->idle_count++] = c->db;
        c->db = NULL;
    }
    bool present = c->generation == v->generation;
    (void)pthread_mutex_unlock(&v->lock);
    (void)sqlite3_close(c->db);
    if (is_bad && present)
        ask_for_rebuild(v);
}
