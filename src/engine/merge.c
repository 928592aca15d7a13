/* What is declared in the end, where some services have to wait. */
#include "engine/executor_private.h"

#include "spec/load.h"

#include <string.h>

static const char *need_failed(const struct run *run, const struct service *s)
{
    for (size_t n = 0; n < s->need_count; n++) {
        const struct resource_need *need = &s->needs[n];

        for (size_t i = 0; need->required && i < run->step_count; i++) {
            const struct step *step = &run->steps[i];

            if (!step->removes && (step->state == STEP_FAILED || step->state == STEP_SKIPPED) &&
                strcmp(step->change->kind->section, need->section) == 0 &&
                strcmp(step->change->name, need->name) == 0)
                return step->subject;
        }
    }
    return NULL;
}

static const char *dependency_held(const struct run *run, const struct service *s)
{
    for (size_t d = 0; d < s->dependency_count; d++)
        if (s->dependencies[d].required &&
            map_get(&run->held, str_from(s->dependencies[d].service)) != NULL)
            return s->dependencies[d].service;
    return NULL;
}

void find_held(struct run *run)
{
    bool more = run->target != NULL && run->failed + run->skipped > 0;

    while (more) {
        more = false;
        for (size_t i = 0; i < run->target->service_count; i++) {
            const struct service *s = &run->target->services[i];
            const char *why = need_failed(run, s);

            if (why == NULL)
                why = dependency_held(run, s);
            if (why == NULL || map_get(&run->held, str_from(s->name)) != NULL)
                continue;
            (void)map_put(&run->held, str_from(s->name), (void *)(uintptr_t)why);
            more = true;
        }
    }
}

static struct node *merge_services(struct arena *a, const struct project *target,
    const struct project *before, const struct map *held)
{
    struct node *services = node_map(a);

    NODE_EACH (node_get(target->node, "services"), pair) {
        const struct node *was =
            before != NULL ? node_get(node_get(before->node, "services"), pair->key.at) : NULL;

        if (map_get(held, pair->key) == NULL)
            (void)node_put(a, services, pair->key, pair->value);
        else if (was != NULL)
            (void)node_put(a, services, pair->key, node_copy(a, was));
    }
    return services;
}

const struct project *merge_held(const struct project *target, const struct project *before,
    const struct map *held, struct str revision_key, struct err *err)
{
    struct arena *a = arena_create(64 << 10);
    struct diagnostics *d = diagnostics_create();
    struct node *root = node_map(a);
    struct buf text = BUF_INIT(32u << 20);
    const struct project *merged;

    NODE_EACH (target->node, pair)
        (void)node_put(a, root, pair->key,
            str_is(pair->key, "services") ? merge_services(a, target, before, held) : pair->value);
    node_write_json(&text, root);
    merged = spec_load_document(buf_str(&text), revision_key, d);
    if (merged == NULL)
        (void)err_set(err, ERR_INVALID, "services that wait do not go with what is declared now");
    buf_fini(&text);
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return merged;
}
