#include "drive/host/attributes.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_BYTES (16u << 10)

/* ---- declaring ---- */

const struct field_choice ensure_words[] = {
    {"present", ENSURE_PRESENT},
    {"absent",  ENSURE_ABSENT },
    {NULL,      0             },
};

void decode_mode(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct attributes *at = into;
    struct str text = pair->value->text;
    int mode = 0;

    if (!node_is_scalar(pair->value) || pair->value->kind == NODE_NULL) {
        (void)field_wrong(d, f->name, pair->value, "an octal number such as 0640");
        return;
    }
    if (str_starts(text, "0o"))
        text = str_tail(text, 2);
    for (size_t i = 0; i < text.len; i++)
        mode = text.at[i] >= '0' && text.at[i] <= '7' && mode >= 0 && mode <= 0777
                   ? mode * 8 + text.at[i] - '0'
                   : -1;
    if (text.len > 0 && mode >= 0) {
        at->mode = mode;
        return;
    }
    diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
        "'%s' takes an octal number from 0 to 7777, not '%.40s'", f->name, pair->value->text.at);
    diagnostic_help(d->diagnostics, "such as mode: 0640");
}

struct node *encode_mode(struct encode *e, const struct field *f, const void *from)
{
    const struct attributes *at = from;

    (void)f;
    return at->mode < 0
               ? NULL
               : node_text(e->arena, str_from(arena_format(e->arena, "%04o", (unsigned)at->mode)));
}

void attributes_finish(struct decode *d, const struct node_pair *declared, struct attributes *at)
{
    const struct node_pair *said = node_find(declared->value, STR("path"));
    const struct span *span = said != NULL ? &said->value->span : &declared->key_span;
    char *path = fs_absolute(d->dir, at->path != NULL ? str_from(at->path) : declared->key);

    at->path = arena_copy(d->arena, path);
    free(path);
    if (strcmp(at->path, "/") == 0)
        diagnostic_error(
            d->diagnostics, "wrong-value", span, "the root directory is not tend's to look after");
    else if (strlen(at->path) >= PATH_MAX || strlen(strrchr(at->path, '/') + 1) > NAME_MAX)
        diagnostic_error(d->diagnostics, "wrong-value", span, "the path is longer than it can be");
}

const char *attributes_place(const void *entry)
{
    const struct attributes *at = entry;

    return at->path;
}

const char *attributes_refer(
    struct arena *a, const char *dir, const struct node_pair *declared, struct str what)
{
    const struct node *said = node_get(declared->value, "path");
    char *path;

    if (!str_is(what, "path"))
        return NULL;
    path = fs_absolute(dir, said != NULL && node_is_scalar(said) ? said->text : declared->key);
    const char *kept = arena_copy(a, path);
    free(path);
    return kept;
}

/* ---- what is declared, in numbers ---- */

static bool find_user(struct str name, uid_t *out, struct err *err)
{
    struct passwd entry, *found = NULL;
    int64_t number;
    char *room;

    if (str_to_int(name, &number) && number >= 0 && number < UINT32_MAX) {
        *out = (uid_t)number;
        return true;
    }
    room = mem_new_array(NAMES_BYTES, char);
    if (getpwnam_r(name.at, &entry, room, NAMES_BYTES, &found) == 0 && found != NULL)
        *out = found->pw_uid;
    free(room);
    return found != NULL || err_set(err, ERR_MISSING, "there is no user '%.60s'", name.at);
}

static bool find_group(struct str name, gid_t *out, struct err *err)
{
    struct group entry, *found = NULL;
    int64_t number;
    char *room;

    if (str_to_int(name, &number) && number >= 0 && number < UINT32_MAX) {
        *out = (gid_t)number;
        return true;
    }
    room = mem_new_array(NAMES_BYTES, char);
    if (getgrnam_r(name.at, &entry, room, NAMES_BYTES, &found) == 0 && found != NULL)
        *out = found->gr_gid;
    free(room);
    return found != NULL || err_set(err, ERR_MISSING, "there is no group '%.60s'", name.at);
}

bool wanted_read(const struct node *declared, struct wanted *out, struct err *err)
{
    const struct node *path = node_get(declared, "path"), *mode = node_get(declared, "mode"),
                      *owner = node_get(declared, "owner"), *group = node_get(declared, "group"),
                      *ensure = node_get(declared, "ensure");

    *out = (struct wanted){.mode = -1};
    if (path == NULL)
        return err_set(err, ERR_INVALID, "the path is missing");
    out->path = path->text.at;
    out->absent = ensure != NULL && str_is(ensure->text, "absent");
    if (mode != NULL)
        out->mode = (int)strtol(mode->text.at, NULL, 8);
    out->has_uid = owner != NULL;
    out->has_gid = group != NULL;
    TRY(owner == NULL || find_user(owner->text, &out->uid, err));
    return group == NULL || find_group(group->text, &out->gid, err);
}

