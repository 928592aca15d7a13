/* `extends`: a service that begins as another one, of the same file or of another.
 *
 * A *place* is where a service with a name is looked for. The services between the one that is
 * being made and the one that is looked at are the *chain*, which finds circles and is bounded. */
#include "spec/load_private.h"

#include "base/must.h"

#include <stddef.h>
#include <string.h>

struct place {
    const char *path; /* of the file */
    const char *dir;  /* its relative paths are relative to this */
    const struct origin *origin;
    struct node *services;
    const struct node *more; /* looked at first, for what an environment puts over; or NULL */
    bool is_foreign;         /* its relative paths are to be made absolute */
};

struct chain {
    const struct chain *before;
    const char *path;
    struct str name;
    size_t depth;
};

struct extends {
    const char *service, *file;
};

static const struct field rows[] = {
    {.name = "service",
     .type = FIELD_TEXT,
     .offset = offsetof(struct extends, service),
     .required = true,
     .help = "The service that this one begins as."},
    {.name = "file",
     .type = FIELD_TEXT,
     .offset = offsetof(struct extends, file),
     .default_text = "the same file",
     .help = "The file that declares it."          },
};
const struct field_table fields_extends = FIELD_TABLE(
    "extends", "Begin as another service; keys of this one are merged over its keys.", rows, NULL);

static struct node *resolve(
    struct load *l, const struct place *place, struct node_pair *pair, const struct chain *before);

static bool read_extends(struct load *l, const struct node *value, struct extends *out)
{
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    *out = (struct extends){0};
    if (!load_has_no_reference(l, "extends", value))
        return false;
    if (value->kind == NODE_MAP)
        fields_decode(&d, &fields_extends, value, out);
    else
        (void)field_text(&d, "extends", value, &out->service);
    return out->service != NULL;
}

static void report_cycle(
    struct load *l, const struct chain *last, const struct chain *to, const struct span *span)
{
    struct buf names = BUF_INIT(16384);
    bool one_file = true;
    const struct chain *path[LOAD_NESTING_MAX + 1];
    size_t count = 0;

    for (const struct chain *c = last;; c = c->before) {
        path[count++] = c;
        one_file = one_file && strcmp(c->path, to->path) == 0;
        if (c == to)
            break;
    }
    for (size_t i = count; i-- > 0;)
        buf_format(&names, one_file ? "%.*s → " : "%.*s (%s) → ", STR_ARG(path[i]->name),
            load_shown(l, path[i]->path));
    buf_add_str(&names, to->name);
    diagnostic_error(l->diagnostics, "cycle", span, "services extend each other in a circle: %s",
        names.at != NULL ? names.at : "");
    buf_fini(&names);
}

static bool may_follow(struct load *l, const struct chain *chain, const char *path, struct str name,
    const struct span *span)
{
    for (const struct chain *c = chain; c != NULL; c = c->before)
        if (str_eq(c->name, name) && strcmp(c->path, path) == 0) {
            report_cycle(l, chain, c, span);
            return false;
        }
    if (chain->depth < LOAD_NESTING_MAX)
        return true;
    diagnostic_error(l->diagnostics, "limit", span,
        "more than %d services extend each other in a row", LOAD_NESTING_MAX);
    return false;
}

/* The file's tree; NULL after a diagnostic. */
static struct node *base_root(
    struct load *l, const struct origin *o, const struct found_file *file, const struct span *span)
{
    VEC_EACH (&l->bases, struct base_file, base)
        if (base->origin == o && strcmp(base->path, file->path) == 0)
            return base->root;
    struct origin *reader = arena_new(l->scratch, struct origin);
    *reader = *o;
    struct node *root = load_tree(l, file, reader, span);
    vec_push(&l->bases, (struct base_file){.path = file->path, .origin = o, .root = root});
    return root;
}

static bool find_place(struct load *l, const struct place *from, const struct extends *extends,
    const struct span *span, struct place *out)
{
    *out = *from;
    if (extends->file == NULL)
        return true;
    if (strstr(extends->file, "://") != NULL) {
        diagnostic_error(l->diagnostics, "not-supported", span,
            "not supported: 'extends' of a file elsewhere: '%.200s'", extends->file);
        return false;
    }
    struct found_file file = load_file_at(l, from->dir, str_from(extends->file));
    struct node *root = base_root(l, from->origin, &file, span);
    *out = (struct place){.path = file.path,
        .dir = load_file_at(l, file.path, STR("..")).path,
        .origin = from->origin,
        .services = node_get(root, "services"),
        .is_foreign = true};
    return root != NULL;
}

