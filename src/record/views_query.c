#include "base/clock.h"
#include "base/fs.h"
#include "base/must.h"
#include "base/vec.h"
#include "record/journal_private.h"
#include "record/views_private.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_WAIT_MS 1000 /* so long a query waits for what was durable when it began */
#define PAGE_EVENTS   1024
#define LAST_MAX      100000
#define BUSY_MS       2000

/* ---- one query ---- */

/* Parameters of a statement, in order. Texts are borrowed until it is done. */
struct query {
    struct views *views;
    struct views_connection connection;
    sqlite3_stmt *statement;
    int bound;
};

static bool query_begin(struct query *q, struct views *v, const char *sql, struct err *err)
{
    *q = (struct query){.views = v};
    (void)views_wait(v, journal_durable(v->journal), clock_boot_ms() + FRESH_WAIT_MS);
    TRY(views_borrow(v, &q->connection, err));
    if (sqlite3_prepare_v2(q->connection.db, sql, -1, &q->statement, NULL) == SQLITE_OK)
        return true;
    struct err why;
    err_sqlite(&why, q->connection.db, "state.db");
    views_give_back(v, &q->connection, &why);
    if (err != NULL)
        *err = why;
    return false;
}

static void query_text(struct query *q, const char *text)
{
    (void)sqlite3_bind_text(q->statement, ++q->bound, text, -1, SQLITE_STATIC);
}

static void query_int(struct query *q, int64_t value)
{
    (void)sqlite3_bind_int64(q->statement, ++q->bound, value);
}

static const char *column_text(struct query *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->statement, column);

    return text != NULL ? text : "";
}

/* Calls `row` for each until it says false; ends the query. */
static bool query_each(
    struct query *q, bool (*row)(struct query *q, void *data), void *data, struct err *err)
{
    struct err why = ERR_INIT;
    int code;

    while ((code = sqlite3_step(q->statement)) == SQLITE_ROW)
        if (!row(q, data))
            break;
    bool ok =
        code == SQLITE_ROW || code == SQLITE_DONE || err_sqlite(&why, q->connection.db, "state.db");
    (void)sqlite3_finalize(q->statement);
    views_give_back(q->views, &q->connection, &why);
    if (!ok && err != NULL)
        *err = why;
    return ok;
}

/* ---- events ---- */

static bool is_instance(const char *subject)
{
    return strchr(subject, '/') != NULL;
}

bool views_filter_matches(const struct views_filter *f, const struct event *e)
{
    if (f->subject != NULL && strcmp(f->subject, e->subject) != 0 &&
        (is_instance(f->subject) || !str_is(subject_service(e->subject), f->subject)))
        return false;
    if (f->type != NULL && fnmatch(f->type, e->type, 0) != 0)
        return false;
    if (event_severity_of(e->type) < f->severity_min)
        return false;
    if ((f->since_ns != 0 && e->at_ns < f->since_ns) ||
        (f->until_ns != 0 && e->at_ns >= f->until_ns))
        return false;
    return e->seq >= f->since_seq && (f->until_seq == 0 || e->seq <= f->until_seq);
}

struct seqs {
    VEC_OF(uint64_t);
};

static void add_conditions(struct buf *sql, const struct views_filter *f)
{
    buf_add_text(sql, "SELECT seq FROM events WHERE seq>=? AND severity>=?");
    if (f->subject != NULL)
        buf_add_text(sql, " AND service=?");
    if (f->subject != NULL && is_instance(f->subject))
        buf_add_text(sql, " AND subject=?");
    if (f->type != NULL)
        buf_add_text(sql, " AND type GLOB ?");
    if (f->since_ns != 0)
        buf_add_text(sql, " AND at_ns>=?");
    if (f->until_ns != 0)
        buf_add_text(sql, " AND at_ns<?");
    if (f->until_seq != 0)
        buf_add_text(sql, " AND seq<=?");
    buf_add_text(sql, f->last ? " ORDER BY seq DESC LIMIT ?" : " ORDER BY seq LIMIT ?");
}

static void bind_conditions(struct query *q, const struct views_filter *f, const char *service,
    uint64_t since_seq, size_t limit)
{
    query_int(q, (int64_t)since_seq);
    query_int(q, f->severity_min);
    if (f->subject != NULL)
        query_text(q, service);
    if (f->subject != NULL && is_instance(f->subject))
        query_text(q, f->subject);
    if (f->type != NULL)
        query_text(q, f->type);
    if (f->since_ns != 0)
        query_int(q, f->since_ns);
    if (f->until_ns != 0)
        query_int(q, f->until_ns);
    if (f->until_seq != 0)
        query_int(q, (int64_t)f->until_seq);
    query_int(q, (int64_t)limit);
}

static bool take_seq(struct query *q, void *data)
{
    struct seqs *seqs = data;

    vec_push(seqs, (uint64_t)sqlite3_column_int64(q->statement, 0));
    return true;
}

