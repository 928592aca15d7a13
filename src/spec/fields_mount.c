/* volumes, configs and secrets of a container. */
#include "spec/container_private.h"

#include "base/fs.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

const char *container_path(struct decode *d, struct str path)
{
    const char *home = NULL;

    if (str_is(path, "~") || str_starts(path, "~/"))
        home = d->variable != NULL ? d->variable(d->variable_context, "HOME") : NULL;
    char *absolute = home != NULL ? fs_absolute(home, str_tail(path, path.len > 1 ? 2 : 1))
                                  : fs_absolute(d->dir, path);
    const char *kept = arena_copy(d->arena, absolute);
    free(absolute);
    return kept;
}

/* volumes */

static const struct field_choice types[] = {
    {"bind",    MOUNT_BIND   },
    {"volume",  MOUNT_VOLUME },
    {"tmpfs",   MOUNT_TMPFS  },
    {"npipe",   MOUNT_NPIPE  },
    {"cluster", MOUNT_CLUSTER},
    {"image",   MOUNT_IMAGE  },
    {NULL,      0            },
};

/* A mode is written in octal: 1777, 0444, "0o700". */
static void decode_octal(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct str text = pair->value->text;
    int mode = 0;

    if (node_is_scalar(pair->value) && str_starts(text, "0o"))
        text = str_tail(text, 2);
    bool fits = node_is_scalar(pair->value) && text.len > 0 && text.len <= 5;
    for (size_t i = 0; fits && i < text.len; i++) {
        fits = text.at[i] >= '0' && text.at[i] <= '7';
        mode = mode * 8 + (text.at[i] - '0');
    }
    if (fits && mode <= 07777)
        *(int *)(void *)((char *)into + f->offset) = mode;
    else
        (void)field_wrong(d, f->name, pair->value, "an octal mode such as 0444");
}

static struct node *encode_octal(struct encode *e, const struct field *f, const void *from)
{
    int mode = *(const int *)(const void *)((const char *)from + f->offset);

    return mode >= 0 ? node_text(e->arena, str_from(arena_format(e->arena, "%04o", mode))) : NULL;
}

static const struct mount mount_defaults = {
    .type = -1, .create_host_path = true, .tmpfs_bytes = -1, .tmpfs_mode = -1};

#define M struct mount
static const struct field bind_rows[] = {
    ROW_PATTERN("propagation", M, propagation, "^r?(private|shared|slave)$",
        "How mounts inside and outside meet: rprivate, private, rshared, shared, rslave, slave."),
    {.name = "create_host_path",
       .type = FIELD_BOOL,
       .offset = offsetof(M, create_host_path),
       .default_text = "true",
       .help = "A source that is not there is made, as a folder."},
    ROW_PATTERN("selinux", M, selinux, "^[zZ]$", "How it is labelled: z (shared) or Z (private)."),
    ROW_PATTERN("recursive", M, recursive, "^(enabled|disabled|writable|readonly)$",
        "Whether mounts below it are mounted too."),
};
static const struct field_table bind_table =
    FIELD_TABLE("options of a bind mount", "Options of a folder.", bind_rows, &mount_defaults);

static const struct field named_rows[] = {
    ROW_BOOL("nocopy", M, nocopy, "A new volume does not get what the image has there."),
    ROW_TEXT("subpath", M, subpath, "Only this folder of the volume."),
    ROW_NAMED("labels", M, volume_labels, "Labels of a volume that is made."),
};
static const struct field_table named_table =
    FIELD_TABLE("options of a volume mount", "Options of a volume.", named_rows, &mount_defaults);

static const struct field tmpfs_rows[] = {
    {.name = "size",
     .type = FIELD_BYTES,
     .offset = offsetof(M,   tmpfs_bytes),
     .help = "How much it may hold."},
    { .name = "mode",
     .type = FIELD_CUSTOM,
     .offset = offsetof(M, tmpfs_mode),
     .forms = FORM_NUMBER | FORM_TEXT,
     .decode = decode_octal,
     .encode = encode_octal,
     .help = "Its mode, in octal."},
};
static const struct field_table tmpfs_table = FIELD_TABLE(
    "options of a tmpfs mount", "Options of a folder in memory.", tmpfs_rows, &mount_defaults);

static const struct field image_rows[] = {
    ROW_TEXT("subpath", M, subpath, "Only this folder of the image."),
};
static const struct field_table image_table =
    FIELD_TABLE("options of an image mount", "Options of an image.", image_rows, &mount_defaults);

/* The long form's source is relative to the project if it is a folder. */
static void decode_source(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *text;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    bool is_path = text[0] == '.' || text[0] == '~' || ((struct mount *)into)->type == MOUNT_BIND;
    ((struct mount *)into)->source = is_path ? container_path(d, str_from(text)) : text;
}

