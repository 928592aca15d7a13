/* What needs what among resources: it is there, it can be waited for, and there is no circle. */
#include "spec/resources.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

/* A service or a resource, as the walk sees it. */
struct member {
    const char *subject;
    const struct field_entry *entry; /* NULL: needs nothing */
    const struct service_draft *service;
    bool is_service;
    enum { WHITE, GREY, BLACK } colour;
    size_t next;
};

struct members {
    struct diagnostics *diagnostics;
    struct arena *arena;
    struct {
        VEC_OF(struct member);
    } all;
    struct map by_subject;
    struct {
        VEC_OF(struct member *);
    } path;
};

static struct member *find(const struct members *m, const struct resource_need *need)
{
    return map_get(
        &m->by_subject, str_from(resource_subject(m->arena, need->section, str_from(need->name))));
}

static void suggest(const struct members *m, const struct resource_need *need)
{
    const char *names[500];
    size_t count = 0;

    if (diagnostics_is_full(m->diagnostics))
        return;
    VEC_EACH (&m->all, const struct member, one)
        if (count < COUNT(names))
            names[count++] = one->subject;
    const char *nearest = str_nearest(
        str_from(resource_subject(m->arena, need->section, str_from(need->name))), names, count);
    if (nearest != NULL)
        diagnostic_help(m->diagnostics, "did you mean '%s'?", nearest);
    else if (strcmp(need->section, "services") == 0)
        diagnostic_help(
            m->diagnostics, "files and directories are named files.NAME, directories.NAME");
}

static void check_need(const struct members *m, const struct field_kind *from,
    const struct resource_need *need, const struct span *span)
{
    const struct field_kind *to = fields_kind(str_from(need->section));
    struct diagnostics *d = m->diagnostics;

    if (to == NULL && from != NULL && !from->needs_services && find(m, need) != NULL) {
        diagnostic_error(d, "not-supported", span,
            "not supported: a %s that waits for a service ('%s')", from->noun, need->name);
        return;
    }
    if (find(m, need) == NULL) {
        diagnostics_add(d, need->required ? SEVERITY_ERROR : SEVERITY_WARNING, "unknown-service",
            span, "depends on '%s%s%s', and there is no such %s", to != NULL ? need->section : "",
            to != NULL ? "." : "", need->name, to != NULL ? to->noun : "service");
        suggest(m, need);
    } else if (to != NULL && need->condition != DEPEND_STARTED && !to->completes)
        diagnostic_error(d, "conflict", span,
            "waits for '%s.%s' to be healthy or to complete, and a %s only is there or not",
            need->section, need->name, to->noun);
}

static void check_entry(
    const struct members *m, const struct field_kind *from, const struct field_entry *e)
{
    for (size_t i = 0; e != NULL && i < e->need_count; i++)
        check_need(m, from, &e->needs[i], &e->need_spans[i]);
}

/* ---- circles: depth first, without recursion ---- */

/* The path from `to` to its end leads back to `to`. */
static void report_cycle(struct members *m, const struct member *to, const struct span *span)
{
    struct buf names = BUF_INIT(4096);
    size_t from = m->path.count - 1;
    bool only_services = true;

    while (m->path.at[from] != to)
        from--;
    for (size_t i = from; i < m->path.count; i++) {
        buf_format(&names, "%s → ", m->path.at[i]->subject);
        only_services = only_services && m->path.at[i]->is_service;
    }
    buf_add_text(&names, to->subject);
    if (!only_services) { /* else it has been told */
        diagnostic_error(m->diagnostics, "cycle", span,
            "resources depend on each other in a circle: %s", names.at);
        diagnostic_help(m->diagnostics, "take one of these dependencies out");
    }
    buf_fini(&names);
}

/* What `one` needs next, NULL when that was all. */
static struct member *next_of(struct members *m, struct member *one, const struct span **out_span)
{
    size_t own = one->entry != NULL ? one->entry->need_count : 0;
    size_t services = one->service != NULL ? one->service->service.dependency_count : 0;

    while (one->next < own + services) {
        size_t i = one->next++;
        struct member *other = i < own ? find(m, &one->entry->needs[i])
                                       : map_get(&m->by_subject,
                                             str_from(one->service->dependencies[i - own].service));

        *out_span = i < own ? &one->entry->need_spans[i] : &one->service->dependency_spans[i - own];
        if (other != NULL)
            return other;
    }
    return NULL;
}

static void enter(struct members *m, struct member *one)
{
    one->colour = GREY;
    vec_push(&m->path, one);
}

static void follow(struct members *m, struct member *start)
{
    const struct span *span = NULL;

    enter(m, start);
    while (m->path.count > 0) {
        struct member *top = m->path.at[m->path.count - 1], *other = next_of(m, top, &span);

        if (other == NULL) {
            top->colour = BLACK;
            m->path.count--;
        } else if (other->colour == GREY)
            report_cycle(m, other, span);
        else if (other->colour == WHITE)
            enter(m, other);
    }
}

void resources_check(
    struct diagnostics *d, struct resource_drafts *r, const struct project_draft *p)
{
    struct members m = {.diagnostics = d, .arena = arena_create(0)};

    VEC_EACH (&p->services, struct service_draft *, draft)
        vec_push(&m.all, (struct member){.subject = (*draft)->service.name,
                             .entry = &(*draft)->needs,
                             .service = *draft,
                             .is_service = true});
    VEC_EACH (&r->drafts, struct resource_draft, draft)
        vec_push(&m.all, (struct member){.subject = draft->subject, .entry = draft->entry});
    VEC_EACH (&m.all, struct member, one)
        (void)map_put(&m.by_subject, str_from(one->subject), one);
    VEC_EACH (&p->services, struct service_draft *, draft)
        check_entry(&m, NULL, &(*draft)->needs);
    VEC_EACH (&r->drafts, struct resource_draft, draft)
        check_entry(&m, draft->kind, draft->entry);
    VEC_EACH (&m.all, struct member, one)
        if (one->colour == WHITE)
            follow(&m, one);
    vec_fini(&m.all);
    vec_fini(&m.path);
    map_fini(&m.by_subject);
    arena_destroy(&m.arena);
}
