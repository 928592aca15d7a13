#include "cli/watch_files.h"

#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS                                                                               \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK | \
        IN_DONT_FOLLOW)
#define BUFFER_BYTES 65536
#define DEPTH_MAX    64

struct watched {
    int number;
    char *path;
};

struct watch_files {
    int fd;
    watch_wants_fn wants;
    watch_tell_fn tell;
    void *data;
    struct {
        VEC_OF(struct watched);
    } dirs;
    struct {
        VEC_OF(char *);
    } roots; /* as they were added, for when events are lost */
};

bool watch_files_create(
    struct watch_files **out, watch_wants_fn wants, watch_tell_fn tell, void *data, struct err *err)
{
    struct watch_files *w = mem_new(struct watch_files);

    w->wants = wants;
    w->tell = tell;
    w->data = data;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    *out = w;
    return w->fd != -1 || err_sys(err, "inotify");
}

void watch_files_destroy(struct watch_files **out)
{
    struct watch_files *w = *out;

    if (w == NULL)
        return;
    if (w->fd != -1)
        (void)close(w->fd);
    VEC_EACH (&w->dirs, struct watched, dir)
        free(dir->path);
    VEC_EACH (&w->roots, char *, path)
        free(*path);
    vec_fini(&w->dirs);
    vec_fini(&w->roots);
    free(w);
    *out = NULL;
}

/* ---- directories ---- */

static struct watched *find(struct watch_files *w, int number)
{
    VEC_EACH (&w->dirs, struct watched, dir)
        if (dir->number == number)
            return dir;
    return NULL;
}

static MUST_USE bool watch_dir(struct watch_files *w, const char *path, struct err *err)
{
    int number = inotify_add_watch(w->fd, path, EVENTS | IN_ONLYDIR);

    if (number == -1 && (errno == ENOENT || errno == ENOTDIR))
        return true; /* gone again */
    if (number == -1 && errno == ENOSPC)
        return err_set(err, ERR_LIMIT,
            "%s: the kernel watches no more (raise fs.inotify.max_user_watches)", path);
    if (number == -1)
        return err_sys(err, "%s", path);
    struct watched *known = find(w, number);
    if (known != NULL) {
        free(known->path);
        known->path = mem_copy_string(path); /* it may have been moved */
        return true;
    }
    if (w->dirs.count >= WATCH_DIRECTORIES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d directories to watch: name some in `ignore`",
            WATCH_DIRECTORIES_MAX);
    vec_push(&w->dirs, (struct watched){number, mem_copy_string(path)});
    return true;
}

static bool is_dir(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* `watch`: directories on the way are watched; `tell`: files are told. */
static MUST_USE bool walk(
    struct watch_files *w, const char *path, bool watch, bool tell, int depth, struct err *err)
{
    struct dirent *entry;

    if (watch)
        TRY(watch_dir(w, path, err));
    DIR *dir = opendir(path);
    bool ok = true;
    while (ok && dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *inner = mem_format("%s/%s", path, entry->d_name);
        bool deeper = is_dir(inner);
        if (deeper && depth < DEPTH_MAX && w->wants(w->data, inner, true))
            ok = walk(w, inner, watch, tell, depth + 1, err);
        else if (!deeper && tell && w->wants(w->data, inner, false))
            w->tell(w->data, inner);
        free(inner);
    }
    if (dir != NULL)
        (void)closedir(dir); /* opened for reading */
    return ok;
}

bool watch_files_add(struct watch_files *w, const char *path, struct err *err)
{
    struct stat st;

    if (stat(path, &st) == -1)
        return err_sys(err, "%s", path);
    vec_push(&w->roots, mem_copy_string(path));
    if (S_ISDIR(st.st_mode))
        return walk(w, path, true, false, 0, err);
    char *above = mem_copy_string(path);
    *(strrchr(above, '/') == above ? above + 1 : strrchr(above, '/')) = '\0';
    bool ok = watch_dir(w, above, err);
    free(above);
    return ok;
}

void watch_files_each(struct watch_files *w, const char *path)
{
    struct err err = ERR_INIT;

    if (is_dir(path))
        (void)!walk(w, path, false, true, 0, &err); /* only watching can fail */
    else if (w->wants(w->data, path, false))
        w->tell(w->data, path);
}

/* ---- events ---- */

static void take(struct watch_files *w, const struct inotify_event *e)
{
    struct err err = ERR_INIT;
    const struct watched *dir = find(w, e->wd);

    if (e->mask & IN_Q_OVERFLOW) { /* some were lost: all may have changed */
        VEC_EACH (&w->roots, char *, root)
            watch_files_each(w, *root);
        return;
    }
    if (dir == NULL || e->len == 0)
        return;
    char *path = mem_format("%s/%s", strcmp(dir->path, "/") == 0 ? "" : dir->path, e->name);
    bool came = e->mask & (IN_CREATE | IN_MOVED_TO);
    if (!(e->mask & IN_ISDIR)) {
        if (w->wants(w->data, path, false))
            w->tell(w->data, path);
    } else if (w->wants(w->data, path, true)) {
        /* What cannot be watched is at least told once. */
        if (came && !walk(w, path, true, true, 0, &err))
            w->tell(w->data, path);
        else if (!came)
            w->tell(w->data, path);
    }
    free(path);
}

bool watch_files_wait(struct watch_files *w, int timeout_ms)
{
    static char bytes[BUFFER_BYTES] __attribute__((aligned(8)));
    struct pollfd slot = {.fd = w->fd, .events = POLLIN};

    if (poll(&slot, 1, timeout_ms) <= 0)
        return false;
    ssize_t got = read(w->fd, bytes, sizeof bytes);
    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *e = (const void *)(bytes + at);
        take(w, e);
        at += (ssize_t)sizeof *e + e->len;
    }
    return got > 0;
}
