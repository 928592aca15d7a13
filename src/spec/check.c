/* Checks that look at several services. */
#include "spec/container_private.h"
#include "spec/spec_private.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

static void report_unknown(struct diagnostics *d, const struct project_draft *p,
    const struct dependency *dep, const struct span *span)
{
    const char *names[500];
    size_t count = 0;

    diagnostic_error(
        d, "unknown-service", span, "depends on '%s', and there is no such service", dep->service);
    if (diagnostics_is_full(d))
        return;
    for (size_t i = 0; i < p->services.count && count < COUNT(names); i++)
        names[count++] = p->services.at[i]->service.name;
    const char *nearest = str_nearest(str_from(dep->service), names, count);
    if (nearest != NULL)
        diagnostic_help(d, "did you mean '%s'?", nearest);
}

static void check_missing(struct diagnostics *d, const struct project_draft *p,
    const struct dependency *dep, const struct span *span)
{
    const struct node *left_out = map_get(&p->inactive, str_from(dep->service));
    const struct node *profiles = node_get(left_out, "profiles");
    struct buf names = BUF_INIT(4096);

    if (left_out == NULL) {
        report_unknown(d, p, dep, span);
        return;
    }
    for (size_t i = 0; i < node_count(profiles) && i < 8; i++)
        buf_format(&names, "%s%.*s", i > 0 ? ", " : "",
            (int)(profiles->items[i]->text.len < 60 ? profiles->items[i]->text.len : 60),
            profiles->items[i]->text.at);
    diagnostic_error(d, "unknown-service", span,
        "depends on '%s', which is left out because none of its profiles is active", dep->service);
    diagnostic_help(
        d, "activate a profile of it (--profile): %s; or write required: false", names.at);
    buf_fini(&names);
}

static void check_condition(struct diagnostics *d, const struct dependency *dep,
    const struct span *span, const struct service_draft *other)
{
    const struct service *s = &other->service;

    if (other->has_errors)
        return;
    if (dep->condition == DEPEND_HEALTHY && s->is_job) {
        diagnostic_error(
            d, "conflict", span, "waits for '%s' to be healthy, and that is a job", dep->service);
        diagnostic_other(d, &other->span, "a job");
        diagnostic_help(d, "wait for service_completed_successfully");
        return;
    }
    if (dep->condition == DEPEND_HEALTHY && s->healthcheck.kind == PROBE_NONE) {
        diagnostic_error(d, "conflict", span,
            "waits for '%s' to be healthy, and that has no healthcheck", dep->service);
        diagnostic_other(d, &other->span, "has none");
        diagnostic_help(d,
            "give '%s' a healthcheck (or ports, which are probed by themselves), or wait for "
            "service_started",
            dep->service);
    }
    if (dep->condition == DEPEND_COMPLETED && s->restart.condition != RESTART_NO &&
        s->restart.condition != RESTART_ON_FAILURE) {
        diagnostic_error(d, "conflict", span,
            "waits for '%s' to complete, and that is restarted whenever it ends", dep->service);
        diagnostic_other(d, &other->span, "restarts always");
        diagnostic_help(d, "give '%s' restart: \"no\", or restart: on-failure", dep->service);
    }
}

/* Whether the dependency stays. */
static bool check_dependency(struct diagnostics *d, const struct project_draft *p,
    const struct service_draft *draft, size_t i)
{
    const struct dependency *dep = &draft->dependencies[i];
    const struct span *span = &draft->dependency_spans[i];
    const struct service_draft *other = map_get(&p->names, str_from(dep->service));

    if (other == draft)
        diagnostic_error(d, "cycle", span, "service '%s' depends on itself", dep->service);
    else if (other != NULL)
        check_condition(d, dep, span, other);
    else if (other == NULL && dep->required)
        check_missing(d, p, dep, span);
    else if (other == NULL)
        diagnostic_warning(d, "unknown-service", span,
            "does not wait for '%s': there is no such service, or no profile of it is active",
            dep->service);
    return other != NULL || dep->required;
}

static void check_dependencies(
    struct diagnostics *d, const struct project_draft *p, struct service_draft *draft)
{
    size_t kept = 0;

