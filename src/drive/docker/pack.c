#include "drive/docker/pack.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/vec.h"
#include "drive/docker/ignore.h"
#include "io/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES  512
#define COPY_BYTES   65536
#define DEPTH_MAX    64
#define NAME_BYTES   100
#define IGNORE_BYTES (1u << 20)

struct packing {
    struct pack *pack;
    struct arena *arena;
    struct ignore ignore;
    struct str dockerfile;
    size_t entries;
    char *copy; /* COPY_BYTES */
};

/* ---- the archive ---- */

/* Everything that is written goes into the digest, piece by piece. */
static bool put(struct packing *k, const void *bytes, size_t len, struct err *err)
{
    struct pack *p = k->pack;
    struct str parts[] = {
        {(const char *)p->digest.at, sizeof p->digest.at},
        {bytes,                      len                }
    };

    if (p->bytes + (int64_t)len > PACK_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the build context is larger than %lld GiB",
            (long long)(PACK_BYTES_MAX >> 30));
    TRY(fs_write_all(p->fd, parts[1], err));
    p->digest = hash_of_parts(parts, 2);
    p->bytes += (int64_t)len;
    return true;
}

static bool put_padding(struct packing *k, int64_t size, struct err *err)
{
    static const char zeros[BLOCK_BYTES];
    size_t over = (size_t)(size % BLOCK_BYTES);

    return over == 0 || put(k, zeros, BLOCK_BYTES - over, err);
}

/* Octal, or (GNU) binary where that has no room. */
static void set_number(char *field, size_t bytes, uint64_t value)
{
    if (value < (UINT64_C(1) << (3 * (bytes - 1)))) {
        (void)snprintf(field, bytes, "%0*llo", (int)bytes - 1, (unsigned long long)value);
        return;
    }
    for (size_t i = bytes; i-- > 1; value >>= 8)
        field[i] = (char)(value & 0xff);
    field[0] = (char)0x80;
}

static void set_checksum(char *block)
{
    unsigned sum = 0;

    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        sum += (unsigned char)block[i];
    (void)snprintf(block + 148, 7, "%06o", sum);
}

static bool put_head(struct packing *k, const char *name, const char *link, char type,
    const struct stat *st, int64_t size, struct err *err)
{
    char block[BLOCK_BYTES] = {0};

    memcpy(block, name, strnlen(name, NAME_BYTES));
    set_number(block + 100, 8, st->st_mode & 07777);
    set_number(block + 108, 8, 0); /* owners are root's, as the engine's own client sends them */
    set_number(block + 116, 8, 0);
    set_number(block + 124, 12, (uint64_t)size);
    set_number(block + 136, 12, 0);
    block[156] = type;
    memcpy(block + 157, link, strnlen(link, NAME_BYTES));
    memcpy(block + 257, "ustar  ", 8);
    set_checksum(block);
    return put(k, block, sizeof block, err);
}

/* A name that has no room in its field goes before the entry, as GNU does. */
static bool put_long(struct packing *k, const char *name, char type, struct err *err)
{
    static const struct stat none;
    size_t len = strlen(name) + 1;

    if (len <= NAME_BYTES)
        return true;
    return put_head(k, "././@LongLink", "", type, &none, (int64_t)len, err) &&
           put(k, name, len, err) && put_padding(k, (int64_t)len, err);
}

static bool put_entry(struct packing *k, const char *name, const char *link, char type,
    const struct stat *st, int64_t size, struct err *err)
{
    return put_long(k, link, 'K', err) && put_long(k, name, 'L', err) &&
           put_head(k, name, link, type, st, size, err);
}

/* ---- the folder ---- */

/* A file that shrinks while it is read is filled up, one that grows is cut. */
static bool put_bytes(struct packing *k, int fd, int64_t size, struct err *err)
{
    for (int64_t left = size; left > 0;) {
        size_t want = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
        TRY(cancel_check(k->pack->cancel, err));
        ssize_t n = read(fd, k->copy, want);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return err_sys(err, "read");
        if (n == 0) {
            memset(k->copy, 0, want);
            n = (ssize_t)want;
        }
        TRY(put(k, k->copy, (size_t)n, err));
        left -= n;
    }
    return put_padding(k, size, err);
}

