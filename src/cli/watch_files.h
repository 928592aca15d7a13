/* watch_files.h - directories watched with all that is in them (inotify). One thread. */
#ifndef TEND_CLI_WATCH_FILES_H
#define TEND_CLI_WATCH_FILES_H

#include "base/err.h"

#include <stdbool.h>

#define WATCH_DIRECTORIES_MAX 16384

struct watch_files;

/* Whether a path is to be looked into (a directory) or told about (a file). */
typedef bool (*watch_wants_fn)(void *data, const char *path, bool is_dir);
/* Something happened at the path: it is there or was, is new, other or gone. */
typedef void (*watch_tell_fn)(void *data, const char *path);

MUST_USE bool watch_files_create(struct watch_files **out, watch_wants_fn wants, watch_tell_fn tell,
    void *data, struct err *err);
void watch_files_destroy(struct watch_files **w);
/* A directory with all below it, or a file (its directory is watched, so that one that is replaced
 * is seen). */
MUST_USE bool watch_files_add(struct watch_files *w, const char *path, struct err *err);
/* Waits for something to happen, at most so long (-1: for ever); tells what did. False: nothing
 * did, or a signal came. */
bool watch_files_wait(struct watch_files *w, int timeout_ms);
/* Each file below `path` that is wanted. */
void watch_files_each(struct watch_files *w, const char *path);

#endif
