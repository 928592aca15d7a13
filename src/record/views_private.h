/* views_private.h - what the files of the views share: views.c (the thread that folds),
 * views_db.c (opening SQLite files), views_fold.c (one event into the tables), views_query.c. */
#ifndef TEND_RECORD_VIEWS_PRIVATE_H
#define TEND_RECORD_VIEWS_PRIVATE_H

#include "record/views.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

/* ---- views_db.c ---- */

/* ERR_CORRUPT for a damaged file, ERR_LIMIT for a full disk, ERR_TIMEOUT, else ERR_IO. */
bool err_sqlite(struct err *err, sqlite3 *db, const char *what);
/* For folding: made, with its tables, if it is not there. */
MUST_USE bool db_open(sqlite3 **out, const char *path, struct err *err);
MUST_USE bool db_open_reader(sqlite3 **out, const char *path, struct err *err);
MUST_USE bool db_run(sqlite3 *db, const char *sql, struct err *err);
/* The file and what SQLite keeps beside it. */
MUST_USE bool db_remove(const char *path, struct err *err);

/* How far a file is folded. */
struct db_state {
    uint64_t folded;
    struct hash chain; /* at `folded` */
};
/* ERR_INVALID if it was folded by other rules than this program's. */
MUST_USE bool db_read_state(sqlite3 *db, struct db_state *out, struct err *err);

/* ---- views_fold.c ---- */

enum fold_statement {
    FOLD_EVENT,
    FOLD_CAUSE,
    FOLD_INSTANCE_STATE,
    FOLD_INSTANCE_EXIT,
    FOLD_SERVICE_STATE,
    FOLD_REMOVE_INSTANCES,
    FOLD_REMOVE_SERVICE,
    FOLD_REMOVE_FACTS,
    FOLD_FACT_SET,
    FOLD_FACT_DROP,
    FOLD_META,
    FOLD_STATEMENTS
};

struct fold {
    sqlite3 *db;
    sqlite3_stmt *statements[FOLD_STATEMENTS];
};
MUST_USE bool fold_init(struct fold *f, sqlite3 *db, struct err *err);
void fold_fini(struct fold *f);
/* Inside a transaction, each event once and in order. */
MUST_USE bool fold_event(struct fold *f, const struct event *e, struct err *err);
MUST_USE bool fold_state(struct fold *f, const struct db_state *state, struct err *err);

/* "web" of "web/1" and of "web". */
struct str subject_service(const char *subject);
/* 1 of "web/1"; -1 for what is no instance. */
int64_t subject_slot(const char *subject);

/* ---- views.c ---- */

#define VIEWS_IDLE_READERS 2

struct views {
    char *path;
    struct journal *journal;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;
    pthread_cond_t moved; /* folded, or it is to end */
    uint64_t folded;
    char trouble[160];
    bool stopping;
    bool rebuild; /* a query met damage */
    sqlite3 *idle[VIEWS_IDLE_READERS];
    size_t idle_count;
    unsigned generation; /* of the file; counts rebuilds */

    /* The views thread alone (while opening, the opener). */
    struct fold fold;
    struct journal_reader *reader;
    struct db_state state;
    ino_t inode; /* of the file that is open */
};

/* A connection for one query, on the present file. */
struct views_connection {
    sqlite3 *db;
    unsigned generation;
};
MUST_USE bool views_borrow(struct views *v, struct views_connection *out, struct err *err);
/* `err` is the query's if it failed: damage starts a rebuild. */
void views_give_back(struct views *v, struct views_connection *c, const struct err *err);

#endif
