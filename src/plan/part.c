#include "plan/part.h"

#include "base/buf.h"

#include <string.h>

#define DOCUMENT_BYTES_MAX (32u << 20)
#define CANDIDATES_MAX     2000

void part_begin(struct part *out, struct arena *a, const struct project *declared,
    const struct project *applied, const struct kind *const *kinds, size_t kind_count)
{
    *out = (struct part){.arena = a,
        .declared = declared,
        .applied = applied,
        .kinds = kinds,
        .kind_count = kind_count};
}

void part_fini(struct part *p)
{
    map_fini(&p->chosen);
    vec_fini(&p->left_out);
}

static const struct node *section_of(const struct project *p, const struct kind *k)
{
    return p != NULL ? node_get(p->node, k->section) : NULL;
}

/* ---- names ---- */

static bool exists(const struct part *p, const struct kind *k, struct str name)
{
    return node_find(section_of(p->declared, k), name) != NULL ||
           node_find(section_of(p->applied, k), name) != NULL;
}

static const char *find_subject(const struct part *p, struct str typed)
{
    struct str name = typed, kind = str_cut(&name, '.');

    for (size_t k = 0; name.len > 0 && k < p->kind_count; k++)
        if ((str_is(kind, p->kinds[k]->name) || str_is(kind, p->kinds[k]->section)) &&
            exists(p, p->kinds[k], name))
            return kind_subject(p->arena, p->kinds[k], arena_copy_str(p->arena, name).at);
    for (size_t k = 0; k < p->kind_count; k++)
        if (exists(p, p->kinds[k], typed))
            return kind_subject(p->arena, p->kinds[k], arena_copy_str(p->arena, typed).at);
    return NULL;
}

static bool refuse_name(const struct part *p, struct str typed, struct err *err)
{
    const char **names = arena_new_array(p->arena, CANDIDATES_MAX, const char *);
    struct str name = typed, kind = str_cut(&name, '.');
    const char *nearest;
    size_t count = 0;

    for (size_t k = 0; k < p->kind_count; k++)
        NODE_EACH (section_of(p->declared, p->kinds[k]), pair)
            if (count < CANDIDATES_MAX)
                names[count++] = pair->key.at;
    nearest = str_nearest(name.len > 0 ? name : kind, names, count);
    return nearest != NULL
               ? err_set(err, ERR_MISSING, "there is no '%.*s' here: did you mean '%s'?",
                     (int)(typed.len < 80 ? typed.len : 80), typed.at, nearest)
               : err_set(err, ERR_MISSING,
                     "there is no '%.*s' here; names are service.NAME, "
                     "files.NAME and the like",
                     (int)(typed.len < 80 ? typed.len : 80), typed.at);
}

/* ---- choosing ---- */

struct needs {
    const struct service *service; /* NULL: none */
    const struct resource_need *at;
    size_t count;
};

static struct needs needs_of(const struct part *p, const char *subject)
{
    const struct project *from = p->declared;
    const struct service *s = project_service(from, str_from(subject));
    const struct resource *r = project_resource(from, str_from(subject));

    return (struct needs){.service = s,
        .at = s != NULL   ? s->needs
              : r != NULL ? r->needs
                          : NULL,
        .count = s != NULL   ? s->need_count
                 : r != NULL ? r->need_count
                             : 0};
}

static const char *subject_of_need(const struct part *p, const struct resource_need *need)
{
    return strcmp(need->section, "services") == 0
               ? need->name
               : arena_format(p->arena, "%s.%s", need->section, need->name);
}

static void choose(struct part *p, const char *subject)
{
    struct needs n = needs_of(p, subject);

    if (map_put(&p->chosen, str_from(subject), p) != NULL)
        return;
    for (size_t d = 0; n.service != NULL && d < n.service->dependency_count; d++)
        choose(p, n.service->dependencies[d].service);
    for (size_t i = 0; i < n.count; i++)
        choose(p, subject_of_need(p, &n.at[i]));
}

static void choose_all(struct part *p)
{
    for (size_t k = 0; k < p->kind_count; k++) {
        NODE_EACH (section_of(p->declared, p->kinds[k]), pair)
            (void)map_put(
                &p->chosen, str_from(kind_subject(p->arena, p->kinds[k], pair->key.at)), p);
        NODE_EACH (section_of(p->applied, p->kinds[k]), pair)
            (void)map_put(
                &p->chosen, str_from(kind_subject(p->arena, p->kinds[k], pair->key.at)), p);
    }
}

