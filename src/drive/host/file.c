/* The kind `file`: observing, what differs, and changing. */
#include "drive/host/file_private.h"

#include "base/base64.h"
#include "base/fs.h"
#include "base/must.h"
#include "base/text_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_DEFAULT   0644
#define CONTEXT_LINES  3
#define HUNK_LINES_MAX 60
#define HUNK_BYTES_MAX (64u << 10)

/* ---- observing ---- */

static void describe(struct arena *a, struct node *into, const struct trace *t)
{
    if (t->type == TRACE_FILE && !t->too_large)
        content_put(a, into, t->content);
    else if (t->type == TRACE_LINK)
        (void)node_put(a, into, STR("target"), node_text(a, str_from(t->target)));
}

static bool observe(void *world, struct arena *a, const struct kind_look_list *looks,
    struct observed_list *out, struct err *err)
{
    (void)world;
    return observe_places(a, looks, describe, out, err);
}

/* ---- differences ---- */

static bool flag(const struct node *n, const char *key)
{
    const struct node *value = node_get(n, key);
    bool truth = false;

    return value != NULL && node_to_bool(value, &truth) && truth;
}

static const struct node *content_node(const struct node *n)
{
    const struct node *text = node_get(n, "content");

    return text != NULL ? text : node_get(n, "content_base64");
}

/* The bytes that a node's content stands for. */
static struct str content_bytes(struct arena *a, const struct node *n)
{
    const struct node *text = node_get(n, "content"), *coded = node_get(n, "content_base64");
    struct buf bytes = BUF_INIT(2 * PLACE_CONTENT_BYTES_MAX);
    struct str kept = STR("");

    if (text != NULL)
        return text->text;
    if (coded != NULL && base64_decode(&bytes, coded->text))
        kept = arena_copy_str(a, buf_str(&bytes));
    buf_fini(&bytes);
    return kept;
}

static struct str summary_of(struct arena *a, const struct node *n, bool hides)
{
    char digest[HASH_TEXT_BYTES];
    struct str bytes;
    struct hash h;

    if (n == NULL || content_node(n) == NULL)
        return (struct str){0};
    if (hides)
        return STR("\"***\"");
    bytes = content_bytes(a, n);
    h = hash_of(bytes.at, bytes.len);
    hash_format(&h, digest);
    return str_from(arena_format(a, "\"sha256:%.12s, %zu bytes\"", digest, bytes.len));
}

static struct str hunks_of(struct arena *a, const struct node *before, const struct node *after)
{
    struct buf out = BUF_INIT(HUNK_BYTES_MAX);
    struct str hunks = STR("");

    if (node_get(before, "content_base64") != NULL || node_get(after, "content_base64") != NULL)
        return hunks;
    text_diff(
        content_bytes(a, before), content_bytes(a, after), CONTEXT_LINES, HUNK_LINES_MAX, &out);
    hunks = buf_full(&out) ? STR("(too long to show)\n") : arena_copy_str(a, buf_str(&out));
    buf_fini(&out);
    return hunks;
}

static void diff_content(struct arena *a, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    const struct node *is = observed != NULL ? observed->node : NULL;
    const struct node *wanted = content_node(declared), *there = content_node(is);
    bool hides = flag(declared, "sensitive") ||
                 flag(observed != NULL ? observed->record : NULL, "sensitive");
    struct field_change f = {.path = "content", .effect = FIELD_UPDATES_LIVE};

    if (wanted == NULL || (there != NULL && str_eq(wanted->text, there->text)))
        return;
    f.before = summary_of(a, is, hides);
    f.after = summary_of(a, declared, hides);
    if (!hides)
        f.hunks = hunks_of(a, is, declared);
    vec_push(&out->fields, f);
}

static void diff_target(struct arena *a, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    const struct node *wanted = node_get(declared, "target");
    const struct node *there = node_get(observed != NULL ? observed->node : NULL, "target");

    if (wanted != NULL && (there == NULL || !str_eq(wanted->text, there->text)))
        add_difference(a, out, "target", there != NULL ? there->text : STR(""), wanted->text);
}

static void diff_deleted(struct change *out)
{
    const struct observed *o = out->observed;

    out->action = CHANGE_DELETE;
    if (o->node == NULL)
        out->reason = "is gone already and is forgotten";
    else if (!flag(o->record, "created"))
        out->reason = "is left as it is: it was there before tend";
    else if (o->drift != NULL)
        out->reason = "is removed; what it holds was changed behind tend's back and is kept";
    else
        out->reason = "is removed";
}

