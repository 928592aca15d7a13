/* What may be declared of a file. */
#include "drive/host/file_private.h"

#include "base/base64.h"
#include "base/fs.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

struct file_entry {
    struct attributes attributes; /* first */
    bool has_content;
    struct str content;
    const char *source, *target;
    bool sensitive;
};

static const struct file_entry defaults = {.attributes = {.mode = -1}};

static bool take_content(
    struct decode *d, const struct span *span, struct str bytes, struct file_entry *file)
{
    if (bytes.len >= PLACE_CONTENT_BYTES_MAX) {
        field_refuse(d, span, "a file of more than %u KiB", PLACE_CONTENT_BYTES_MAX >> 10);
        return false;
    }
    file->content = arena_copy_str(d->arena, bytes);
    file->has_content = true;
    return true;
}

static void decode_content(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    if (!node_is_scalar(pair->value) || pair->value->kind == NODE_NULL)
        (void)field_wrong(d, f->name, pair->value, "a text");
    else
        (void)take_content(d, &pair->value->span, pair->value->text, into);
}

static void decode_base64(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct buf bytes = BUF_INIT(2 * PLACE_CONTENT_BYTES_MAX);

    if (!node_is_scalar(pair->value) || !base64_decode(&bytes, pair->value->text))
        (void)field_wrong(d, f->name, pair->value, "base64 text");
    else
        (void)take_content(d, &pair->value->span, buf_str(&bytes), into);
    buf_fini(&bytes);
}

/* A byte that no text has: controls but tab and line ends. */
static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

/* What YAML takes as it is, and people can read. */
bool content_is_text(struct str content)
{
    bool plain = true;

    for (size_t i = 0; i < content.len; i++) {
        unsigned char c = (unsigned char)content.at[i];

        if (c >= 0x20 && c < 0x7f)
            continue;
        if (is_control(c))
            return false;
        plain = plain && c < 0x80;
    }
    if (plain)
        return true;
    if (str_utf8_valid(content) != content.len)
        return false;
    for (size_t i = 0; i + 1 < content.len; i++) {
        unsigned char c = (unsigned char)content.at[i], next = (unsigned char)content.at[i + 1];

        if (c == 0xc2 && next < 0xa0) /* C1 controls */
            return false;
        if (c == 0xef && (next == 0xbb || next == 0xbf)) /* marks of byte order, non-characters */
            return false;
    }
    return true;
}

void content_put(struct arena *a, struct node *into, struct str content)
{
    struct buf out = BUF_INIT(4 * PLACE_CONTENT_BYTES_MAX);

    if (content_is_text(content)) {
        (void)node_put(a, into, STR("content"), node_text(a, content));
        return;
    }
    base64_encode(&out, content);
    (void)node_put(a, into, STR("content_base64"), node_text(a, arena_copy_str(a, buf_str(&out))));
    buf_fini(&out);
}

static struct node *encode_content(struct encode *e, const struct field *f, const void *from)
{
    const struct file_entry *file = from;
    struct node *both;

    if (!file->has_content || content_is_text(file->content) != (strcmp(f->name, "content") == 0))
        return NULL;
    both = node_map(e->arena);
    content_put(e->arena, both, file->content);
    return node_get(both, f->name);
}

static void read_source(struct decode *d, const struct node_pair *declared, struct file_entry *file)
{
    const struct node *said = node_get(declared->value, "source");
    struct buf bytes = BUF_INIT(PLACE_CONTENT_BYTES_MAX);
    char *path = fs_absolute(d->dir, str_from(file->source));
    struct err err = ERR_INIT;

    if (d->from_document)
        ; /* resolved already: there is none */
    else if (fs_read(path, &bytes, &err))
        (void)take_content(d, &said->span, buf_str(&bytes), file);
    else if (err.kind == ERR_LIMIT)
        field_refuse(d, &said->span, "a file of more than %u KiB", PLACE_CONTENT_BYTES_MAX >> 10);
    else
        diagnostic_error(d->diagnostics, "missing-file", &said->span, "source %s", err.text);
    free(path);
    buf_fini(&bytes);
}

