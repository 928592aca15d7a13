/* volumes and tmpfs: what a service sees at places of its own. */
#include "spec/spec_private.h"

#include "base/fs.h"
#include "base/must.h"
#include "base/units.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTS_MAX   100
#define TMPFS_MODE   01777
#define SHOWN        200              /* bytes of a value in a message */
#define OPTIONS_KEY  "x-tend-options" /* of a tmpfs in the document: what Compose's map lacks */
#define TEXT_OF(str) (int)((str).len < SHOWN ? (str).len : SHOWN), (str).at

/* ---- the long form ---- */

/* decode's `into` for the tables of a volume. */
struct volume_draft {
    struct service_mount mount; /* first: rows of plain types write into it */
    const char *type, *source, *propagation, *recursive, *selinux;
    bool no_copy;
    const struct node *options; /* of a document */
};

#define AT(member)    offsetof(struct volume_draft, member)
#define MOUNT(member) offsetof(struct volume_draft, mount.member)

static bool octal_digits(struct str text, int *out)
{
    int mode = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '7' || mode > 07777)
            return false;
        mode = mode * 8 + (text.at[i] - '0');
    }
    *out = mode;
    return text.len > 0 && mode <= 07777;
}

/* Without a leading 0 it might be meant as a decimal number, as YAML 1.2 has it. */
bool spec_octal(struct str text, int *out)
{
    if (str_starts(text, "0o"))
        text = str_tail(text, 1);
    return text.len >= 2 && text.at[0] == '0' && octal_digits(text, out);
}

void decode_rights(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    int *out = (int *)(void *)((char *)into + f->offset);

    if (node_is_scalar(pair->value) && spec_octal(pair->value->text, out))
        return;
    diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span,
        "'%s' takes rights as octal digits with a leading 0, such as 0440, not '%.*s'", f->name,
        TEXT_OF(pair->value->text));
}

static const struct field bind_rows[] = {
    {.name = "create_host_path",
     .type = FIELD_BOOL,
     .offset = MOUNT(create),
     .effect = FIELD_RESTARTS,
     .default_text = "true",
     .help = "Whether a missing source is made, as a directory."},
    {.name = "propagation",
     .type = FIELD_TEXT,
     .offset = AT(propagation),
     .help = "Only 'rprivate': what is mounted in it stays with the service."},
    {.name = "recursive",
     .type = FIELD_TEXT,
     .offset = AT(recursive),
     .help = "Only 'enabled': what is mounted below the source is seen too."},
    {.name = "selinux",        .type = FIELD_IGNORED,                                          .help = "files keep their labels"                                                 },
};
static const struct field_table bind_table =
    FIELD_TABLE("volumes.bind", "How a path of the machine is bound.", bind_rows, NULL);

static const struct field volume_option_rows[] = {
    {.name = "nocopy",
     .type = FIELD_IGNORED,
     .help = "nothing is ever copied into a volume of a process"                              },
    {.name = "subpath",
     .type = FIELD_TEXT,
     .offset = MOUNT(subpath),
     .effect = FIELD_RESTARTS,
     .help = "A directory in the volume that is seen instead of all of it."},
    {.name = "labels", .type = FIELD_IGNORED, .help = "volumes of a process have none"},
};
static const struct field_table volume_option_table =
    FIELD_TABLE("volumes.volume", "How a named volume is seen.", volume_option_rows, NULL);

static const struct field tmpfs_rows[] = {
    {.name = "size",
     .type = FIELD_BYTES,
     .offset = MOUNT(size_bytes),
     .effect = FIELD_RESTARTS,
     .min = 4096,
     .default_text = "half of the memory",
     .help = "How much it may hold."              },
    { .name = "mode",
     .type = FIELD_CUSTOM,
     .offset = MOUNT(mode),
     .effect = FIELD_RESTARTS,
     .forms = FORM_TEXT | FORM_NUMBER,
     .default_text = "01777",
     .decode = decode_rights,
     .input_only = true,
     .help = "Rights of its top directory, octal."},
};
static const struct field_table tmpfs_table =
    FIELD_TABLE("volumes.tmpfs", "A file system in memory.", tmpfs_rows, NULL);

