#include "base/clock.h"
#include "base/fs.h"
#include "drive/process/process_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- writing entries ---- */

static void begin_spec(struct buf *out)
{
    struct shim_spec_header h = {SHIM_MAGIC, SHIM_VERSION, 0, 0};

    buf_add(out, &h, sizeof h);
}

static void end_spec(struct buf *out)
{
    if (buf_full(out))
        return;
    uint32_t bytes = (uint32_t)out->len;
    memcpy(out->at + offsetof(struct shim_spec_header, bytes), &bytes, sizeof bytes);
}

static void add_entry(struct buf *out, enum shim_tag tag, const void *value, size_t length)
{
    static const char zeros[8];
    struct shim_spec_entry e = {(uint32_t)tag, (uint32_t)length};

    buf_add(out, &e, sizeof e);
    buf_add(out, value, length);
    buf_add(out, zeros, (8 - length % 8) % 8);
}

static void add_text(struct buf *out, enum shim_tag tag, const char *text)
{
    if (text != NULL)
        add_entry(out, tag, text, strlen(text) + 1);
}

static void add_u32(struct buf *out, enum shim_tag tag, uint32_t number)
{
    add_entry(out, tag, &number, sizeof number);
}

static void add_u64(struct buf *out, enum shim_tag tag, uint64_t number)
{
    add_entry(out, tag, &number, sizeof number);
}

/* ---- parts ---- */

struct shim_lease spec_lease(const struct process_lease *lease)
{
    struct shim_lease out = {
        .flags = (lease->restart_on_failure ? SHIM_RESTART_ON_FAILURE : 0) |
                 (lease->restart_on_success ? SHIM_RESTART_ON_SUCCESS : 0),
        .burst = lease->burst > 0 ? (uint32_t)lease->burst : 0,
        .stable_ms = lease->stable_ms > 0 ? (uint64_t)lease->stable_ms : 0,
        .slow_first_ms = lease->slow_first_ms > 0 ? (uint32_t)lease->slow_first_ms : 0,
        .slow_max_ms = lease->slow_max_ms > 0 ? (uint32_t)lease->slow_max_ms : 0,
    };

    for (size_t i = 0; i < lease->stop_code_count; i++)
        out.stop_codes[lease->stop_codes[i] / 8] |= (uint8_t)(1 << lease->stop_codes[i] % 8);
    return out;
}

static void add_user(struct buf *out, const struct user_ids *user)
{
    if (!user->change)
        return;
    struct shim_user ids = {user->uid, user->gid};
    add_entry(out, SHIM_TAG_USER, &ids, sizeof ids);
    for (size_t i = 0; i < user->group_count; i++)
        add_u32(out, SHIM_TAG_GROUP, user->groups[i]);
}

static void add_cgroup(struct buf *out, const struct cgroup *g)
{
    if (g == NULL)
        return;
    add_text(out, SHIM_TAG_CGROUP_V2, cgroup_v2_dir(g));
    for (const char *const *dir = cgroup_v1_dirs(g); *dir != NULL; dir++)
        add_text(out, SHIM_TAG_CGROUP_V1, *dir);
    add_text(out, SHIM_TAG_FREEZER, cgroup_freezer_dir(g));
    add_text(out, SHIM_TAG_OOM_FILE, cgroup_oom_file(g));
}

static void add_places(struct buf *out, const struct spec_parts *parts, int slot)
{
    char name[32];

    (void)snprintf(name, sizeof name, "%d.log", slot);
    add_text(out, SHIM_TAG_RUN_DIR, parts->run_dir);
    add_u64(out, SHIM_TAG_RUN_ID, parts->run_id);
    add_text(out, SHIM_TAG_BOOT_ID, clock_boot_id());
    add_text(out, SHIM_TAG_LOG_DIR, parts->log_dir);
    add_text(out, SHIM_TAG_LOG_NAME, name);
    add_cgroup(out, parts->cgroup);
}

/* The socket's path, unless it is too long or closed to the service's user: then a name that
 * nobody can guess, and the sender's user is checked either way. */
static void add_notify(struct buf *out, const struct spec_parts *parts)
{
    struct buf path = BUF_INIT(4096), variable = BUF_INIT(4200);

    buf_format(&path, "%s/notify", parts->run_dir);
    if (path.len >= 108 || parts->user->change) {
        buf_reset(&path);
        buf_format(&path, "@tend-notify-%016llx", (unsigned long long)parts->run_id);
    }
    add_text(out, SHIM_TAG_NOTIFY, path.at);
    buf_format(&variable, "NOTIFY_SOCKET=%s", path.at);
    add_text(out, SHIM_TAG_VARIABLE, variable.at);
    if (parts->spec->watchdog_us > 0) {
        buf_reset(&variable);
        buf_format(&variable, "WATCHDOG_USEC=%lld", (long long)parts->spec->watchdog_us);
        add_text(out, SHIM_TAG_VARIABLE, variable.at);
    }
    buf_fini(&path);
    buf_fini(&variable);
}

