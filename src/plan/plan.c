#include "plan/plan.h"

#include "base/map.h"
#include "base/must.h"

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

/* ---- waves ---- */

/* Waves that were found: wave + 1 under the name. The loader has refused circles; in what was
 * observed one ends where it comes round, since a name counts as 0 while it is being found. */
static bool is_known(struct map *waves, const char *name, int *out_wave)
{
    intptr_t found = (intptr_t)map_get(waves, str_from(name));

    if (found != 0) {
        *out_wave = (int)found - 1;
        return true;
    }
    (void)map_put(waves, str_from(name), (void *)(intptr_t)1);
    return false;
}

static int remember(struct map *waves, const char *name, int wave)
{
    (void)map_put(waves, str_from(name), (void *)((intptr_t)wave + 1));
    return wave;
}

/* The longest way down along what it needs. */
static int wave_of_declared(struct map *waves, const struct project *p, const char *name)
{
    const struct service *s = project_service(p, str_from(name));
    int wave = 0;

    if (is_known(waves, name, &wave))
        return wave;
    for (size_t d = 0; s != NULL && d < s->dependency_count; d++) {
        int below = wave_of_declared(waves, p, s->dependencies[d].service) + 1;

        wave = below > wave ? below : wave;
    }
    return remember(waves, name, wave);
}

static int wave_of_observed(struct map *waves, const struct map *observed, const char *name)
{
    const struct observed *o = map_get(observed, str_from(name));
    int wave = 0;

    if (is_known(waves, name, &wave))
        return wave;
    for (const char *const *need = o != NULL ? o->needs : NULL; need != NULL && *need != NULL;
         need++) {
        int below = wave_of_observed(waves, observed, *need) + 1;

        wave = below > wave ? below : wave;
    }
    return remember(waves, name, wave);
}

static int by_wave(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    if (x->wave != y->wave)
        return x->wave < y->wave ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Deletions come last, what needs others first. */
static void order(
    struct plan *p, const struct project *declared, const struct observed_list *observed)
{
    struct map up = {0}, down = {0}, index = index_observed(observed);
    int last = 0, deepest = 0;

    VEC_EACH (&p->changes, struct change, c) {
        if (c->action == CHANGE_DELETE) {
            c->wave = wave_of_observed(&down, &index, c->name);
            deepest = c->wave > deepest ? c->wave : deepest;
        } else {
            c->wave = wave_of_declared(&up, declared, c->name);
            last = c->wave > last ? c->wave : last;
        }
    }
    VEC_EACH (&p->changes, struct change, c)
        if (c->action == CHANGE_DELETE)
            c->wave = last + 1 + deepest - c->wave;
    if (p->changes.count > 0)
        qsort(p->changes.at, p->changes.count, sizeof *p->changes.at, by_wave);
    map_fini(&up);
    map_fini(&down);
    map_fini(&index);
}

/* ---- changes ---- */

static void add(struct plan *p, struct arena *a, const struct kind *k, const char *name,
    const struct node *declared, const struct observed *observed)
{
    struct change c = {.kind = k, .name = name};

    if (k->diff != NULL)
        k->diff(a, k, declared, observed, &c);
    else
        kind_diff(a, k, declared, observed, &c);
    if (c.action == CHANGE_NONE) {
        change_fini(&c);
        return;
    }
    p->creates += c.action == CHANGE_CREATE;
    p->updates += c.action == CHANGE_UPDATE;
    p->replaces += c.action == CHANGE_REPLACE;
    p->deletes += c.action == CHANGE_DELETE;
    vec_push(&p->changes, c);
}

static void compare_kind(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *k, const struct observed_list *observed)
{
    const struct node *section = declared == NULL ? NULL : node_get(declared->node, k->section);
    struct map index = index_observed(observed);

    NODE_EACH (section, pair)
        add(p, a, k, pair->key.at, pair->value, map_get(&index, pair->key));
    map_fini(&index);
    for (size_t i = 0; observed != NULL && i < observed->count; i++) {
        const struct observed *o = &observed->at[i];

        if (declared_node(declared, k, o->name) == NULL)
            add(p, a, k, o->name, NULL, o);
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

            buf_format(&all, "\n%s %s %s %s ", kinds[k]->name, o->name,
                o->trouble != NULL ? o->trouble : "", o->note != NULL ? o->note : "");
            if (o->node != NULL)
                node_write_json(&all, o->node);
            see(p, kinds[k], o, str_tail(buf_str(&all), begin));
        }
    p->digest = hash_of(buf_str(&all).at, all.len);
    buf_fini(&all);
}

void plan_make(struct plan *out, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count)
{
    *out = (struct plan){.project = declared != NULL ? arena_copy(a, declared->name) : ""};
    for (size_t k = 0; k < kind_count; k++)
        compare_kind(out, a, declared, kinds[k], observed != NULL ? &observed[k] : NULL);
    order(out, declared, observed);
    digest(out, declared, kinds, observed, kind_count);
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
    struct change created = {.kind = k, .name = c->name};

    kind_diff(a, k, declared_node(before, k, c->name), NULL, &created);
    VEC_EACH (&created.fields, struct field_change, f) {
        f->before = f->after;
        f->after = (struct str){0};
        vec_push(&c->fields, *f);
    }
    change_fini(&created);
}

void plan_between(struct plan *out, struct arena *a, const struct project *before,
    const struct project *after, const struct kind *const *kinds, size_t kind_count)
{
    struct observed_list *lists = arena_new_array(a, kind_count, struct observed_list);

    for (size_t k = 0; k < kind_count; k++)
        list_declared(before, kinds[k], a, &lists[k]);
    plan_make(out, a, after, kinds, lists, kind_count);
    if (after == NULL && before != NULL)
        out->project = arena_copy(a, before->name);
    VEC_EACH (&out->changes, struct change, c)
        if (c->action == CHANGE_DELETE)
            fill_deleted(c, a, before);
    for (size_t k = 0; k < kind_count; k++)
        vec_fini(&lists[k]);
}

void plan_fini(struct plan *p)
{
    VEC_EACH (&p->changes, struct change, c)
        change_fini(c);
    vec_fini(&p->changes);
    vec_fini(&p->notes);
    vec_fini(&p->seen);
}