static void report_missing(
    struct load *l, const struct place *place, const char *name, const struct span *span)
{
    const char *names[500];
    size_t count = 0;

    diagnostic_error(l->diagnostics, "unknown-service", span,
        "extends '%s', and there is no such service in '%s'", name, load_shown(l, place->path));
    NODE_EACH (place->more, pair)
        if (count < COUNT(names))
            names[count++] = pair->key.at;
    NODE_EACH (place->services, pair)
        if (count < COUNT(names))
            names[count++] = pair->key.at;
    const char *nearest = str_nearest(str_from(name), names, count);
    if (nearest != NULL)
        diagnostic_help(l->diagnostics, "did you mean '%s'?", nearest);
}

/* The complete service that `value` names; NULL after a diagnostic. */
static struct node *find_base(
    struct load *l, const struct place *from, const struct node *value, const struct chain *chain)
{
    struct extends extends;
    struct place place;

    if (!read_extends(l, value, &extends) || !find_place(l, from, &extends, &value->span, &place))
        return NULL;
    struct node_pair *pair = node_find(place.more, str_from(extends.service));
    if (pair == NULL)
        pair = node_find(place.services, str_from(extends.service));
    if (pair == NULL) {
        report_missing(l, &place, extends.service, &value->span);
        return NULL;
    }
    if (node_find(place.more, pair->key) == pair)
        return pair->value; /* made already */
    if (!may_follow(l, chain, place.path, pair->key, &value->span))
        return NULL;
    if (pair->value->kind != NODE_MAP && pair->value->kind != NODE_NULL) {
        struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};
        (void)field_wrong(&d, extends.service, pair->value, "a map");
        return NULL;
    }
    struct node *base = resolve(l, &place, pair, chain);
    if (base != NULL && place.is_foreign)
        base = rebase_service(l->scratch, base, place.dir);
    return base;
}

static struct node *without_extends(struct arena *a, const struct node *service)
{
    struct node *rest = node_map(a);

    rest->span = service->span;
    rest->tag = service->tag;
    NODE_EACH (service, pair)
        if (!str_is(pair->key, "extends"))
            node_put(a, rest, pair->key, pair->value)->key_span = pair->key_span;
    return rest;
}

static bool count_weight(struct load *l, const struct node *made, const struct span *span)
{
    bool was_within = l->extended_weight <= NODE_COUNT_MAX;

    l->extended_weight += made->weight;
    if (l->extended_weight <= NODE_COUNT_MAX)
        return true;
    if (was_within)
        diagnostic_error(l->diagnostics, "limit", span,
            "services that extend others have more than %u values", NODE_COUNT_MAX);
    return false;
}

/* The service without `extends`, which takes its place: it is made once. */
static struct node *resolve(
    struct load *l, const struct place *place, struct node_pair *pair, const struct chain *before)
{
    const struct node *value = node_get(pair->value, "extends");
    struct chain chain = {.before = before,
        .path = place->path,
        .name = pair->key,
        .depth = before != NULL ? before->depth + 1 : 1};

    if (value == NULL || value->kind == NODE_NULL)
        return pair->value;
    struct node *own = without_extends(l->scratch, pair->value);
    struct node *base = find_base(l, place, value, &chain);
    struct node *made = base != NULL ? merge_nodes(l->scratch, &fields_service, base, own) : NULL;
    if (made != NULL && !count_weight(l, made, &value->span))
        made = NULL;
    if (made == NULL)
        (void)node_put(l->scratch, own, STR(EXTENDS_FAILED), node_bool(l->scratch, true));
    pair->value = made != NULL ? made : own;
    return pair->value;
}

void extends_apply(
    struct load *l, const struct origin *o, struct node *root, const struct node *more)
{
    struct node *services = node_get(root, "services");
    struct place place = {
        .path = o->path, .dir = o->dir, .origin = o, .services = services, .more = more};

    for (size_t i = 0; services != NULL && services->kind == NODE_MAP && i < services->count; i++)
        (void)resolve(l, &place, &services->pairs[i], NULL);
}