static const struct field volume_rows[] = {
    {.name = "type",
     .type = FIELD_TEXT,
     .offset = AT(type),
     .effect = FIELD_RESTARTS,
     .required = true,
     .help = "'bind', 'volume' or 'tmpfs'."},
    {.name = "source",
     .type = FIELD_TEXT,
     .offset = AT(source),
     .effect = FIELD_RESTARTS,
     .help = "Of a bind the path on the machine, of a volume its name."},
    {.name = "target",
     .type = FIELD_TEXT,
     .offset = MOUNT(target),
     .effect = FIELD_RESTARTS,
     .required = true,
     .help = "Where the service sees it."},
    {.name = "read_only",
     .type = FIELD_BOOL,
     .offset = MOUNT(read_only),
     .effect = FIELD_RESTARTS,
     .default_text = "false",
     .help = "Whether the service may not write to it."},
    {.name = "bind", .type = FIELD_MAP,                                   .table = &bind_table,                                                                  .help = "More of a bind."},
    {.name = "volume",
     .type = FIELD_MAP,
     .table = &volume_option_table,
     .help = "More of a volume."},
    {.name = "tmpfs",  .type = FIELD_MAP, .table = &tmpfs_table,                                                  .help = "More of a tmpfs."},
    {.name = "consistency",       .type = FIELD_IGNORED,.help = "all see the same at once"},
    {.name = "image",         .type = FIELD_REFUSED,                                  .help = "a plain process has no images"                                                                        },
};
const struct field_table fields_volume =
    FIELD_TABLE("services.volumes", "A directory that the service sees.", volume_rows, NULL);

/* ---- checks ---- */

static bool refuse_volume(struct decode *d, const struct span *span, const char *what)
{
    field_refuse(d, span, "'volumes': %s", what);
    return false;
}

static bool wrong_volume(
    struct decode *d, const struct span *span, const char *what, struct str shown)
{
    diagnostic_error(d->diagnostics, "wrong-value", span, "%s, not '%.*s'", what, TEXT_OF(shown));
    return false;
}

static bool is_plain_path(struct str path)
{
    while (path.len > 0) {
        struct str part = str_cut(&path, '/');
        if (str_is(part, ".."))
            return false;
    }
    return true;
}

static bool check_target(struct decode *d, const struct span *span, const char **target)
{
    static const char *const kernels[] = {"/", "/dev", "/proc", "/sys"};
    struct str given = str_from(*target);

    if (!str_starts(given, "/"))
        return wrong_volume(d, span, "a volume's target is an absolute path", given);
    char *path = fs_absolute("/", given);
    *target = arena_copy(d->arena, path);
    free(path);
    for (size_t i = 0; i < COUNT(kernels); i++)
        if (strcmp(*target, kernels[i]) == 0)
            return refuse_volume(d, span, "nothing can be put over /, /dev, /proc or /sys");
    return true;
}

static bool is_volume_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alphanumeric && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return name.len > 0 && name.len <= 100;
}

/* A path of the machine, absolute. */
static const char *bind_source(struct decode *d, struct str source)
{
    const char *home = "/";

    if (str_starts(source, "~")) {
        if (d->variable != NULL && d->variable(d->variable_context, "HOME") != NULL)
            home = d->variable(d->variable_context, "HOME");
        source = str_tail(source, 1);
        while (str_starts(source, "/"))
            source = str_tail(source, 1);
    } else
        home = d->dir;
    char *path = fs_absolute(home, source);
    const char *kept = arena_copy(d->arena, path);
    free(path);
    return kept;
}

/* What kind and source say together. */
static bool settle_source(
    struct decode *d, const struct span *span, struct service_mount *m, const char *source)
{
    struct str text = str_from(source);

