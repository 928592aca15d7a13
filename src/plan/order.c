/* From what needs what to waves, across kinds. */
#include "plan/plan_private.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

/* What is there, by subject, and directories that tend made, by path. */
struct world {
    struct arena *arena;
    const struct project *declared;
    struct map observed; /* subject → struct observed */
    struct map places;   /* path → subject of a directory */
};

static const char *path_of(const struct observed *o)
{
    const struct node *path = node_get(o->record, "path");

    return path != NULL ? path->text.at : NULL;
}

static void index_world(struct world *w, const struct kind *const *kinds,
    const struct observed_list *observed, size_t kind_count)
{
    for (size_t k = 0; observed != NULL && k < kind_count; k++)
        for (size_t i = 0; i < observed[k].count; i++) {
            const struct observed *o = &observed[k].at[i];
            const char *subject = kind_subject(w->arena, kinds[k], o->name);

            (void)map_put(&w->observed, str_from(subject), (void *)(uintptr_t)o);
            if (strcmp(kinds[k]->section, "directories") == 0 && path_of(o) != NULL)
                (void)map_put(&w->places, str_from(path_of(o)), (void *)(uintptr_t)subject);
        }
}

/* Waves that were found: wave + 1 under the subject. The loader has refused circles; in what was
 * observed one ends where it comes round, since a subject counts as 0 while it is being found. */
static bool is_known(struct map *waves, const char *subject, int *out_wave)
{
    intptr_t found = (intptr_t)map_get(waves, str_from(subject));

    if (found != 0) {
        *out_wave = (int)found - 1;
        return true;
    }
    (void)map_put(waves, str_from(subject), (void *)(intptr_t)1);
    return false;
}

static int remember(struct map *waves, const char *subject, int wave)
{
    (void)map_put(waves, str_from(subject), (void *)((intptr_t)wave + 1));
    return wave;
}

static int above(int wave, int below)
{
    return below + 1 > wave ? below + 1 : wave;
}

static const char *subject_of(const struct world *w, const struct resource_need *need)
{
    return strcmp(need->section, "services") == 0
               ? need->name
               : arena_format(w->arena, "%s.%s", need->section, need->name);
}

/* The longest way down along what it needs. */
static int wave_of_declared(const struct world *w, struct map *waves, const char *subject)
{
    const struct service *s =
        w->declared != NULL ? project_service(w->declared, str_from(subject)) : NULL;
    const struct resource *r =
        w->declared != NULL ? project_resource(w->declared, str_from(subject)) : NULL;
    const struct resource_need *needs = s != NULL ? s->needs : r != NULL ? r->needs : NULL;
    size_t count = s != NULL ? s->need_count : r != NULL ? r->need_count : 0;
    int wave = 0;

    if (is_known(waves, subject, &wave))
        return wave;
    for (size_t d = 0; s != NULL && d < s->dependency_count; d++)
        wave = above(wave, wave_of_declared(w, waves, s->dependencies[d].service));
    for (size_t n = 0; n < count; n++)
        wave = above(wave, wave_of_declared(w, waves, subject_of(w, &needs[n])));
    return remember(waves, subject, wave);
}

static const char *parent_of(const struct world *w, const struct observed *o)
{
    struct str path = str_from(path_of(o));

    while (path.len > 1) {
        while (path.len > 0 && path.at[path.len - 1] != '/')
            path.len--;
        if (path.len > 1)
            path.len--;
        const char *parent = map_get(&w->places, path);
        if (parent != NULL)
            return parent;
        if (path.len <= 1)
            break;
    }
    return NULL;
}

static int wave_of_observed(const struct world *w, struct map *waves, const char *subject)
{
    const struct observed *o = map_get(&w->observed, str_from(subject));
    const char *parent = o != NULL && path_of(o) != NULL ? parent_of(w, o) : NULL;
    int wave = 0;

    if (is_known(waves, subject, &wave))
        return wave;
    for (const char *const *need = o != NULL ? o->needs : NULL; need != NULL && *need != NULL;
         need++)
        wave = above(wave, wave_of_observed(w, waves, *need));
    if (parent != NULL)
        wave = above(wave, wave_of_observed(w, waves, parent));
    return remember(waves, subject, wave);
}

