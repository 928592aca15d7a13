/* place.h - a path, held so that nobody can turn it elsewhere while it is worked on.
 *
 *     /etc/nginx/nginx.conf ──walk──▶ descriptor of /etc/nginx, and the name "nginx.conf"
 *
 * Everything below works on that descriptor, never on the path again. Symbolic links on the way are
 * followed only where nobody but root (or the user that tend runs as) can have put them there: the
 * link is his, and so is the directory it lies in, which others may not write to. Any other link is
 * refused, so that a link planted between looking and writing leads nowhere. The last name is never
 * followed. Source: openat2(2); the rules are those of systemd-tmpfiles' "unsafe transitions",
 * made stricter. Any thread; blocks on the disk. */
#ifndef TEND_DRIVE_HOST_PLACE_H
#define TEND_DRIVE_HOST_PLACE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "spec/node.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PLACE_CONTENT_BYTES_MAX (1u << 20)  /* of what is declared, and of what is shown */
#define PLACE_KEPT_BYTES_MAX    (64u << 20) /* of what is kept when it is overwritten */

struct place {
    int dir_fd; /* -1: closed */
    char leaf[NAME_MAX + 1];
};

/* `path` is absolute and has no "." or "..". ERR_MISSING where a directory on the way is not there,
 * ERR_DENIED for a link that is not to be trusted. */
MUST_USE bool place_open(struct place *out, const char *path, struct err *err);
void place_close(struct place *p);
/* What was done in the directory survives a power cut. */
MUST_USE bool place_sync(const struct place *p, struct err *err);
/* A name beside the leaf for what is not complete; the same each time, so that what a crash left is
 * found again. */
void place_temporary(const struct place *p, char out[NAME_MAX + 1]);

enum trace_type { TRACE_NONE, TRACE_FILE, TRACE_LINK, TRACE_DIRECTORY, TRACE_OTHER };
const char *trace_type_name(enum trace_type type); /* "nothing", "a file", "a directory", … */

/* What lies there. Texts in the arena. */
struct trace {
    enum trace_type type;
    mode_t mode; /* permission bits */
    uid_t uid;
    gid_t gid;
    int64_t bytes;
    int64_t mtime_ns, ctime_ns;
    uint64_t device, inode, links;
    struct str content; /* of a file of at most PLACE_CONTENT_BYTES_MAX */
    bool too_large;     /* then there is no content, and no hash */
    struct hash hash;   /* of a file's content */
    const char *target; /* of a link */
};

MUST_USE bool trace_take(
    const struct place *p, struct arena *a, struct trace *out, struct err *err);
/* The same thing with the same content, owner and mode (times aside). */
bool trace_same(const struct trace *a, const struct trace *b);
/* For records and evidence: {"type":"file","sha256":…,"mode":"0644","uid":0,"gid":0,…}, without the
 * content. NULL for nothing. */
struct node *trace_node(struct arena *a, const struct trace *t);
/* Back again, as far as it goes; NULL gives nothing. */
void trace_from_node(const struct node *n, struct trace *out);

/* Keep a file's content as `dir`/SHA256, durable; `out` is the hash. What is there already is not
 * written again. Works on the open file, so large ones too; ERR_LIMIT past PLACE_KEPT_BYTES_MAX. */
MUST_USE bool place_keep(const struct place *p, const char *dir, struct hash *out, struct err *err);

#endif
