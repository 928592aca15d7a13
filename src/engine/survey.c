#include "engine/survey.h"

struct survey *survey_begin(const struct managed *m, const struct project *declared)
{
    struct survey *s = mem_new(struct survey);

    s->arena = arena_create(64 << 10);
    s->declared = declared != NULL ? project_ref(declared) : NULL;
    for (size_t k = 0; k < KINDS_COUNT; k++)
        if (kinds_all[k]->blocks)
            managed_looks(m, s->arena, kinds_all[k], declared, &s->looks[k]);
    return s;
}

bool survey_look(struct survey *s, struct err *err)
{
    struct kind_host host = {.objects_dir = NULL};

    for (size_t k = 0; k < KINDS_COUNT; k++)
        if (kinds_all[k]->blocks)
            TRY(kinds_all[k]->observe(&host, s->arena, &s->looks[k], &s->observed[k], err));
    return true;
}

bool survey_complete(struct survey *s, struct engine *e, struct err *err)
{
    for (size_t k = 0; k < KINDS_COUNT; k++)
        if (!kinds_all[k]->blocks && e != NULL)
            TRY(kinds_all[k]->observe(e, s->arena, &s->looks[k], &s->observed[k], err));
    return true;
}

void survey_plan(struct survey *s, struct plan *out)
{
    plan_make(out, s->arena, s->declared, kinds_all, s->observed, KINDS_COUNT);
}

void survey_destroy(struct survey **s)
{
    if (*s == NULL)
        return;
    for (size_t k = 0; k < KINDS_COUNT; k++) {
        vec_fini(&(*s)->looks[k]);
        vec_fini(&(*s)->observed[k]);
    }
    project_unref(&(*s)->declared);
    arena_destroy(&(*s)->arena);
    free(*s);
    *s = NULL;
}
