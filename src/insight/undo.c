#include "insight/undo.h"

#include "base/base64.h"
#include "base/fs.h"
#include "insight/sentence.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the last change ---- */

struct search {
    struct arena *arena;
    struct undo *out;
    const char *declared; /* so far; NULL: nothing */
    const char *last;     /* declared last, whatever came behind it */
};

static const char *text_of(struct arena *a, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? arena_copy(a, text) : NULL;
}

static void split_subject(struct search *s, const char *subject)
{
    struct str rest = str_from(subject), service = str_cut(&rest, '/');
    int64_t slot = 0;

    s->out->service = arena_copy_str(s->arena, service).at;
    s->out->slot = rest.len > 0 && str_to_int(rest, &slot) ? (int)slot : 0;
}

static void take_apply(struct search *s, const struct event *e, const json_t *evidence)
{
    const char *digest = text_of(s->arena, evidence, "document");

    (void)e;
    if (digest == NULL)
        digest = text_of(s->arena, json_object_get(evidence, "set"), "document");
    s->out->how = UNDO_APPLY;
    s->out->before = s->declared;
    s->out->declared = s->declared = digest;
    s->out->text = s->out->before != NULL ? "declares again what was declared before"
                                          : "takes away all that was declared";
    if (digest != NULL)
        s->last = digest;
}

static void take_down(struct search *s, const struct event *e, const json_t *evidence)
{
    (void)e, (void)evidence;
    s->out->how = s->declared != NULL ? UNDO_APPLY : UNDO_NOT;
    s->out->why_not = "nothing was declared";
    s->out->before = s->declared;
    s->out->declared = s->declared = NULL;
    s->out->text = "declares again what was declared";
}

static void take_scale(struct search *s, const struct event *e, const json_t *evidence)
{
    const json_t *before = json_object_get(evidence, "before_override");

    split_subject(s, e->subject);
    s->out->how = json_is_integer(before) ? UNDO_SCALE : UNDO_NOT;
    s->out->why_not = "it is not known how many there were";
    s->out->replicas = (int)json_integer_value(before);
    s->out->text =
        s->out->replicas < 0
            ? arena_format(s->arena, "scales %s back to what is declared", e->subject)
            : arena_format(s->arena, "scales %s back to %d", e->subject, s->out->replicas);
}

static void take_stop(struct search *s, const struct event *e, const json_t *evidence)
{
    split_subject(s, e->subject);
    s->out->how = json_is_true(json_object_get(evidence, "was_stopped")) ? UNDO_NOT : UNDO_START;
    s->out->why_not = "it was stopped already";
    s->out->text = arena_format(s->arena, "starts %s", e->subject);
}

static void take_start(struct search *s, const struct event *e, const json_t *evidence)
{
    split_subject(s, e->subject);
    s->out->how = json_is_true(json_object_get(evidence, "was_stopped")) ? UNDO_STOP : UNDO_NOT;
    s->out->why_not = "it ran already";
    s->out->text = arena_format(s->arena, "stops %s", e->subject);
}

static void take_restart(struct search *s, const struct event *e, const json_t *evidence)
{
    (void)e, (void)evidence;
    s->out->how = UNDO_NOT;
    s->out->why_not = "a restart cannot be undone: what ran has ended";
}

static void take_retry(struct search *s, const struct event *e, const json_t *evidence)
{
    (void)e, (void)evidence;
    s->out->how = UNDO_NOT;
    s->out->why_not = "another try cannot be undone";
}

static void take_pause(struct search *s, const struct event *e, const json_t *evidence)
{
    (void)e, (void)evidence;
    s->out->how = UNDO_RESUME;
    s->out->text = "lets tend take care of the services again";
}

static void take_resume(struct search *s, const struct event *e, const json_t *evidence)
{
    (void)e, (void)evidence;
    s->out->how = UNDO_NOT;
    s->out->why_not = "the end of a pause cannot be undone; begin another one: tend pause";
}

