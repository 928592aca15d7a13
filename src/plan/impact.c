/* What a plan does to what runs: what restarts, what is down meanwhile, and how long it takes. */
#include "plan/plan_private.h"

#include "base/map.h"
#include "base/must.h"

#include <string.h>

#define STEADY_MS 500 /* a service without a health check counts as ready once it ran so long */

static bool is_service(const struct kind *k)
{
    return strcmp(k->section, "services") == 0;
}

const char *plan_risk_name(enum plan_risk risk)
{
    static const char *const names[] = {"low", "medium", "high"};

    must((size_t)risk < COUNT(names));
    return names[risk];
}

bool change_interrupts(const struct change *c)
{
    return c->impact.at_once > 0;
}

bool change_is_down(const struct change *c)
{
    return c->impact.at_once > 0 && c->impact.at_once >= c->impact.instances;
}

/* ---- what restarts with others ---- */

struct spread {
    struct plan *plan;
    struct arena *arena;
    const struct project *project;
    const struct kind *kind; /* of services; NULL: none changes */
    struct map changed;      /* name → index of its change + 1 */
    struct map asked;        /* name → anything: looked at */
    struct map observed;     /* name → struct observed */
};

static struct change *change_of(struct spread *s, const char *name)
{
    size_t found = (size_t)(intptr_t)map_get(&s->changed, str_from(name));

    return found > 0 ? &s->plan->changes.at[found - 1] : NULL;
}

static void index_changes(struct spread *s)
{
    for (size_t i = 0; i < s->plan->changes.count; i++) {
        struct change *c = &s->plan->changes.at[i];

        if (!is_service(c->kind))
            continue;
        s->kind = c->kind;
        (void)map_put(&s->changed, str_from(c->name), (void *)(intptr_t)(i + 1));
    }
}

static bool restarts_others(const struct change *c)
{
    return c != NULL && (c->action == CHANGE_REPLACE || c->action == CHANGE_RESTART || c->restarts);
}

static void restart_with(struct spread *s, const struct service *service, const char *needed)
{
    struct change *own = change_of(s, service->name);
    bool replaced = change_of(s, needed)->action == CHANGE_REPLACE;
    const char *why = arena_format(
        s->arena, "is restarted, because %s is %s", needed, replaced ? "replaced" : "restarted");

    if (own != NULL && own->action == CHANGE_UPDATE && !own->restarts) {
        own->restarts = true;
        own->reason = why;
    }
    if (own != NULL)
        return;
    vec_push(&s->plan->changes, (struct change){.action = CHANGE_RESTART,
                                    .kind = s->kind,
                                    .name = service->name,
                                    .reason = why,
                                    .declared = service->node,
                                    .observed = map_get(&s->observed, str_from(service->name))});
    (void)map_put(&s->changed, str_from(service->name), (void *)(intptr_t)s->plan->changes.count);
    s->plan->restarts++;
}

/* What it needs is looked at first: restarts go on from one to the next. */
static void spread_to(struct spread *s, const struct service *service)
{
    if (map_put(&s->asked, str_from(service->name), s) != NULL)
        return;
    for (size_t d = 0; d < service->dependency_count; d++) {
        const struct dependency *on = &service->dependencies[d];
        const struct service *other = project_service(s->project, str_from(on->service));

        if (other == NULL || !on->restart)
            continue;
        spread_to(s, other);
        if (restarts_others(change_of(s, other->name)))
            restart_with(s, service, other->name);
    }
}

static void index_services(struct spread *s, const struct kind *const *kinds,
    const struct observed_list *observed, size_t kind_count)
{
    for (size_t k = 0; k < kind_count; k++)
        for (size_t i = 0; is_service(kinds[k]) && i < observed[k].count; i++)
            if (!observed[k].at[i].gone)
                (void)map_put(&s->observed, str_from(observed[k].at[i].name), &observed[k].at[i]);
}

void plan_spread_restarts(struct plan *p, struct arena *a, const struct project *declared,
    const struct kind *const *kinds, const struct observed_list *observed, size_t kind_count)
{
    struct spread s = {.plan = p, .arena = a, .project = declared};

    if (declared == NULL || observed == NULL || p->replaces + p->restarts + p->updates == 0)
        return;
    index_changes(&s);
    index_services(&s, kinds, observed, kind_count);
    for (size_t i = 0; s.kind != NULL && i < declared->service_count; i++)
        spread_to(&s, &declared->services[i]);
    map_fini(&s.changed);
    map_fini(&s.asked);
    map_fini(&s.observed);
}

/* ---- impact of one ---- */

static int64_t sum_ms(int64_t a_ms, int64_t b_ms)
{
    return a_ms < 0 || b_ms < 0 ? -1 : a_ms + b_ms;
}

