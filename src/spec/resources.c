/* What is declared and is no service: entries of registered maps, decoded, linked and checked.
 *
 *     files: {conf: {…}} ─decode by the kind's table─▶ entry ─encode─▶ canonical node ─▶ resource
 *                           references, depends_on, ─▶ needs
 *                           parent directories
 */
#include "spec/resources.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

#define NEEDS_MAX 10000

char *resource_subject(struct arena *a, const char *section, struct str name)
{
    if (strcmp(section, "services") == 0)
        return arena_format(a, "%.*s", STR_ARG(name));
    return arena_format(a, "%s.%.*s", section, STR_ARG(name));
}

/* ---- needs ---- */

/* "files.conf" → section and name; false: it names no kind that is registered. */
bool resource_split(struct str text, struct str *out_section, struct str *out_name)
{
    struct str name = text, section = str_cut(&name, '.');

    *out_section = section;
    *out_name = name;
    return name.len > 0 && (fields_kind(section) != NULL || str_is(section, "services"));
}

static const struct resource_need *find_need(
    const struct field_entry *e, const struct resource_need *n)
{
    for (size_t i = 0; i < e->need_count; i++)
        if (strcmp(e->needs[i].section, n->section) == 0 && strcmp(e->needs[i].name, n->name) == 0)
            return &e->needs[i];
    return NULL;
}

void resource_add_need(struct arena *a, struct field_entry *e, const struct resource_need *need,
    const struct span *span)
{
    struct resource_need *needs;
    struct span *spans;

    if (find_need(e, need) != NULL || e->need_count >= NEEDS_MAX)
        return;
    needs = arena_new_array(a, e->need_count + 1, struct resource_need);
    spans = arena_new_array(a, e->need_count + 1, struct span);
    if (e->need_count > 0) {
        memcpy(needs, e->needs, e->need_count * sizeof *needs);
        memcpy(spans, e->need_spans, e->need_count * sizeof *spans);
    }
    needs[e->need_count] = *need;
    spans[e->need_count] = *span;
    e->needs = needs;
    e->need_spans = spans;
    e->need_count++;
}

void resource_decode_need(struct decode *d, const struct node_pair *pair, struct str section,
    struct str name, struct field_entry *into)
{
    struct dependency given = dependency_defaults;
    struct resource_need need;

    if (pair->value->kind == NODE_MAP)
        fields_decode(d, &fields_depends_on, pair->value, &given);
    else if (pair->value->kind != NODE_NULL)
        (void)field_wrong(d, pair->key.at, pair->value, "a map with a condition");
    need = (struct resource_need){
        .section = arena_copy_str(d->arena, section).at,
        .name = arena_copy_str(d->arena, name).at,
        .condition = given.condition,
        .restart = given.restart,
        .required = given.required,
    };
    resource_add_need(d->arena, into, &need, &pair->key_span);
}

void decode_needs(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct node *given = field_by_name(d->arena, d->diagnostics, f->name, pair->value);
    struct str section, name;

    if (given == NULL)
        return;
    struct node *sorted = node_map(d->arena);
    NODE_EACH (given, entry)
        node_put(d->arena, sorted, entry->key, entry->value)->key_span = entry->key_span;
    node_sort_keys(sorted);
    NODE_EACH (sorted, entry) {
        if (!resource_split(entry->key, &section, &name)) {
            section = STR("services");
            name = entry->key;
        }
        resource_decode_need(d, entry, section, name, into);
    }
}

void resource_encode_needs(
    struct encode *e, struct node *map, const struct resource_need *needs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct dependency given = {.condition = needs[i].condition,
            .restart = needs[i].restart,
            .required = needs[i].required};

        (void)node_put(e->arena, map,
            str_from(resource_subject(e->arena, needs[i].section, str_from(needs[i].name))),
            fields_encode(e, &fields_depends_on, &given));
    }
}

struct node *encode_needs(struct encode *e, const struct field *f, const void *from)
{
    const struct field_entry *entry = from;
    struct node *map = node_map(e->arena);

    (void)f;
    resource_encode_needs(e, map, entry->needs, entry->need_count);
    return map->count > 0 ? map : NULL;
}

/* ---- entries ---- */

static bool check_entry(
    struct decode *d, const struct field_kind *kind, const struct node_pair *pair)
{
    if (pair->key.len == 0 || pair->key.len > FIELD_NAME_BYTES_MAX ||
        str_utf8_valid(pair->key) != pair->key.len) {
        diagnostic_error(d->diagnostics, "wrong-name", &pair->key_span,
            "the name of a %s has 1 to %u bytes", kind->noun, FIELD_NAME_BYTES_MAX);
        if (kind->name_is_path)
            diagnostic_help(d->diagnostics, "give it a short name, and say the path: path: …");
        return false;
    }
    for (size_t i = 0; i < pair->key.len; i++)
        if ((unsigned char)pair->key.at[i] < 0x20 || pair->key.at[i] == 0x7f) {
            diagnostic_error(d->diagnostics, "wrong-name", &pair->key_span,
                "the name of a %s holds a control character", kind->noun);
            return false;
        }
    return pair->value->kind == NODE_MAP || field_wrong(d, pair->key.at, pair->value, "a map");
}