    if (m->kind == MOUNT_TMPFS) {
        if (text.len > 0)
            return wrong_volume(d, span, "a tmpfs has no source", text);
        return true;
    }
    if (m->kind == MOUNT_BIND) {
        if (text.len == 0)
            return wrong_volume(d, span, "a bind needs a source, a path of the machine", text);
        m->source = bind_source(d, text);
        return true;
    }
    if (text.len > 0 && !is_volume_name(text))
        return wrong_volume(d, span,
            "a volume's name has letters, digits, '_', '.' and '-' (a path starts with '/' or "
            "'.')",
            text);
    m->source = text.len > 0 ? source : NULL;
    if (m->subpath != NULL && (m->subpath[0] == '/' || !is_plain_path(str_from(m->subpath))))
        return wrong_volume(
            d, span, "a volume's subpath is relative and stays in it", str_from(m->subpath));
    return true;
}

/* ---- tmpfs options ---- */

static bool take_number(struct str value, int64_t *out)
{
    return str_to_int(value, out) && *out >= 0 && *out < UINT32_MAX;
}

static bool take_option(struct service_mount *m, struct str name, struct str value)
{
    static const struct {
        const char *name;
        unsigned set, unset;
    } words[] = {
        {"exec",   MOUNT_EXEC, 0         },
        {"noexec", 0,          MOUNT_EXEC},
        {"suid",   MOUNT_SUID, 0         },
        {"nosuid", 0,          MOUNT_SUID},
        {"dev",    MOUNT_DEV,  0         },
        {"nodev",  0,          MOUNT_DEV }
    };

    if (str_is(name, "size"))
        return units_parse_bytes(value, &m->size_bytes) && m->size_bytes >= 4096;
    if (str_is(name, "mode"))
        return octal_digits(value, &m->mode);
    if (str_is(name, "uid"))
        return take_number(value, &m->uid);
    if (str_is(name, "gid"))
        return take_number(value, &m->gid);
    if (value.len > 0)
        return false;
    if (str_is(name, "ro") || str_is(name, "rw"))
        m->read_only = str_is(name, "ro");
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(name, words[i].name)) {
            m->options = (m->options | words[i].set) & ~words[i].unset;
            return true;
        }
    return str_is(name, "ro") || str_is(name, "rw");
}

static bool take_options(
    struct decode *d, const struct span *span, struct service_mount *m, struct str options)
{
    while (options.len > 0) {
        struct str value = str_cut(&options, ','), shown = value, name = str_cut(&value, '=');
        if (!take_option(m, name, value))
            return wrong_volume(d, span,
                "a tmpfs takes size=64m, mode=1777, uid=N, gid=N, ro, exec, suid and dev", shown);
    }
    return true;
}

static const char *write_options(struct arena *a, const struct service_mount *m)
{
    struct buf out = BUF_INIT(300);

    if (m->mode != TMPFS_MODE)
        buf_format(&out, ",mode=0%o", m->mode);
    if (m->uid >= 0)
        buf_format(&out, ",uid=%lld", (long long)m->uid);
    if (m->gid >= 0)
        buf_format(&out, ",gid=%lld", (long long)m->gid);
    buf_add_text(&out, m->options & MOUNT_EXEC ? ",exec" : "");
    buf_add_text(&out, m->options & MOUNT_SUID ? ",suid" : "");
    buf_add_text(&out, m->options & MOUNT_DEV ? ",dev" : "");
    const char *text = out.len > 0 ? arena_copy_str(a, str_tail(buf_str(&out), 1)).at : NULL;
    buf_fini(&out);
    return text;
}

/* ---- one entry ---- */

static const struct service_mount mount_defaults = {
    .create = true, .mode = TMPFS_MODE, .uid = -1, .gid = -1};

static bool read_kind(
    struct decode *d, const struct span *span, struct str type, enum mount_type *out)
{
    static const char *const kinds[] = {
        [MOUNT_BIND] = "bind", [MOUNT_VOLUME] = "volume", [MOUNT_TMPFS] = "tmpfs"};

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(type, kinds[i])) {
            *out = (enum mount_type)i;
            return true;
        }
    if (str_is(type, "npipe") || str_is(type, "cluster") || str_is(type, "image"))
        return refuse_volume(d, span, "only the types bind, volume and tmpfs are known here");
    return wrong_volume(d, span, "a volume's type is bind, volume or tmpfs", type);
}

