/* What an instance sees of the machine's files.
 *
 * As root it gets a mount namespace of its own as soon as it needs one: volumes, tmpfs, read_only,
 * shm_size, configs and secrets are then where Compose has them. Otherwise it sees what everybody
 * sees, its configs and secrets lie below its run directory, and what needs a mount is refused. */
#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "drive/process/process_private.h"
#include "spec/project.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_SEEN    0755
#define SECRETS_DIR  "/run/secrets"
#define CONFIGS_DIR  "/run/configs"
#define FILE_OPTIONS ""

/* ---- whether ---- */

static bool is_as_it_is(const struct service_mount *m)
{
    return m->kind == MOUNT_BIND && !m->read_only && strcmp(m->source, m->target) == 0;
}

bool process_has_view(const struct process_driver *d, const struct process_spec *spec)
{
    bool wanted = spec->read_only || spec->shm_bytes > 0 || spec->file_count > 0;

    for (size_t i = 0; i < spec->mount_count; i++)
        wanted = wanted || !is_as_it_is(&spec->mounts[i]);
    return wanted && d->can_mount;
}

#define WHY_NOT "only root can give a service a view of its own of the machine's files"

static MUST_USE bool check_without(
    const struct process_spec *spec, const struct user_ids *user, struct err *err)
{
    for (size_t i = 0; i < spec->mount_count; i++)
        if (!is_as_it_is(&spec->mounts[i]))
            return err_set(err, ERR_DENIED, "volumes: %s: " WHY_NOT, spec->mounts[i].target);
    if (spec->read_only || spec->shm_bytes > 0)
        return err_set(err, ERR_DENIED, "%s: " WHY_NOT, spec->read_only ? "read_only" : "shm_size");
    for (size_t i = 0; i < spec->file_count; i++)
        if (spec->files[i].target[0] == '/')
            return err_set(err, ERR_DENIED, "%s %s: its target %s: " WHY_NOT,
                spec->files[i].is_secret ? "secret" : "config", spec->files[i].source,
                spec->files[i].target);
    if (spec->file_count > 0 && user->change)
        return err_set(err, ERR_DENIED, "configs and secrets of another user: " WHY_NOT);
    return true;
}

/* ---- sources ---- */

static MUST_USE bool make_volume(const char *path, const struct user_ids *user, struct err *err)
{
    if (fs_exists(path))
        return true;
    char *above = mem_copy_string(path);
    *strrchr(above, '/') = '\0';
    bool ok = fs_make_dirs(above, 0700, err);
    free(above);
    TRY(ok);
    if (mkdir(path, MODE_SEEN) == -1 || chmod(path, MODE_SEEN) == -1)
        return err_sys(err, "volume %s", path);
    return !user->change || chown(path, user->uid, user->gid) == 0 ||
           err_sys(err, "volume %s", path);
}

/* STATE/volumes/NAME, or STATE/volumes/.own/SERVICE.SLOT.HASH8 of one without a name. */
static const char *volume_path(
    struct arena *a, const struct process *p, const struct service_mount *m)
{
    char hash[HASH_TEXT_BYTES];
    struct hash h = hash_of(m->target, strlen(m->target));

    if (m->source != NULL)
        return arena_format(a, "%s/%s", p->driver->volumes_dir, m->source);
    hash_format(&h, hash);
    return arena_format(a, "%s/.own/%s.%.8s", p->driver->volumes_dir, p->name, hash);
}

static MUST_USE bool make_bind_source(const struct service_mount *m, struct err *err)
{
    if (fs_exists(m->source))
        return true;
    if (!m->create)
        return err_set(err, ERR_MISSING, "volumes: %s: there is no %s", m->target, m->source);
    return fs_make_dirs(m->source, MODE_SEEN, err);
}

