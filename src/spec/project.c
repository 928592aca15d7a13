#include "spec/project.h"

#include "spec/spec_private.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PROJECT_MAGIC 0x70726f6a

/* A project with what keeps it. The public part is last, so that a pointer to it finds the rest. */
struct kept {
    uint32_t magic;
    atomic_uint references;
    struct arena *arena;
    struct map services;  /* name → service */
    struct map resources; /* subject → resource */
    struct project project;
};

static struct kept *kept_of(const struct project *p)
{
    char *at = (char *)(uintptr_t)p - offsetof(struct kept, project);

    return must_magic(at, PROJECT_MAGIC);
}

struct project *project_adopt(struct arena *a, const struct project *p)
{
    struct kept *k = mem_new(struct kept);

    k->magic = PROJECT_MAGIC;
    atomic_init(&k->references, 1);
    k->arena = a;
    k->project = *p;
    for (size_t i = 0; i < p->service_count; i++)
        (void)map_put(
            &k->services, str_from(p->services[i].name), (void *)(uintptr_t)&p->services[i]);
    for (size_t i = 0; i < p->resource_count; i++)
        (void)map_put(
            &k->resources, str_from(p->resources[i].subject), (void *)(uintptr_t)&p->resources[i]);
    return &k->project;
}

const struct project *project_ref(const struct project *p)
{
    (void)atomic_fetch_add_explicit(&kept_of(p)->references, 1, memory_order_relaxed);
    return p;
}

void project_unref(const struct project **p)
{
    struct kept *k;

    if (*p == NULL)
        return;
    k = kept_of(*p);
    *p = NULL;
    if (atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) != 1)
        return;
    map_fini(&k->services);
    map_fini(&k->resources);
    arena_destroy(&k->arena);
    k->magic = 0;
    free(k);
}

const struct service *project_service(const struct project *p, struct str name)
{
    return map_get(&kept_of(p)->services, name);
}

const struct resource *project_resource(const struct project *p, struct str subject)
{
    return map_get(&kept_of(p)->resources, subject);
}
