/* users.h - "name", "uid", "name:group", "uid:gid" as Compose's `user` has them, resolved to
 * numbers by the daemon (the shim knows no /etc/passwd). Blocks on the name service: control
 * thread, once a start. */
#ifndef TEND_DRIVE_PROCESS_USERS_H
#define TEND_DRIVE_PROCESS_USERS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define USERS_GROUPS_MAX 64

struct user_ids {
    uid_t uid;
    gid_t gid;
    gid_t groups[USERS_GROUPS_MAX]; /* supplementary */
    size_t group_count;
    bool change;   /* false: they are the daemon's own, nothing to do */
    char name[64]; /* "" if the uid has none */
    char home[256];
};

/* ERR_MISSING: no such user or group; ERR_DENIED: only root may run as somebody else. */
MUST_USE bool user_resolve(const char *text, struct user_ids *out, struct err *err);
/* More supplementary groups, by name or number; NULL-terminated, NULL for none. ERR_DENIED: only
 * root may have others than it has. */
MUST_USE bool user_add_groups(struct user_ids *ids, const char *const *groups, struct err *err);

#endif
