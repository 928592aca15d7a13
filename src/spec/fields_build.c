/* build: how a container's image is made. */
#include "spec/container_private.h"

#include "base/must.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define B struct build

static bool is_remote(const char *context)
{
    static const char *const schemes[] = {"http://", "https://", "git://", "ssh://", "git@"};

    for (size_t i = 0; i < COUNT(schemes); i++)
        if (str_starts(str_from(context), schemes[i]))
            return true;
    return str_starts(str_from(context), "github.com/");
}

static void decode_context(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct build *b = into;
    const char *text;
    struct stat st;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    b->context = is_remote(text) ? text : container_path(d, str_from(text));
    if (d->from_document || is_remote(text))
        return;
    if (stat(b->context, &st) != 0)
        diagnostic_error(d->diagnostics, "missing-file", &pair->value->span,
            "build context '%s': %s", b->context, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        diagnostic_error(d->diagnostics, "missing-file", &pair->value->span,
            "build context '%s' is not a directory", b->context);
}

/* A name without a value takes the variable's, and is left out where there is none. */
static void decode_args(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct node *given = field_by_name(d->arena, d->diagnostics, f->name, pair->value);
    struct node *all = node_map(d->arena);
    struct field row = *f;

    NODE_EACH (given, arg) {
        const char *text = arg->value->kind != NODE_NULL || d->variable == NULL
                               ? NULL
                               : d->variable(d->variable_context, arg->key.at);
        if (arg->value->kind != NODE_NULL)
            (void)node_put(d->arena, all, arg->key, arg->value);
        else if (text != NULL)
            (void)node_put(d->arena, all, arg->key, node_text(d->arena, str_from(text)));
    }
    row.type = FIELD_NAMED;
    field_decode_list(d, &row, all, (char *)into + f->offset);
}

static struct node *encode_args(struct encode *e, const struct field *f, const void *from)
{
    struct field row = *f;

    row.type = FIELD_NAMED;
    return field_encode_list(e, &row, (const char *)from + f->offset);
}

/* `true` is a word here. */
static const struct build build_defaults = {.shm_size = -1};

static const struct field rows[] = {
    {.name = "context",
     .type = FIELD_CUSTOM,
     .offset = offsetof(B,                                                                              context),
     .forms = FORM_TEXT,
     .default_text = "the project's folder",
     .decode = decode_context,
     .encode = encode_plain_text,
     .help = "The folder that is sent to the engine, or the address of a repository."},
    ROW_TEXT("dockerfile", B, dockerfile, "The Dockerfile, relative to the context."),
    ROW_TEXT("dockerfile_inline", B, dockerfile_inline, "What the Dockerfile says."),
    {.name = "args",
     .type = FIELD_CUSTOM,
     .offset = offsetof(B,                                                                          args),
     .merge = MERGE_BY_NAME,
     .forms = FORM_LIST | FORM_MAP,
     .decode = decode_args,
     .encode = encode_args,
     .help = "Arguments of the build (ARG); without a value the variable's of that name."},
    ROW_TEXT("target", B, target, "The stage that is built."),
    ROW_TEXT("network", B, network, "The network of its RUN steps: host, none, …"),
    ROW_NAMED("labels", B, labels, "Labels of the image."),
    ROW_TEXTS("cache_from", B, cache_from, "Images whose layers may be used."),
    ROW_TEXTS("cache_to", B, cache_to, "Where its cache is kept."),
    ROW_NAMED("additional_contexts", B, additional_contexts, "More contexts by name."),
    ROW_TEXTS("extra_hosts", B, extra_hosts, "NAME:ADDRESS for its RUN steps."),
    ROW_TEXTS("platforms", B, platforms, "Platforms that it is built for."),
    ROW_TEXTS("tags", B, tags, "More names of the image."),
    ROW_TEXTS_OR_ONE("ssh", B, ssh, "Keys for its RUN steps."),
    ROW_TEXTS("entitlements", B, entitlements, "Rights that its RUN steps may ask for."),
    ROW_LIST("secrets", B, secrets, struct file_grant, fields_file_grant, expand_grant, FORM_LIST,
        "Secrets for its RUN steps."),
    {.name = "shm_size",
     .type = FIELD_BYTES,
     .offset = offsetof(B, shm_size),
     .help = "Size of /dev/shm in its RUN steps."},
    ROW_TEXT("isolation", B, isolation, "How its RUN steps are isolated."),
    ROW_TEXT("provenance", B, provenance, "What is attested about the build."),
    ROW_TEXT("sbom", B, sbom, "Whether a bill of materials is attached."),
    ROW_BOOL("no_cache", B, no_cache, "Nothing is taken from earlier builds."),
    ROW_BOOL("pull", B, pull, "Images that it begins from are fetched anew."),
    ROW_BOOL("privileged", B, privileged, "Its RUN steps have all rights."),
    {.name = "ulimits",                                                             .type = FIELD_REFUSED,                                                        .help = "the engine's own hold for its RUN steps"                                                                           },
};
#undef B
const struct field_table fields_build =
    FIELD_TABLE("a build", "How an image is made.", rows, &build_defaults);

void decode_build(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct build *b = arena_new(d->arena, struct build);
    const struct field *context = field_find(&fields_build, STR("context"));

    *b = build_defaults;
    ((struct container *)into)->build = b;
    if (node_is_scalar(pair->value)) {
        decode_context(d, context, pair, b);
    } else if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, f->name, pair->value, "a folder or a map");
    } else {
        fields_decode(d, &fields_build, pair->value, b);
        if (b->context == NULL)
            b->context = arena_copy(d->arena, d->dir);
        if (b->dockerfile != NULL && b->dockerfile_inline != NULL)
            diagnostic_error(d->diagnostics, "conflict", &pair->value->span,
                "a build has `dockerfile` or `dockerfile_inline`, not both");
    }
}

struct node *encode_build(struct encode *e, const struct field *f, const void *from)
{
    const struct build *b = ((const struct container *)from)->build;

    (void)f;
    return b != NULL ? fields_encode(&(struct encode){.arena = e->arena}, &fields_build, b) : NULL;
}
