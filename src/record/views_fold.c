/* views_fold.c - what one event changes in the tables. Nothing but the event goes in: no clock, no
 * randomness, so that folding again gives the same rows. */
#include "base/must.h"
#include "record/views_private.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX 128

static const char *const statements[FOLD_STATEMENTS] = {
    [FOLD_EVENT] = "INSERT INTO events VALUES(?1,?2,?3,?4,?5,?6)",
    [FOLD_CAUSE] = "INSERT OR IGNORE INTO causes VALUES(?1,?2)",
    [FOLD_INSTANCE_STATE] =
        "INSERT INTO instances(subject,service,slot,state,since_ns,state_seq,incarnation,restarts)"
        " VALUES(?1,?2,?3,?4,?5,?6,max(?7,0),?8)"
        " ON CONFLICT(subject) DO UPDATE SET state=?4,"
        " since_ns=CASE WHEN state=?4 THEN since_ns ELSE ?5 END, state_seq=?6,"
        " incarnation=CASE WHEN ?7<0 THEN incarnation ELSE ?7 END, restarts=restarts+?8",
    [FOLD_INSTANCE_EXIT] = "UPDATE instances SET last_exit_seq=?2, last_exit=?3 WHERE subject=?1",
    [FOLD_SERVICE_STATE] =
        "INSERT INTO services VALUES(?1,?2,?3,?4,coalesce(?5,''),?6)"
        " ON CONFLICT(subject) DO UPDATE SET state=?2,"
        " since_ns=CASE WHEN state=?2 THEN since_ns ELSE ?3 END, state_seq=?4,"
        " revision=coalesce(?5,revision), replicas=CASE WHEN ?6<0 THEN replicas ELSE ?6 END",
    [FOLD_REMOVE_INSTANCES] = "DELETE FROM instances WHERE subject=?1 OR service=?1",
    [FOLD_REMOVE_SERVICE] = "DELETE FROM services WHERE subject=?1",
    /* '0' is the byte behind '/'. */
    [FOLD_REMOVE_FACTS] =
        "DELETE FROM facts WHERE subject=?1 OR (subject>=?1||'/' AND subject<?1||'0')",
    [FOLD_FACT_SET] = "INSERT OR REPLACE INTO facts VALUES(?1,?2,?3,?4)",
    [FOLD_FACT_DROP] = "DELETE FROM facts WHERE subject=?1 AND key=?2",
    [FOLD_META] = "INSERT OR REPLACE INTO meta VALUES(?1,?2)",
};

/* ---- subjects ---- */

struct str subject_service(const char *subject)
{
    struct str rest = str_from(subject);

    return str_cut(&rest, '/');
}

int64_t subject_slot(const char *subject)
{
    struct str rest = str_from(subject);
    int64_t slot;

    (void)str_cut(&rest, '/');
    return str_to_int(rest, &slot) && slot >= 0 ? slot : -1;
}

static bool is_instance(const char *subject)
{
    return strchr(subject, '/') != NULL;
}

/* ---- statements ---- */

bool fold_init(struct fold *f, sqlite3 *db, struct err *err)
{
    *f = (struct fold){.db = db};
    for (size_t i = 0; i < FOLD_STATEMENTS; i++)
        if (sqlite3_prepare_v3(db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &f->statements[i],
                NULL) != SQLITE_OK)
            return err_sqlite(err, db, "state.db");
    return true;
}

void fold_fini(struct fold *f)
{
    for (size_t i = 0; i < FOLD_STATEMENTS; i++)
        (void)sqlite3_finalize(f->statements[i]);
    (void)sqlite3_close(f->db);
    *f = (struct fold){0};
}

static bool step(struct fold *f, enum fold_statement which, struct err *err)
{
    sqlite3_stmt *s = f->statements[which];
    bool ok = sqlite3_step(s) == SQLITE_DONE || err_sqlite(err, f->db, "fold");

    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return ok;
}