/* ---- differences ---- */

void trace_of(const struct observed *observed, struct trace *out)
{
    trace_from_node(node_get(observed != NULL ? observed->node : NULL, "trace"), out);
}

static struct str quoted(struct arena *a, const char *text)
{
    struct buf out = BUF_INIT(16u << 10);
    struct str shown;

    json_quote(&out, str_from(text));
    shown = arena_copy_str(a, buf_str(&out));
    buf_fini(&out);
    return shown;
}

void add_difference(
    struct arena *a, struct change *out, const char *path, struct str before, struct str after)
{
    vec_push(&out->fields, (struct field_change){.path = path,
                               .before = before.len > 0 ? quoted(a, before.at) : (struct str){0},
                               .after = after.len > 0 ? quoted(a, after.at) : (struct str){0},
                               .effect = FIELD_UPDATES_LIVE});
}

static void diff_id(struct arena *a, const char *path, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    const struct node *wanted = node_get(declared, path);
    const struct node *is = node_get(observed != NULL ? observed->node : NULL, path);

    if (wanted != NULL && (is == NULL || !str_eq(wanted->text, is->text)))
        add_difference(a, out, path, is != NULL ? is->text : STR(""), wanted->text);
}

void diff_attributes(struct arena *a, const struct node *declared, const struct observed *observed,
    struct change *out)
{
    const struct node *mode = node_get(declared, "mode");
    const struct node *is =
        node_get(node_get(observed != NULL ? observed->node : NULL, "trace"), "mode");

    if (mode != NULL && (is == NULL || !str_eq(mode->text, is->text)))
        add_difference(a, out, "mode", is != NULL ? is->text : STR(""), mode->text);
    diff_id(a, "owner", declared, observed, out);
    diff_id(a, "group", declared, observed, out);
}

static bool is_true(const struct node *n)
{
    bool truth = false;

    return n != NULL && node_to_bool(n, &truth) && truth;
}

const char *drift_of(struct arena *a, const struct node *record, const struct trace *now)
{
    char at[CLOCK_TEXT_BYTES];
    struct trace then;

    if (node_get(record, "now") == NULL || is_true(node_get(record, "pending")))
        return NULL;
    trace_from_node(node_get(record, "now"), &then);
    if (trace_same(&then, now))
        return NULL;
    if (now->type == TRACE_NONE)
        return "removed behind tend's back";
    clock_format(now->ctime_ns, 0, at);
    if (now->uid != then.uid)
        return arena_format(
            a, "changed behind tend's back at %s, by uid %u", at, (unsigned)now->uid);
    return arena_format(a, "changed behind tend's back at %s", at);
}

/* ---- observing ---- */

/* Owner and group in the words of the declaration where they are so, else as numbers. */
static void put_ids(struct arena *a, struct node *into, const struct trace *t,
    const struct node *declared, const struct wanted *w)
{
    const struct node *owner = node_get(declared, "owner"), *group = node_get(declared, "group");

    if (owner != NULL)
        (void)node_put(a, into, STR("owner"),
            w->has_uid && w->uid == t->uid
                ? node_text(a, owner->text)
                : node_text(a, str_from(arena_format(a, "%u", (unsigned)t->uid))));
    if (group != NULL)
        (void)node_put(a, into, STR("group"),
            w->has_gid && w->gid == t->gid
                ? node_text(a, group->text)
                : node_text(a, str_from(arena_format(a, "%u", (unsigned)t->gid))));
}

static const char *const *needs_of(struct arena *a, const struct node *record)
{
    const struct node *list = node_get(record, "needs");
    const char **needs = arena_new_array(a, node_count(list) + 1, const char *);

    for (size_t i = 0; i < node_count(list); i++)
        needs[i] = list->items[i]->text.at;
    return needs;
}

/* A directory on the way that is not there yet is nothing there. */
static bool look_at(struct arena *a, const char *path, struct trace *out, struct err *err)
{
    struct place place;
    bool ok;

    *out = (struct trace){0};
    if (!place_open(&place, path, err))
        return err->kind == ERR_MISSING;
    ok = trace_take(&place, a, out, err) || err_in(err, "%s", path);
    place_close(&place);
    return ok;
}