static bool needs_excluded(const struct part *p, const struct map *excluded, const char *subject)
{
    struct needs n = needs_of(p, subject);

    for (size_t d = 0; n.service != NULL && d < n.service->dependency_count; d++)
        if (map_get(excluded, str_from(n.service->dependencies[d].service)) != NULL)
            return true;
    for (size_t i = 0; i < n.count; i++)
        if (map_get(excluded, str_from(subject_of_need(p, &n.at[i]))) != NULL)
            return true;
    return false;
}

/* What needs something that is excluded goes with it. */
static void exclude(struct part *p, struct map *excluded)
{
    bool more = true;

    while (more) {
        more = false;
        MAP_EACH (&p->chosen, entry)
            if (map_get(excluded, entry->key) == NULL &&
                needs_excluded(p, excluded, entry->key.at)) {
                (void)map_put(excluded, entry->key, p);
                more = true;
            }
    }
    MAP_EACH (excluded, entry)
        (void)map_remove(&p->chosen, entry->key);
}

bool part_choose(struct part *p, const char *targets, const char *excludes, struct err *err)
{
    struct str wanted = str_from(targets), unwanted = str_from(excludes);
    struct map excluded = {0};
    bool ok = true;

    p->is_partial = wanted.len > 0 || unwanted.len > 0;
    if (wanted.len == 0)
        choose_all(p);
    while (ok && wanted.len > 0) {
        struct str typed = str_cut(&wanted, '\n');
        const char *subject = find_subject(p, typed);

        ok = subject != NULL || refuse_name(p, typed, err);
        if (ok)
            choose(p, subject);
    }
    while (ok && unwanted.len > 0) {
        struct str typed = str_cut(&unwanted, '\n');
        const char *subject = find_subject(p, typed);

        ok = subject != NULL || refuse_name(p, typed, err);
        if (ok)
            (void)map_put(&excluded, str_from(subject), p);
    }
    if (ok)
        exclude(p, &excluded);
    map_fini(&excluded);
    return ok;
}

static bool is_chosen(const struct part *p, const struct kind *k, const char *name)
{
    return map_get(&p->chosen, str_from(kind_subject(p->arena, k, name))) != NULL;
}

/* ---- lifecycle ---- */

static bool is_protected(const struct node *resource)
{
    const struct node *said = node_get(node_get(resource, "lifecycle"), "prevent_destroy");
    bool yes = false;

    return said != NULL && node_to_bool(said, &yes) && yes;
}

const char *part_protected(
    struct arena *a, const struct project *p, const struct kind *const *kinds, size_t kind_count)
{
    for (size_t k = 0; k < kind_count; k++)
        NODE_EACH (section_of(p, kinds[k]), pair)
            if (is_protected(pair->value))
                return arena_format(a, "%s %s", kinds[k]->name, pair->key.at);
    return NULL;
}

/* The value at `path` of `into` becomes what it is in `was`. */
static void keep_path(struct arena *a, struct node *into, const struct node *was, struct str path)
{
    struct str key = str_cut(&path, '.');
    struct node *old = node_get(was, arena_copy_str(a, key).at),
                *now = node_get(into, arena_copy_str(a, key).at);

    if (path.len == 0 && old != NULL)
        (void)node_put(a, into, key, node_copy(a, old));
    else if (path.len == 0)
        node_remove(into, key);
    else if ((old == NULL || old->kind == NODE_MAP) && (now == NULL || now->kind == NODE_MAP)) {
        if (now == NULL)
            now = node_put(a, into, key, node_map(a))->value;
        keep_path(a, now, old, path);
        if (now->count == 0 && old == NULL)
            node_remove(into, key);
    }
}

static struct node *settle_ignored(
    struct arena *a, const struct node *declared, const struct node *was)
{
    const struct node *lifecycle = node_get(declared, "lifecycle"),
                      *ignored = node_get(lifecycle, "ignore_changes");
    struct node *settled;

    if (was == NULL || ignored == NULL || ignored->kind != NODE_LIST)
        return NULL;
    settled = node_copy(a, declared);
    for (size_t i = 0; i < ignored->count; i++) {
        if (!str_is(ignored->items[i]->text, "all")) {
            keep_path(a, settled, was, ignored->items[i]->text);
            continue;
        }
        settled = node_copy(a, was);
        (void)node_put(a, settled, STR("lifecycle"), node_copy(a, lifecycle));
    }
    node_sort(settled);
    return settled;
}

/* ---- settling ---- */

static void leave_out(struct part *p, const struct kind *k, const char *name, const struct node *a,
    const struct node *b)
{
    if (a == NULL || b == NULL || !node_equal(a, b))
        vec_push(&p->left_out, arena_format(p->arena, "%s %s", k->name, name));
}