static void add_draft(struct resource_drafts *r, struct decode *d, const struct field_kind *kind,
    const struct node_pair *pair)
{
    struct resource_draft draft = {.kind = kind, .declared = pair};

    if (!check_entry(d, kind, pair))
        return;
    draft.subject = resource_subject(d->arena, kind->name, pair->key);
    if (kind->entry_bytes > 0) {
        draft.entry = arena_alloc(d->arena, 1, kind->entry_bytes);
        if (kind->table->defaults != NULL)
            memcpy(draft.entry, kind->table->defaults, kind->entry_bytes);
        draft.entry->name = arena_copy_str(d->arena, pair->key).at;
        draft.entry->span = pair->key_span;
        fields_decode(d, kind->table, pair->value, draft.entry);
        if (kind->finish != NULL)
            kind->finish(d, pair, draft.entry);
    } else
        fields_check_keys(d->diagnostics, kind->table, pair->value);
    vec_push(&r->drafts, draft);
}

void resources_decode(struct resource_drafts *r, struct decode *d, const struct node_pair *section)
{
    const struct field_kind *kind = fields_kind(section->key);

    if (section->value->kind == NODE_NULL)
        return;
    if (section->value->kind != NODE_MAP) {
        (void)field_wrong(d, kind->name, section->value, "a map");
        return;
    }
    if (section->value->count > LOAD_SERVICES_MAX) {
        diagnostic_error(d->diagnostics, "limit", &section->key_span, "more than %d %s",
            LOAD_SERVICES_MAX, kind->name);
        return;
    }
    NODE_EACH (section->value, pair)
        add_draft(r, d, kind, pair);
    if (kind->check != NULL)
        kind->check(d->diagnostics, section->value);
}

void resources_fini(struct resource_drafts *r)
{
    vec_fini(&r->drafts);
}

/* ---- to what the project keeps ---- */

static struct node *canonical_of(struct arena *a, const struct resource_draft *draft)
{
    struct encode e = {.arena = a};
    struct node *map;

    if (draft->entry == NULL) {
        map = node_copy(a, draft->declared->value);
        node_sort(map);
        return map;
    }
    map = fields_encode(&e, draft->kind->table, draft->entry);
    node_sort(map);
    canonical_copy_spans(map, draft->declared->value, draft->declared->key_span);
    return map;
}

static const char *place_of(const struct resource_draft *draft)
{
    return draft->entry != NULL && draft->kind->place != NULL ? draft->kind->place(draft->entry)
                                                              : NULL;
}

static const struct resource_draft *find_above(const struct map *places, struct str path)
{
    while (path.len > 1) {
        const struct resource_draft *above;

        while (path.len > 0 && path.at[path.len - 1] != '/')
            path.len--;
        if (path.len > 1)
            path.len--;
        above = map_get(places, path);
        if (above != NULL && strcmp(above->kind->name, "directories") == 0)
            return above;
        if (path.len == 1)
            break;
    }
    return NULL;
}

/* A directory that is declared above a path is needed, unless the entry says so already. It is
 * found again each time, and is not part of the document. */
static void add_parents(struct resource_drafts *r, struct arena *a)
{
    struct map places = {0};

    VEC_EACH (&r->drafts, struct resource_draft, draft)
        if (place_of(draft) != NULL)
            (void)map_put(&places, str_from(place_of(draft)), draft);
    VEC_EACH (&r->drafts, struct resource_draft, draft) {
        const char *path = place_of(draft);
        const struct resource_draft *above =
            path != NULL ? find_above(&places, str_from(path)) : NULL;
        struct resource_need need = {.condition = DEPEND_STARTED, .required = true};

        if (above == NULL || above == draft)
            continue;
        need.section = above->kind->name;
        need.name = above->entry->name;
        resource_add_need(a, draft->entry, &need, &draft->entry->span);
    }
    map_fini(&places);
}

void resources_check_places(struct diagnostics *d, struct resource_drafts *r)
{
    struct map places = {0};

    VEC_EACH (&r->drafts, struct resource_draft, draft) {
        const char *path = place_of(draft);
        const struct resource_draft *first;

        if (path == NULL)
            continue;
        first = map_put(&places, str_from(path), draft);
        if (first == NULL)
            continue;
        diagnostic_error(d, "conflict", &draft->entry->span, "%s and %s are both about %s",
            first->subject, draft->subject, path);
        diagnostic_other(d, &first->entry->span, "the first");
    }
    map_fini(&places);
}

void resources_finish(
    struct resource_drafts *r, struct arena *a, struct project *p, struct node *kinds)
{
    struct resource *all = arena_new_array(a, r->drafts.count + 1, struct resource);
    size_t n = 0;

    VEC_EACH (&r->drafts, struct resource_draft, draft) {
        struct node *section = node_get(kinds, draft->kind->name);

        if (section == NULL) {
            section = node_map(a);
            (void)node_put(a, kinds, str_from(draft->kind->name), section);
        }
        draft->canonical = canonical_of(a, draft);
        node_put(a, section, draft->declared->key, draft->canonical)->key_span =
            draft->declared->key_span;
    }
    add_parents(r, a);
    VEC_EACH (&r->drafts, struct resource_draft, draft)
        all[n++] = (struct resource){
            .section = draft->kind->name,
            .name = arena_copy_str(a, draft->declared->key).at,
            .subject = draft->subject,
            .node = draft->canonical,
            .needs = draft->entry != NULL ? draft->entry->needs : NULL,
            .need_count = draft->entry != NULL ? draft->entry->need_count : 0,
        };
    for (size_t i = 0; i < node_count(kinds); i++)
        node_sort_keys(kinds->pairs[i].value);
    p->resources = all;
    p->resource_count = n;
}