static MUST_USE bool find_source(struct view *v, const struct process *p,
    const struct service_mount *m, const struct user_ids *user, const char **out, struct err *err)
{
    *out = "";
    if (m->kind == MOUNT_TMPFS)
        return true;
    if (m->kind == MOUNT_BIND) {
        *out = m->source;
        return make_bind_source(m, err);
    }
    if (p->driver->volumes_dir == NULL)
        return err_set(err, ERR_UNSUPPORTED, "volumes: there is no place for them");
    *out = volume_path(v->arena, p, m);
    TRY(make_volume(*out, user, err));
    if (m->subpath == NULL)
        return true;
    *out = arena_format(v->arena, "%s/%s", *out, m->subpath);
    return fs_exists(*out) || err_set(err, ERR_MISSING, "volumes: %s: there is no %s in the volume",
                                  m->target, m->subpath);
}

/* ---- mounts ---- */

static const char *tmpfs_options(struct arena *a, const struct service_mount *m)
{
    struct buf out = BUF_INIT(300);

    buf_format(&out, "mode=%o", m->mode);
    if (m->size_bytes > 0)
        buf_format(&out, ",size=%lld", (long long)m->size_bytes);
    if (m->uid >= 0)
        buf_format(&out, ",uid=%lld", (long long)m->uid);
    if (m->gid >= 0)
        buf_format(&out, ",gid=%lld", (long long)m->gid);
    const char *text = arena_copy_str(a, buf_str(&out)).at;
    buf_fini(&out);
    return text;
}

static uint32_t flags_of(const struct service_mount *m)
{
    return (m->read_only ? SHIM_MOUNT_READ_ONLY : 0) |
           (m->options & MOUNT_SUID ? SHIM_MOUNT_SUID : 0) |
           (m->options & MOUNT_DEV ? SHIM_MOUNT_DEV : 0) |
           (m->options & MOUNT_EXEC ? SHIM_MOUNT_EXEC : 0);
}

static MUST_USE bool add_mounts(struct view *v, const struct process *p,
    const struct process_spec *spec, const struct user_ids *user, struct err *err)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct service_mount *m = &spec->mounts[i];
        struct view_mount out = {.is_tmpfs = m->kind == MOUNT_TMPFS,
            .flags = flags_of(m),
            .target = m->target,
            .options = tmpfs_options(v->arena, m)};
        TRY(find_source(v, p, m, user, &out.source, err));
        vec_push(&v->mounts, out);
    }
    if (spec->shm_bytes > 0)
        vec_push(&v->mounts, (struct view_mount){.is_tmpfs = true,
                                 .source = "",
                                 .target = "/dev/shm",
                                 .options = arena_format(
                                     v->arena, "mode=1777,size=%lld", (long long)spec->shm_bytes)});
    return true;
}

const char *view_file_path(struct arena *a, const struct process_file *file, size_t index)
{
    if (file->target[0] == '/')
        return arena_format(a, "at/%zu", index);
    return arena_format(a, "%s/%s", file->is_secret ? "secrets" : "configs", file->target);
}

static void bind_file(struct view *v, const char *inner, const char *target)
{
    vec_push(&v->mounts, (struct view_mount){.flags = SHIM_MOUNT_READ_ONLY,
                             .source = arena_format(v->arena, "%s/%s", v->files_dir, inner),
                             .target = target,
                             .options = ""});
}

/* The directories of both kinds, files with a path of their own, and configs where Compose has
 * them, at "/NAME". */
static void add_files(struct view *v, const struct process_spec *spec)
{
    bool secrets = false, configs = false;

    for (size_t i = 0; i < spec->file_count; i++) {
        const struct process_file *f = &spec->files[i];
        const char *inner = view_file_path(v->arena, f, i);
        if (f->target[0] == '/') {
            bind_file(v, inner, f->target);
            continue;
        }
        secrets = secrets || f->is_secret;
        configs = configs || !f->is_secret;
        if (!f->is_secret)
            bind_file(v, inner, arena_format(v->arena, "/%s", f->target));
    }
    if (secrets)
        bind_file(v, "secrets", SECRETS_DIR);
    if (configs)
        bind_file(v, "configs", CONFIGS_DIR);
}

