/* managed.h - what tend remembers of the resources it looks after: a record each, kept as the fact
 * `resource` of its subject ("files.conf") in the journal. See drive/kind.h. One thread at a time.
 */
#ifndef TEND_ENGINE_MANAGED_H
#define TEND_ENGINE_MANAGED_H

#include "base/err.h"
#include "base/map.h"
#include "drive/kind.h"
#include "record/views.h"
#include "spec/project.h"

struct managed {
    struct map records; /* subject → struct managed_record */
};

void managed_fini(struct managed *m);
/* Everything that the journal says. Blocks. */
MUST_USE bool managed_load(struct managed *m, struct views *v, struct err *err);
/* The same from STATE/state.db, where no daemon runs; one that is not there remembers nothing. */
MUST_USE bool managed_load_file(struct managed *m, const char *path, struct err *err);
/* `record` NULL forgets it. */
void managed_set(struct managed *m, const char *subject, const struct node *record);
/* What is to be looked at of one kind: what `declared` (NULL: nothing) has, and what is remembered.
 * Where an entry's path is another than the one remembered, the old place is one of its own, called
 * "NAME (OLD PATH)", that is no longer declared. */
void managed_looks(const struct managed *m, struct arena *a, const struct kind *k,
    const struct project *declared, struct kind_look_list *out);

#endif
