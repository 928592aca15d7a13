#include "drive/host/place.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40

/* ---- walking ---- */

static int open_quickly(const char *dir)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

    return (int)syscall(SYS_openat2, AT_FDCWD, dir, &how, sizeof how);
}

static bool is_ours(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* Nobody else can have put that link there. */
static bool is_trusted(const struct stat *link, int dir_fd)
{
    struct stat dir;

    return is_ours(link->st_uid) && fstat(dir_fd, &dir) == 0 && is_ours(dir.st_uid) &&
           (dir.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

struct walk {
    int fd;
    struct buf rest; /* what is still to be walked */
    unsigned links;
};

/* Step over a link: what it says comes before the rest. */
static bool follow(
    struct walk *w, const char *name, const struct stat *link, struct str after, struct err *err)
{
    char target[PATH_MAX];
    ssize_t len;

    if (!is_trusted(link, w->fd))
        return err_set(err, ERR_DENIED,
            "%s on the way is a symbolic link that uid %u could have planted: it is not followed",
            name, (unsigned)link->st_uid);
    if (++w->links > LINKS_MAX)
        return err_set(err, ERR_INVALID, "too many symbolic links on the way");
    len = readlinkat(w->fd, name, target, sizeof target - 1);
    if (len < 0)
        return err_sys(err, "readlink %s", name);
    target[len] = '\0';
    struct buf rest = BUF_INIT(4 * PATH_MAX);
    buf_format(&rest, "%s/%.*s", target, STR_ARG(after));
    buf_fini(&w->rest);
    w->rest = rest;
    if (buf_full(&rest))
        return err_set(err, ERR_LIMIT, "the path is too long");
    if (target[0] == '/') {
        (void)close(w->fd);
        w->fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return w->fd != -1 || err_sys(err, "open /");
}

static bool step(struct walk *w, bool *out_done, struct err *err)
{
    struct str rest = buf_str(&w->rest), part = {0};
    char name[NAME_MAX + 1];
    struct stat st;
    int next;

    while (rest.len > 0 && part.len == 0)
        part = str_cut(&rest, '/');
    *out_done = part.len == 0;
    if (*out_done || str_is(part, "."))
        goto drop;
    if (part.len > NAME_MAX)
        return err_set(err, ERR_INVALID, "a name on the way is too long");
    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(part));
    next = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (next == -1)
        return err_sys(err, "%s", name);
    if (fstat(next, &st) == 0 && S_ISLNK(st.st_mode)) {
        (void)close(next);
        return follow(w, name, &st, rest, err);
    }
    (void)close(w->fd);
    w->fd = next;
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_CONFLICT, "%s on the way is no directory", name);
drop:
    buf_drop(&w->rest, w->rest.len - rest.len);
    return true;
}

static int open_carefully(const char *dir, struct err *err)
{
    struct walk w = {
        .fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .rest = BUF_INIT(4 * PATH_MAX)};
    bool done = false, ok = w.fd != -1 || err_sys(err, "open /");
    int fd = -1;

    buf_add_text(&w.rest, dir);
    while (ok && !done)
        ok = step(&w, &done, err);
    if (ok) {
        fd = openat(w.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd == -1)
            (void)err_sys(err, "open");
    }
    if (w.fd != -1)
        (void)close(w.fd);
    buf_fini(&w.rest);
    return fd;
}

bool place_open(struct place *out, const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir;

    out->dir_fd = -1;
    if (path[0] != '/' || slash[1] == '\0' || strlen(slash + 1) > NAME_MAX)
        return err_set(err, ERR_INVALID, "%s: is no path of a file", path);
    (void)snprintf(out->leaf, sizeof out->leaf, "%s", slash + 1);
    dir = slash == path ? mem_copy_string("/") : mem_format("%.*s", (int)(slash - path), path);
    out->dir_fd = open_quickly(dir);
    if (out->dir_fd == -1 && (errno == ELOOP || errno == ENOSYS || errno == EPERM))
        out->dir_fd = open_carefully(dir, err);
    else if (out->dir_fd == -1)
        (void)err_sys(err, "open");
    if (out->dir_fd == -1)
        (void)err_in(err, "%s", dir);
    free(dir);
    return out->dir_fd != -1;
}

void place_close(struct place *p)
{
    if (p->dir_fd != -1)
        (void)close(p->dir_fd); /* a directory: nothing is lost */
    p->dir_fd = -1;
}

bool place_sync(const struct place *p, struct err *err)
{
    return fsync(p->dir_fd) == 0 || err_sys(err, "fsync of the directory");
}

void place_temporary(const struct place *p, char out[NAME_MAX + 1])
{
    char digest[HASH_TEXT_BYTES];
    struct hash h = hash_of(p->leaf, strlen(p->leaf));

    hash_format(&h, digest);
    (void)snprintf(out, NAME_MAX + 1, ".tend-%.16s.tmp", digest);
}

/* ---- what lies there ---- */

const char *trace_type_name(enum trace_type type)
{
    static const char *const names[] = {
        [TRACE_NONE] = "nothing",
        [TRACE_FILE] = "a file",
        [TRACE_LINK] = "a symbolic link",
        [TRACE_DIRECTORY] = "a directory",
        [TRACE_OTHER] = "a device, socket or pipe",
    };

    return names[type];
}

static enum trace_type type_of(mode_t mode)
{
    return S_ISREG(mode)   ? TRACE_FILE
           : S_ISLNK(mode) ? TRACE_LINK
           : S_ISDIR(mode) ? TRACE_DIRECTORY
                           : TRACE_OTHER;
}

static void take_stat(struct trace *out, const struct stat *st)
{
    *out = (struct trace){
        .type = type_of(st->st_mode),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .bytes = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
        .device = st->st_dev,
        .inode = st->st_ino,
        .links = st->st_nlink,
    };
}

static bool read_content(int fd, struct arena *a, struct trace *out, struct err *err)
{
    struct buf content = BUF_INIT(PLACE_CONTENT_BYTES_MAX);
    char *room = buf_room(&content, (size_t)out->bytes + 1);
    ssize_t got = 0;

    while (room != NULL && (got = read(fd, room, (size_t)out->bytes + 1 - content.len)) > 0) {
        buf_grew(&content, (size_t)got);
        if (content.len > (size_t)out->bytes)
            break; /* it grows while it is read */
        room = buf_room(&content, (size_t)out->bytes + 1 - content.len);
    }
    if (got < 0) {
        buf_fini(&content);
        return err_sys(err, "read");
    }
    out->content = arena_copy_str(a, buf_str(&content));
    out->bytes = (int64_t)content.len;
    out->hash = hash_of(content.at, content.len);
    buf_fini(&content);
    return true;
}

static bool take_file(const struct place *p, struct arena *a, struct trace *out, struct err *err)
{
    int fd = openat(p->dir_fd, p->leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    bool ok;

    if (fd == -1)
        return err_sys(err, "open %s", p->leaf);
    ok = fstat(fd, &st) == 0 || err_sys(err, "stat %s", p->leaf);
    if (ok && !S_ISREG(st.st_mode))
        ok = err_set(err, ERR_CONFLICT, "%s is being changed", p->leaf);
    if (ok) {
        take_stat(out, &st);
        out->too_large = st.st_size >= PLACE_CONTENT_BYTES_MAX;
        ok = out->too_large || read_content(fd, a, out, err);
    }
    (void)close(fd);
    return ok;
}

bool trace_take(const struct place *p, struct arena *a, struct trace *out, struct err *err)
{
    char target[PATH_MAX];
    struct stat st;
    ssize_t len;

    *out = (struct trace){0};
    if (fstatat(p->dir_fd, p->leaf, &st, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT || err_sys(err, "stat %s", p->leaf);
    take_stat(out, &st);
    if (out->type == TRACE_FILE)
        return take_file(p, a, out, err);
    if (out->type != TRACE_LINK)
        return true;
    len = readlinkat(p->dir_fd, p->leaf, target, sizeof target - 1);
    if (len < 0)
        return err_sys(err, "readlink %s", p->leaf);
    out->target = arena_copy_str(a, (struct str){target, (size_t)len}).at;
    return true;
}

bool trace_same(const struct trace *a, const struct trace *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case TRACE_FILE:
        return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->bytes == b->bytes &&
               hash_eq(&a->hash, &b->hash) && (!a->too_large || a->mtime_ns == b->mtime_ns);
    case TRACE_LINK:
        return a->uid == b->uid && a->gid == b->gid && a->target != NULL && b->target != NULL &&
               strcmp(a->target, b->target) == 0;
    case TRACE_DIRECTORY:
        return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
    default:
        return true;
    }
}

/* ---- as nodes ---- */

static const char *const type_words[] = {
    [TRACE_NONE] = "none",
    [TRACE_FILE] = "file",
    [TRACE_LINK] = "link",
    [TRACE_DIRECTORY] = "directory",
    [TRACE_OTHER] = "other",
};

struct node *trace_node(struct arena *a, const struct trace *t)
{
    char digest[HASH_TEXT_BYTES];
    struct node *n = node_map(a);

    if (t->type == TRACE_NONE)
        return NULL;
    (void)node_put(a, n, STR("type"), node_text(a, str_from(type_words[t->type])));
    if (t->type == TRACE_LINK)
        (void)node_put(a, n, STR("target"), node_text(a, str_from(t->target)));
    else
        (void)node_put(
            a, n, STR("mode"), node_text(a, str_from(arena_format(a, "%04o", (unsigned)t->mode))));
    if (t->type == TRACE_FILE && t->too_large)
        (void)node_put(a, n, STR("mtime_ns"), node_int(a, t->mtime_ns));
    else if (t->type == TRACE_FILE) {
        hash_format(&t->hash, digest);
        (void)node_put(a, n, STR("sha256"), node_text(a, arena_copy_str(a, str_from(digest))));
    }
    if (t->type == TRACE_FILE)
        (void)node_put(a, n, STR("bytes"), node_int(a, t->bytes));
    (void)node_put(a, n, STR("uid"), node_int(a, t->uid));
    (void)node_put(a, n, STR("gid"), node_int(a, t->gid));
    return n;
}

static int64_t number_of(const struct node *n, const char *key)
{
    const struct node *value = node_get(n, key);
    int64_t number = 0;

    return value != NULL && node_to_int(value, &number) ? number : 0;
}

void trace_from_node(const struct node *n, struct trace *out)
{
    const struct node *type = node_get(n, "type"), *mode = node_get(n, "mode"),
                      *hash = node_get(n, "sha256"), *target = node_get(n, "target");

    *out = (struct trace){0};
    for (size_t i = 0; type != NULL && i < sizeof type_words / sizeof type_words[0]; i++)
        if (str_is(type->text, type_words[i]))
            out->type = (enum trace_type)i;
    if (mode != NULL)
        out->mode = (mode_t)strtoul(mode->text.at, NULL, 8);
    if (hash == NULL || !hash_parse(hash->text, &out->hash))
        out->hash = (struct hash){0};
    out->target = target != NULL ? target->text.at : NULL;
    out->uid = (uid_t)number_of(n, "uid");
    out->gid = (gid_t)number_of(n, "gid");
    out->bytes = number_of(n, "bytes");
    out->mtime_ns = number_of(n, "mtime_ns");
    out->too_large = out->mtime_ns != 0;
}

/* ---- keeping ---- */

bool place_keep(const struct place *p, const char *dir, struct hash *out, struct err *err)
{
    int fd = openat(p->dir_fd, p->leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct buf content = BUF_INIT(PLACE_KEPT_BYTES_MAX);
    char digest[HASH_TEXT_BYTES], name[32], *path;
    bool ok;

    if (fd == -1)
        return err_sys(err, "open %s", p->leaf);
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ok = fs_read(name, &content, err) ||
         err_in(err, "what %s holds is kept before it is changed", p->leaf);
    (void)close(fd);
    if (ok) {
        *out = hash_of(content.at, content.len);
        hash_format(out, digest);
        path = mem_format("%s/%s", dir, digest);
        /* Another worker may keep the same content at the same time. */
        ok = fs_exists(path) || fs_write(path, buf_str(&content), 0600, err) || fs_exists(path);
        free(path);
    }
    buf_fini(&content);
    return ok;
}
