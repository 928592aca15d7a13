/* hands.h - the engine's host in the real world: processes, probes, ports, samples, the journal.
 *
 *     engine ──spawn, stop, probe …──▶ hands ──▶ process driver, prober, ports
 *        ▲                               │
 *        └──on_started, on_probe … ◀─────┘      record ──▶ journal_append
 *
 * It decides nothing. What the driver tells in records reaches the journal exactly once: each event
 * names its record ("RUN:NUMBER") as a fact, records the journal knows are passed over, and a
 * record is acknowledged once its event is durable. Each loop turn ends with engine_turn, and with
 * a new snapshot where something has changed. Control thread. */
#ifndef TEND_ENGINE_HANDS_H
#define TEND_ENGINE_HANDS_H

#include "base/arena.h"
#include "base/err.h"
#include "engine/engine.h"

struct hands;
struct journal;
struct loop;
struct snapshot_cell;
struct views;

/* All borrowed until hands_destroy. */
struct hands_settings {
    struct loop *loop;
    struct journal *journal;
    struct views *views;
    struct snapshot_cell *cell;
    const char *project;
    const char *state_dir, *run_dir, *shim_path;
    struct str revision_key; /* HMAC key for secrets in revisions */
    int64_t started_at_ns;   /* wall */
    /* The snapshot was published. */
    void (*published)(void *data);
    void *data;
};

/* Creates the engine too. */
MUST_USE bool hands_create(
    struct hands **out, const struct hands_settings *settings, struct err *err);
/* Leaves every service as it is. */
void hands_destroy(struct hands **h);
struct engine *hands_engine(struct hands *h);
/* What was declared, decided and running when the last daemon ended, from the journal's facts and
 * the world. `project` and `previous` may be NULL. */
MUST_USE bool hands_restore(struct hands *h, const struct project *project,
    const struct project *previous, size_t *out_adopted, struct err *err);
/* Begin to turn: from here on the engine acts. */
void hands_begin(struct hands *h);
/* Something cannot be done ("journal: no space left on device"), or can again (NULL); shown in
 * status under `what`. */
void hands_degraded(struct hands *h, const char *what, const char *text);

/* What a command run beside an instance gets: NAME=VALUE, NULL-terminated, in the arena. NULL if
 * the instance does not exist. */
const char *const *hands_environment(
    struct hands *h, struct arena *a, const char *service, int slot);
/* A process in whose view of the files the instance lives; 0: it sees what everybody sees. */
int hands_view_pid(struct hands *h, const struct instance *i);

#endif