static const struct {
    const char *type;
    void (*take)(struct search *s, const struct event *e, const json_t *evidence);
} changes[] = {
    {"apply.requested",   take_apply  },
    {"down.requested",    take_down   },
    {"scale.requested",   take_scale  },
    {"stop.requested",    take_stop   },
    {"start.requested",   take_start  },
    {"restart.requested", take_restart},
    {"retry.requested",   take_retry  },
    {"pause.requested",   take_pause  },
    {"resume.requested",  take_resume },
};

static void describe(struct search *s, const struct event *e)
{
    struct buf text = BUF_INIT(2000);

    sentence_render(e, &text);
    s->out->what = arena_copy_str(s->arena, buf_str(&text)).at;
    buf_fini(&text);
}

static bool on_event(void *data, const struct event *e)
{
    struct search *s = data;
    json_t *evidence;

    if (strcmp(e->actor, "tend") == 0) /* restarts that follow from a change */
        return true;
    evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (strcmp(changes[i].type, e->type) == 0) {
            *s->out = (struct undo){.seq = e->seq};
            describe(s, e);
            changes[i].take(s, e, evidence);
        }
    json_decref(evidence);
    return true;
}

bool undo_read(struct arena *a, struct views *v, struct undo *out, struct err *err)
{
    struct views_filter requests = {.type = "*.requested"};
    struct search s = {.arena = a, .out = out};

    *out = (struct undo){.why_not = "nobody has changed anything yet"};
    return views_each_event(v, &requests, on_event, &s, err);
}

/* ---- what an apply took the place of ---- */

struct restoring {
    const struct undo *undo;
    const char *objects_dir;
    json_t *document; /* what is planned for */
    json_t *seen;     /* subjects whose first change was met */
    struct err *err;
    bool ok;
};

static bool read_object(struct restoring *r, const char *digest, json_t *into)
{
    struct buf bytes = BUF_INIT(64u << 20), coded = BUF_INIT(128u << 20);
    struct arena *a = arena_create(0);
    bool ok = fs_read(arena_format(a, "%s/%s", r->objects_dir, digest), &bytes, r->err);

    if (ok) {
        base64_encode(&coded, buf_str(&bytes));
        (void)json_object_set_new(into, "content_base64", json_string(buf_str(&coded).at));
    }
    arena_destroy(&a);
    buf_fini(&bytes);
    buf_fini(&coded);
    return ok;
}

static void copy_id(json_t *into, const char *key, const json_t *before, const char *from)
{
    char text[32];

    (void)snprintf(
        text, sizeof text, "%lld", (long long)json_integer_value(json_object_get(before, from)));
    (void)json_object_set_new(into, key, json_string(text));
}

/* As it was, so that it can be declared for the time of the undo. */
static json_t *entry_of(struct restoring *r, const char *path, const json_t *before)
{
    const char *digest = json_string_value(json_object_get(before, "sha256"));
    const char *target = json_string_value(json_object_get(before, "target"));
    const char *mode = json_string_value(json_object_get(before, "mode"));
    json_t *entry = json_object();

    (void)json_object_set_new(entry, "path", json_string(path));
    copy_id(entry, "owner", before, "uid");
    copy_id(entry, "group", before, "gid");
    if (target != NULL)
        (void)json_object_set_new(entry, "target", json_string(target));
    else if (mode != NULL)
        (void)json_object_set_new(entry, "mode", json_string(mode));
    if (digest != NULL)
        r->ok = read_object(r, digest, entry) && r->ok;
    return entry;
}

