/* What plain processes make of the project's volumes, configs and secrets.
 *
 * What is in a config or secret does not stand in the services of a document: there it is named by
 * its SHA-256, and its bytes go beside the document (contents.h). A secret's hash is as secret as a
 * short secret: it is shown nowhere, and enters a revision by HMAC. */
#include "spec/container_private.h"
#include "spec/load.h"

#include "base/fs.h"
#include "base/must.h"

#include <string.h>

#define CONTENT_BYTES_MAX (1u << 20)
#define ALL_BYTES_MAX     (16u << 20)

/* ---- what is in a config or secret ---- */

static const char *const kinds[] = {"config", "secret"};

static const struct file_source *find_source(const struct field_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(FIELD_AT(*list, struct file_source, i)->key, name) == 0)
            return FIELD_AT(*list, struct file_source, i);
    return NULL;
}

static bool wrong_source(struct decode *d, const struct span *span, const char *code,
    const struct file_source *s, bool is_secret, const char *why)
{
    diagnostic_error(d->diagnostics, code, span, "%s '%s': %s", kinds[is_secret], s->key, why);
    return false;
}

static bool read_file(struct decode *d, const struct span *span, const struct file_source *s,
    bool is_secret, struct buf *out)
{
    struct err err = ERR_INIT;

    if (fs_read(s->file, out, &err))
        return true;
    diagnostic_error(d->diagnostics, "missing-file", span, "cannot read the %s '%s': %s: %s",
        kinds[is_secret], s->key, s->file,
        err.kind == ERR_LIMIT ? "it is larger than 1 MiB"
        : err.sys != 0        ? strerror(err.sys)
                              : err.text);
    return false;
}

static bool read_source(struct decode *d, const struct span *span, const struct file_source *s,
    bool is_secret, struct buf *out)
{
    int given = (s->file != NULL) + (s->environment != NULL) + (s->content != NULL);
    const char *text = s->content;

    if (s->external) {
        field_refuse(d, span,
            "external %s '%s': nobody keeps it for a plain process; give `file` or `environment`",
            kinds[is_secret], s->key);
        return false;
    }
    if (given > 1)
        return wrong_source(d, span, "conflict", s, is_secret,
            "only one of file, environment and content may be given");
    if (given == 0)
        return wrong_source(
            d, span, "missing-key", s, is_secret, "it says not what is in it: give `file`");
    if (s->file != NULL)
        return read_file(d, span, s, is_secret, out);
    if (s->environment != NULL && d->variable != NULL)
        text = d->variable(d->variable_context, s->environment);
    if (text == NULL) {
        diagnostic_error(d->diagnostics, "required-variable", span,
            "%s '%s': the variable %s is not set", kinds[is_secret], s->key, s->environment);
        return false;
    }
    buf_add_text(out, text);
    return !buf_full(out) ||
           wrong_source(d, span, "limit", s, is_secret, "it is larger than 1 MiB");
}

static bool keep_content(struct decode *d, const struct span *span, struct project_draft *p,
    struct hash hash, struct str bytes)
{
    size_t all = bytes.len;

    for (size_t i = 0; i < p->contents.count; i++) {
        if (hash_eq(&p->contents.at[i].hash, &hash))
            return true;
        all += p->contents.at[i].bytes.len;
    }
    if (all > ALL_BYTES_MAX) {
        diagnostic_error(d->diagnostics, "limit", span,
            "the project's configs and secrets are larger than 16 MiB together");
        return false;
    }
    vec_push(&p->contents,
        (struct project_content){.hash = hash, .bytes = arena_copy_str(d->arena, bytes)});
    return true;
}

static void read_store(struct decode *d, const struct span *span, struct project_draft *p,
    const struct file_source *source, bool is_secret, struct store *store)
{
    struct buf bytes = BUF_INIT(CONTENT_BYTES_MAX);

    store->failed = !read_source(d, span, source, is_secret, &bytes);
    if (!store->failed) {
        store->hash = hash_of(bytes.at, bytes.len);
        store->failed = !keep_content(d, span, p, store->hash, buf_str(&bytes));
    }
    buf_fini(&bytes);
}

bool content_find(struct decode *d, struct project_draft *p, const char *name, bool is_secret,
    const struct span *span, struct hash *out)
{
    const struct field_list *list = is_secret ? &p->shared.secrets : &p->shared.configs;
    struct map *read = is_secret ? &p->secrets : &p->configs;
    const struct file_source *source = find_source(list, name);
    struct store *store = map_get(read, str_from(name));

    if (source == NULL) {
        shared_check(d->diagnostics, list, sizeof *source, kinds[is_secret],
            is_secret ? "secrets" : "configs", name, span);
        return false;
    }
    if (store == NULL) {
        store = arena_new(d->arena, struct store);
        (void)map_put(read, str_from(source->key), store);
        read_store(d, span, p, source, is_secret, store);
    }
    *out = store->hash;
    return !store->failed;
}

/* ---- named volumes ---- */

static const struct volume_source *find_volume(const struct project_draft *p, const char *name)
{
    const struct field_list *list = &p->shared.volumes;

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(FIELD_AT(*list, struct volume_source, i)->key, name) == 0)
            return FIELD_AT(*list, struct volume_source, i);
    return NULL;
}

static void check_volume(struct decode *d, struct project_draft *p, const struct service_mount *m)
{
    const struct volume_source *v = find_volume(p, m->source);

    if (v == NULL)
        shared_check(
            d->diagnostics, &p->shared.volumes, sizeof *v, "volume", "volumes", m->source, m->span);
    else if (v->external)
        field_refuse(d, m->span,
            "volume '%.80s' is external: a plain process has no volumes but tend's own; bind its "
            "path instead",
            m->source);
    else if ((v->driver != NULL && strcmp(v->driver, "local") != 0) ||
             (v->driver_opts != NULL && v->driver_opts[0] != NULL))
        field_refuse(d, m->span,
            "volume '%.80s' has a driver or options: for a plain process it is a directory of "
            "tend's own; bind a path instead",
            m->source);
}

void stores_finish(struct decode *d, struct project_draft *p)
{
    for (size_t i = 0; i < p->services.count; i++) {
        struct service_draft *draft = p->services.at[i];
        const struct service *s = &draft->service;
        if (draft->container != NULL)
            continue;
        for (size_t k = 0; k < s->mount_count; k++)
            if (s->mounts[k].kind == MOUNT_VOLUME && s->mounts[k].source != NULL)
                check_volume(d, p, &s->mounts[k]);
        files_finish(d, p, draft);
    }
}

/* ---- the project ---- */

void stores_fill(struct arena *a, struct project *p, const struct project_draft *draft)
{
    struct project_content *contents =
        arena_new_array(a, draft->contents.count + 1, struct project_content);

    for (size_t i = 0; i < draft->contents.count; i++)
        contents[i] = draft->contents.at[i];
    p->contents = contents;
    p->content_count = draft->contents.count;
}

static struct node *conceal_file(struct arena *a, struct node *file)
{
    struct node *map = node_map(a);

    if (node_get(file, FILE_CONTENT_KEY) == NULL)
        return file;
    NODE_EACH (file, pair)
        (void)node_put(a, map, pair->key,
            str_is(pair->key, FILE_CONTENT_KEY) ? node_text(a, STR("***")) : pair->value);
    return map;
}

struct node *spec_conceal_files(struct arena *a, const struct node *files)
{
    struct node *list = node_list(a);

    for (size_t i = 0; files->kind == NODE_LIST && i < files->count; i++)
        node_push(a, list, conceal_file(a, files->items[i]));
    return list;
}