static void bind_str(sqlite3_stmt *s, int at, struct str text)
{
    (void)sqlite3_bind_text(s, at, text.at, (int)text.len, SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
    (void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC); /* NULL is NULL */
}

/* ---- the parts ---- */

static bool fold_index(
    struct fold *f, const struct event *e, enum event_severity severity, struct err *err)
{
    sqlite3_stmt *s = f->statements[FOLD_EVENT];

    (void)sqlite3_bind_int64(s, 1, (int64_t)e->seq);
    bind_text(s, 2, e->type);
    (void)sqlite3_bind_int(s, 3, severity);
    bind_text(s, 4, e->subject);
    bind_str(s, 5, subject_service(e->subject));
    (void)sqlite3_bind_int64(s, 6, e->at_ns);
    TRY(step(f, FOLD_EVENT, err));
    for (size_t i = 0; i < e->cause_count; i++) {
        s = f->statements[FOLD_CAUSE];
        (void)sqlite3_bind_int64(s, 1, (int64_t)e->causes[i]);
        (void)sqlite3_bind_int64(s, 2, (int64_t)e->seq);
        TRY(step(f, FOLD_CAUSE, err));
    }
    return true;
}

static int64_t int_member(const json_t *evidence, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(evidence, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static bool fold_instance(struct fold *f, const struct event *e, const struct event_type *type,
    const json_t *evidence, struct err *err)
{
    sqlite3_stmt *s = f->statements[FOLD_INSTANCE_STATE];

    bind_text(s, 1, e->subject);
    bind_str(s, 2, subject_service(e->subject));
    (void)sqlite3_bind_int64(s, 3, subject_slot(e->subject));
    bind_text(s, 4, type->state);
    (void)sqlite3_bind_int64(s, 5, e->at_ns);
    (void)sqlite3_bind_int64(s, 6, (int64_t)e->seq);
    (void)sqlite3_bind_int64(s, 7, int_member(evidence, "incarnation", -1));
    (void)sqlite3_bind_int64(s, 8, type->fold == EVENT_FOLD_RESTART);
    TRY(step(f, FOLD_INSTANCE_STATE, err));
    if (type->fold != EVENT_FOLD_EXIT)
        return true;
    s = f->statements[FOLD_INSTANCE_EXIT];
    bind_text(s, 1, e->subject);
    (void)sqlite3_bind_int64(s, 2, (int64_t)e->seq);
    bind_str(s, 3, e->evidence);
    return step(f, FOLD_INSTANCE_EXIT, err);
}

static bool fold_service(struct fold *f, const struct event *e, const struct event_type *type,
    const json_t *evidence, struct err *err)
{
    sqlite3_stmt *s = f->statements[FOLD_SERVICE_STATE];

    bind_text(s, 1, e->subject);
    bind_text(s, 2, type->state);
    (void)sqlite3_bind_int64(s, 3, e->at_ns);
    (void)sqlite3_bind_int64(s, 4, (int64_t)e->seq);
    bind_text(s, 5, json_string_value(json_object_get(evidence, "revision")));
    (void)sqlite3_bind_int64(s, 6, int_member(evidence, "replicas", -1));
    return step(f, FOLD_SERVICE_STATE, err);
}

static bool fold_removal(struct fold *f, const struct event *e, struct err *err)
{
    static const enum fold_statement all[] = {
        FOLD_REMOVE_INSTANCES, FOLD_REMOVE_SERVICE, FOLD_REMOVE_FACTS};

    for (size_t i = 0; i < COUNT(all); i++) {
        bind_text(f->statements[all[i]], 1, e->subject);
        TRY(step(f, all[i], err));
    }
    return true;
}

static bool fold_fact(
    struct fold *f, const struct event *e, const char *key, const json_t *value, struct err *err)
{
    enum fold_statement which = json_is_null(value) ? FOLD_FACT_DROP : FOLD_FACT_SET;
    sqlite3_stmt *s = f->statements[which];
    char *text = NULL;

    bind_text(s, 1, e->subject);
    bind_text(s, 2, key);
    if (which == FOLD_FACT_SET) {
        text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        bind_text(s, 3, text != NULL ? text : "null");
        (void)sqlite3_bind_int64(s, 4, (int64_t)e->seq);
    }
    bool ok = step(f, which, err);
    free(text);
    return ok;
}

static bool fold_facts(struct fold *f, const struct event *e, json_t *evidence, struct err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(evidence, "set"), key, value)
    {
        if (strlen(key) <= KEY_BYTES_MAX)
            TRY(fold_fact(f, e, key, value, err));
    }
    return true;
}

/* ---- an event ---- */

static bool fold_type(struct fold *f, const struct event *e, const struct event_type *type,
    const json_t *evidence, struct err *err)
{
    switch (type->fold) {
    case EVENT_FOLD_NONE:
        return true;
    case EVENT_FOLD_REMOVE:
        return fold_removal(f, e, err);
    default:
        return is_instance(e->subject) ? fold_instance(f, e, type, evidence, err)
                                       : fold_service(f, e, type, evidence, err);
    }
}

/* Most events need no look into their evidence. */
static json_t *load_evidence(const struct event *e, const struct event_type *type)
{
    bool wanted = (type != NULL && type->fold != EVENT_FOLD_NONE) ||
                  str_find_text(e->evidence, STR("\"set\"")) != -1;

    return wanted ? json_loadb(e->evidence.at, e->evidence.len, 0, NULL) : NULL;
}

bool fold_event(struct fold *f, const struct event *e, struct err *err)
{
    const struct event_type *type = event_type_find(e->type);
    json_t *evidence = load_evidence(e, type);
    bool ok = fold_index(f, e, type != NULL ? type->severity : EVENT_INFO, err) &&
              (type == NULL || fold_type(f, e, type, evidence, err)) &&
              fold_facts(f, e, evidence, err);

    json_decref(evidence);
    return ok || err_in(err, "event %llu", (unsigned long long)e->seq);
}

static bool set_meta(struct fold *f, const char *key, const char *value, struct err *err)
{
    bind_text(f->statements[FOLD_META], 1, key);
    bind_text(f->statements[FOLD_META], 2, value);
    return step(f, FOLD_META, err);
}

bool fold_state(struct fold *f, const struct db_state *state, struct err *err)
{
    char folded[32], chain[HASH_TEXT_BYTES];

    (void)snprintf(folded, sizeof folded, "%llu", (unsigned long long)state->folded);
    hash_format(&state->chain, chain);
    return set_meta(f, "folded", folded, err) && set_meta(f, "chain", chain, err);
}