static void put_back(struct restoring *r, const char *subject, const char *path,
    const json_t *before, bool sensitive)
{
    const char *dot = strchr(subject, '.');
    char section[64];
    json_t *entries, *declared, *entry;
    bool heals = r->undo->before != NULL && r->undo->declared != NULL &&
                 strcmp(r->undo->before, r->undo->declared) == 0;

    if (dot == NULL || (size_t)(dot - subject) >= sizeof section)
        return;
    (void)snprintf(section, sizeof section, "%.*s", (int)(dot - subject), subject);
    entries = json_object_get(r->document, section);
    declared = json_object_get(entries, dot + 1);
    if (declared != NULL && !heals) /* the document before says what it was */
        return;
    if (entries == NULL) {
        entries = json_object();
        (void)json_object_set_new(r->document, section, entries);
    }
    entry = entry_of(r, path, before);
    if (sensitive)
        (void)json_object_set_new(entry, "sensitive", json_true());
    (void)json_object_set_new(entries, dot + 1, entry);
}

static bool is_caused_by(const struct event *e, uint64_t seq)
{
    for (size_t i = 0; i < e->cause_count; i++)
        if (e->causes[i] == seq)
            return true;
    return false;
}

static bool on_change(void *data, const struct event *e)
{
    struct restoring *r = data;
    json_t *evidence, *before;
    const char *path;

    if (!is_caused_by(e, r->undo->seq) || json_object_get(r->seen, e->subject) != NULL ||
        (strcmp(e->type, "resource.changed") != 0 && strcmp(e->type, "resource.removed") != 0))
        return true;
    (void)json_object_set_new(r->seen, e->subject, json_true());
    evidence = json_loadb(e->evidence.at, e->evidence.len, 0, NULL);
    before = json_object_get(evidence, "before");
    path = json_string_value(json_object_get(evidence, "path"));
    if (before != NULL && path != NULL)
        put_back(r, e->subject, path, before, json_is_true(json_object_get(evidence, "sensitive")));
    json_decref(evidence);
    return r->ok;
}

/* A document with nothing in it, of the same project and folder. */
static json_t *empty_like(const json_t *other)
{
    json_t *empty = json_object();
    static const char *const kept[] = {"name", "x-tend-directory"};

    for (size_t i = 0; i < 2; i++)
        (void)json_object_set(empty, kept[i], json_object_get(other, kept[i]));
    (void)json_object_set_new(empty, "services", json_object());
    return empty;
}

static json_t *read_document(
    const char *state_dir, const char *digest, struct buf *out_text, struct err *err)
{
    struct arena *a = arena_create(0);
    struct buf text = BUF_INIT(32u << 20);
    json_t *document = NULL;

    if (fs_read(arena_format(a, "%s/objects/%s", state_dir, digest), &text, err)) {
        document = json_loadb(text.at, text.len, 0, NULL);
        if (document == NULL)
            (void)err_set(err, ERR_CORRUPT, "the document %.12s is damaged", digest);
        else if (out_text != NULL)
            buf_add_str(out_text, buf_str(&text));
    }
    buf_fini(&text);
    arena_destroy(&a);
    return document;
}

static json_t *base_document(
    const struct undo *u, const char *state_dir, struct buf *out_target, struct err *err)
{
    json_t *declared, *empty;

    if (u->before != NULL)
        return read_document(state_dir, u->before, out_target, err);
    declared = read_document(state_dir, u->declared, NULL, err);
    if (declared == NULL)
        return NULL;
    empty = empty_like(declared);
    json_decref(declared);
    return empty;
}

bool undo_document(const struct undo *u, struct views *v, const char *state_dir,
    struct buf *out_document, struct buf *out_target, struct err *err)
{
    struct views_filter filter = {.type = "resource.*", .since_seq = u->seq};
    struct arena *a = arena_create(0);
    struct restoring r = {.undo = u,
        .objects_dir = arena_format(a, "%s/objects", state_dir),
        .document = base_document(u, state_dir, out_target, err),
        .seen = json_object(),
        .err = err,
        .ok = true};
    char *text = NULL;
    bool ok = r.document != NULL && views_each_event(v, &filter, on_change, &r, err) && r.ok;

    if (ok)
        text = json_dumps(r.document, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text != NULL)
        buf_add_text(out_document, text);
    free(text);
    json_decref(r.document);
    json_decref(r.seen);
    arena_destroy(&a);
    return ok;
}