static int by_wave(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    int kinds;

    if (x->wave != y->wave)
        return x->wave < y->wave ? -1 : 1;
    kinds = strcmp(x->kind->name, y->kind->name);
    return kinds != 0 ? kinds : strcmp(x->name, y->name);
}

void plan_order(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count)
{
    struct world w = {.arena = a, .declared = declared};
    struct map up = {0}, down = {0};
    int last = 0, deepest = 0;

    index_world(&w, kinds, observed, kind_count);
    VEC_EACH (&p->changes, struct change, c) {
        const char *subject = kind_subject(a, c->kind, c->name);

        if (c->action == CHANGE_DELETE && c->declared == NULL) {
            c->wave = wave_of_observed(&w, &down, subject);
            deepest = c->wave > deepest ? c->wave : deepest;
        } else {
            c->wave = wave_of_declared(&w, &up, subject);
            last = c->wave > last ? c->wave : last;
        }
    }
    VEC_EACH (&p->changes, struct change, c)
        if (c->action == CHANGE_DELETE && c->declared == NULL)
            c->wave = last + 1 + deepest - c->wave;
    if (p->changes.count > 0)
        qsort(p->changes.at, p->changes.count, sizeof *p->changes.at, by_wave);
    map_fini(&up);
    map_fini(&down);
    map_fini(&w.observed);
    map_fini(&w.places);
}

/* ---- restarts ---- */

/* The first thing it is to be restarted for that changes; NULL: none. */
static const char *cause_of(const struct service *s, const struct map *changed, struct arena *a)
{
    for (size_t n = 0; n < s->need_count; n++) {
        const char *subject;

        if (!s->needs[n].restart)
            continue;
        subject = arena_format(a, "%s.%s", s->needs[n].section, s->needs[n].name);
        if (map_get(changed, str_from(subject)) != NULL)
            return subject;
    }
    return NULL;
}

static struct change *change_of(struct plan *p, const char *service)
{
    VEC_EACH (&p->changes, struct change, c)
        if (strcmp(c->kind->section, "services") == 0 && strcmp(c->name, service) == 0)
            return c;
    return NULL;
}

static void restart(struct plan *p, struct arena *a, const struct kind *k, const struct service *s,
    const struct observed *observed, const char *cause)
{
    struct change *c = change_of(p, s->name);
    const char *why = arena_format(a, "is restarted, because %s changes", cause);

    if (c != NULL && c->action != CHANGE_UPDATE)
        return; /* it is started anew as it is */
    if (c != NULL) {
        c->restarts = true;
        c->reason = why;
        return;
    }
    vec_push(&p->changes, (struct change){.action = CHANGE_RESTART,
                              .kind = k,
                              .name = s->name,
                              .reason = why,
                              .declared = s->node,
                              .observed = observed});
    p->restarts++;
}

void plan_restarts(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count)
{
    struct map changed = {0};

    if (declared == NULL || observed == NULL)
        return;
    VEC_EACH (&p->changes, const struct change, c)
        if (c->action == CHANGE_CREATE || c->action == CHANGE_UPDATE || c->action == CHANGE_REPLACE)
            (void)map_put(
                &changed, str_from(kind_subject(a, c->kind, c->name)), (void *)(uintptr_t)c->name);
    for (size_t k = 0; k < kind_count; k++)
        for (size_t i = 0; strcmp(kinds[k]->section, "services") == 0 && i < observed[k].count;
             i++) {
            const struct observed *o = &observed[k].at[i];
            const struct service *s = project_service(declared, str_from(o->name));
            const char *cause = s != NULL ? cause_of(s, &changed, a) : NULL;

            if (cause != NULL)
                restart(p, a, kinds[k], s, o, cause);
        }
    map_fini(&changed);
}
