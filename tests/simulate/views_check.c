/* The shipped views against the world's own: the same journal, folded by record/views_fold.c. */
#include "life.h"

#include "base/must.h"
#include "record/views_private.h"

static void dump_facts(sqlite3 *db, struct buf *out)
{
    sqlite3_stmt *s = NULL;

    must(sqlite3_prepare_v2(db, "SELECT subject,key,value,seq FROM facts ORDER BY subject,key", -1,
             &s, NULL) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        buf_format(out, "fact %s %s %s #%llu\n", sqlite3_column_text(s, 0),
            sqlite3_column_text(s, 1), sqlite3_column_text(s, 2),
            (unsigned long long)sqlite3_column_int64(s, 3));
    (void)sqlite3_finalize(s);
}

static void dump_instances(sqlite3 *db, struct buf *out)
{
    sqlite3_stmt *s = NULL;

    must(sqlite3_prepare_v2(db,
             "SELECT subject,state,incarnation,state_seq FROM instances ORDER BY service,slot", -1,
             &s, NULL) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        buf_format(out, "instance %s %s %lld #%llu\n", sqlite3_column_text(s, 0),
            sqlite3_column_text(s, 1), (long long)sqlite3_column_int64(s, 2),
            (unsigned long long)sqlite3_column_int64(s, 3));
    (void)sqlite3_finalize(s);
}

static void fold_all(struct life *l, struct buf *out)
{
    sqlite3 *db = NULL;
    struct fold f;
    struct err err = ERR_INIT;
    bool ok = db_open(&db, ":memory:", &err) && fold_init(&f, db, &err);

    must(ok);
    for (uint64_t seq = 1; seq <= sim_event_count(l->sim) && ok; seq++) {
        ok = fold_event(&f, sim_event(l->sim, seq), &err);
        if (!ok)
            life_violated(l, "views", "%s", err.text);
    }
    dump_facts(db, out);
    dump_instances(db, out);
    fold_fini(&f);
}

void views_compare(struct life *l)
{
    struct buf mine = BUF_INIT(4u << 20), shipped = BUF_INIT(4u << 20);
    struct str a, b;

    sim_dump_views(l->sim, &mine);
    fold_all(l, &shipped);
    a = buf_str(&mine);
    b = buf_str(&shipped);
    while (a.len > 0 || b.len > 0) {
        struct str x = str_cut(&a, '\n'), y = str_cut(&b, '\n');

        if (!str_eq(x, y))
            life_violated(
                l, "views", "\"%.*s\" is \"%.*s\" in the shipped views", STR_ARG(x), STR_ARG(y));
    }
    buf_fini(&mine);
    buf_fini(&shipped);
}