static void diff(struct arena *a, const struct kind *k, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    const struct node *ensure = node_get(declared, "ensure");
    bool is_there = observed != NULL && observed->node != NULL;
    enum trace_type wanted = node_get(declared, "target") != NULL ? TRACE_LINK : TRACE_FILE;
    struct trace trace;

    (void)k;
    trace_of(observed, &trace);
    if (declared == NULL) {
        diff_deleted(out);
        return;
    }
    if (ensure != NULL && str_is(ensure->text, "absent")) {
        out->action = is_there ? CHANGE_DELETE : CHANGE_NONE;
        out->reason = "is removed, as declared; what it holds is kept";
        return;
    }
    if (trace.type == TRACE_DIRECTORY || trace.type == TRACE_OTHER) {
        out->action = CHANGE_UPDATE;
        out->reason = arena_format(a, "cannot be written: %s is %s, which tend leaves alone",
            change_path(out), trace_type_name(trace.type));
        return;
    }
    diff_content(a, declared, observed, out);
    diff_target(a, declared, observed, out);
    diff_attributes(a, declared, observed, out);
    if (!is_there) {
        out->action = CHANGE_CREATE;
        out->reason = "is written";
    } else {
        out->action = out->fields.count > 0 ? CHANGE_UPDATE : CHANGE_NONE;
        out->reason = trace.type != wanted
                          ? arena_format(a, "becomes %s; it is %s", trace_type_name(wanted),
                                trace_type_name(trace.type))
                      : observed->record == NULL && out->fields.count > 0
                          ? "is changed; it was there before tend, and what it held is kept"
                          : "is changed";
    }
}

/* ---- writing ---- */

struct job {
    const struct change *change;
    struct place *place;
    const struct trace *now;
    struct wanted wanted;
    uid_t uid;
    gid_t gid;
    mode_t mode;
    char temporary[NAME_MAX + 1];
};

/* What is not declared stays as it is, and of a new file as tend makes it. */
static void decide_attributes(struct job *j)
{
    bool is_new = j->now->type == TRACE_NONE, was_file = j->now->type == TRACE_FILE;

    j->uid = j->wanted.has_uid ? j->wanted.uid : is_new ? geteuid() : j->now->uid;
    j->gid = j->wanted.has_gid ? j->wanted.gid : is_new ? getegid() : j->now->gid;
    j->mode = j->wanted.mode >= 0 ? (mode_t)j->wanted.mode : was_file ? j->now->mode : MODE_DEFAULT;
}

/* Owner and mode before the first byte. */
static bool write_temporary(struct job *j, struct str content, struct err *err)
{
    int fd;
    bool ok;

    (void)unlinkat(j->place->dir_fd, j->temporary, 0); /* of a crash before */
    fd = openat(
        j->place->dir_fd, j->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1)
        return err_sys(err, "create");
    ok = set_attributes(fd, j->uid, j->gid, j->mode, err) && fs_write_all(fd, content, err) &&
         (fsync(fd) == 0 || err_sys(err, "fsync"));
    if (close(fd) == -1 && ok)
        ok = err_sys(err, "close");
    return ok;
}

