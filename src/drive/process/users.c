#include "drive/process/users.h"

#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BYTES 16384 /* of a passwd or group entry with all its texts */
#define ID_MAX       UINT32_MAX

static MUST_USE bool to_id(struct str text, uint32_t *out)
{
    uint64_t number;

    if (!str_to_uint(text, &number) || number >= ID_MAX) /* the last one means "leave it" */
        return false;
    *out = (uint32_t)number;
    return true;
}

static void take_entry(struct user_ids *out, const struct passwd *entry)
{
    out->uid = entry->pw_uid;
    out->gid = entry->pw_gid;
    (void)snprintf(out->name, sizeof out->name, "%s", entry->pw_name);
    (void)snprintf(out->home, sizeof out->home, "%s", entry->pw_dir);
}

static MUST_USE bool find_user(struct str text, struct user_ids *out, struct err *err)
{
    char name[64], bytes[RECORD_BYTES];
    struct passwd entry, *found = NULL;
    uint32_t id;
    bool numeric = to_id(text, &id);

    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(text));
    int error = numeric ? getpwuid_r(id, &entry, bytes, sizeof bytes, &found)
                        : getpwnam_r(name, &entry, bytes, sizeof bytes, &found);
    if (found != NULL) {
        take_entry(out, found);
        return true;
    }
    if (numeric) {
        out->uid = id;
        out->gid = id; /* a number that nobody has: the group of the same number */
        return true;
    }
    if (error != 0 && error != ENOENT) {
        errno = error;
        return err_sys(err, "user %s", name);
    }
    return err_set(err, ERR_MISSING, "no user \"%s\" on this machine", name);
}

static MUST_USE bool find_group(struct str text, gid_t *out, struct err *err)
{
    char name[64], bytes[RECORD_BYTES];
    struct group entry, *found = NULL;

    if (to_id(text, out))
        return true;
    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(text));
    (void)getgrnam_r(name, &entry, bytes, sizeof bytes, &found);
    if (found == NULL)
        return err_set(err, ERR_MISSING, "no group \"%s\" on this machine", name);
    *out = found->gr_gid;
    return true;
}

static void find_memberships(struct user_ids *out)
{
    int count = USERS_GROUPS_MAX;

    if (out->name[0] == '\0')
        return;
    (void)getgrouplist(
        out->name, out->gid, out->groups, &count); /* more than fit: the first ones */
    out->group_count = count < USERS_GROUPS_MAX ? (size_t)count : USERS_GROUPS_MAX;
}

static bool is_ours(const struct user_ids *ids)
{
    return ids->uid == geteuid() && ids->gid == getegid();
}

bool user_resolve(const char *text, struct user_ids *out, struct err *err)
{
    struct str group = str_from(text), user = str_cut(&group, ':');
    bool has_group = text != NULL && strchr(text, ':') != NULL;

    memset(out, 0, sizeof *out);
    if (text == NULL) {
        out->uid = geteuid();
        out->gid = getegid();
        return true;
    }
    if (user.len == 0 || user.len > 60 || group.len > 60 || (has_group && group.len == 0))
        return err_set(
            err, ERR_INVALID, "user \"%.100s\": write name, uid, name:group or uid:gid", text);
    TRY(find_user(user, out, err));
    if (has_group)
        TRY(find_group(group, &out->gid, err));
    if (is_ours(out) && geteuid() != 0)
        return true;
    if (geteuid() != 0)
        return err_set(err, ERR_DENIED,
            "user \"%.100s\": only root can start a service as another user", text);
    if (!has_group) /* as in Compose: a named group is the only one */
        find_memberships(out);
    out->change = true;
    return true;
}

bool user_add_groups(struct user_ids *ids, const char *const *groups, struct err *err)
{
    if (groups == NULL || groups[0] == NULL)
        return true;
    if (geteuid() != 0)
        return err_set(err, ERR_DENIED, "group_add: only root can give a service more groups");
    if (!ids->change) { /* ours, and those that we have */
        int count = getgroups(USERS_GROUPS_MAX, ids->groups);
        ids->group_count = count > 0 ? (size_t)count : 0;
    }
    ids->change = true;
    for (; *groups != NULL; groups++) {
        if (ids->group_count == USERS_GROUPS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d groups", USERS_GROUPS_MAX);
        TRY(find_group(str_from(*groups), &ids->groups[ids->group_count], err) ||
            err_in(err, "group_add"));
        ids->group_count++;
    }
    return true;
}