/* What a section is to hold. `changed`: it is not simply what is declared. */
static bool settle_section(
    struct part *p, const struct kind *k, struct node *into, bool *changed, struct err *err)
{
    const struct node *declared = section_of(p->declared, k), *applied = section_of(p->applied, k);

    NODE_EACH (declared, pair) {
        const struct node *was = node_get(applied, pair->key.at);
        struct node *settled = settle_ignored(p->arena, pair->value, was);

        if (!is_chosen(p, k, pair->key.at)) {
            leave_out(p, k, pair->key.at, pair->value, was);
            *changed = true;
            settled = was != NULL ? node_copy(p->arena, was) : NULL;
        } else if (settled != NULL)
            *changed = true;
        else
            settled = pair->value;
        if (settled != NULL)
            (void)node_put(p->arena, into, pair->key, settled);
    }
    NODE_EACH (applied, pair) {
        if (node_get(declared, pair->key.at) != NULL)
            continue;
        if (!is_chosen(p, k, pair->key.at)) {
            leave_out(p, k, pair->key.at, NULL, pair->value);
            *changed = true;
            (void)node_put(p->arena, into, pair->key, node_copy(p->arena, pair->value));
        } else if (is_protected(pair->value))
            return err_set(err, ERR_DENIED,
                "%s %s would be removed, and has lifecycle.prevent_destroy", k->name, pair->key.at);
    }
    return true;
}

/* What is left out may name things that are declared no more. */
static struct node *merge_shared(
    struct arena *a, const struct node *declared, const struct node *applied)
{
    struct node *both = node_map(a);

    NODE_EACH (applied, pair)
        (void)node_put(a, both, pair->key, node_copy(a, pair->value));
    NODE_EACH (declared, pair)
        (void)node_put(a, both, pair->key, pair->value);
    return both;
}

static void settle_shared(struct part *p, struct node *root)
{
    static const char *const shared[] = {"networks", "volumes", "configs", "secrets"};

    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        const struct node *declared = node_get(p->declared->node, shared[i]),
                          *applied =
                              p->applied != NULL ? node_get(p->applied->node, shared[i]) : NULL;

        if (applied != NULL && (declared == NULL || declared->kind == NODE_MAP))
            (void)node_put(
                p->arena, root, str_from(shared[i]), merge_shared(p->arena, declared, applied));
    }
}

bool part_settle(struct part *p, struct err *err)
{
    struct node *root = node_map(p->arena);
    struct buf text = BUF_INIT(DOCUMENT_BYTES_MAX);
    bool changed = false;

    NODE_EACH (p->declared->node, pair)
        (void)node_put(p->arena, root, pair->key, pair->value);
    for (size_t k = 0; k < p->kind_count; k++) {
        struct node *section = node_map(p->arena);

        TRY(settle_section(p, p->kinds[k], section, &changed, err));
        if (section->count > 0 || node_get(root, p->kinds[k]->section) != NULL)
            (void)node_put(p->arena, root, str_from(p->kinds[k]->section), section);
    }
    if (!changed)
        return true;
    if (p->is_partial)
        settle_shared(p, root);
    node_write_json(&text, root);
    p->document = arena_copy_str(p->arena, buf_str(&text));
    buf_fini(&text);
    return true;
}

/* ---- plans ---- */

void part_tell(const struct part *p, struct plan *plan)
{
    plan->is_partial = p->is_partial;
    VEC_EACH (&p->left_out, const char *, name)
        vec_push(&plan->left_out, *name);
}

static void uncount(struct plan *plan, const struct change *c)
{
    plan->creates -= c->action == CHANGE_CREATE;
    plan->updates -= c->action == CHANGE_UPDATE;
    plan->replaces -= c->action == CHANGE_REPLACE;
    plan->deletes -= c->action == CHANGE_DELETE;
    plan->restarts -= c->action == CHANGE_RESTART;
}

void part_filter(const struct part *p, struct plan *plan)
{
    size_t kept = 0;

    if (!p->is_partial)
        return;
    plan->is_partial = true;
    for (size_t i = 0; i < plan->changes.count; i++) {
        struct change *c = &plan->changes.at[i];

        if (is_chosen(p, c->kind, c->name)) {
            plan->changes.at[kept++] = *c;
            continue;
        }
        uncount(plan, c);
        vec_push(&plan->left_out, arena_format(p->arena, "%s %s", c->kind->name, c->name));
        change_fini(c);
    }
    plan->changes.count = kept;
}