static void check_one_of(
    struct decode *d, const struct node_pair *declared, const struct file_entry *file)
{
    static const char *const ways[] = {"content", "content_base64", "source", "target"};
    const struct node_pair *first = NULL;

    for (size_t i = 0; i < COUNT(ways); i++) {
        const struct node_pair *pair = node_find(declared->value, str_from(ways[i]));

        if (pair != NULL && first != NULL) {
            diagnostic_error(d->diagnostics, "conflict", &pair->key_span,
                "a file has one of content, source and target");
            diagnostic_other(d->diagnostics, &first->key_span, "the first");
            return;
        }
        first = pair != NULL ? pair : first;
    }
    if (first == NULL && file->attributes.ensure == ENSURE_PRESENT) {
        diagnostic_error(d->diagnostics, "missing-key", &declared->key_span,
            "file '%.*s' does not say what it holds", STR_ARG(declared->key));
        diagnostic_help(
            d->diagnostics, "add content: |, or source: FILE, or target: PATH for a symbolic link");
    }
    if (file->target != NULL && file->attributes.mode >= 0)
        diagnostic_error(d->diagnostics, "conflict", &declared->key_span,
            "a symbolic link has no mode of its own");
}

static void finish(struct decode *d, const struct node_pair *declared, void *entry)
{
    struct file_entry *file = entry;

    attributes_finish(d, declared, &file->attributes);
    check_one_of(d, declared, file);
    if (file->source != NULL)
        read_source(d, declared, file);
    if (file->sensitive && file->attributes.mode < 0 && file->target == NULL)
        file->attributes.mode = 0600;
}

/* clang-format off */
static const struct field rows[] = {
    ATTRIBUTE_ROWS(struct file_entry, "0644 for a new file, 0600 for a sensitive one, and others as they are"),
    {.name = "content", .type = FIELD_CUSTOM, .forms = FORM_TEXT | FORM_NUMBER | FORM_BOOL,
        .effect = FIELD_UPDATES_LIVE, .decode = decode_content, .encode = encode_content,
        .help = "What it holds. ${VARIABLES} are replaced; a plain dollar is written $$."},
    {.name = "content_base64", .type = FIELD_CUSTOM, .forms = FORM_TEXT,
        .effect = FIELD_UPDATES_LIVE, .decode = decode_base64, .encode = encode_content,
        .help = "The same in base64, for what is no text."},
    {.name = "source", .type = FIELD_TEXT, .offset = offsetof(struct file_entry, source),
        .effect = FIELD_UPDATES_LIVE, .input_only = true,
        .help = "File whose content it takes, byte by byte, when this is loaded; at most 1 MiB."},
    {.name = "target", .type = FIELD_TEXT, .offset = offsetof(struct file_entry, target),
        .effect = FIELD_UPDATES_LIVE,
        .help = "What it points to: it is a symbolic link."},
    {.name = "sensitive", .type = FIELD_BOOL, .offset = offsetof(struct file_entry, sensitive),
        .effect = FIELD_NO_EFFECT, .default_text = "false",
        .help = "Its content is never shown: not in plans, diffs, events or answers."},
    FIELD_DEPENDS_ON,
    FIELD_LIFECYCLE,
};
/* clang-format on */

const struct field_table fields_file = {.name = "a file",
    .help = "A file or symbolic link on this machine.",
    .fields = rows,
    .count = COUNT(rows),
    .defaults = &defaults};

static const char *const path_keys[] = {"path", "source", NULL};
static const char *const secret_keys[] = {"content", "content_base64", NULL};

const struct field_kind files_declared = {
    .name = "files",
    .noun = "file",
    .help = "Files and symbolic links that shall be there, by path or name.",
    .table = &fields_file,
    .entry_bytes = sizeof(struct file_entry),
    .finish = finish,
    .attribute = attributes_refer,
    .attributes = ".path",
    .path_keys = path_keys,
    .secret_keys = secret_keys,
    .name_is_path = true,
    .place = attributes_place,
};
