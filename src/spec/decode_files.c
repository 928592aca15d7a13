/* A service's configs and secrets: which of the project's, and as what files. */
#include "spec/spec_private.h"

#include "base/fs.h"
#include "base/must.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX         100
#define SERVICE_BYTES_MAX (3u << 20) /* they go to the shim in one message of 4 MiB */

struct file_draft {
    const char *source, *target;
    int mode;
    int64_t uid, gid;
};

#define FILE_AT(member) offsetof(struct file_draft, member)

/* clang-format off */
static const struct field file_rows[] = {
    {.name = "source",
     .type = FIELD_TEXT,
     .offset = FILE_AT(source),
     .effect = FIELD_RESTARTS,
     .required = true,
     .help = "Its name under the project's `configs` or `secrets`."},
    {.name = "target",
     .type = FIELD_TEXT,
     .offset = FILE_AT(target),
     .effect = FIELD_RESTARTS,
     .default_text = "its name",
     .help = "The file's name in its directory, or an absolute path."},
    {.name = "uid",
     .type = FIELD_COUNT,
     .offset = FILE_AT(uid),
     .effect = FIELD_RESTARTS,
     .max = 4294967294.0,
     .default_text = "the service's user",
     .help = "Number of the user it belongs to."},
    {.name = "gid",
     .type = FIELD_COUNT,
     .offset = FILE_AT(gid),
     .effect = FIELD_RESTARTS,
     .max = 4294967294.0,
     .default_text = "the service's group",
     .help = "Number of the group it belongs to."},
    {.name = "mode",
     .type = FIELD_CUSTOM,
     .offset = FILE_AT(mode),
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT | FORM_NUMBER,
     .default_text = "0400 of a secret, 0444 of a config",
     .decode = decode_rights,
     .input_only = true,
     .help = "Rights of the file, octal."},
};
/* clang-format on */
const struct field_table fields_service_file =
    FIELD_TABLE("services.configs", "A config or secret as a file.", file_rows, NULL);

void decode_files(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;

    if (pair->value->kind != NODE_LIST)
        (void)field_wrong(d, f->name, pair->value, "a list of names and maps");
    else
        *(strcmp(f->name, "secrets") == 0 ? &draft->secrets : &draft->configs) = pair->value;
}

static bool check_file_target(
    struct decode *d, const struct node *value, struct service_file *out, const char *given)
{
    struct str target = str_from(given != NULL ? given : out->source);
    struct str rest = target;

    out->target = target.at;
    if (!str_starts(target, "/") && (target.len == 0 || str_find(target, '/') >= 0 ||
                                        str_is(target, ".") || str_is(target, ".."))) {
        diagnostic_error(d->diagnostics, "wrong-value", &value->span,
            "'target' is a file's name or an absolute path, not '%.*s'",
            (int)(target.len < 80 ? target.len : 80), target.at);
        return false;
    }
    if (!str_starts(target, "/"))
        return true;
    while (rest.len > 0)
        if (str_is(str_cut(&rest, '/'), "..")) {
            diagnostic_error(
                d->diagnostics, "wrong-value", &value->span, "'target' may not hold '..'");
            return false;
        }
    char *path = fs_absolute("/", target);
    out->target = arena_copy(d->arena, path);
    free(path);
    if (strcmp(out->target, "/") != 0)
        return true;
    diagnostic_error(d->diagnostics, "wrong-value", &value->span, "'target' is a directory");
    return false;
}

static bool read_entry(
    struct decode *d, const char *name, const struct node *value, struct service_file *out)
{
    struct file_draft draft = {.uid = -1, .gid = -1, .mode = out->is_secret ? 0400 : 0444};
    size_t errors = diagnostics_count(d->diagnostics, SEVERITY_ERROR);

    if (value->kind == NODE_MAP)
        fields_decode(d, &fields_service_file, value, &draft);
    else
        (void)field_text(d, name, value, &draft.source);
    if (diagnostics_count(d->diagnostics, SEVERITY_ERROR) > errors)
        return false;
    out->source = draft.source;
    out->uid = draft.uid;
    out->gid = draft.gid;
    out->mode = draft.mode;
    return check_file_target(d, value, out, draft.target);
}

/* From its document, or by reading what the project's map names. */
static bool find_content(
    struct decode *d, struct project_draft *p, const struct node *value, struct service_file *out)
{
    const struct node *known = d->from_document ? node_get(value, FILE_CONTENT_KEY) : NULL;

