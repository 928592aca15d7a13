#include "base/fs.h"

#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 16384

bool fs_read_at(int dir_fd, const char *path, struct buf *out, struct err *err)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return err_sys(err, "%s", path);
    for (;;) {
        size_t left = out->bytes_max - out->len;
        size_t want = left < READ_BYTES ? left : READ_BYTES;
        char probe;
        char *room = want > 0 ? buf_room(out, want) : &probe;
        ssize_t got = read(fd, room, want > 0 ? want : 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_sys(err, "%s: read", path);
            break;
        }
        if (got > 0 && want == 0) {
            err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", path, out->bytes_max);
            break;
        }
        if (want > 0)
            buf_grew(out, (size_t)got);
        if (got == 0) {
            (void)close(fd);
            return true;
        }
    }
    (void)close(fd);
    return false;
}

bool fs_read(const char *path, struct buf *out, struct err *err)
{
    return fs_read_at(AT_FDCWD, path, out, err);
}

bool fs_write_all(int fd, struct str bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.at, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_sys(err, "write");
        bytes = str_tail(bytes, (size_t)put);
    }
    return true;
}

static bool write_file(const char *path, struct str bytes, mode_t mode, bool sync, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd == -1)
        return err_sys(err, "%s", path);
    bool ok = fs_write_all(fd, bytes, err);
    if (ok && sync && fsync(fd) == -1)
        ok = err_sys(err, "fsync");
    if (close(fd) == -1 && ok)
        ok = err_sys(err, "close");
    return ok || err_in(err, "%s", path);
}

static bool replace_file(
    const char *path, struct str bytes, mode_t mode, bool sync, struct err *err)
{
    char *temporary = mem_format("%s.tmp.%d", path, (int)getpid());
    bool ok = write_file(temporary, bytes, mode, sync, err);

    if (ok && rename(temporary, path) == -1)
        ok = err_sys(err, "rename to %s", path);
    if (!ok)
        (void)unlink(temporary); /* nothing to say beyond the first error */
    free(temporary);
    return ok;
}

bool fs_write_volatile(const char *path, struct str bytes, mode_t mode, struct err *err)
{
    return replace_file(path, bytes, mode, false, err);
}

bool fs_sync_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1)
        return err_sys(err, "%s", path);
    bool ok = fsync(fd) == 0 || err_sys(err, "fsync %s", path);
    (void)close(fd);
    return ok;
}

bool fs_write(const char *path, struct str bytes, mode_t mode, struct err *err)
{
    TRY(replace_file(path, bytes, mode, true, err));
    char *dir = mem_copy_string(path);
    char *slash = strrchr(dir, '/');
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = '\0';
    bool ok = fs_sync_dir(slash != NULL ? dir : ".", err);
    free(dir);
    return ok;
}

bool fs_put(const char *path, struct str bytes, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd == -1)
        return err_sys(err, "%s", path);
    ssize_t put = write(fd, bytes.at, bytes.len);
    bool ok = put == (ssize_t)bytes.len;
    if (put < 0)
        (void)err_sys(err, "%s: write", path);
    else if (!ok)
        (void)err_set(err, ERR_IO, "%s: took %zd of %zu bytes", path, put, bytes.len);
    (void)close(fd);
    return ok;
}

bool fs_make_dirs(const char *path, mode_t mode, struct err *err)
{
    struct stat st;

    if (path[0] == '\0')
        return err_set(err, ERR_INVALID, "mkdir: the path is empty");
    char *partial = mem_copy_string(path);
    bool ok = true;
    for (char *slash = partial; ok && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(partial, mode) == -1 && errno != EEXIST)
            ok = err_sys(err, "mkdir %s", partial);
        if (slash != NULL)
            *slash = '/';
    }
    free(partial);
    if (ok && (stat(path, &st) == -1 || !S_ISDIR(st.st_mode)))
        ok = err_set(err, ERR_CONFLICT, "mkdir %s: something else is there", path);
    return ok;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool fs_remove_tree(const char *path, struct err *err)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT)
        return true;
    return err_sys(err, "remove %s", path);
}

bool fs_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

char *fs_absolute(const char *base_dir, struct str path)
{
    struct buf out = BUF_INIT(strlen(base_dir) + path.len + 2);
    struct str rests[2] = {str_from(base_dir), path};

    if (path.len > 0 && path.at[0] == '/')
        rests[0] = STR("");
    for (size_t i = 0; i < 2; i++) {
        while (rests[i].len > 0) {
            struct str part = str_cut(&rests[i], '/');
            if (part.len == 0 || str_is(part, "."))
                continue;
            if (str_is(part, "..")) {
                while (out.len > 0 && out.at[out.len - 1] != '/')
                    out.len--;
                if (out.len > 0)
                    out.len--;
                continue;
            }
            buf_add_byte(&out, '/');
            buf_add_str(&out, part);
        }
    }
    if (out.len == 0)
        buf_add_byte(&out, '/');
    out.at[out.len] = '\0';
    return buf_take(&out);
}
