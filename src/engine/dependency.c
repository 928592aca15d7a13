/* What waits for what: starting, and going down. */
#include "engine/engine_private.h"

#include <stdio.h>

bool control_meets(const struct control *c, enum depend_condition condition)
{
    int wanted = control_replicas(c), met = 0;

    if (control_is_job(c))
        return job_meets(c, condition);
    for (size_t i = 0; i < c->slots.count; i++) {
        const struct instance *in = c->slots.at[i];

        if (in->slot > wanted || in->unheard) /* adopted: nobody knows yet whether it runs */
            continue;
        switch (condition) {
        case DEPEND_STARTED:
            met +=
                ((in->state == INSTANCE_PROBING || in->state == INSTANCE_READY) && in->pid != 0) ||
                in->state == INSTANCE_COMPLETED;
            break;
        case DEPEND_HEALTHY:
            met += in->state == INSTANCE_READY;
            break;
        case DEPEND_COMPLETED:
            met += in->state == INSTANCE_COMPLETED;
            break;
        }
    }
    return wanted > 0 && met >= wanted;
}

bool control_has_given_up(const struct control *c)
{
    if (control_is_job(c))
        return job_has_given_up(c);
    for (size_t i = 0; i < c->slots.count; i++)
        if (c->slots.at[i]->state == INSTANCE_FAILED ||
            c->slots.at[i]->state == INSTANCE_QUARANTINED)
            return true;
    return c->stopped;
}

static const char *condition_text(enum depend_condition condition)
{
    switch (condition) {
    case DEPEND_STARTED:
        return "to start";
    case DEPEND_HEALTHY:
        return "to be healthy";
    default:
        return "to complete";
    }
}

bool control_dependencies_hold(const struct control *c, char *out_waits_for, size_t bytes)
{
    const struct service *s = control_target(c, NULL);

    for (size_t d = 0; d < s->dependency_count; d++) {
        const struct dependency *on = &s->dependencies[d];
        const struct control *other = control_find(c->engine, on->service);

        if (other != NULL && control_meets(other, on->condition))
            continue;
        if (!on->required && (other == NULL || control_has_given_up(other)))
            continue;
        if (out_waits_for != NULL)
            (void)snprintf(out_waits_for, bytes, "waits for %s %s", on->service,
                condition_text(on->condition));
        return false;
    }
    return true;
}

/* Everything that depends on it is down, or is not going away with it. */
bool control_may_go_down(const struct control *c)
{
    for (size_t d = 0; d < c->dependents.count; d++) {
        const struct control *other = c->dependents.at[d];

        if (control_replicas(other) > 0)
            continue;
        for (size_t i = 0; i < other->slots.count; i++)
            if (instance_is_alive(other->slots.at[i]->state))
                return false;
    }
    return true;
}