static bool put_file(
    struct packing *k, int dir_fd, const char *base, const char *name, struct err *err)
{
    int fd = openat(dir_fd, base, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    bool ok = false;

    if (fd == -1 || fstat(fd, &st) != 0)
        (void)err_sys(err, "open");
    else
        ok = put_entry(k, name, "", '0', &st, st.st_size, err) && put_bytes(k, fd, st.st_size, err);
    if (fd != -1)
        (void)close(fd);
    return ok || err_in(err, "build context: %s", name);
}

static bool put_link(struct packing *k, int dir_fd, const char *base, const char *name,
    const struct stat *st, struct err *err)
{
    char target[4096];
    ssize_t n = readlinkat(dir_fd, base, target, sizeof target - 1);

    if (n < 0)
        return err_sys(err, "build context: %s: readlink", name);
    target[n] = '\0';
    return put_entry(k, name, target, '2', st, 0, err);
}

static bool put_folder(struct packing *k, int dir_fd, const char *base, const char *name,
    size_t depth, struct err *err);

static bool is_left_out(const struct packing *k, struct str path)
{
    if (str_eq(path, k->dockerfile) || str_is(path, ".dockerignore"))
        return false;
    return ignore_matches(&k->ignore, path);
}

static bool put_one(struct packing *k, int dir_fd, const char *base, const char *name, size_t depth,
    struct err *err)
{
    bool left_out = is_left_out(k, str_from(name)), above_dockerfile;
    struct stat st;

    if (fstatat(dir_fd, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || err_sys(err, "build context: %s", name);
    above_dockerfile = str_starts(k->dockerfile, name) && k->dockerfile.at[strlen(name)] == '/';
    if (left_out && (!S_ISDIR(st.st_mode) || (!k->ignore.has_exceptions && !above_dockerfile)))
        return true;
    if (++k->entries > PACK_ENTRIES_MAX)
        return err_set(err, ERR_LIMIT,
            "the build context has more than %d files: leave some out "
            "by .dockerignore",
            PACK_ENTRIES_MAX);
    if (S_ISREG(st.st_mode))
        return put_file(k, dir_fd, base, name, err);
    if (S_ISLNK(st.st_mode))
        return put_link(k, dir_fd, base, name, &st, err);
    if (!S_ISDIR(st.st_mode))
        return true; /* sockets, pipes and devices are not sent */
    if (!left_out)
        TRY(put_entry(k, arena_format(k->arena, "%s/", name), "", '5', &st, 0, err));
    return put_folder(k, dir_fd, base, name, depth + 1, err);
}

struct names {
    VEC_OF(char *);
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_names(DIR *dir, struct names *out)
{
    struct dirent *entry;

    while ((entry = readdir(dir)) != NULL && out->count < PACK_ENTRIES_MAX + 1)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            vec_push(out, mem_format("%s", entry->d_name));
    if (out->count > 0)
        qsort(out->at, out->count, sizeof *out->at, compare);
}

/* `name` "" is the context itself. */
static bool put_folder(struct packing *k, int dir_fd, const char *base, const char *name,
    size_t depth, struct err *err)
{
    int fd =
        openat(dir_fd, base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0));
    DIR *dir = fd != -1 && depth <= DEPTH_MAX ? fdopendir(fd) : NULL;
    struct names names = {0};
    bool ok = true;

    if (dir == NULL) {
        if (fd != -1)
            (void)close(fd);
        return depth > DEPTH_MAX
                   ? err_set(err, ERR_LIMIT, "the build context is too deep: %s", name)
                   : err_sys(err, "build context: %s", name[0] != '\0' ? name : base);
    }
    read_names(dir, &names);
    for (size_t i = 0; ok && i < names.count; i++)
        ok = put_one(k, dirfd(dir), names.at[i],
            arena_format(k->arena, "%s%s%s", name, name[0] != '\0' ? "/" : "", names.at[i]), depth,
            err);
    VEC_EACH (&names, char *, one)
        free(*one);
    vec_fini(&names);
    (void)closedir(dir);
    return ok;
}

/* ---- together ---- */

static bool read_ignore(struct packing *k, struct err *err)
{
    char *path = mem_format("%s/.dockerignore", k->pack->dir);
    struct buf text = BUF_INIT(IGNORE_BYTES);
    bool ok = !fs_exists(path) ||
              (fs_read(path, &text, err) && ignore_read(k->arena, buf_str(&text), &k->ignore, err));

    buf_fini(&text);
    free(path);
    return ok;
}

static bool put_inline(struct packing *k, struct err *err)
{
    const char *text = k->pack->inline_text;
    struct stat st = {.st_mode = 0644};
    int64_t len;

    if (text == NULL)
        return true;
    len = (int64_t)strlen(text);
    return put_entry(k, PACK_INLINE_NAME, "", '0', &st, len, err) &&
           put(k, text, (size_t)len, err) && put_padding(k, len, err);
}

bool pack_context(struct pack *p, struct err *err)
{
    static const char end[2 * BLOCK_BYTES];
    struct packing k = {.pack = p,
        .arena = arena_create(1 << 16),
        .dockerfile = str_from(p->dockerfile),
        .copy = mem_new_array(COPY_BYTES, char)};
    bool ok = read_ignore(&k, err) && put_folder(&k, AT_FDCWD, p->dir, "", 0, err) &&
              put_inline(&k, err) && put(&k, end, sizeof end, err);

    free(k.copy);
    arena_destroy(&k.arena);
    return ok;
}
