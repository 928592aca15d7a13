#include "io/state_dir.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define FORMAT        1
#define LOCK_WAIT_MS  2000
#define LOCK_AGAIN_MS 5
#define HOLDER_BYTES  64

static char *path_of(const struct paths *p, const char *name)
{
    return mem_format("%s/%s", p->state_dir, name);
}

static bool check_format(const struct paths *p, const char *path, struct err *err)
{
    struct buf text = BUF_INIT(64);
    uint64_t format = 0;
    bool ok = true;

    if (!fs_exists(path))
        ok = fs_write(path, STR("1\n"), 0600, err);
    else if (!fs_read(path, &text, err))
        ok = false;
    else if (!str_to_uint(str_trim(buf_str(&text)), &format) || format == 0)
        ok = err_set(err, ERR_CORRUPT, "%s does not hold a format version", path);
    else if (format > FORMAT)
        ok = err_set(err, ERR_UNSUPPORTED,
            "%s was written by a newer tend (format %llu, this one knows %d)", p->state_dir,
            (unsigned long long)format, FORMAT);
    buf_fini(&text);
    return ok;
}

/* ---- the lock ---- */

/* "pid 812, project shop" */
static void read_holder(int fd, char out[HOLDER_BYTES])
{
    ssize_t got = pread(fd, out, HOLDER_BYTES - 1, 0);

    out[got > 0 ? got : 0] = 0;
    out[strcspn(out, "\n")] = 0;
}

/* False: somebody who lives holds it. A daemon that was killed between vfork and exec of a shim has
 * left it to that child for a moment, which must not pass for another daemon. */
static bool try_lock(int fd, char holder[HOLDER_BYTES])
{
    struct timespec pause = {.tv_nsec = LOCK_AGAIN_MS * NS_PER_MS};
    int64_t deadline_ms = clock_boot_ms() + LOCK_WAIT_MS;
    int pid;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        read_holder(fd, holder);
        if (clock_boot_ms() >= deadline_ms ||
            (sscanf(holder, "pid %d,", &pid) == 1 && kill(pid, 0) == 0))
            return false;
        (void)nanosleep(&pause, NULL); /* nothing tells when a lock is free */
    }
    return true;
}

static bool write_holder(int fd, const struct paths *p, struct err *err)
{
    char mine[128];

    (void)snprintf(mine, sizeof mine, "pid %d, project %s\n", getpid(), p->project);
    if (ftruncate(fd, 0) != 0)
        return err_sys(err, "truncate");
    return fs_write_all(fd, str_from(mine), err);
}

static bool take_lock(struct state_dir *s, const struct paths *p, const char *path, struct err *err)
{
    char holder[HOLDER_BYTES] = "";

    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd == -1)
        return err_sys(err, "%s", path);
    if (!try_lock(s->lock_fd, holder))
        return err_set(err, ERR_CONFLICT, "%s is in use by another tendd (%s)", p->state_dir,
            holder[0] != 0 ? holder : "unknown");
    return write_holder(s->lock_fd, p, err) || err_in(err, "%s", path);
}

/* ---- token and key ---- */

static bool make_secret(const char *path, char out[HASH_TEXT_BYTES], struct err *err)
{
    struct hash fresh;

    random_secret(fresh.at, sizeof fresh.at);
    hash_format(&fresh, out);
    return fs_write(path, str_from(out), 0600, err);
}

static bool read_secret(const char *path, char out[HASH_TEXT_BYTES], struct err *err)
{
    struct buf text = BUF_INIT(256);
    struct hash parsed;
    bool ok = fs_read(path, &text, err);

    if (ok && !hash_parse(str_trim(buf_str(&text)), &parsed))
        ok = err_set(
            err, ERR_CORRUPT, "%s: not 64 hexadecimal digits; remove it to get a new one", path);
    if (ok)
        hash_format(&parsed, out);
    buf_fini(&text);
    return ok;
}

/* ---- all of it ---- */

static bool open_each(
    struct state_dir *s, const struct paths *p, char *const names[5], struct err *err)
{
    char key[HASH_TEXT_BYTES];

    TRY(take_lock(s, p, names[0], err));
    TRY(check_format(p, names[1], err));
    TRY(fs_exists(names[2]) ? read_secret(names[2], s->token, err)
                            : make_secret(names[2], s->token, err));
    TRY(fs_exists(names[3]) ? read_secret(names[3], key, err) : make_secret(names[3], key, err));
    if (!hash_parse(str_from(key), &s->key))
        return err_set(err, ERR_CORRUPT, "%s", names[3]);
    return fs_make_dirs(names[4], 0700, err);
}

bool state_dir_open(struct state_dir *out, const struct paths *p, struct err *err)
{
    char *const names[5] = {path_of(p, "lock"), path_of(p, "version"), path_of(p, "token"),
        path_of(p, "key"), path_of(p, "objects")};
    bool ok;

    *out = (struct state_dir){.lock_fd = -1};
    ok = open_each(out, p, names, err);
    for (size_t i = 0; i < 5; i++)
        free(names[i]);
    return ok;
}

void state_dir_close(struct state_dir *s)
{
    if (s->lock_fd != -1)
        (void)close(s->lock_fd);
    s->lock_fd = -1;
}