    if (known != NULL && hash_parse(known->text, &out->content))
        return true;
    return content_find(d, p, out->source, out->is_secret, &value->span, &out->content);
}

static bool is_taken(struct decode *d, const struct service *s, const struct service_file *all,
    const struct service_file *file, const struct node *value)
{
    for (size_t i = 0; i < s->file_count; i++)
        if (strcmp(all[i].target, file->target) == 0 &&
            (all[i].is_secret == file->is_secret || file->target[0] == '/')) {
            diagnostic_error(d->diagnostics, "conflict", &value->span,
                "two files of service '%s' have the target '%.80s'", s->name, file->target);
            return true;
        }
    return false;
}

static size_t bytes_of(const struct project_draft *p, const struct hash *hash)
{
    for (size_t i = 0; i < p->contents.count; i++)
        if (hash_eq(&p->contents.at[i].hash, hash))
            return p->contents.at[i].bytes.len;
    return 0;
}

static int by_kind_and_target(const void *a, const void *b)
{
    const struct service_file *x = a, *y = b;

    return x->is_secret != y->is_secret ? x->is_secret - y->is_secret
                                        : strcmp(x->target, y->target);
}

void files_finish(struct decode *d, struct project_draft *p, struct service_draft *draft)
{
    const struct node *lists[] = {draft->configs, draft->secrets};
    struct service *s = &draft->service;
    size_t count = node_count(draft->configs) + node_count(draft->secrets), bytes = 0;

    if (count > FILES_MAX) {
        diagnostic_error(d->diagnostics, "limit", &draft->span,
            "service '%s' has more than %d configs and secrets", s->name, FILES_MAX);
        return;
    }
    struct service_file *all = arena_new_array(d->arena, count + 1, struct service_file);
    for (size_t k = 0; k < COUNT(lists); k++)
        for (size_t i = 0; i < node_count(lists[k]); i++) {
            struct service_file *file = &all[s->file_count];
            const struct node *value = lists[k]->items[i];
            *file = (struct service_file){.is_secret = k == 1};
            if (!read_entry(d, k == 1 ? "secrets" : "configs", value, file) ||
                is_taken(d, s, all, file, value) || !find_content(d, p, value, file))
                continue;
            bytes += bytes_of(p, &file->content);
            s->file_count++;
        }
    qsort(all, s->file_count, sizeof *all, by_kind_and_target);
    s->files = all;
    if (bytes > SERVICE_BYTES_MAX)
        diagnostic_error(d->diagnostics, "limit", &draft->span,
            "the configs and secrets of service '%s' are larger than 3 MiB together", s->name);
}

/* ---- the document ---- */

static const char *content_text(struct encode *e, const struct service_file *file)
{
    char *text = arena_alloc(e->arena, 1, HASH_TEXT_BYTES);
    struct hash shown = file->content;

    if (e->restarting_only && file->is_secret)
        shown = hash_hmac(
            e->revision_key, (struct str){(const char *)file->content.at, sizeof file->content.at});
    hash_format(&shown, text);
    return text;
}

static struct node *encode_file(struct encode *e, const struct service_file *file)
{
    struct arena *a = e->arena;
    struct node *map = node_map(a);

    (void)node_put(a, map, STR("source"), node_text(a, str_from(file->source)));
    if (strcmp(file->source, file->target) != 0)
        (void)node_put(a, map, STR("target"), node_text(a, str_from(file->target)));
    if (file->uid >= 0)
        (void)node_put(a, map, STR("uid"), node_int(a, file->uid));
    if (file->gid >= 0)
        (void)node_put(a, map, STR("gid"), node_int(a, file->gid));
    if (file->mode != (file->is_secret ? 0400 : 0444))
        (void)node_put(
            a, map, STR("mode"), node_text(a, str_from(arena_format(a, "0%03o", file->mode))));
    (void)node_put(a, map, STR(FILE_CONTENT_KEY), node_text(a, str_from(content_text(e, file))));
    return map;
}

struct node *encode_files(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    bool secrets = strcmp(f->name, "secrets") == 0;
    struct node *list = node_list(e->arena);

    for (size_t i = 0; i < s->file_count; i++)
        if (s->files[i].is_secret == secrets)
            node_push(e->arena, list, encode_file(e, &s->files[i]));
    return list->count > 0 ? list : NULL;
}
