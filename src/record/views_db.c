#include "base/crc32c.h"
#include "base/mem.h"
#include "base/must.h"
#include "record/views_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT          1
#define BUSY_MS         5000
#define CHECK_BYTES_MAX (4 << 20) /* a larger file is not looked through when it is opened */

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE events(seq INTEGER PRIMARY KEY, type TEXT NOT NULL, severity INTEGER NOT NULL,"
    " subject TEXT NOT NULL, service TEXT NOT NULL, at_ns INTEGER NOT NULL);"
    "CREATE INDEX events_by_service ON events(service);"
    "CREATE INDEX events_by_time ON events(at_ns);"
    "CREATE TABLE causes(cause INTEGER NOT NULL, effect INTEGER NOT NULL,"
    " PRIMARY KEY(cause, effect)) WITHOUT ROWID;"
    "CREATE TABLE instances(subject TEXT PRIMARY KEY, service TEXT NOT NULL, slot INTEGER NOT NULL,"
    " state TEXT NOT NULL, since_ns INTEGER NOT NULL, state_seq INTEGER NOT NULL,"
    " incarnation INTEGER NOT NULL DEFAULT 0, restarts INTEGER NOT NULL DEFAULT 0,"
    " last_exit_seq INTEGER NOT NULL DEFAULT 0, last_exit TEXT NOT NULL DEFAULT '') WITHOUT ROWID;"
    "CREATE TABLE services(subject TEXT PRIMARY KEY, state TEXT NOT NULL,"
    " since_ns INTEGER NOT NULL, state_seq INTEGER NOT NULL, revision TEXT NOT NULL,"
    " replicas INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE facts(subject TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " seq INTEGER NOT NULL, PRIMARY KEY(subject, key)) WITHOUT ROWID;";

/* ---- errors ---- */

static enum err_kind kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_FULL:
        return ERR_LIMIT;
    case SQLITE_BUSY:
        return ERR_TIMEOUT;
    default:
        return ERR_IO;
    }
}

bool err_sqlite(struct err *err, sqlite3 *db, const char *what)
{
    int code = db != NULL ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;

    return err_set(
        err, kind_of(code), "%s: %s", what, db != NULL ? sqlite3_errmsg(db) : "out of memory");
}

bool db_run(sqlite3 *db, const char *sql, struct err *err)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK || err_sqlite(err, db, "state.db");
}

/* ---- the rules of folding, as a number ---- */

static uint32_t add_crc(uint32_t crc, const char *text)
{
    char joined[160];
    int len = snprintf(joined, sizeof joined, "%u %s", crc, text != NULL ? text : "-");

    return crc32c(joined, (size_t)len);
}

/* Changes whenever a table or a type's row does: then the views are folded again. */
static void rules_text(char out[32])
{
    size_t count;
    const struct event_type *types = event_types_all(&count);
    uint32_t crc = crc32c(schema, sizeof schema);

    for (size_t i = 0; i < count; i++) {
        char numbers[32];
        (void)snprintf(numbers, sizeof numbers, "%d %d", types[i].severity, types[i].fold);
        crc = add_crc(add_crc(add_crc(crc, types[i].name), types[i].state), numbers);
    }
    (void)snprintf(out, 32, "%d-%08x", FORMAT, crc);
}

/* ---- open ---- */

static bool open_file(sqlite3 **out, const char *path, int flags, struct err *err)
{
    int code = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL);

    if (code != SQLITE_OK)
        return err_sqlite(err, *out, "open state.db");
    (void)sqlite3_db_config(*out, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0); /* memory, idle */
    (void)sqlite3_busy_timeout(*out, BUSY_MS);
    return true;
}

static bool make_tables(sqlite3 *db, struct err *err)
{
    char rules[32], sql[160];

    rules_text(rules);
    (void)snprintf(sql, sizeof sql,
        "INSERT INTO meta VALUES('rules','%s'),('folded','0'),('chain','');", rules);
    return db_run(db, "BEGIN IMMEDIATE", err) && db_run(db, schema, err) && db_run(db, sql, err) &&
           db_run(db, "COMMIT", err);
}

static int count_rows(void *rows, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    *(int *)rows += strcmp(values[0], "ok") != 0;
    return 0;
}

/* A damaged page that no query meets today would be met some day. */
static bool look_through(sqlite3 *db, const char *path, struct err *err)
{
    struct stat st;
    int problems = 0;

    if (stat(path, &st) == -1 || st.st_size > CHECK_BYTES_MAX)
        return true;
    if (sqlite3_exec(db, "PRAGMA quick_check(1)", count_rows, &problems, NULL) != SQLITE_OK)
        return err_sqlite(err, db, "state.db");
    return problems == 0 || err_set(err, ERR_CORRUPT, "state.db: damaged pages");
}

static bool set_up(sqlite3 *db, const char *path, bool is_new, struct err *err)
{
    TRY(db_run(db,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-256;"
        "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=4194304",
        err));
    return is_new ? make_tables(db, err) : look_through(db, path, err);
}

bool db_open(sqlite3 **out, const char *path, struct err *err)
{
    bool is_new = access(path, F_OK) == -1 && errno == ENOENT;

    *out = NULL;
    bool ok = open_file(out, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) &&
              set_up(*out, path, is_new, err);
    if (!ok) {
        (void)sqlite3_close(*out);
        *out = NULL;
    }
    return ok;
}

bool db_open_reader(sqlite3 **out, const char *path, struct err *err)
{
    *out = NULL;
    bool ok = open_file(out, path, SQLITE_OPEN_READONLY, err) &&
              db_run(*out, "PRAGMA cache_size=-128; PRAGMA mmap_size=0", err);
    if (!ok) {
        (void)sqlite3_close(*out);
        *out = NULL;
    }
    return ok;
}

bool db_remove(const char *path, struct err *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char *name = mem_format("%s%s", path, suffixes[i]);
        bool ok = unlink(name) == 0 || errno == ENOENT || err_sys(err, "remove %s", name);
        free(name);
        TRY(ok);
    }
    return true;
}

/* ---- how far ---- */

static bool read_meta(sqlite3 *db, const char *key, char out[128], struct err *err)
{
    sqlite3_stmt *s;

    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key=?", -1, &s, NULL) != SQLITE_OK)
        return err_sqlite(err, db, "state.db");
    (void)sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        (void)snprintf(out, 128, "%s", (const char *)sqlite3_column_text(s, 0));
    bool ok = code == SQLITE_ROW ||
              (code == SQLITE_DONE ? err_set(err, ERR_CORRUPT, "state.db: no meta %s", key)
                                   : err_sqlite(err, db, "state.db"));
    (void)sqlite3_finalize(s);
    return ok;
}

bool db_read_state(sqlite3 *db, struct db_state *out, struct err *err)
{
    char rules[32], text[128];

    rules_text(rules);
    *out = (struct db_state){0};
    TRY(read_meta(db, "rules", text, err));
    if (strcmp(text, rules) != 0)
        return err_set(err, ERR_INVALID, "folded by another version of tend");
    TRY(read_meta(db, "folded", text, err));
    if (!str_to_uint(str_from(text), &out->folded))
        return err_set(err, ERR_CORRUPT, "state.db: folded \"%s\"", text);
    TRY(read_meta(db, "chain", text, err));
    if (out->folded > 0 && !hash_parse(str_from(text), &out->chain))
        return err_set(err, ERR_CORRUPT, "state.db: chain \"%s\"", text);
    return true;
}