/* The numbers of at most `limit` events from `since_seq` on (of the last ones: up to the end). */
static bool find_page(struct views *v, const struct views_filter *f, uint64_t since_seq,
    size_t limit, struct seqs *out, struct err *err)
{
    struct buf sql = BUF_INIT(1024);
    struct query q;
    struct str service = f->subject != NULL ? subject_service(f->subject) : STR("");
    char service_text[EVENT_SUBJECT_BYTES_MAX + 1];

    (void)snprintf(service_text, sizeof service_text, "%.*s", STR_ARG(service));
    add_conditions(&sql, f);
    bool ok = query_begin(&q, v, sql.at, err);
    buf_fini(&sql);
    TRY(ok);
    bind_conditions(&q, f, service_text, since_seq, limit);
    return query_each(&q, take_seq, out, err);
}

/* Calls fn for each; `*out_go_on` false when it said so. */
static bool give_events(struct views *v, const struct seqs *seqs, bool backwards, views_event_fn fn,
    void *data, bool *out_go_on, struct err *err)
{
    struct journal_reader *hold = NULL;
    bool ok = true;

    for (size_t i = 0; ok && *out_go_on && i < seqs->count; i++) {
        uint64_t seq = seqs->at[backwards ? seqs->count - 1 - i : i];
        struct event e;
        struct err why;
        if (journal_read(v->journal, seq, &hold, &e, &why))
            *out_go_on = fn(data, &e);
        else if (why.kind != ERR_CORRUPT) /* damaged since it was folded: in the health */
            ok = err_set(err, why.kind, "%s", why.text);
    }
    journal_reader_destroy(&hold);
    return ok;
}

static bool each_last(
    struct views *v, const struct views_filter *f, views_event_fn fn, void *data, struct err *err)
{
    struct seqs seqs = {0};
    bool go_on = true;
    size_t limit = f->limit < LAST_MAX ? f->limit : LAST_MAX;
    bool ok = find_page(v, f, f->since_seq, limit, &seqs, err) &&
              give_events(v, &seqs, true, fn, data, &go_on, err);

    vec_fini(&seqs);
    return ok;
}

bool views_each_event(
    struct views *v, const struct views_filter *f, views_event_fn fn, void *data, struct err *err)
{
    uint64_t since_seq = f->since_seq;
    size_t left = f->limit > 0 ? f->limit : SIZE_MAX;
    bool ok = true, go_on = true;

    if (f->type != NULL && strlen(f->type) > EVENT_TYPE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "no type of event is as long as \"%.20s…\"", f->type);
    if (f->last && f->limit > 0)
        return each_last(v, f, fn, data, err);
    while (ok && go_on && left > 0) {
        struct seqs seqs = {0};
        size_t page = left < PAGE_EVENTS ? left : PAGE_EVENTS;
        ok = find_page(v, f, since_seq, page, &seqs, err) &&
             give_events(v, &seqs, false, fn, data, &go_on, err);
        left -= seqs.count;
        go_on = go_on && seqs.count == page;
        since_seq = seqs.count > 0 ? seqs.at[seqs.count - 1] + 1 : since_seq;
        vec_fini(&seqs);
    }
    return ok;
}

bool views_effects(struct views *v, uint64_t seq, uint64_t *out_seqs, size_t max, size_t *out_count,
    struct err *err)
{
    struct query q;
    struct seqs seqs = {0};

    *out_count = 0;
    TRY(query_begin(&q, v, "SELECT effect FROM causes WHERE cause=? ORDER BY effect LIMIT ?", err));
    query_int(&q, (int64_t)seq);
    query_int(&q, (int64_t)max);
    bool ok = query_each(&q, take_seq, &seqs, err);
    for (; *out_count < seqs.count; (*out_count)++)
        out_seqs[*out_count] = seqs.at[*out_count];
    vec_fini(&seqs);
    return ok;
}

/* ---- facts ---- */

struct fact_call {
    views_fact_fn fn;
    void *data;
    const char *key_prefix;
};

static bool give_fact(struct query *q, void *data)
{
    struct fact_call *call = data;
    struct views_fact fact = {
        .subject = column_text(q, 0),
        .key = column_text(q, 1),
        .value = str_from(column_text(q, 2)),
        .seq = (uint64_t)sqlite3_column_int64(q->statement, 3),
    };

    if (call->key_prefix != NULL && !str_starts(str_from(fact.key), call->key_prefix))
        return true;
    return call->fn(call->data, &fact);
}

bool views_facts_each(struct views *v, const char *subject, const char *key_prefix,
    views_fact_fn fn, void *data, struct err *err)
{
    struct query q;
    struct fact_call call = {.fn = fn, .data = data, .key_prefix = key_prefix};

    /* '0' is the byte behind '/'. */
    TRY(query_begin(&q, v,
        subject == NULL ? "SELECT subject,key,value,seq FROM facts ORDER BY subject,key"
                        : "SELECT subject,key,value,seq FROM facts WHERE subject=?1 OR"
                          " (subject>=?1||'/' AND subject<?1||'0') ORDER BY subject,key",
        err));
    if (subject != NULL)
        query_text(&q, subject);
    return query_each(&q, give_fact, &call, err);
}

static bool take_value(struct query *q, void *data)
{
    buf_add_text(data, column_text(q, 0));
    return true;
}