static MUST_USE bool add_strings(
    struct buf *out, enum shim_tag tag, const char *const *texts, const char *what, struct err *err)
{
    size_t count = 0;

    for (; texts != NULL && texts[count] != NULL; count++) {
        if (count >= SHIM_STRINGS_MAX - 8)
            return err_set(err, ERR_LIMIT, "more than %d %s", SHIM_STRINGS_MAX - 8, what);
        add_text(out, tag, texts[count]);
    }
    return true;
}

/* Those of the daemon, as it had them when it was started, unless the spec says others. */
static MUST_USE bool add_limits(struct buf *out, const struct spec_parts *parts, struct err *err)
{
    const struct process_spec *spec = parts->spec;
    struct shim_limit files = {RLIMIT_NOFILE, 0, parts->files->rlim_cur, parts->files->rlim_max};
    bool own_files = false;

    for (size_t i = 0; i < spec->ulimit_count; i++)
        own_files = own_files || spec->ulimits[i].resource == RLIMIT_NOFILE;
    if (spec->ulimit_count + !own_files > SHIM_LIMITS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d ulimits", SHIM_LIMITS_MAX);
    if (!own_files)
        add_entry(out, SHIM_TAG_LIMIT, &files, sizeof files);
    for (size_t i = 0; i < spec->ulimit_count; i++)
        add_entry(out, SHIM_TAG_LIMIT, &spec->ulimits[i], sizeof spec->ulimits[i]);
    return true;
}

static void add_oom_score(struct buf *out, const int *score)
{
    char text[16];

    if (score == NULL)
        return;
    (void)snprintf(text, sizeof text, "%d", *score);
    add_text(out, SHIM_TAG_OOM_SCORE, text);
}

/* A user that is not root has what cap_add says; root has all that is not dropped. */
static MUST_USE bool add_caps(struct buf *out, const struct spec_parts *parts, struct err *err)
{
    const struct process_spec *spec = parts->spec;
    struct shim_caps caps = {.bounding = ~spec->cap_drop | spec->cap_add,
        .ambient = parts->user->uid != 0 ? spec->cap_add : 0};

    if ((spec->cap_add | spec->cap_drop) == 0)
        return true;
    if (geteuid() != 0)
        return err_set(err, ERR_DENIED, "%s: only root can change what a service may do",
            spec->cap_add != 0 ? "cap_add" : "cap_drop");
    add_entry(out, SHIM_TAG_CAPS, &caps, sizeof caps);
    return true;
}

static void add_host(struct buf *out, const struct process_spec *spec)
{
    if (geteuid() != 0)
        return; /* it sees the machine's */
    add_text(out, SHIM_TAG_HOSTNAME, spec->hostname);
    add_text(out, SHIM_TAG_DOMAINNAME, spec->domainname);
}

/* ---- its view of the files ---- */

static void add_mount(struct buf *out, const struct view_mount *m)
{
    struct buf value = BUF_INIT(SHIM_SPEC_MAX);
    struct shim_mount head = {.kind = m->is_tmpfs ? SHIM_MOUNT_TMPFS : SHIM_MOUNT_BIND,
        .flags = m->flags,
        .texts = sizeof head};

    buf_add(&value, &head, sizeof head);
    buf_add(&value, m->source, strlen(m->source) + 1);
    buf_add(&value, m->target, strlen(m->target) + 1);
    buf_add(&value, m->options, strlen(m->options) + 1);
    add_entry(out, SHIM_TAG_MOUNT, value.at, value.len);
    buf_fini(&value);
}

static void add_file(
    struct buf *out, const struct spec_parts *parts, const struct process_file *f, size_t index)
{
    struct buf value = BUF_INIT(SHIM_SPEC_MAX);
    const char *path = view_file_path(parts->view->arena, f, index);
    struct shim_file head = {.uid = f->uid >= 0 ? (uint32_t)f->uid : parts->user->uid,
        .gid = f->gid >= 0 ? (uint32_t)f->gid : parts->user->gid,
        .mode = (uint32_t)f->mode,
        .path = sizeof head};

    buf_add(&value, &head, sizeof head);
    buf_add(&value, path, strlen(path) + 1);
    buf_add_str(&value, f->bytes);
    add_entry(out, SHIM_TAG_FILE, value.at, value.len);
    buf_fini(&value);
}

static uint32_t add_view(struct buf *out, const struct spec_parts *parts)
{
    const struct process_spec *spec = parts->spec;

    VEC_EACH (&parts->view->mounts, struct view_mount, m)
        add_mount(out, m);
    if (spec->file_count > 0)
        add_text(out, SHIM_TAG_FILES_DIR, parts->view->files_dir);
    for (size_t i = 0; i < spec->file_count; i++)
        add_file(out, parts, &spec->files[i], i);
    return !parts->view->is_own
               ? 0
               : SHIM_SPEC_MOUNTS | (parts->view->read_only ? SHIM_SPEC_READ_ONLY : 0);
}

bool spec_encode(struct buf *out, const struct spec_parts *parts, struct err *err)
{
    const struct process_spec *spec = parts->spec;
    struct shim_lease lease = spec_lease(&spec->lease);

    begin_spec(out);
    add_places(out, parts, spec->slot);
    add_text(out, SHIM_TAG_PROGRAM, parts->program);
    TRY(add_strings(out, SHIM_TAG_ARGUMENT, spec->argv, "arguments", err));
    TRY(add_strings(out, SHIM_TAG_VARIABLE, spec->environment, "variables", err));
    if (spec->notify)
        add_notify(out, parts);
    add_text(out, SHIM_TAG_CWD, spec->working_dir);
    add_user(out, parts->user);
    if (spec->umask >= 0)
        add_u32(out, SHIM_TAG_UMASK, (uint32_t)spec->umask);
    TRY(add_limits(out, parts, err));
    TRY(add_caps(out, parts, err));
    add_host(out, spec);
    add_oom_score(out, spec->oom_score_adj);
    if (spec->cpu_mask != NULL)
        add_entry(out, SHIM_TAG_CPUS, spec->cpu_mask, SHIM_CPU_BYTES);
    add_u64(out, SHIM_TAG_LOG_BYTES, spec->log_bytes_max > 0 ? (uint64_t)spec->log_bytes_max : 0);
    add_u32(out, SHIM_TAG_LOG_FILES, spec->log_files_max > 0 ? (uint32_t)spec->log_files_max : 0);
    add_u32(out, SHIM_TAG_STOP_SIGNAL,
        spec->stop_signal > 0 ? (uint32_t)spec->stop_signal : (uint32_t)SIGTERM);
    uint32_t view = add_view(out, parts);
    add_u32(out, SHIM_TAG_FLAGS,
        (spec->no_new_privileges ? SHIM_SPEC_NO_NEW_PRIVILEGES : 0) |
            (spec->held ? SHIM_SPEC_HELD : 0) | (spec->no_log ? SHIM_SPEC_NO_LOG : 0) | view);
    add_entry(out, SHIM_TAG_LEASE, &lease, sizeof lease);
    end_spec(out);
    if (buf_full(out))
        return err_set(
            err, ERR_LIMIT, "arguments and environment are over %u bytes", SHIM_SPEC_MAX);
    return true;
}

void spec_encode_watch(struct buf *out, const struct spec_parts *parts, int slot)
{
    begin_spec(out);
    add_places(out, parts, slot);
    end_spec(out);
}

void spec_with_adoption(
    struct buf *out, struct str bytes, const struct shim_adopt *adopt, bool held)
{
    struct shim_spec_cursor c;
    uint32_t flags = 0;

    begin_spec(out);
    if (shim_spec_begin(&c, bytes.at, bytes.len))
        while (shim_spec_next(&c)) {
            if (c.tag == SHIM_TAG_FLAGS && c.length >= sizeof flags)
                memcpy(&flags, c.value, sizeof flags);
            else if (c.tag != SHIM_TAG_ADOPT)
                add_entry(out, c.tag, c.value, c.length);
        }
    flags = (flags & ~(uint32_t)SHIM_SPEC_HELD) | (held ? SHIM_SPEC_HELD : 0);
    add_u32(out, SHIM_TAG_FLAGS, flags);
    add_entry(out, SHIM_TAG_ADOPT, adopt, sizeof *adopt);
    end_spec(out);
}

int spec_to_memfd(struct str bytes, struct err *err)
{
    int fd = memfd_create("tend-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd == -1) {
        err_sys(err, "memfd_create");
        return -1;
    }
    if (fs_write_all(fd, bytes, err)) {
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
            return fd;
        err_sys(err, "seal");
    }
    (void)close(fd);
    return -1;
}