static bool check_bind_options(
    struct decode *d, const struct span *span, const struct volume_draft *v)
{
    if (v->propagation != NULL && strcmp(v->propagation, "rprivate") != 0 &&
        strcmp(v->propagation, "private") != 0)
        return refuse_volume(d, span, "mounts are 'rprivate': they stay with the service");
    if (v->recursive != NULL && strcmp(v->recursive, "enabled") != 0)
        return refuse_volume(d, span, "binds are recursive: only 'enabled'");
    return true;
}

static bool read_long(struct decode *d, const struct node *value, struct service_mount *out)
{
    struct volume_draft v = {.mount = mount_defaults};
    size_t errors = diagnostics_count(d->diagnostics, SEVERITY_ERROR);
    const struct node *options = d->from_document ? node_get(value, OPTIONS_KEY) : NULL;

    fields_decode(d, &fields_volume, value, &v);
    if (diagnostics_count(d->diagnostics, SEVERITY_ERROR) > errors)
        return false;
    if (!read_kind(d, &value->span, str_from(v.type), &v.mount.kind) ||
        !check_bind_options(d, &value->span, &v) ||
        !settle_source(d, &value->span, &v.mount, v.source))
        return false;
    *out = v.mount;
    return options == NULL || take_options(d, &value->span, out, options->text);
}

static bool take_access(
    struct decode *d, const struct span *span, struct service_mount *m, struct str options)
{
    static const char *const nothing[] = {"rw", "z", "Z", "cached", "delegated", "consistent",
        "nocopy", "private", "rprivate", "rbind", ""};

    while (options.len > 0) {
        struct str word = str_cut(&options, ',');
        bool known = str_is(word, "ro");
        m->read_only = m->read_only || known;
        for (size_t i = 0; i < COUNT(nothing); i++)
            known = known || str_is(word, nothing[i]);
        if (!known && str_find_text(word, STR("shared")) < 0 &&
            str_find_text(word, STR("slave")) < 0)
            return wrong_volume(d, span, "a volume's access is ro or rw", word);
        if (!known)
            return refuse_volume(d, span, "mounts are 'rprivate': they stay with the service");
    }
    return true;
}

/* [SOURCE:]TARGET[:ACCESS] */
static bool read_short(struct decode *d, const struct node *value, struct service_mount *out)
{
    struct str rest = value->text, first = str_cut(&rest, ':');
    bool alone = rest.at == NULL || rest.len == 0;
    struct str target = alone ? first : str_cut(&rest, ':');
    const char *source = alone ? "" : arena_copy_str(d->arena, first).at;
    bool is_path = source[0] == '/' || source[0] == '.' || source[0] == '~';

    *out = mount_defaults;
    out->kind = is_path ? MOUNT_BIND : MOUNT_VOLUME;
    out->target = arena_copy_str(d->arena, target).at;
    return settle_source(d, &value->span, out, source) &&
           take_access(d, &value->span, out, alone ? STR("") : rest);
}

static bool read_tmpfs(struct decode *d, const struct node *value, struct service_mount *out)
{
    struct str options = value->text, target = str_cut(&options, ':');

    *out = mount_defaults;
    out->kind = MOUNT_TMPFS;
    out->target = arena_copy_str(d->arena, target).at;
    return take_options(d, &value->span, out, options);
}

/* ---- all of a service ---- */

void decode_volumes(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;
    bool is_tmpfs = strcmp(f->name, "tmpfs") == 0;

    if (pair->value->kind != NODE_LIST && !(is_tmpfs && node_is_scalar(pair->value))) {
        (void)field_wrong(d, f->name, pair->value, is_tmpfs ? "a text or a list" : "a list");
        return;
    }
    *(is_tmpfs ? &draft->tmpfs : &draft->volumes) = pair->value;
}