static int64_t with_steady(const struct service *s, int64_t ms)
{
    return sum_ms(ms, s != NULL && s->healthcheck.kind != PROBE_NONE ? 0 : STEADY_MS);
}

static int64_t start_ms(const struct service *s, const struct observed *o)
{
    return o == NULL ? -1 : with_steady(s, o->start_ms);
}

static int64_t rolling_ms(const struct service *s, const struct observed *o, int at_once, int count)
{
    int64_t batches = (count + at_once - 1) / at_once;
    int64_t one_ms = sum_ms(sum_ms(o->stop_ms, start_ms(s, o)), s->update.monitor_ns / 1000000);

    return one_ms < 0 ? -1 : batches * one_ms + (batches - 1) * (s->update.delay_ns / 1000000);
}

static void judge_rolling(struct change *c, const struct service *s, const struct observed *o)
{
    int count = o->instances, at_once = s->update.parallelism;

    if (count == 0) { /* nothing of it runs: it is a start */
        c->impact.expected_ms = start_ms(s, o);
        return;
    }
    if (at_once <= 0 || at_once > count)
        at_once = count;
    c->impact.at_once = at_once;
    c->impact.expected_ms = rolling_ms(s, o, at_once, count);
}

static void judge_service(struct change *c, const struct service *s, const struct observed *o)
{
    int64_t gone_ms = c->impact.expected_ms; /* how long it took while it was there */

    c->impact.instances = o != NULL ? o->instances : 0;
    c->impact.expected_ms = o != NULL ? 0 : -1;
    switch (c->action) {
    case CHANGE_CREATE:
        c->impact.expected_ms = s != NULL && s->replicas == 0 ? 0 : with_steady(s, gone_ms);
        break;
    case CHANGE_REPLACE:
    case CHANGE_RESTART:
        if (o != NULL && s != NULL)
            judge_rolling(c, s, o);
        break;
    case CHANGE_DELETE:
        c->impact.at_once = c->impact.instances;
        if (c->impact.instances > 0)
            c->impact.expected_ms = o->stop_ms;
        break;
    case CHANGE_UPDATE:
        if (c->restarts && o != NULL && s != NULL)
            judge_rolling(c, s, o);
        else if (o != NULL && s != NULL && s->replicas > o->instances)
            c->impact.expected_ms = start_ms(s, o);
        else if (o != NULL && s != NULL && s->replicas < o->instances)
            c->impact.expected_ms = o->stop_ms;
        break;
    default:
        break;
    }
}

/* ---- all of them ---- */

static struct map index_needed(const struct project *declared)
{
    struct map needed = {0};

    for (size_t i = 0; declared != NULL && i < declared->service_count; i++)
        for (size_t d = 0; d < declared->services[i].dependency_count; d++) {
            const char *name = declared->services[i].dependencies[d].service;

            (void)map_put(&needed, str_from(name), (void *)(uintptr_t)name);
        }
    return needed;
}

static enum plan_risk judge_risk(const struct plan *p, const struct project *declared)
{
    struct map needed = index_needed(declared);
    enum plan_risk risk = PLAN_RISK_LOW;

    VEC_EACH (&p->changes, const struct change, c) {
        bool is_needed = is_service(c->kind) && map_get(&needed, str_from(c->name)) != NULL;
        enum plan_risk own =
            c->action == CHANGE_DELETE || (is_needed && change_is_down(c)) ? PLAN_RISK_HIGH
            : change_interrupts(c) || c->action == CHANGE_REPLACE          ? PLAN_RISK_MEDIUM
                                                                           : PLAN_RISK_LOW;

        risk = own > risk ? own : risk;
    }
    map_fini(&needed);
    return risk;
}

void plan_judge(struct plan *p, const struct project *declared)
{
    VEC_EACH (&p->changes, struct change, c) {
        const struct service *s =
            declared != NULL ? project_service(declared, str_from(c->name)) : NULL;

        if (is_service(c->kind))
            judge_service(c, s, c->observed);
        else
            c->impact.expected_ms = 0;
    }
    p->risk = judge_risk(p, declared);
    p->unchanged -= p->restarts;
}

int64_t plan_expected_ms(const struct plan *p, int *out_unknown)
{
    int64_t all_ms = 0, wave_ms = 0;
    int wave = -1;

    *out_unknown = 0;
    VEC_EACH (&p->changes, const struct change, c) {
        if (c->wave != wave) {
            all_ms += wave_ms;
            wave_ms = 0;
            wave = c->wave;
        }
        *out_unknown += c->impact.expected_ms < 0;
        wave_ms = c->impact.expected_ms > wave_ms ? c->impact.expected_ms : wave_ms;
    }
    return all_ms + wave_ms;
}
