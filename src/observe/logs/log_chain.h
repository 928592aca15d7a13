/* log_chain.h - a slot's log files as one stream of bytes, across rotations.
 *
 *     SLOT.log.2    SLOT.log.1    SLOT.log          the names, at the time of opening
 *     [ oldest ]───▶[        ]───▶[ newest ]        the chain; known by inode from then on
 *
 * The writer renames and goes on in a new file, and never touches the old one again; so a file to
 * which a newer one exists is complete. Files stay open while they are needed, hence rotated away
 * or even deleted ones are still read. One thread at a time. */
#ifndef TEND_OBSERVE_LOGS_LOG_CHAIN_H
#define TEND_OBSERVE_LOGS_LOG_CHAIN_H

#include "base/err.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LOG_CHAIN_FILES_MAX 1000

struct log_file {
    int fd;
    dev_t device;
    ino_t inode;
    int64_t size; /* when it was opened */
};

/* A place in the chain. */
struct log_place {
    size_t file;
    int64_t offset;
};

struct log_chain {
    char *path; /* of SLOT.log */
    struct {
        VEC_OF(struct log_file); /* oldest first; fd -1: done with */
    } files;
};

/* Opens what is there; no file at all is an empty chain. */
MUST_USE bool log_chain_open(struct log_chain *c, const char *path, struct err *err);
void log_chain_close(struct log_chain *c);
/* Look for files newer than the last one; sets *out_grew. The last one may have grown before the
 * newer one was made: read it to its end again before going on. */
MUST_USE bool log_chain_refresh(struct log_chain *c, bool *out_grew, struct err *err);
/* So many bytes before `from`; the start of the chain when there are fewer. */
struct log_place log_chain_back(const struct log_chain *c, struct log_place from, int64_t bytes);
/* The end, as of the sizes at opening. */
struct log_place log_chain_end(const struct log_chain *c);
/* A place at or before the first record that is not older than `since_ns`, by bisection. */
MUST_USE bool log_chain_since(
    const struct log_chain *c, int64_t since_ns, struct log_place *out, struct err *err);
/* No longer read: closes the files before `file`. */
void log_chain_forget_before(struct log_chain *c, size_t file);

static inline bool log_place_before(struct log_place a, struct log_place b)
{
    return a.file < b.file || (a.file == b.file && a.offset < b.offset);
}

#endif