static bool link_temporary(struct job *j, const char *target, struct err *err)
{
    (void)unlinkat(j->place->dir_fd, j->temporary, 0); /* of a crash before */
    if (symlinkat(target, j->place->dir_fd, j->temporary) == -1)
        return err_sys(err, "symlink");
    if ((j->uid == geteuid() && j->gid == getegid()) ||
        fchownat(j->place->dir_fd, j->temporary, j->uid, j->gid, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    return err_sys(err, "give it to uid %u, gid %u", (unsigned)j->uid, (unsigned)j->gid);
}

/* Nothing that came meanwhile is overwritten by a new file. */
static bool rename_temporary(struct job *j, struct err *err)
{
    int dir = j->place->dir_fd;
    unsigned flags = j->now->type == TRACE_NONE ? RENAME_NOREPLACE : 0;

    if (renameat2(dir, j->temporary, dir, j->place->leaf, flags) == 0)
        return true;
    if (errno == EINVAL && flags != 0 &&
        renameat(dir, j->temporary, dir, j->place->leaf) == 0) /* a file system without it */
        return true;
    return err_sys(err, "rename");
}

static bool replace(struct job *j, struct arena *a, struct err *err)
{
    const struct node *target = node_get(j->change->declared, "target");

    if ((target != NULL ? link_temporary(j, target->text.at, err)
                        : write_temporary(j, content_bytes(a, j->change->declared), err)) &&
        rename_temporary(j, err))
        return true;
    (void)unlinkat(j->place->dir_fd, j->temporary, 0); /* nothing half-written is left */
    return false;
}

/* The content is right. One that has other names too is replaced, so that nobody's else file
 * changes its owner or mode. */
static bool adjust(struct job *j, bool *out_done, struct err *err)
{
    int fd;
    struct stat st;
    bool ok;

    *out_done = false;
    if (j->now->links != 1 || j->now->type != TRACE_FILE)
        return true;
    fd = openat(j->place->dir_fd, j->place->leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == -1)
        return err_sys(err, "open");
    ok = fstat(fd, &st) == 0 || err_sys(err, "stat");
    if (ok && (st.st_ino != j->now->inode || st.st_nlink != 1))
        ok = err_set(err, ERR_CONFLICT, "it has changed since the plan was made");
    ok = ok && set_attributes(fd, j->uid, j->gid, j->mode, err) &&
         (fsync(fd) == 0 || err_sys(err, "fsync"));
    (void)close(fd);
    *out_done = ok;
    return ok;
}

static bool holds(const struct trace *t, struct arena *a, const struct node *declared)
{
    const struct node *target = node_get(declared, "target");

    if (target != NULL)
        return t->type == TRACE_LINK && str_is(target->text, t->target);
    return t->type == TRACE_FILE && !t->too_large && str_eq(t->content, content_bytes(a, declared));
}

/* What would be lost is kept first. */
static bool keep(
    const struct kind_host *host, const struct place *p, struct trace *now, struct err *err)
{
    if (now->type != TRACE_FILE)
        return true;
    TRY(place_keep(p, host->objects_dir, &now->hash, err));
    now->too_large = false; /* its hash is known now */
    return true;
}

static bool write_declared(const struct kind_host *host, struct arena *a, const struct change *c,
    struct place *p, struct trace *now, struct err *err)
{
    struct job job = {.change = c, .place = p, .now = now};
    bool done = false;

    TRY(wanted_read(c->declared, &job.wanted, err));
    if (now->type == TRACE_DIRECTORY || now->type == TRACE_OTHER)
        return err_set(err, ERR_CONFLICT, "there is %s: move it away", trace_type_name(now->type));
    decide_attributes(&job);
    place_temporary(p, job.temporary);
    if (holds(now, a, c->declared))
        TRY(adjust(&job, &done, err));
    if (done)
        return true;
    TRY(keep(host, p, now, err));
    return replace(&job, a, err) && place_sync(p, err);
}

static bool verify(struct arena *a, const struct change *c, const struct place *p,
    struct trace *after, struct err *err)
{
    struct wanted w;

    TRY(wanted_read(c->declared, &w, err));
    TRY(trace_take(p, a, after, err));
    if (holds(after, a, c->declared) && (w.mode < 0 || after->mode == (mode_t)w.mode) &&
        (!w.has_uid || after->uid == w.uid) && (!w.has_gid || after->gid == w.gid))
        return true;
    return err_set(err, ERR_CONFLICT, "it is not as declared right after it was written");
}

static bool take_away(const struct kind_host *host, const struct change *c, struct place *p,
    struct trace *now, struct kind_outcome *out, struct err *err)
{
    if (now->type == TRACE_NONE)
        return true;
    if (c->declared == NULL && !flag(c->observed->record, "created")) {
        out->text = "is left as it is: it was there before tend";
        return true;
    }
    if (now->type != TRACE_FILE && now->type != TRACE_LINK)
        return err_set(err, ERR_CONFLICT, "it is %s by now", trace_type_name(now->type));
    TRY(keep(host, p, now, err));
    if (unlinkat(p->dir_fd, p->leaf, 0) == -1)
        return err_sys(err, "remove");
    return place_sync(p, err);
}

static bool apply(const struct kind_host *host, struct arena *a, const struct change *c,
    struct kind_outcome *out, struct err *err)
{
    struct place place;
    struct trace now, after;
    bool removes = c->action == CHANGE_DELETE, ok;

    if (!change_begin(a, c, &place, &now, err))
        return removes && err->kind == ERR_MISSING;
    ok = removes
             ? take_away(host, c, &place, &now, out, err)
             : write_declared(host, a, c, &place, &now, err) && verify(a, c, &place, &after, err);
    if (ok) {
        out->before = trace_node(a, &now);
        out->record = removes ? NULL : record_of(a, c, &after);
    }
    place_close(&place);
    return ok;
}

const struct kind file_kind = {
    .name = "file",
    .section = "files",
    .fields = &fields_file,
    .declares = &files_declared,
    .blocks = true,
    .observe = observe,
    .diff = diff,
    .remember = attributes_remember,
    .apply = apply,
};
