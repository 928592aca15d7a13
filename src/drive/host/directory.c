/* The kind `directory`. */
#include "drive/host/attributes.h"
#include "drive/host/file.h"

#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_DEFAULT 0755

struct directory_entry {
    struct attributes attributes; /* first */
};

static const struct directory_entry defaults = {.attributes = {.mode = -1}};

static void finish(struct decode *d, const struct node_pair *declared, void *entry)
{
    struct directory_entry *directory = entry;

    attributes_finish(d, declared, &directory->attributes);
}

/* clang-format off */
static const struct field rows[] = {
    ATTRIBUTE_ROWS(struct directory_entry, "0755 for a new directory, and others as they are"),
    FIELD_DEPENDS_ON,
    FIELD_LIFECYCLE,
};
/* clang-format on */

static const struct field_table fields_directory = {.name = "a directory",
    .help = "A directory on this machine.",
    .fields = rows,
    .count = COUNT(rows),
    .defaults = &defaults};

static const char *const path_keys[] = {"path", NULL};

static const struct field_kind directories_declared = {
    .name = "directories",
    .noun = "directory",
    .help = "Directories that shall be there, by path or name.",
    .table = &fields_directory,
    .entry_bytes = sizeof(struct directory_entry),
    .finish = finish,
    .attribute = attributes_refer,
    .attributes = ".path",
    .path_keys = path_keys,
    .name_is_path = true,
    .place = attributes_place,
};

static bool observe(void *world, struct arena *a, const struct kind_look_list *looks,
    struct observed_list *out, struct err *err)
{
    (void)world;
    return observe_places(a, looks, NULL, out, err);
}

/* ---- differences ---- */

static void diff_deleted(const struct observed *observed, struct change *out)
{
    const struct node *created = node_get(observed->record, "created");
    bool ours = false;

    out->action = CHANGE_DELETE;
    if (observed->node == NULL)
        out->reason = "is gone already and is forgotten";
    else if (created == NULL || !node_to_bool(created, &ours) || !ours)
        out->reason = "is left as it is: it was there before tend";
    else
        out->reason = "is removed if it is empty";
}

static void diff(struct arena *a, const struct kind *k, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    const struct node *ensure = node_get(declared, "ensure");
    bool is_there = observed != NULL && observed->node != NULL;
    struct trace trace;

    (void)k;
    trace_of(observed, &trace);
    if (declared == NULL) {
        diff_deleted(observed, out);
        return;
    }
    if (ensure != NULL && str_is(ensure->text, "absent")) {
        out->action = is_there ? CHANGE_DELETE : CHANGE_NONE;
        out->reason = "is removed if it is empty";
        return;
    }
    if (!is_there) {
        out->action = CHANGE_CREATE;
        out->reason = "is made";
        diff_attributes(a, declared, NULL, out);
        return;
    }
    if (trace.type != TRACE_DIRECTORY) {
        out->action = CHANGE_UPDATE;
        out->reason = arena_format(a, "cannot be made: %s is %s, which tend leaves alone",
            change_path(out), trace_type_name(trace.type));
        return;
    }
    diff_attributes(a, declared, observed, out);
    out->action = out->fields.count > 0 ? CHANGE_UPDATE : CHANGE_NONE;
    out->reason = "is changed";
}

/* ---- changing ---- */

/* Owner and mode, and it is on the disk. */
static bool settle(const struct place *p, const struct wanted *w, const struct trace *now,
    bool is_new, struct err *err)
{
    int fd = openat(p->dir_fd, p->leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    bool ok;

    if (fd == -1)
        return err_sys(err, "open");
    ok = fstat(fd, &st) == 0 || err_sys(err, "stat");
    /* Whoever put another one in its place does not get it. */
    if (ok && (is_new ? st.st_uid != geteuid() : st.st_ino != now->inode))
        ok = err_set(err, ERR_CONFLICT, "somebody else put another directory there");
    ok = ok && set_attributes(fd, w->has_uid ? w->uid : st.st_uid, w->has_gid ? w->gid : st.st_gid,
                   w->mode >= 0 ? (mode_t)w->mode
                   : is_new     ? MODE_DEFAULT
                                : st.st_mode & 07777,
                   err);
    if (ok && fsync(fd) == -1)
        ok = err_sys(err, "fsync");
    (void)close(fd);
    return ok && place_sync(p, err);
}

static bool make(const struct change *c, struct place *p, const struct trace *now, struct err *err)
{
    struct wanted wanted;

    TRY(wanted_read(c->declared, &wanted, err));
    if (now->type != TRACE_NONE && now->type != TRACE_DIRECTORY)
        return err_set(
            err, ERR_CONFLICT, "there is %s already: move it away", trace_type_name(now->type));
    if (now->type == TRACE_NONE && mkdirat(p->dir_fd, p->leaf, 0700) == -1)
        return err_sys(err, "mkdir");
    if (settle(p, &wanted, now, now->type == TRACE_NONE, err))
        return true;
    if (now->type == TRACE_NONE)
        (void)unlinkat(p->dir_fd, p->leaf, AT_REMOVEDIR); /* it was not there before */
    return false;
}

/* It stays where something is in it, or it was there before tend. */
static bool take_away(const struct change *c, struct place *p, const struct trace *now,
    struct kind_outcome *out, struct err *err)
{
    const struct node *created =
        node_get(c->observed != NULL ? c->observed->record : NULL, "created");
    bool ours = false;

    if (now->type == TRACE_NONE)
        return true;
    if (c->declared == NULL && (created == NULL || !node_to_bool(created, &ours) || !ours)) {
        out->text = "is left as it is: it was there before tend";
        return true;
    }
    if (now->type != TRACE_DIRECTORY)
        return err_set(err, ERR_CONFLICT, "it is %s by now", trace_type_name(now->type));
    if (unlinkat(p->dir_fd, p->leaf, AT_REMOVEDIR) == 0)
        return place_sync(p, err);
    if (errno == ENOTEMPTY && c->declared == NULL) {
        out->text = "is not empty and is left as it is";
        return true;
    }
    return err_sys(err, "rmdir");
}

static bool apply(const struct kind_host *host, struct arena *a, const struct change *c,
    struct kind_outcome *out, struct err *err)
{
    struct place place;
    struct trace now, after;
    bool removes = c->action == CHANGE_DELETE, ok;

    (void)host;
    if (!change_begin(a, c, &place, &now, err))
        return removes && err->kind == ERR_MISSING;
    out->before = trace_node(a, &now);
    ok = removes ? take_away(c, &place, &now, out, err) : make(c, &place, &now, err);
    if (ok && !removes) {
        ok = trace_take(&place, a, &after, err) &&
             (after.type == TRACE_DIRECTORY ||
                 err_set(err, ERR_CONFLICT, "it is not there after it was made"));
        if (ok)
            out->record = record_of(a, c, &after);
    }
    place_close(&place);
    return ok;
}

const struct kind directory_kind = {
    .name = "directory",
    .section = "directories",
    .fields = &fields_directory,
    .declares = &directories_declared,
    .blocks = true,
    .observe = observe,
    .diff = diff,
    .remember = attributes_remember,
    .apply = apply,
};