static int by_target(const void *a, const void *b)
{
    const struct view_mount *x = a, *y = b;

    return strcmp(x->target, y->target);
}

static MUST_USE bool check_files(const struct process_spec *spec, struct err *err)
{
    for (size_t i = 0; i < spec->file_count; i++)
        if (spec->files[i].bytes.at == NULL)
            return err_set(err, ERR_MISSING, "%s %s: what is in it is no longer there",
                spec->files[i].is_secret ? "secret" : "config", spec->files[i].source);
    return true;
}

bool view_make(struct view *v, const struct process *p, const struct process_spec *spec,
    const struct user_ids *user, struct err *err)
{
    TRY(check_files(spec, err));
    v->arena = arena_create(0);
    v->files_dir = arena_format(v->arena, "%s/files", p->dir);
    v->is_own = process_has_view(p->driver, spec);
    v->read_only = spec->read_only;
    if (!v->is_own) {
        TRY(check_without(spec, user, err));
        for (size_t i = 0; i < spec->mount_count; i++)
            TRY(make_bind_source(&spec->mounts[i], err));
        return true;
    }
    TRY(add_mounts(v, p, spec, user, err));
    add_files(v, spec);
    if (v->mounts.count > SHIM_MOUNTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d mounts", SHIM_MOUNTS_MAX);
    if (v->mounts.count > 0)
        qsort(v->mounts.at, v->mounts.count, sizeof *v->mounts.at, by_target);
    return true;
}

void view_fini(struct view *v)
{
    vec_fini(&v->mounts);
    arena_destroy(&v->arena);
}

/* ---- asking ---- */

const char *view_outside(const struct view *v, const char *path)
{
    for (size_t i = v->mounts.count; i > 0; i--) { /* the innermost first */
        const struct view_mount *m = &v->mounts.at[i - 1];
        size_t length = strlen(m->target);
        if (strncmp(path, m->target, length) != 0 || (path[length] != '\0' && path[length] != '/'))
            continue;
        return m->is_tmpfs ? NULL : arena_format(v->arena, "%s%s", m->source, path + length);
    }
    return path;
}

const char *process_files_dir(
    const struct process_driver *d, struct arena *a, const char *service, int slot, bool secrets)
{
    if (d->can_mount)
        return secrets ? SECRETS_DIR : CONFIGS_DIR;
    return arena_format(
        a, "%s/%s.%d/files/%s", d->instance_dir, service, slot, secrets ? "secrets" : "configs");
}

/* The text at its place in the spec's entry number `detail` of that tag. */
static const char *find_named(
    const struct process *p, uint32_t tag, uint32_t detail, char *out, size_t bytes)
{
    struct shim_spec_cursor c;
    uint32_t seen = 0;

    if (!shim_spec_begin(&c, p->spec.at, p->spec.len))
        return "";
    while (shim_spec_next(&c)) {
        struct shim_mount m;
        struct shim_file f;
        if (c.tag != tag || ++seen != detail)
            continue;
        shim_take(&m, sizeof m, c.value, c.length);
        shim_take(&f, sizeof f, c.value, c.length);
        const char *text = (const char *)c.value + (tag == SHIM_TAG_MOUNT ? m.texts : f.path);
        if (tag == SHIM_TAG_MOUNT)
            text += strlen(text) + 1; /* source, target: our own spec is well formed */
        (void)snprintf(out, bytes, "%s", text);
        return out;
    }
    return "";
}

const char *view_step(const struct process *p, int step, uint32_t detail, char *out, size_t bytes)
{
    char name[256];
    bool is_mount = step == SHIM_STEP_MOUNTS;
    const char *text =
        find_named(p, is_mount ? SHIM_TAG_MOUNT : SHIM_TAG_FILE, detail, name, sizeof name);

    if (detail == 0 || text[0] == '\0')
        return NULL;
    (void)snprintf(out, bytes, "%s: %s", is_mount ? "volumes" : "configs and secrets", text);
    return out;
}
