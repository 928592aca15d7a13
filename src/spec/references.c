/* ${services.NAME.url} and ${files.NAME.path}: what stands for them, and who refers to what. */
#include "spec/load_private.h"
#include "spec/resources.h"

#include "base/must.h"

#include <string.h>

#define NESTING_MAX 16

struct reference_context {
    struct load *load;
    struct node *root;
    unsigned depth; /* of paths that refer to paths */
};

static const char *text_of_service(
    struct load *l, const struct span *span, int port, struct str name, struct str what)
{
    if (str_is(what, "host"))
        return "127.0.0.1";
    if (port == 0 && (str_is(what, "url") || str_is(what, "port"))) {
        diagnostic_error(l->diagnostics, "not-supported", span,
            "not supported: the address of service '%.*s', which has no fixed port", STR_ARG(name));
        diagnostic_help(l->diagnostics,
            "fix its port: ports: [8080]; or find it in the environment of a service that depends "
            "on it");
        return NULL;
    }
    if (str_is(what, "url"))
        return arena_format(l->scratch, "http://127.0.0.1:%d", port);
    if (str_is(what, "port"))
        return arena_format(l->scratch, "%d", port);
    diagnostic_error(l->diagnostics, "bad-variable", span,
        "a service has .url, .host and .port, and no .%.*s", STR_ARG(what));
    return NULL;
}

static const char *resolve_service(
    struct reference_context *c, const struct span *span, struct str reference)
{
    struct str what = reference, name = str_cut(&what, '.');
    const struct node_pair *service = node_find(node_get(c->root, "services"), name);

    if (service != NULL)
        return text_of_service(
            c->load, span, ports_peek(node_get(service->value, "ports")), name, what);
    diagnostic_error(c->load->diagnostics, "unknown-service", span,
        "'${services.%.*s}' names no service", STR_ARG(reference));
    return NULL;
}

/* "NAME.path": the name may have dots itself, what is asked of it has none. */
static bool split_attribute(struct str reference, struct str *out_name, struct str *out_what)
{
    for (size_t i = reference.len; i-- > 0;)
        if (reference.at[i] == '.') {
            *out_name = (struct str){reference.at, i};
            *out_what = str_tail(reference, i + 1);
            return i > 0;
        }
    return false;
}

static const char *resolve(void *context, const struct span *span, struct str reference);

static const char *resolve_resource(struct reference_context *c, const struct field_kind *kind,
    const struct span *span, struct str reference)
{
    struct load *l = c->load;
    const struct node_pair *entry = NULL;
    struct str name = reference, what = STR("");
    const char *text;

    if (split_attribute(reference, &name, &what))
        entry = node_find(node_get(c->root, kind->name), name);
    if (entry == NULL) {
        diagnostic_error(l->diagnostics, "unknown-service", span, "'${%s.%.*s}' names no %s",
            kind->name, STR_ARG(reference), kind->noun);
        return NULL;
    }
    if (++c->depth > NESTING_MAX) {
        diagnostic_error(l->diagnostics, "cycle", span,
            "'${%s.%.*s}' refers to itself, or too deep", kind->name, STR_ARG(reference));
        c->depth--;
        return NULL;
    }
    for (size_t i = 0; kind->path_keys != NULL && kind->path_keys[i] != NULL; i++) {
        struct node *value = node_get(entry->value, kind->path_keys[i]);

        if (value != NULL)
            interpolate_references(l->scratch, value, resolve, c);
    }
    c->depth--;
    text =
        kind->attribute != NULL ? kind->attribute(l->scratch, l->project_dir, entry, what) : NULL;
    if (text == NULL)
        diagnostic_error(l->diagnostics, "bad-variable", span, "a %s has %s, and no .%.*s",
            kind->noun, kind->attributes != NULL ? kind->attributes : "nothing to refer to",
            STR_ARG(what));
    return text;
}

static const char *resolve(void *context, const struct span *span, struct str reference)
{
    struct reference_context *c = context;
    struct str rest = reference, section = str_cut(&rest, '.');
    const struct field_kind *kind = fields_kind(section);

    return kind != NULL ? resolve_resource(c, kind, span, rest) : resolve_service(c, span, rest);
}

/* ---- who refers to what ---- */

static void take_text(struct load *l, const char *subject, const struct node *n)
{
    struct str rest = n->text, section, name, what;

    while (str_find(rest, REFERENCE_OPEN) >= 0) {
        (void)str_cut(&rest, REFERENCE_OPEN);
        struct str reference = str_cut(&rest, REFERENCE_CLOSE);
        if (!resource_split(reference, &section, &name) || str_is(section, "services") ||
            !split_attribute(name, &name, &what))
            continue;
        vec_push(&l->references, (struct reference){.from = subject,
                                     .section = arena_copy_str(l->arena, section).at,
                                     .name = arena_copy_str(l->arena, name).at,
                                     .span = n->span});
    }
}

static void collect(struct load *l, const char *subject, const struct node *n)
{
    if (node_is_scalar(n) && n->has_reference)
        take_text(l, subject, n);
    for (size_t k = 0; k < node_count(n); k++)
        collect(l, subject, n->kind == NODE_MAP ? n->pairs[k].value : n->items[k]);
}

void references_resolve(struct load *l, struct node *root)
{
    struct reference_context context = {.load = l, .root = root};

    NODE_EACH (root, section)
        if (str_is(section->key, "services") || fields_kind(section->key) != NULL)
            NODE_EACH (section->value, entry)
                collect(l, resource_subject(l->scratch, section->key.at, entry->key), entry->value);
    interpolate_references(l->scratch, root, resolve, &context);
}

static struct field_entry *entry_of(struct load *l, struct resource_drafts *r, const char *subject)
{
    struct service_draft *service = map_get(&l->draft.names, str_from(subject));

    if (service != NULL)
        return &service->needs;
    VEC_EACH (&r->drafts, struct resource_draft, draft)
        if (strcmp(draft->subject, subject) == 0)
            return draft->entry;
    return NULL;
}

void references_link(struct load *l, struct resource_drafts *r)
{
    VEC_EACH (&l->references, const struct reference, found) {
        struct field_entry *e = entry_of(l, r, found->from);
        struct resource_need need = {.section = found->section,
            .name = found->name,
            .condition = DEPEND_STARTED,
            .required = true};

        if (e != NULL)
            resource_add_need(l->arena, e, &need, &found->span);
    }
}