    for (size_t i = 0; i < draft->service.dependency_count; i++) {
        if (!check_dependency(d, p, draft, i))
            continue;
        draft->dependencies[kept] = draft->dependencies[i];
        draft->dependency_spans[kept++] = draft->dependency_spans[i];
    }
    draft->service.dependency_count = kept;
}

/* Ports. */

static void check_ports(struct diagnostics *d, const struct project_draft *p)
{
    const struct service_draft **owners = mem_new_array(65536, const struct service_draft *);

    VEC_EACH (&p->services, struct service_draft *, draft) {
        int port = (*draft)->service.port;
        if (port == 0)
            continue;
        if (owners[port] != NULL) {
            diagnostic_error(d, "conflict", &(*draft)->port_span,
                "port %d is fixed by '%s' and by '%s'", port, owners[port]->service.name,
                (*draft)->service.name);
            diagnostic_other(d, &owners[port]->port_span, "the first");
        } else {
            owners[port] = *draft;
        }
    }
    free(owners);
}

/* Cycles: depth first, without recursion, as there may be 10,000 services in a row. */

enum colour { WHITE, GREY, BLACK };

struct visit {
    const struct service_draft *draft;
    size_t next; /* dependency to follow next */
};

struct walk {
    struct diagnostics *diagnostics;
    const struct project_draft *project;
    struct map colours; /* name → &states[…] */
    const void *states[3];
    struct visit *path;
    size_t depth;
};

static enum colour colour_of(struct walk *w, const struct service_draft *draft)
{
    const void *state = map_get(&w->colours, str_from(draft->service.name));

    return state == &w->states[GREY] ? GREY : state == &w->states[BLACK] ? BLACK : WHITE;
}

static void set_colour(struct walk *w, const struct service_draft *draft, enum colour colour)
{
    (void)map_put(&w->colours, str_from(draft->service.name), &w->states[colour]);
}

/* The path from `to` to its end leads back to `to`. */
static void report_cycle(struct walk *w, const struct service_draft *to)
{
    const struct visit *last = &w->path[w->depth - 1];
    struct buf names = BUF_INIT(4096);
    size_t from = w->depth - 1;

    while (w->path[from].draft != to)
        from--;
    if (from == w->depth - 1)
        return; /* on itself: told already */
    for (size_t i = from; i < w->depth; i++)
        buf_format(&names, "%s → ", w->path[i].draft->service.name);
    buf_add_text(&names, to->service.name);
    diagnostic_error(w->diagnostics, "cycle", &last->draft->dependency_spans[last->next - 1],
        "services depend on each other in a circle: %s", names.at);
    diagnostic_help(w->diagnostics, "take one of these dependencies out");
    buf_fini(&names);
}

static void enter(struct walk *w, const struct service_draft *draft)
{
    set_colour(w, draft, GREY);
    w->path[w->depth++] = (struct visit){.draft = draft};
}

static void follow(struct walk *w, const struct service_draft *start)
{
    enter(w, start);
    while (w->depth > 0) {
        struct visit *top = &w->path[w->depth - 1];
        if (top->next == top->draft->service.dependency_count) {
            set_colour(w, top->draft, BLACK);
            w->depth--;
            continue;
        }
        const char *name = top->draft->service.dependencies[top->next++].service;
        const struct service_draft *next = map_get(&w->project->names, str_from(name));
        if (next == NULL)
            continue;
        enum colour colour = colour_of(w, next);
        if (colour == GREY)
            report_cycle(w, next);
        else if (colour == WHITE)
            enter(w, next);
    }
}

static void check_cycles(struct diagnostics *d, const struct project_draft *p)
{
    struct walk w = {
        .diagnostics = d, .project = p, .path = mem_new_array(p->names.count + 1, struct visit)};

    VEC_EACH (&p->services, struct service_draft *, draft)
        if (colour_of(&w, *draft) == WHITE)
            follow(&w, *draft);
    map_fini(&w.colours);
    free(w.path);
}

void check_services(struct diagnostics *d, struct project_draft *p)
{
    VEC_EACH (&p->services, struct service_draft *, draft)
        check_dependencies(d, p, *draft);
    VEC_EACH (&p->services, struct service_draft *, draft)
        if ((*draft)->container != NULL)
            check_container(d, p, *draft);
    check_ports(d, p);
    check_cycles(d, p);
}
