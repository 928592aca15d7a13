#include "observe/logs/log_chain.h"

#include "observe/logs/cri.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_ATTEMPTS 50
#define BISECT_BYTES  (64 << 10) /* holds a longest record of our writer, and a start before it */
#define BISECT_SPAN   (64 << 10)

struct files {
    VEC_OF(struct log_file);
};

static bool open_one(const char *path, int number, struct log_file *out, struct err *err)
{
    char *name = number == 0 ? mem_copy_string(path) : mem_format("%s.%d", path, number);
    struct stat st;

    out->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    free(name);
    if (out->fd == -1)
        return err_sys(err, "open");
    (void)fstat(out->fd, &st); /* an open file has one */
    out->device = st.st_dev;
    out->inode = st.st_ino;
    out->size = st.st_size;
    return true;
}

static bool same_file(const struct log_file *a, const struct log_file *b)
{
    return a->device == b->device && a->inode == b->inode;
}

static void close_files(struct files *files)
{
    VEC_EACH (files, struct log_file, f)
        if (f->fd != -1)
            (void)close(f->fd);
    vec_fini(files);
}

enum listing { LISTED, UNSTEADY, FAILED };

/* Newest first, down to `stop` (which is left out). A name may be missing for a moment while the
 * writer renames; then, or when the newest has changed meanwhile, the listing is unsteady. */
static enum listing list_files(
    const char *path, const struct log_file *stop, struct files *out, struct err *err)
{
    for (int number = 0; number < LOG_CHAIN_FILES_MAX; number++) {
        struct log_file f;
        struct err why = ERR_INIT;
        if (!open_one(path, number, &f, &why)) {
            if (why.sys != ENOENT) {
                if (err != NULL)
                    *err = why;
                return FAILED;
            }
            if (number == 0)
                continue; /* rotated, and not begun anew yet */
            if (!open_one(path, number + 1, &f, NULL))
                return LISTED;
            (void)close(f.fd);
            return UNSTEADY;
        }
        if ((stop != NULL && same_file(&f, stop))) {
            (void)close(f.fd);
            return LISTED;
        }
        if (out->count > 0 && same_file(&f, &out->at[out->count - 1])) {
            (void)close(f.fd);
            return UNSTEADY;
        }
        vec_push(out, f);
    }
    return LISTED;
}

static bool newest_is_still(const char *path, const struct files *files)
{
    struct stat st;

    if (files->count == 0 || stat(path, &st) == -1)
        return true;
    return st.st_ino == files->at[0].inode && st.st_dev == files->at[0].device;
}

/* Appends to the chain what is newer than `stop`. */
static bool add_files(struct log_chain *c, const struct log_file *stop, struct err *err)
{
    for (int attempt = 0;; attempt++) {
        struct files found = {0};
        enum listing listing = list_files(c->path, stop, &found, err);
        if (listing == FAILED) {
            close_files(&found);
            return err_in(err, "%s", c->path);
        }
        if (attempt == OPEN_ATTEMPTS || (listing == LISTED && newest_is_still(c->path, &found))) {
            for (size_t i = found.count; i-- > 0;)
                vec_push(&c->files, found.at[i]);
            vec_fini(&found);
            return true;
        }
        close_files(&found);
        (void)usleep(200); /* a rotation is a few renames */
    }
}

bool log_chain_open(struct log_chain *c, const char *path, struct err *err)
{
    *c = (struct log_chain){.path = mem_copy_string(path)};
    return add_files(c, NULL, err);
}

void log_chain_close(struct log_chain *c)
{
    VEC_EACH (&c->files, struct log_file, f)
        if (f->fd != -1)
            (void)close(f->fd);
    vec_fini(&c->files);
    free(c->path);
    c->path = NULL;
}

bool log_chain_refresh(struct log_chain *c, bool *out_grew, struct err *err)
{
    size_t before = c->files.count;
    struct log_file last = {.fd = -1};
    struct stat st;

    *out_grew = false;
    if (before > 0) {
        last = c->files.at[before - 1];
        if (stat(c->path, &st) == -1 || (st.st_ino == last.inode && st.st_dev == last.device))
            return true;
    }
    TRY(add_files(c, before > 0 ? &last : NULL, err));
    *out_grew = c->files.count > before;
    return true;
}

struct log_place log_chain_back(const struct log_chain *c, struct log_place from, int64_t bytes)
{
    while (bytes > from.offset && from.file > 0) {
        bytes -= from.offset;
        from.file--;
        from.offset = c->files.at[from.file].size;
    }
    from.offset = bytes < from.offset ? from.offset - bytes : 0;
    return from;
}

struct log_place log_chain_end(const struct log_chain *c)
{
    if (c->files.count == 0)
        return (struct log_place){0};
    return (struct log_place){c->files.count - 1, c->files.at[c->files.count - 1].size};
}

/* ---- bisection ---- */

/* The first record at or behind `from` that has a time: 1 and its place and time; 0: none near. */
static int first_time(
    int fd, int64_t from, char *bytes, int64_t *out_offset, int64_t *out_ns, struct err *err)
{
    struct cri_clock clock = {0};
    ssize_t n = pread(fd, bytes, BISECT_BYTES, from);

    if (n == -1) {
        err_sys(err, "read");
        return -1;
    }
    struct str rest = {bytes, (size_t)n};
    if (from > 0)
        (void)str_cut(&rest, '\n'); /* we came into the middle of a record */
    while (rest.len > 0) {
        const char *start = rest.at;
        struct cri_record r = cri_parse(str_cut(&rest, '\n'), &clock);
        if (r.malformed)
            continue;
        *out_offset = from + (start - bytes);
        *out_ns = r.at_ns;
        return 1;
    }
    return 0;
}

static bool bisect(
    const struct log_file *f, int64_t since_ns, char *bytes, int64_t *out_offset, struct err *err)
{
    int64_t low = 0, high = f->size, offset, at_ns;

    while (high - low > BISECT_SPAN) {
        int64_t middle = low + (high - low) / 2;
        int found = first_time(f->fd, middle, bytes, &offset, &at_ns, err);
        if (found == -1)
            return false;
        if (found == 1 && at_ns < since_ns && offset < high)
            low = offset;
        else
            high = middle;
    }
    *out_offset = low;
    return true;
}

bool log_chain_since(
    const struct log_chain *c, int64_t since_ns, struct log_place *out, struct err *err)
{
    int64_t offset, at_ns = 0;
    bool ok = true;

    *out = (struct log_place){0};
    char *bytes = mem_alloc(1, BISECT_BYTES);
    for (size_t i = c->files.count; i-- > 0;) {
        int found = first_time(c->files.at[i].fd, 0, bytes, &offset, &at_ns, err);
        ok = found != -1;
        if (!ok)
            break;
        if (found == 1 && at_ns < since_ns) {
            out->file = i;
            ok = bisect(&c->files.at[i], since_ns, bytes, &out->offset, err);
            break;
        }
    }
    free(bytes);
    return ok || err_in(err, "%s", c->path);
}

void log_chain_forget_before(struct log_chain *c, size_t file)
{
    for (size_t i = file; i-- > 0 && c->files.at[i].fd != -1;) {
        (void)close(c->files.at[i].fd);
        c->files.at[i].fd = -1;
    }
}
