/* How long starts and stops of a service take: for the plan's expected duration. Kept by name, so
 * that it outlives a service that is removed and comes back. */
#include "engine/engine_private.h"

#include "base/clock.h"

#include <stdlib.h>

#define SERVICES_MAX 20000
#define OLD_WEIGHT   3 /* of 4: the newest counts a fourth, as RFC 6298 smooths round trips */

static struct pace *find(const struct engine *e, const char *service)
{
    return map_get(&e->paces, str_from(service));
}

static struct pace *find_or_create(struct engine *e, const char *service)
{
    struct pace *p = find(e, service);

    if (p != NULL || e->paces.count >= SERVICES_MAX)
        return p;
    p = mem_new(struct pace);
    p->service = mem_copy_string(service);
    p->start_ms = p->stop_ms = -1;
    (void)map_put(&e->paces, str_from(p->service), p);
    return p;
}

static int64_t smooth(int64_t old_ms, int64_t new_ms)
{
    return old_ms < 0 ? new_ms : (OLD_WEIGHT * old_ms + new_ms + 2) / (OLD_WEIGHT + 1);
}

int64_t pace_started(struct instance *i, int64_t took_ns)
{
    struct pace *p = find_or_create(i->control->engine, i->control->name);

    if (p == NULL)
        return -1;
    p->start_ms = smooth(p->start_ms, took_ns / NS_PER_MS);
    return p->start_ms;
}

int64_t pace_stopped(struct instance *i, int64_t took_ns)
{
    struct pace *p = find_or_create(i->control->engine, i->control->name);

    if (p == NULL)
        return -1;
    p->stop_ms = smooth(p->stop_ms, took_ns / NS_PER_MS);
    return p->stop_ms;
}

struct pace pace_of(const struct engine *e, const char *service)
{
    const struct pace *p = find(e, service);

    return p != NULL ? *p : (struct pace){.start_ms = -1, .stop_ms = -1};
}

void engine_restore_pace(struct engine *e, const char *service, int64_t start_ms, int64_t stop_ms)
{
    struct pace *p = find_or_create(e, service);

    if (p != NULL && start_ms >= 0)
        p->start_ms = start_ms > p->start_ms ? start_ms : p->start_ms;
    if (p != NULL && stop_ms >= 0)
        p->stop_ms = stop_ms > p->stop_ms ? stop_ms : p->stop_ms;
}

void paces_fini(struct engine *e)
{
    MAP_EACH (&e->paces, entry) {
        struct pace *p = entry->value;

        free(p->service);
        free(p);
    }
    map_fini(&e->paces);
}
