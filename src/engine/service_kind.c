#include "engine/service_kind.h"

#include "engine/engine_private.h"

#include <stdio.h>

static const char *trouble_of_job(struct arena *a, const struct control *c)
{
    const struct past_run *last = job_last(c);

    if (c->spec->job.schedule != NULL || c->spec->job.suspend || job_active(c) > 0 ||
        last == NULL || last->result == RESULT_SUCCEEDED ||
        !hash_eq(&last->revision, &c->spec->revision))
        return NULL;
    return arena_format(a, "its last run %s (%s)", job_result_name(last->result), last->reason);
}

static const char *trouble_of(struct arena *a, const struct control *c)
{
    if (c->spec->is_job)
        return trouble_of_job(a, c);
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

static int count_running(const struct control *c)
{
    int running = 0;

    for (size_t k = 0; k < c->slots.count; k++)
        running += c->slots.at[k]->pid > 0;
    return running;
}

/* What is gone, so that how long it took is known if it comes back. */
static void observe_gone(const struct engine *e, struct arena *a, struct observed_list *out)
{
    MAP_EACH (&e->paces, entry) {
        const struct pace *p = entry->value;

        if (!engine_declares(e, p->service))
            vec_push(out, (struct observed){.name = arena_copy(a, p->service),
                              .gone = true,
                              .start_ms = p->start_ms,
                              .stop_ms = p->stop_ms});
    }
}

void service_kind_observe(struct engine *e, struct arena *a, bool jobs, struct observed_list *out)
{
    MAP_EACH (&e->controls, entry) {
        const struct control *c = entry->value;
        struct pace pace = pace_of(e, c->name);

        if (c->spec == NULL || c->spec->is_job != jobs)
            continue; /* on its way out, or of the other kind */
        vec_push(out, (struct observed){
                          .name = arena_copy(a, c->name),
                          .node = c->spec->node,
                          .trouble = trouble_of(a, c),
                          .note = note_of(a, c),
                          .needs = needs_of(a, c->spec),
                          .instances = count_running(c),
                          .start_ms = pace.start_ms,
                          .stop_ms = pace.stop_ms,
                      });
    }
}

static bool observe_services(void *world, struct arena *a, const struct kind_look_list *looks,
    struct observed_list *out, struct err *err)
{
    (void)looks;
    (void)err;
    service_kind_observe(world, a, false, out);
    observe_gone(world, a, out);
    return true;
}

const struct kind service_kind = {
    .name = "service",
    .section = "services",
    .fields = &fields_service,
    .observe = observe_services,
};
