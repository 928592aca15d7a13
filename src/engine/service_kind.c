#include "engine/service_kind.h"

#include "engine/engine_private.h"

#include <stdio.h>

static const char *trouble_of(struct arena *a, const struct control *c)
{
    for (size_t k = 0; k < c->slots.count; k++) {
        const struct instance *i = c->slots.at[k];

        if (i->state == INSTANCE_FAILED)
            return arena_format(a, "it has failed (%s) and is started again", i->reason);
    }
    return NULL;
}

static const char *note_of(struct arena *a, const struct control *c)
{
    if (c->stopped)
        return arena_format(a, "%s is stopped by somebody (undo: tend start %s)", c->name, c->name);
    if (c->is_held && hash_eq(&c->held, &c->spec->revision))
        return arena_format(a,
            "the declared revision of %s was taken back because it did not become ready (try it "
            "again: tend retry %s)",
            c->name, c->name);
    if (c->replicas_override >= 0)
        return arena_format(a, "%s is scaled to %d (undo: tend scale %s=%d)", c->name,
            c->replicas_override, c->name, c->spec->replicas);
    return NULL;
}

static const char *const *needs_of(struct arena *a, const struct service *s)
{
    const char **needs = arena_new_array(a, s->dependency_count + s->need_count + 1, const char *);
    size_t n = 0;

    for (size_t d = 0; d < s->dependency_count; d++)
        needs[n++] = arena_copy(a, s->dependencies[d].service);
    for (size_t d = 0; d < s->need_count; d++)
        needs[n++] = arena_format(a, "%s.%s", s->needs[d].section, s->needs[d].name);
    return needs;
}

static bool observe_services(void *world, struct arena *a, const struct kind_look_list *looks,
    struct observed_list *out, struct err *err)
{
    struct engine *e = world;

    (void)looks;
    (void)err;
    MAP_EACH (&e->controls, entry) {
        const struct control *c = entry->value;

        if (c->spec == NULL)
            continue; /* on its way out */
        vec_push(out, (struct observed){
                          .name = arena_copy(a, c->name),
                          .node = c->spec->node,
                          .trouble = trouble_of(a, c),
                          .note = note_of(a, c),
                          .needs = needs_of(a, c->spec),
                      });
    }
    return true;
}

const struct kind service_kind = {
    .name = "service",
    .section = "services",
    .fields = &fields_service,
    .observe = observe_services,
};
