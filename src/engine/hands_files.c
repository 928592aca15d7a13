/* What instances see of files: volumes, configs, secrets. */
#include "engine/hands_private.h"

#include "base/log.h"
#include "base/must.h"
#include "base/redact.h"
#include "engine/environment.h"
#include "spec/contents.h"

#include <stdio.h>

#define CONTENT_BYTES_MAX (1u << 20)

/* Bytes at NULL where they cannot be had: the start then fails and says so. */
static struct str bytes_of(struct hands *h, struct arena *a, const struct service_file *file)
{
    struct buf bytes = BUF_INIT(CONTENT_BYTES_MAX);
    struct err err = ERR_INIT;
    char dir[4200];
    struct str kept = {0};

    (void)snprintf(dir, sizeof dir, "%s/objects", h->settings.state_dir);
    if (contents_read(dir, &file->content, &bytes, &err))
        kept = arena_copy_str(a, bytes.len > 0 ? buf_str(&bytes) : STR(""));
    else
        log_warn("content.unreadable", "name=%s err=\"%s\"", file->source, err.text);
    buf_fini(&bytes);
    if (file->is_secret) {
        struct str secret = str_trim(kept);
        (void)redact_learn(&secret, 1); /* past the bound what was learned first stays hidden */
    }
    return kept;
}

void hands_fill_files(
    struct hands *h, struct arena *a, const struct service *s, struct process_spec *out)
{
    struct process_file *files = arena_new_array(a, s->file_count + 1, struct process_file);

    for (size_t i = 0; i < s->file_count; i++)
        files[i] = (struct process_file){.is_secret = s->files[i].is_secret,
            .source = s->files[i].source,
            .target = s->files[i].target,
            .uid = s->files[i].uid,
            .gid = s->files[i].gid,
            .mode = s->files[i].mode,
            .bytes = bytes_of(h, a, &s->files[i])};
    out->files = files;
    out->file_count = s->file_count;
    out->mounts = s->mounts;
    out->mount_count = s->mount_count;
    out->read_only = s->read_only;
    out->shm_bytes = s->shm_bytes;
}

static const char *files_variable(
    struct hands *h, struct arena *a, const struct instance *i, bool secrets)
{
    for (size_t k = 0; k < i->spec->file_count; k++)
        if (i->spec->files[k].is_secret == secrets)
            return arena_format(a, "%s=%s", secrets ? "TEND_SECRETS_DIR" : "TEND_CONFIGS_DIR",
                process_files_dir(h->driver, a, i->spec->name, i->slot, secrets));
    return NULL;
}

const char *const *hands_variables(struct hands *h, struct arena *a, const struct instance *i)
{
    const char *const *given = environment_build(a, i, hands_port_of, h);
    const char *more[] = {files_variable(h, a, i, false), files_variable(h, a, i, true)};
    size_t count = 0;

    if (more[0] == NULL && more[1] == NULL)
        return given;
    while (given[count] != NULL)
        count++;
    const char **all = arena_new_array(a, count + COUNT(more) + 1, const char *);
    for (size_t k = 0; k < count; k++)
        all[k] = given[k];
    for (size_t k = 0; k < COUNT(more); k++)
        if (more[k] != NULL)
            all[count++] = more[k];
    return all;
}

int hands_view_pid(struct hands *h, const struct instance *i)
{
    struct process_spec spec = {.mounts = i->spec->mounts,
        .mount_count = i->spec->mount_count,
        .file_count = i->spec->file_count,
        .read_only = i->spec->read_only,
        .shm_bytes = i->spec->shm_bytes};

    return process_has_view(h->driver, &spec) ? i->pid : 0;
}
