/* fs.h - files, whole: read bounded, written so that no partial write is ever visible.
 * Any thread; may block on the disk. */
#ifndef TEND_BASE_FS_H
#define TEND_BASE_FS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Appends the file's bytes to `out`; ERR_LIMIT past the buffer's bound. */
MUST_USE bool fs_read(const char *path, struct buf *out, struct err *err);
/* Same for small files of /proc and /sys, relative to `dir_fd` (AT_FDCWD for none). */
MUST_USE bool fs_read_at(int dir_fd, const char *path, struct buf *out, struct err *err);
/* Temporary file, fsync, rename, fsync of the directory: after true it survives a power cut. */
MUST_USE bool fs_write(const char *path, struct str bytes, mode_t mode, struct err *err);
/* Temporary file and rename only: atomic to see, not durable. For run directories. */
MUST_USE bool fs_write_volatile(const char *path, struct str bytes, mode_t mode, struct err *err);
/* One write(2) to an existing file: for /proc, /sys and cgroup files. */
MUST_USE bool fs_put(const char *path, struct str bytes, struct err *err);
/* As mkdir -p; existing directories are left as they are. */
MUST_USE bool fs_make_dirs(const char *path, mode_t mode, struct err *err);
/* As rm -r, never following links and never leaving the file system; missing is fine. */
MUST_USE bool fs_remove_tree(const char *path, struct err *err);
MUST_USE bool fs_sync_dir(const char *path, struct err *err);
bool fs_exists(const char *path);
/* All of it, or the error. */
MUST_USE bool fs_write_all(int fd, struct str bytes, struct err *err);
/* Absolute path without `.`, `..` and doubled slashes, by text alone: links are not followed. */
char *fs_absolute(const char *base_dir, struct str path);

#endif