bool views_fact_get(
    struct views *v, const char *subject, const char *key, struct buf *out, struct err *err)
{
    struct query q;
    size_t before = out->len;

    TRY(query_begin(&q, v, "SELECT value FROM facts WHERE subject=? AND key=?", err));
    query_text(&q, subject);
    query_text(&q, key);
    TRY(query_each(&q, take_value, out, err));
    return out->len > before || err_set(err, ERR_MISSING, "%s has no %s", subject, key);
}

/* ---- instances and services ---- */

struct instance_call {
    views_instance_fn fn;
    void *data;
};

static bool give_instance(struct query *q, void *data)
{
    struct instance_call *call = data;
    sqlite3_stmt *s = q->statement;
    struct views_instance instance = {
        .subject = column_text(q, 0),
        .service = column_text(q, 1),
        .slot = sqlite3_column_int64(s, 2),
        .state = column_text(q, 3),
        .since_ns = sqlite3_column_int64(s, 4),
        .state_seq = (uint64_t)sqlite3_column_int64(s, 5),
        .incarnation = sqlite3_column_int64(s, 6),
        .restarts = sqlite3_column_int64(s, 7),
        .last_exit_seq = (uint64_t)sqlite3_column_int64(s, 8),
        .last_exit = column_text(q, 9),
    };

    return call->fn(call->data, &instance);
}

bool views_instances_each(
    struct views *v, const char *service, views_instance_fn fn, void *data, struct err *err)
{
    struct query q;
    struct instance_call call = {.fn = fn, .data = data};

    TRY(query_begin(&q, v,
        "SELECT subject,service,slot,state,since_ns,state_seq,incarnation,restarts,last_exit_seq,"
        "last_exit FROM instances WHERE ?1 IS NULL OR service=?1 ORDER BY service,slot,subject",
        err));
    query_text(&q, service);
    return query_each(&q, give_instance, &call, err);
}

struct service_call {
    views_service_fn fn;
    void *data;
};

static bool give_service(struct query *q, void *data)
{
    struct service_call *call = data;
    sqlite3_stmt *s = q->statement;
    struct views_service service = {
        .subject = column_text(q, 0),
        .state = column_text(q, 1),
        .since_ns = sqlite3_column_int64(s, 2),
        .state_seq = (uint64_t)sqlite3_column_int64(s, 3),
        .revision = column_text(q, 4),
        .replicas = sqlite3_column_int64(s, 5),
    };

    return call->fn(call->data, &service);
}

bool views_services_each(struct views *v, views_service_fn fn, void *data, struct err *err)
{
    struct query q;
    struct service_call call = {.fn = fn, .data = data};

    TRY(query_begin(&q, v,
        "SELECT subject,state,since_ns,state_seq,revision,replicas FROM services ORDER BY subject",
        err));
    return query_each(&q, give_service, &call, err);
}

/* ---- dump ---- */

static bool dump_row(struct query *q, void *data)
{
    struct buf *out = data;

    for (int i = 0; i < sqlite3_column_count(q->statement); i++) {
        buf_add_byte(out, i == 0 ? ' ' : '|');
        buf_add_text(out, column_text(q, i));
    }
    buf_add_byte(out, '\n');
    return true;
}

bool views_dump(struct views *v, struct buf *out, struct err *err)
{
    static const struct {
        const char *name, *sql;
    } tables[] = {
        {"meta",      "SELECT * FROM meta ORDER BY key"            },
        {"events",    "SELECT * FROM events ORDER BY seq"          },
        {"causes",    "SELECT * FROM causes ORDER BY cause, effect"},
        {"instances", "SELECT * FROM instances ORDER BY subject"   },
        {"services",  "SELECT * FROM services ORDER BY subject"    },
        {"facts",     "SELECT * FROM facts ORDER BY subject, key"  },
    };

    for (size_t i = 0; i < COUNT(tables); i++) {
        struct query q;
        buf_format(out, "%s\n", tables[i].name);
        TRY(query_begin(&q, v, tables[i].sql, err));
        TRY(query_each(&q, dump_row, out, err));
    }
    return !buf_full(out) || err_set(err, ERR_LIMIT, "dump over %zu bytes", out->bytes_max);
}

bool views_read_facts(
    const char *path, const char *key, views_fact_fn fn, void *data, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int code = SQLITE_DONE;
    bool ok = true;

    if (!fs_exists(path))
        return true;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK || /* a daemon that just ends */
        sqlite3_prepare_v2(db, "SELECT subject, key, value, seq FROM facts WHERE key = ?", -1,
            &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC) != SQLITE_OK)
        ok = err_sqlite(err, db, "state.db");
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct views_fact fact = {
            .subject = (const char *)sqlite3_column_text(statement, 0),
            .key = (const char *)sqlite3_column_text(statement, 1),
            .value = str_from((const char *)sqlite3_column_text(statement, 2)),
            .seq = (uint64_t)sqlite3_column_int64(statement, 3),
        };

        if (!fn(data, &fact))
            break;
    }
    if (ok && code != SQLITE_DONE && code != SQLITE_ROW)
        ok = err_sqlite(err, db, "state.db");
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return ok;
}
