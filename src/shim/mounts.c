/* The service's own view of the machine's files: a mount namespace, in which everything else is as
 * it is outside, and what is mounted outside later comes in too (slave).
 *
 *     files    tmpfs on FILES_DIR, written here, or a plain directory where there is no namespace
 *     sources  a detached copy of each bind's source, before anything hides it
 *     points   mount points that are missing are made, empty, and stay (as systemd does it)
 *     all else read-only, if so declared
 *     mounts   in their order: what lies in another one comes after it
 *
 * All of it runs between vfork and exec: bare system calls, static buffers. */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define TREE_CLONE      1u /* linux/mount.h */
#define TREE_CLOEXEC    (unsigned)O_CLOEXEC
#define FROM_EMPTY_PATH 4u
#define TO_SYMLINKS     0x10u
#define ATTR_READ_ONLY  1u
#define AT_ALL_BELOW    0x8000u /* AT_RECURSIVE */
#define AT_THE_FD       0x1000u /* AT_EMPTY_PATH */

struct attributes { /* struct mount_attr */
    uint64_t set, clear, propagation, userns_fd;
};

static char path[PATH_MAX];
static int sources[SHIM_MOUNTS_MAX];

/* ---- small things ---- */

IN_CHILD static char *add_text(char *at, const char *text)
{
    while (*text != '\0' && at < path + sizeof path - 1)
        *at++ = *text++;
    *at = '\0';
    return at;
}

/* Of the path that stands in `path`, below `from`. */
IN_CHILD static void make_parents(size_t from)
{
    for (char *c = path + from; *c != '\0'; c++)
        if (*c == '/' && c != path) {
            *c = '\0';
            (void)mkdir(path, 0755); /* there, or what needs it fails */
            *c = '/';
        }
}

IN_CHILD static int clone_tree(const char *from)
{
    return (int)syscall(SYS_open_tree, AT_FDCWD, from, TREE_CLONE | TREE_CLOEXEC | AT_ALL_BELOW);
}

/* Where a directory meets a file, "invalid argument" would say too little. */
IN_CHILD static bool put_tree(int fd, const char *to)
{
    struct stat from, there;

    if (syscall(SYS_move_mount, fd, "", AT_FDCWD, to, FROM_EMPTY_PATH | TO_SYMLINKS) == 0)
        return true;
    int why = errno;
    bool differ = why == EINVAL && fstat(fd, &from) == 0 && stat(to, &there) == 0 &&
                  S_ISDIR(from.st_mode) != S_ISDIR(there.st_mode);
    errno = !differ ? why : S_ISDIR(from.st_mode) ? ENOTDIR : EISDIR;
    return false;
}

IN_CHILD static bool make_read_only(int fd, const char *where, unsigned flags)
{
    struct attributes a = {.set = ATTR_READ_ONLY};

    return syscall(SYS_mount_setattr, fd, where, flags | AT_ALL_BELOW, &a, sizeof a) == 0;
}

/* ---- files ---- */