static const struct field rows[] = {
    {.name = "type",
     .type = FIELD_CHOICE,
     .offset = offsetof(M,                                                                   type),
     .choices = types,
     .required = true,
     .help = "What is mounted."},
    {.name = "source",
     .type = FIELD_CUSTOM,
     .offset = offsetof(M,                                                           source),
     .forms = FORM_TEXT,
     .decode = decode_source,
     .encode = encode_plain_text,
     .help = "The folder of the machine, or the volume's or image's name."},
    ROW_TEXT("target", M, target, "Where it is inside."),
    ROW_BOOL("read_only", M, read_only, "It cannot be written to."),
    ROW_TEXT("consistency", M, consistency, "Makes a difference on macOS alone."),
    {.name = "bind",                                                  .type = FIELD_MAP,                                           .table = &bind_table,                                                                     .help = "Options of a folder."                                                                                                                                   },
    {.name = "volume", .type = FIELD_MAP, .table = &named_table, .help = "Options of a volume."},
    {.name = "tmpfs",                                       .type = FIELD_MAP,                                       .table = &tmpfs_table,.help = "Options of memory."},
    {.name = "image",                                       .type = FIELD_MAP,                                       .table = &image_table,                                      .help = "Options of an image."                                                },
};
#undef M
const struct field_table fields_mount =
    FIELD_TABLE("a mount", "What a container sees at a place.", rows, &mount_defaults);

/* One word of the short form's mode into the map. */
static bool put_mode(struct decode *d, struct node *map, struct node *bind, struct str word)
{
    static const char *const ignored[] = {"rw", "consistent", "cached", "delegated"};
    static const char *const propagations[] = {
        "private", "rprivate", "shared", "rshared", "slave", "rslave"};
    struct arena *a = d->arena;

    for (size_t i = 0; i < COUNT(ignored); i++)
        if (str_is(word, ignored[i]))
            return true;
    for (size_t i = 0; i < COUNT(propagations); i++)
        if (str_is(word, propagations[i]))
            return node_put(a, bind, STR("propagation"), node_text(a, word)) != NULL;
    if (str_is(word, "ro"))
        return node_put(a, map, STR("read_only"), node_bool(a, true)) != NULL;
    if (str_is(word, "z") || str_is(word, "Z"))
        return node_put(a, bind, STR("selinux"), node_text(a, word)) != NULL;
    if (!str_is(word, "nocopy"))
        return false;
    struct node *volume = node_map(a);
    (void)node_put(a, volume, STR("nocopy"), node_bool(a, true));
    return node_put(a, map, STR("volume"), volume) != NULL;
}

static bool put_modes(struct decode *d, struct node *map, struct str modes)
{
    struct node *bind = node_map(d->arena);

    bind->span = map->span;
    while (modes.len > 0)
        if (!put_mode(d, map, bind, str_cut(&modes, ',')))
            return false;
    if (bind->count > 0)
        (void)node_put(d->arena, map, STR("bind"), bind);
    return true;
}

/* [SOURCE:]TARGET[:MODE[,MODE]] */
void expand_mount(
    struct decode *d, const struct field *f, const struct node *item, struct node *list)
{
    struct str rest = item->text, first = str_cut(&rest, ':'), second = str_cut(&rest, ':');
    bool is_path = first.len > 0 && strchr("./~", first.at[0]) != NULL;
    struct str source = second.len > 0 ? first : STR(""), target = second.len > 0 ? second : first;

    (void)f;
    if (second.len > 0 && second.at[0] != '/' && rest.len == 0 && is_path) {
        rest = second; /* an anonymous volume with a mode */
        source = STR("");
        target = first;
    }
    const char *type = source.len > 0 && is_path ? "bind" : "volume";
    const char *from = source.len == 0 ? NULL
                       : is_path       ? container_path(d, source)
                                       : arena_copy_str(d->arena, source).at;
    struct node *map = expanded(d, item, "type", type, "source", from, "target",
        arena_copy_str(d->arena, target).at, (const char *)NULL);
    if (target.len > 0 && target.at[0] == '/' && put_modes(d, map, rest)) {
        node_push(d->arena, list, map);
        return;
    }
    diagnostic_error(d->diagnostics, "wrong-value", &item->span,
        "'%.120s' is no volume: write [SOURCE:]TARGET[:MODE], TARGET being an absolute path",
        item->text.at);
}

/* configs, secrets */

static const struct file_grant grant_defaults = {.mode = -1};

static const struct field grant_rows[] = {
    ROW_TEXT_NEEDED("source", struct file_grant, source, "Its name at the top of the file."),
    ROW_TEXT("target", struct file_grant, target,
        "Where the container sees it; a secret's is below /run/secrets unless it is absolute."),
    ROW_TEXT("uid", struct file_grant, uid, "Whose it is."),
    ROW_TEXT("gid", struct file_grant, gid, "Which group's it is."),
    {.name = "mode",
                                                             .type = FIELD_CUSTOM,
                                                             .offset = offsetof(struct file_grant, mode),
                                                             .forms = FORM_NUMBER | FORM_TEXT,
                                                             .default_text = "0444",
                                                             .decode = decode_octal,
                                                             .encode = encode_octal,
                                                             .help = "Its mode, in octal."},
};
const struct field_table fields_file_grant = FIELD_TABLE("a granted file",
    "A config or secret that a service sees as a file.", grant_rows, &grant_defaults);

void expand_grant(
    struct decode *d, const struct field *f, const struct node *item, struct node *list)
{
    (void)f;
    node_push(d->arena, list, expanded(d, item, "source", item->text.at, (const char *)NULL));
}