static bool observe_place(struct arena *a, const struct kind_look *look, describe_fn describe,
    struct observed_list *out, struct err *err)
{
    struct observed o = {.name = look->name, .record = look->record};
    const struct node *path =
        node_get(look->declared != NULL ? look->declared : look->record, "path");
    struct err unknown = ERR_INIT;
    struct wanted wanted = {0};
    struct trace trace;

    if (path == NULL)
        return true;
    TRY(look_at(a, path->text.at, &trace, err));
    if (look->declared != NULL) /* an unknown owner is told by apply */
        err_ignore(wanted_read(look->declared, &wanted, &unknown));
    if (trace.type == TRACE_NONE && look->record == NULL)
        return true;
    o.drift = drift_of(a, look->record, &trace);
    if (look->record != NULL)
        o.needs = needs_of(a, look->record);
    if (trace.type != TRACE_NONE) {
        struct node *n = node_map(a);

        (void)node_put(a, n, STR("trace"), trace_node(a, &trace));
        put_ids(a, n, &trace, look->declared, &wanted);
        if (describe != NULL)
            describe(a, n, &trace);
        o.node = n;
    }
    vec_push(out, o);
    return true;
}

bool observe_places(struct arena *a, const struct kind_look_list *looks, describe_fn describe,
    struct observed_list *out, struct err *err)
{
    for (size_t i = 0; looks != NULL && i < looks->count; i++)
        TRY(observe_place(a, &looks->at[i], describe, out, err));
    return true;
}

/* ---- records ---- */

const char *change_path(const struct change *c)
{
    const struct node *path = node_get(c->declared, "path");

    if (path == NULL)
        path = node_get(c->observed != NULL ? c->observed->record : NULL, "path");
    must(path != NULL);
    return path->text.at;
}

static struct node *record_begin(struct arena *a, const struct change *c)
{
    const struct node *old = c->observed != NULL ? c->observed->record : NULL,
                      *was = node_get(old, "was"), *depends = node_get(c->declared, "depends_on");
    struct node *record = node_map(a), *needs = node_list(a);
    bool created = old != NULL ? is_true(node_get(old, "created"))
                               : c->observed == NULL || c->observed->node == NULL;

    if (old == NULL && !created)
        was = node_get(c->observed->node, "trace");
    (void)node_put(a, record, STR("path"), node_text(a, str_from(change_path(c))));
    (void)node_put(a, record, STR("created"), node_bool(a, created));
    if (was != NULL)
        (void)node_put(a, record, STR("was"), node_copy(a, was));
    NODE_EACH (depends, pair)
        node_push(a, needs, node_text(a, pair->key));
    if (needs->count > 0)
        (void)node_put(a, record, STR("needs"), needs);
    if (is_true(node_get(c->declared, "sensitive")))
        (void)node_put(a, record, STR("sensitive"), node_bool(a, true));
    return record;
}

const struct node *attributes_remember(struct arena *a, const struct change *c)
{
    const struct node *old = c->observed != NULL ? c->observed->record : NULL;
    struct node *record = record_begin(a, c);

    if (c->declared == NULL) /* being removed: what it was is still so, should that fail */
        return old;
    if (node_get(old, "now") != NULL)
        (void)node_put(a, record, STR("now"), node_copy(a, node_get(old, "now")));
    (void)node_put(a, record, STR("pending"), node_bool(a, true));
    return record;
}

const struct node *record_of(struct arena *a, const struct change *c, const struct trace *now)
{
    struct node *record = record_begin(a, c);

    if (now->type != TRACE_NONE)
        (void)node_put(a, record, STR("now"), trace_node(a, now));
    return record;
}

/* ---- changing ---- */

bool change_begin(struct arena *a, const struct change *c, struct place *place, struct trace *now,
    struct err *err)
{
    struct trace seen;

    TRY(place_open(place, change_path(c), err));
    trace_of(c->observed, &seen);
    if (trace_take(place, a, now, err) &&
        (trace_same(&seen, now) ||
            err_set(err, ERR_CONFLICT, "it has changed since the plan was made")))
        return true;
    place_close(place);
    return false;
}

bool set_attributes(int fd, uid_t uid, gid_t gid, mode_t mode, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) == -1)
        return err_sys(err, "stat");
    if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) == -1)
        return err_sys(err, "give it to uid %u, gid %u", (unsigned)uid, (unsigned)gid);
    /* Behind chown, which takes the set-user-id bits away. */
    return fchmod(fd, mode) == 0 || err_sys(err, "chmod %04o", (unsigned)mode);
}
