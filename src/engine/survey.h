/* survey.h - everything of a project, declared and remembered, as it is in the world.
 *
 *     control: survey_begin ─▶ worker: survey_look (kinds that block) ─▶ control: survey_complete
 *
 * A survey owns what it saw, and holds the project: plans made from it point into it. */
#ifndef TEND_ENGINE_SURVEY_H
#define TEND_ENGINE_SURVEY_H

#include "engine/engine.h"
#include "engine/kinds.h"
#include "engine/managed.h"
#include "plan/plan.h"

struct survey {
    struct arena *arena;
    const struct project *declared; /* NULL: nothing */
    struct kind_look_list looks[KINDS_COUNT];
    struct observed_list observed[KINDS_COUNT];
};

struct survey *survey_begin(const struct managed *m, const struct project *declared);
/* Blocks; any one thread. */
MUST_USE bool survey_look(struct survey *s, struct err *err);
/* The kinds that do not block; `e` NULL: there is no engine, and nothing of theirs. */
MUST_USE bool survey_complete(struct survey *s, struct engine *e, struct err *err);
void survey_plan(struct survey *s, struct plan *out);
void survey_destroy(struct survey **s);

#endif