IN_CHILD static bool write_file(const struct spec *spec, const struct file_entry *f)
{
    size_t done = 0;
    char *below = add_text(path, spec->files_dir);

    (void)add_text(add_text(below, "/"), f->path);
    make_parents((size_t)(below - path) + 1);
    (void)unlink(path); /* of the start before */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    while (fd != -1 && done < f->length) {
        ssize_t got = write(fd, (const char *)f->bytes + done, f->length - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    if (fd == -1 || (syscall(SYS_geteuid) == 0 && fchown(fd, f->uid, f->gid) == -1) ||
        fchmod(fd, f->mode) == -1)
        return false;
    return close(fd) == 0;
}

IN_CHILD static bool write_files(const struct spec *spec, struct spawn_failure *out)
{
    bool is_private = spec->flags & SHIM_SPEC_MOUNTS;

    if (spec->file_count == 0)
        return true;
    out->step = SHIM_STEP_FILES;
    out->detail = 0;
    if (mkdir(spec->files_dir, 0700) == -1 && errno != EEXIST)
        return false;
    if (is_private && mount("tmpfs", spec->files_dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                          "mode=0755,size=8m") == -1)
        return false;
    for (uint32_t i = 0; i < spec->file_count; i++) {
        out->detail = i + 1;
        if (!write_file(spec, &spec->files[i]))
            return false;
    }
    return true;
}

/* ---- mounts ---- */

IN_CHILD static bool open_sources(const struct spec *spec, struct spawn_failure *out)
{
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        out->detail = i + 1;
        sources[i] = -1;
        if (spec->mounts[i].kind != SHIM_MOUNT_BIND)
            continue;
        sources[i] = clone_tree(spec->mounts[i].source);
        if (sources[i] == -1)
            return false;
    }
    return true;
}

IN_CHILD static bool is_below(const char *inner, const char *outer)
{
    while (*outer != '\0')
        if (*inner++ != *outer++)
            return false;
    return *inner == '/';
}

/* What fails here fails again, and is told, when something is put there. */
IN_CHILD static void make_point(const struct mount_entry *m, int source)
{
    struct stat st;
    bool is_file = source != -1 && fstat(source, &st) == 0 && !S_ISDIR(st.st_mode);

    (void)add_text(path, m->target);
    make_parents(1);
    if (!is_file) {
        (void)mkdir(path, 0755);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd != -1)
        (void)close(fd);
}

/* Those in no other mount; the others' are made in there. */
IN_CHILD static void make_outer_points(const struct spec *spec)
{
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        bool inside = false;
        for (uint32_t k = 0; k < spec->mount_count; k++)
            inside = inside || is_below(spec->mounts[i].target, spec->mounts[k].target);
        if (!inside)
            make_point(&spec->mounts[i], sources[i]);
    }
}

/* What the kernel itself shows stays as it is. */
IN_CHILD static bool make_all_read_only(const struct spec *spec)
{
    const char *kept[] = {"/dev", "/proc", "/sys"};
    int trees[sizeof kept / sizeof kept[0]];
    bool ok = true;

    if (!(spec->flags & SHIM_SPEC_READ_ONLY))
        return true;
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
        trees[i] = clone_tree(kept[i]);
    ok = make_read_only(AT_FDCWD, "/", 0);
    for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
        ok = ok && (trees[i] == -1 || put_tree(trees[i], kept[i]));
    return ok;
}

IN_CHILD static bool mount_one(const struct mount_entry *m, int source)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    make_point(m, source);
    if (m->kind == SHIM_MOUNT_BIND)
        return (!(m->flags & SHIM_MOUNT_READ_ONLY) || make_read_only(source, "", AT_THE_FD)) &&
               put_tree(source, m->target);
    if (m->kind != SHIM_MOUNT_TMPFS) {
        errno = ENOTSUP; /* a newer daemon's */
        return false;
    }
    if (m->flags & SHIM_MOUNT_SUID)
        flags &= ~(unsigned long)MS_NOSUID;
    if (m->flags & SHIM_MOUNT_DEV)
        flags &= ~(unsigned long)MS_NODEV;
    if (m->flags & SHIM_MOUNT_EXEC)
        flags &= ~(unsigned long)MS_NOEXEC;
    if (m->flags & SHIM_MOUNT_READ_ONLY)
        flags |= MS_RDONLY;
    return mount("tmpfs", m->target, "tmpfs", flags, m->options) == 0;
}

IN_CHILD static bool make_mounts(const struct spec *spec, struct spawn_failure *out)
{
    out->step = SHIM_STEP_MOUNTS;
    if (!open_sources(spec, out))
        return false;
    make_outer_points(spec);
    if (!make_all_read_only(spec)) {
        out->step = SHIM_STEP_READ_ONLY;
        return false;
    }
    for (uint32_t i = 0; i < spec->mount_count; i++) {
        out->detail = i + 1;
        if (!mount_one(&spec->mounts[i], sources[i]))
            return false;
    }
    return true;
}

IN_CHILD bool mounts_make(const struct spec *spec, struct spawn_failure *out)
{
    if (!(spec->flags & SHIM_SPEC_MOUNTS))
        return write_files(spec, out);
    mode_t mask = umask(022);
    out->step = SHIM_STEP_MOUNTS;
    bool ok = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
              write_files(spec, out) && make_mounts(spec, out);
    (void)umask(mask);
    return ok;
}
