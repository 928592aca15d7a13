#include "engine/snapshot.h"

#include "base/mem.h"
#include "base/must.h"

#include "spec/project.h"

#include <pthread.h>
#include <stdlib.h>

enum { SERVICE_BYTES = 960 }; /* a service with one instance; there may be thousands */

struct snapshot_cell {
    pthread_mutex_t lock; /* guards the pointer only; never held while anything is freed */
    const struct snapshot *newest;
};

/* Counting does not change what readers see, so it is done through const pointers. */
static void count_up(const int *refs)
{
    int before = __atomic_fetch_add((int *)refs, 1, __ATOMIC_RELAXED);

    must(before > 0);
}

/* True for whoever dropped the last one. */
static bool count_down(const int *refs)
{
    int before = __atomic_fetch_sub((int *)refs, 1, __ATOMIC_ACQ_REL);

    must(before > 0);
    return before == 1;
}

struct service_snapshot *service_snapshot_create(void)
{
    struct arena *arena = arena_create(SERVICE_BYTES);
    struct service_snapshot *s = arena_new(arena, struct service_snapshot);

    s->refs = 1;
    s->arena = arena;
    return s;
}

const struct service_snapshot *service_snapshot_ref(const struct service_snapshot *s)
{
    count_up(&s->refs);
    return s;
}

void service_snapshot_unref(const struct service_snapshot **s)
{
    if (*s != NULL && count_down(&(*s)->refs)) {
        struct arena *arena = (*s)->arena; /* the snapshot itself lies in it */
        arena_destroy(&arena);
    }
    *s = NULL;
}

struct snapshot *snapshot_create(void)
{
    struct arena *arena = arena_create(0);
    struct snapshot *s = arena_new(arena, struct snapshot);

    s->refs = 1;
    s->arena = arena;
    return s;
}

const struct snapshot *snapshot_ref(const struct snapshot *s)
{
    count_up(&s->refs);
    return s;
}

static void drop(const struct snapshot *s)
{
    const struct project *declared = s->declared;
    struct arena *arena = s->arena;

    for (size_t i = 0; i < s->service_count; i++) {
        const struct service_snapshot *service = s->services[i];
        service_snapshot_unref(&service);
    }
    if (declared != NULL)
        project_unref(&declared);
    arena_destroy(&arena);
}

void snapshot_unref(const struct snapshot **s)
{
    if (*s != NULL && count_down(&(*s)->refs))
        drop(*s);
    *s = NULL;
}

const struct service_snapshot *snapshot_service(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->service_count; i++)
        if (str_is(name, s->services[i]->name))
            return s->services[i];
    return NULL;
}

struct snapshot_cell *snapshot_cell_create(void)
{
    struct snapshot_cell *cell = mem_new(struct snapshot_cell);

    (void)pthread_mutex_init(&cell->lock, NULL);
    return cell;
}

void snapshot_cell_destroy(struct snapshot_cell **cell)
{
    if (*cell == NULL)
        return;
    snapshot_unref(&(*cell)->newest);
    (void)pthread_mutex_destroy(&(*cell)->lock);
    free(*cell);
    *cell = NULL;
}

void snapshot_cell_publish(struct snapshot_cell *cell, const struct snapshot *s)
{
    (void)pthread_mutex_lock(&cell->lock);
    const struct snapshot *before = cell->newest;
    cell->newest = s;
    (void)pthread_mutex_unlock(&cell->lock);
    snapshot_unref(&before);
}

const struct snapshot *snapshot_cell_acquire(struct snapshot_cell *cell)
{
    (void)pthread_mutex_lock(&cell->lock);
    const struct snapshot *s = cell->newest != NULL ? snapshot_ref(cell->newest) : NULL;
    (void)pthread_mutex_unlock(&cell->lock);
    return s;
}