static void add_mount(struct decode *d, struct service *s, struct service_mount *all,
    const struct node *value, bool tmpfs)
{
    struct service_mount *m = &all[s->mount_count];
    bool is_text = node_is_scalar(value) && value->kind != NODE_NULL;
    bool ok;

    if (!is_text && (tmpfs || value->kind != NODE_MAP)) {
        (void)field_wrong(d, tmpfs ? "tmpfs" : "volumes", value,
            tmpfs ? "texts in its list" : "texts and maps in its list");
        return;
    }
    ok = tmpfs     ? read_tmpfs(d, value, m)
         : is_text ? read_short(d, value, m)
                   : read_long(d, value, m);
    if (!ok || !check_target(d, &value->span, &m->target))
        return;
    for (size_t i = 0; i < s->mount_count; i++)
        if (strcmp(all[i].target, m->target) == 0) {
            diagnostic_error(d->diagnostics, "conflict", &value->span,
                "two volumes are to be seen at '%.*s'", TEXT_OF(str_from(m->target)));
            diagnostic_other(d->diagnostics, all[i].span, "the other one is here");
            return;
        }
    m->span = arena_new(d->arena, struct span);
    *m->span = value->span;
    s->mount_count++;
}

static int by_target(const void *a, const void *b)
{
    const struct service_mount *x = a, *y = b;

    return strcmp(x->target, y->target);
}

static size_t entries_of(const struct node *value)
{
    return value == NULL ? 0 : value->kind == NODE_LIST ? value->count : 1;
}

void mounts_finish(struct decode *d, struct service_draft *draft)
{
    const struct node *lists[] = {draft->volumes, draft->tmpfs};
    struct service *s = &draft->service;
    size_t count = entries_of(draft->volumes) + entries_of(draft->tmpfs);

    if (count == 0)
        return;
    if (count > MOUNTS_MAX) {
        diagnostic_error(d->diagnostics, "limit", &draft->span,
            "service '%s' has more than %d volumes", s->name, MOUNTS_MAX);
        return;
    }
    struct service_mount *all = arena_new_array(d->arena, count, struct service_mount);
    for (size_t k = 0; k < COUNT(lists); k++)
        for (size_t i = 0; i < entries_of(lists[k]); i++)
            add_mount(
                d, s, all, lists[k]->kind == NODE_LIST ? lists[k]->items[i] : lists[k], k == 1);
    qsort(all, s->mount_count, sizeof *all, by_target);
    s->mounts = all;
}

bool mounts_cover(const struct service *s, const char *path)
{
    for (size_t i = 0; i < s->mount_count; i++) {
        size_t length = strlen(s->mounts[i].target);
        if (strncmp(path, s->mounts[i].target, length) == 0 &&
            (path[length] == '\0' || path[length] == '/'))
            return true;
    }
    return false;
}

/* ---- the document ---- */

static void put_text(struct arena *a, struct node *map, const char *key, const char *text)
{
    if (text != NULL)
        (void)node_put(a, map, str_from(key), node_text(a, str_from(text)));
}

static struct node *encode_mount(struct arena *a, const struct service_mount *m)
{
    static const char *const kinds[] = {
        [MOUNT_BIND] = "bind", [MOUNT_VOLUME] = "volume", [MOUNT_TMPFS] = "tmpfs"};
    struct node *map = node_map(a), *more = node_map(a);

    put_text(a, map, "type", kinds[m->kind]);
    put_text(a, map, "source", m->source);
    put_text(a, map, "target", m->target);
    if (m->read_only)
        (void)node_put(a, map, STR("read_only"), node_bool(a, true));
    if (m->kind == MOUNT_BIND && !m->create)
        (void)node_put(a, more, STR("create_host_path"), node_bool(a, false));
    put_text(a, more, "subpath", m->subpath);
    if (m->size_bytes > 0)
        (void)node_put(a, more, STR("size"), node_int(a, m->size_bytes));
    if (more->count > 0)
        (void)node_put(a, map, str_from(kinds[m->kind]), more);
    if (m->kind == MOUNT_TMPFS)
        put_text(a, map, OPTIONS_KEY, write_options(a, m));
    return map;
}

struct node *encode_volumes(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    struct node *list = node_list(e->arena);

    (void)f;
    for (size_t i = 0; i < s->mount_count; i++)
        node_push(e->arena, list, encode_mount(e->arena, &s->mounts[i]));
    return list->count > 0 ? list : NULL;
}
