/* file.h - the kinds `file` and `directory`: what lies on this machine's disk.
 *
 * A file has a content (written here or taken from `source` when the file is loaded) or is a
 * symbolic link with a `target`. It is written beside its place with its owner and mode set before
 * its first byte, brought to the disk, and renamed: nobody ever sees half of it, and a crash leaves
 * the old one or the new. What it held before is kept in STATE/objects by its SHA-256.
 *
 * A file that was there before tend is taken over, which the plan says, and left as it is when it
 * is no longer declared. A directory is removed only when it is empty. Workers. */
#ifndef TEND_DRIVE_HOST_FILE_H
#define TEND_DRIVE_HOST_FILE_H

#include "drive/kind.h"

extern const struct kind file_kind, directory_kind;

#endif
