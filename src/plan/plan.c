#include "plan/plan.h"

#include "base/map.h"
#include "base/must.h"
#include "plan/plan_private.h"

#include <string.h>

static const struct node *declared_node(
    const struct project *p, const struct kind *k, const char *name)
{
    return p == NULL ? NULL : node_get(node_get(p->node, k->section), name);
}

/* By name; the caller finishes it. */
static struct map index_observed(const struct observed_list *list)
{
    struct map index = {0};

    for (size_t i = 0; list != NULL && i < list->count; i++)
        (void)map_put(&index, str_from(list->at[i].name), &list->at[i]);
    return index;
}

/* ---- changes ---- */

static void add(struct plan *p, struct arena *a, const struct kind *k, const char *name,
    const struct node *declared, const struct observed *observed, bool by_field)
{
    bool gone = observed != NULL && observed->gone;
    struct change c = {
        .kind = k, .name = name, .declared = declared, .observed = gone ? NULL : observed};

    c.impact.expected_ms = -1;
    if (gone) {
        c.impact.expected_ms = observed->start_ms;
        observed = NULL;
    }

    if (k->diff != NULL && !by_field)
        k->diff(a, k, declared, observed, &c);
    else
        kind_diff(a, k, declared, observed, &c);
    if (c.action == CHANGE_NONE) {
        change_fini(&c);
        p->unchanged++;
        return;
    }
    c.drift = observed != NULL ? observed->drift : NULL;
    p->creates += c.action == CHANGE_CREATE;
    p->updates += c.action == CHANGE_UPDATE;
    p->replaces += c.action == CHANGE_REPLACE;
    p->deletes += c.action == CHANGE_DELETE;
    vec_push(&p->changes, c);
}

static void compare_kind(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *k, const struct observed_list *observed, bool by_field)
{
    const struct node *section = declared == NULL ? NULL : node_get(declared->node, k->section);
    struct map index = index_observed(observed);

    NODE_EACH (section, pair)
        add(p, a, k, pair->key.at, pair->value, map_get(&index, pair->key), by_field);
    map_fini(&index);
    for (size_t i = 0; observed != NULL && i < observed->count; i++) {
        const struct observed *o = &observed->at[i];

        if (o->gone)
            continue;
        if (declared_node(declared, k, o->name) == NULL)
            add(p, a, k, o->name, NULL, o, by_field);
        else if (o->note != NULL)
            vec_push(&p->notes, o->note);
    }
}

static void see(struct plan *p, const struct kind *k, const struct observed *o, struct str told)
{
    vec_push(&p->seen,
        (struct plan_seen){.kind = k->name, .name = o->name, .digest = hash_of(told.at, told.len)});
}

static void digest(struct plan *p, const struct project *declared, const struct kind *const *kinds,
    const struct observed_list *observed, size_t kind_count)
{
    struct buf all = BUF_INIT(256u << 20);

    if (declared != NULL)
        buf_add(&all, declared->digest.at, sizeof declared->digest.at);
    for (size_t k = 0; k < kind_count && observed != NULL; k++)
        for (size_t i = 0; i < observed[k].count; i++) {
            const struct observed *o = &observed[k].at[i];
            size_t begin = all.len;

            if (o->gone)
                continue;
            buf_format(&all, "\n%s %s %s %s ", kinds[k]->name, o->name,
                o->trouble != NULL ? o->trouble : "", o->note != NULL ? o->note : "");
            if (o->node != NULL)
                node_write_json(&all, o->node);
            see(p, kinds[k], o, str_tail(buf_str(&all), begin));
        }
    p->digest = hash_of(buf_str(&all).at, all.len);
    buf_fini(&all);
}

/* `by_field`: declarations are compared, whatever is in the world. */
static void make(struct plan *out, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count,
    bool by_field)
{
    *out = (struct plan){.project = declared != NULL ? arena_copy(a, declared->name) : ""};
    for (size_t k = 0; k < kind_count; k++)
        compare_kind(out, a, declared, kinds[k], observed != NULL ? &observed[k] : NULL, by_field);
    if (!by_field)
        plan_restarts(out, a, declared, kinds, observed, kind_count);
    if (!by_field)
        plan_spread_restarts(out, a, declared, kinds, observed, kind_count);
    plan_order(out, a, declared, kinds, observed, kind_count);
    plan_judge(out, declared);
    digest(out, declared, kinds, observed, kind_count);
}

void plan_make(struct plan *out, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count)
{
    make(out, a, declared, kinds, observed, kind_count, false);
}

/* A thing as it was declared, as if it were there. */
static void list_declared(
    const struct project *p, const struct kind *k, struct arena *a, struct observed_list *out)
{
    NODE_EACH (p != NULL ? node_get(p->node, k->section) : NULL, pair)
        vec_push(out, (struct observed){.name = arena_copy(a, pair->key.at), .node = pair->value});
}

/* What goes away has had these fields. */
static void fill_deleted(struct change *c, struct arena *a, const struct project *before)
{
    const struct kind *k = c->kind;
    struct observed was = {.name = c->name, .node = declared_node(before, k, c->name)};
    struct change emptied = {.kind = k, .name = c->name};

    kind_diff(a, k, node_map(a), &was, &emptied);
    VEC_EACH (&emptied.fields, struct field_change, f)
        vec_push(&c->fields, *f);
    change_fini(&emptied);
}

void plan_between(struct plan *out, struct arena *a, const struct project *before,
    const struct project *after, const struct kind *const *kinds, size_t kind_count)
{
    struct observed_list *lists = arena_new_array(a, kind_count, struct observed_list);

    for (size_t k = 0; k < kind_count; k++)
        list_declared(before, kinds[k], a, &lists[k]);
    make(out, a, after, kinds, lists, kind_count, true);
    if (after == NULL && before != NULL)
        out->project = arena_copy(a, before->name);
    VEC_EACH (&out->changes, struct change, c)
        if (c->action == CHANGE_DELETE)
            fill_deleted(c, a, before);
    for (size_t k = 0; k < kind_count; k++)
        vec_fini(&lists[k]);
}

/* As short as it can be: the project's files are known to lie there. */
static const char *name_in_project(const struct project *p, const char *file)
{
    size_t dir = strlen(p->dir);

    return strncmp(file, p->dir, dir) == 0 && file[dir] == '/' ? file + dir + 1 : file;
}

void plan_add_places(struct plan *p, struct arena *a, const struct project *project)
{
    VEC_EACH (&p->changes, struct change, c) {
        const struct node_pair *pair =
            node_find(node_get(project->node, c->kind->section), str_from(c->name));
        const struct span *span = pair != NULL ? &pair->key_span : NULL;

        if (span != NULL && span->source != NULL)
            c->at =
                arena_format(a, "%s:%u", name_in_project(project, span->source->name), span->line);
    }
}

void plan_fini(struct plan *p)
{
    VEC_EACH (&p->changes, struct change, c)
        change_fini(c);
    vec_fini(&p->changes);
    vec_fini(&p->notes);
    vec_fini(&p->findings);
    vec_fini(&p->left_out);
    vec_fini(&p->seen);
}
