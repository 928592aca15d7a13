/* service_kind.h - `service` as one kind among others: the engine carries it out.
 *
 * Its world is the `struct engine`. What is observed is what the engine runs (declared last, and
 * whether it works); applying and destroying are the engine's reconciliation, which engine_declare
 * begins for a whole project at once, so that batches, dependencies and reverts hold across
 * services. Control thread. */
#ifndef TEND_ENGINE_SERVICE_KIND_H
#define TEND_ENGINE_SERVICE_KIND_H

#include "drive/kind.h"

extern const struct kind service_kind;

struct engine;
/* What the engine knows of services, or of jobs. */
void service_kind_observe(struct engine *e, struct arena *a, bool jobs, struct observed_list *out);

#endif
