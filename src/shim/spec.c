#include "shim/shim.h"

#include <limits.h>
#include <stdlib.h>

static bool take_exact(const struct shim_spec_cursor *c, void *out, size_t bytes)
{
    if (c->length < bytes)
        return false;
    shim_take(out, bytes, c->value, c->length);
    return true;
}

/* Texts that occur once, by tag. */
static const char **text_of(struct spec *s, uint32_t tag)
{
    switch (tag) {
    case SHIM_TAG_RUN_DIR:
        return &s->run_dir;
    case SHIM_TAG_PROGRAM:
        return &s->program;
    case SHIM_TAG_CWD:
        return &s->cwd;
    case SHIM_TAG_CGROUP_V2:
        return &s->cgroup_v2;
    case SHIM_TAG_FREEZER:
        return &s->freezer;
    case SHIM_TAG_OOM_FILE:
        return &s->oom_file;
    case SHIM_TAG_OOM_SCORE:
        return &s->oom_score;
    case SHIM_TAG_LOG_DIR:
        return &s->log_dir;
    case SHIM_TAG_LOG_NAME:
        return &s->log_name;
    case SHIM_TAG_NOTIFY:
        return &s->notify;
    case SHIM_TAG_BOOT_ID:
        return &s->boot_id;
    case SHIM_TAG_FILES_DIR:
        return &s->files_dir;
    case SHIM_TAG_HOSTNAME:
        return &s->hostname;
    case SHIM_TAG_DOMAINNAME:
        return &s->domainname;
    default:
        return NULL;
    }
}

static bool take_number(struct spec *s, const struct shim_spec_cursor *c)
{
    switch (c->tag) {
    case SHIM_TAG_RUN_ID:
        return take_exact(c, &s->run_id, sizeof s->run_id);
    case SHIM_TAG_USER:
        s->change_user = true;
        return take_exact(c, &s->user, sizeof s->user);
    case SHIM_TAG_CPUS:
        s->has_cpus = true;
        return take_exact(c, s->cpus, sizeof s->cpus);
    case SHIM_TAG_CAPS:
        s->has_caps = true;
        return take_exact(c, &s->caps, sizeof s->caps);
    case SHIM_TAG_UMASK:
        s->has_umask = true;
        return take_exact(c, &s->umask, sizeof s->umask);
    case SHIM_TAG_LOG_BYTES:
        return take_exact(c, &s->log_bytes, sizeof s->log_bytes);
    case SHIM_TAG_LOG_FILES:
        return take_exact(c, &s->log_files, sizeof s->log_files) && s->log_files <= 1000;
    case SHIM_TAG_STOP_SIGNAL:
        return take_exact(c, &s->stop_signal, sizeof s->stop_signal) && s->stop_signal <= 64;
    case SHIM_TAG_FLAGS:
        return take_exact(c, &s->flags, sizeof s->flags);
    case SHIM_TAG_LEASE:
        shim_take(&s->lease, sizeof s->lease, c->value, c->length);
        return true;
    case SHIM_TAG_ADOPT:
        s->has_adopt = true;
        shim_take(&s->adopt, sizeof s->adopt, c->value, c->length);
        return s->adopt.pid >= 0;
    default:
        return true; /* a newer daemon's */
    }
}

struct counts {
    uint32_t arguments, variables, mounts, files;
};

/* A terminated text within the entry; NULL, or `*at` behind it. */
static const char *text_within(const struct shim_spec_cursor *c, size_t *at)
{
    const char *text = (const char *)c->value + *at;
    const char *end = *at < c->length ? memchr(text, 0, c->length - *at) : NULL;

    if (end == NULL)
        return NULL;
    *at += (size_t)(end - text) + 1;
    return text;
}

static bool take_mount(const struct shim_spec_cursor *c, struct mount_entry *out)
{
    struct shim_mount m;
    size_t at;

    if (!take_exact(c, &m, sizeof m) || m.texts < sizeof m)
        return false;
    at = m.texts;
    *out = (struct mount_entry){.kind = m.kind, .flags = m.flags};
    out->source = text_within(c, &at);
    out->target = text_within(c, &at);
    out->options = text_within(c, &at);
    return out->options != NULL && out->target != NULL && out->target[0] == '/' &&
           strlen(out->target) < PATH_MAX && strlen(out->options) < PATH_MAX;
}

static bool is_inner_path(const char *path)
{
    return path != NULL && path[0] != '\0' && path[0] != '/' && strstr(path, "..") == NULL &&
           strlen(path) < 512;
}

static bool take_file(const struct shim_spec_cursor *c, struct file_entry *out)
{
    struct shim_file f;
    size_t at;

    if (!take_exact(c, &f, sizeof f) || f.path < sizeof f)
        return false;
    at = f.path;
    *out = (struct file_entry){.uid = f.uid, .gid = f.gid, .mode = f.mode & 07777};
    out->path = text_within(c, &at);
    if (!is_inner_path(out->path))
        return false;
    out->bytes = (const char *)c->value + at;
    out->length = c->length - at;
    return true;
}

/* Mounts and files; `fill` is false while counting. */
static bool take_view(struct spec *s, const struct shim_spec_cursor *c, struct counts *n, bool fill)
{
    if (c->tag == SHIM_TAG_MOUNT) {
        if (n->mounts >= SHIM_MOUNTS_MAX || (fill && !take_mount(c, &s->mounts[n->mounts])))
            return false;
        n->mounts++;
    } else if (c->tag == SHIM_TAG_FILE) {
        if (n->files >= SHIM_FILES_MAX || (fill && !take_file(c, &s->files[n->files])))
            return false;
        n->files++;
    }
    s->mount_count = n->mounts;
    s->file_count = n->files;
    return true;
}

/* Lists; `fill` is false while counting. */
static bool take_listed(
    struct spec *s, const struct shim_spec_cursor *c, struct counts *n, bool fill)
{
    const char *text = shim_spec_text(c);

    switch (c->tag) {
    case SHIM_TAG_ARGUMENT:
        if (text == NULL || n->arguments >= SHIM_STRINGS_MAX)
            return false;
        if (fill)
            s->arguments[n->arguments] = (char *)(uintptr_t)text; /* exec wants char * */
        n->arguments++;
        return true;
    case SHIM_TAG_VARIABLE:
        if (text == NULL || n->variables >= SHIM_STRINGS_MAX)
            return false;
        if (fill)
            s->variables[n->variables] = (char *)(uintptr_t)text;
        n->variables++;
        return true;
    case SHIM_TAG_CGROUP_V1:
        if (text == NULL || (fill && s->cgroup_v1_count >= SHIM_CGROUPS_MAX))
            return false;
        if (fill)
            s->cgroup_v1[s->cgroup_v1_count++] = text;
        return true;
    case SHIM_TAG_GROUP:
        if (!fill)
            return true;
        return s->group_count < SHIM_GROUPS_MAX &&
               take_exact(c, &s->groups[s->group_count++], sizeof s->groups[0]);
    case SHIM_TAG_LIMIT:
        if (!fill)
            return true;
        return s->limit_count < SHIM_LIMITS_MAX &&
               take_exact(c, &s->limits[s->limit_count++], sizeof s->limits[0]);
    default:
        return true;
    }
}

static bool walk(struct spec *s, const void *bytes, size_t length, bool fill)
{
    struct shim_spec_cursor c;
    struct counts n = {0, 0, 0, 0};

    if (!shim_spec_begin(&c, bytes, length))
        return false;
    while (shim_spec_next(&c)) {
        const char **text = text_of(s, c.tag);
        if (text != NULL && (*text = shim_spec_text(&c)) == NULL)
            return false;
        if (!take_number(s, &c) || !take_listed(s, &c, &n, fill) || !take_view(s, &c, &n, fill))
            return false;
    }
    if (!fill) {
        s->arguments = calloc(n.arguments + 1, sizeof(char *));
        s->variables = calloc(n.variables + 1, sizeof(char *));
        s->mounts = calloc(n.mounts + 1, sizeof *s->mounts);
        s->files = calloc(n.files + 1, sizeof *s->files);
    }
    return !c.broken && s->arguments != NULL && s->variables != NULL && s->mounts != NULL &&
           s->files != NULL;
}

static bool is_plain_name(const char *name)
{
    return name != NULL && name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
           strlen(name) < 128;
}

const char *spec_read(struct spec *out, const void *bytes, size_t length)
{
    memset(out, 0, sizeof *out);
    if (!walk(out, bytes, length, false) || !walk(out, bytes, length, true))
        return "not a spec";
    if (out->run_dir == NULL || out->log_dir == NULL || !is_plain_name(out->log_name))
        return "directories are missing";
    if (out->program != NULL && out->arguments[0] == NULL)
        return "arguments are missing";
    if (out->file_count > 0 && (out->files_dir == NULL || strlen(out->files_dir) > 2048))
        return "the directory of files is missing";
    if (out->stop_signal == 0)
        out->stop_signal = 15; /* SIGTERM */
    return NULL;
}
