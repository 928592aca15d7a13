/* facts.h - what a starting daemon must know, folded from the journal (record/views.h: facts).
 *
 *     event {"set":{"replicas":4}} of "web" ──▶ fact (web, replicas) = 4 ──▶ engine_restore_service
 *     event {"set":{"revision":…}} of "web/1" ─▶ fact (web/1, revision) ───▶ engine_adopt
 *
 * Who sets which: project: document, previous, down, paused_until_ns (door); a service: replicas,
 * stopped, generation (door), held, held_over, paused_update, job (engine); an instance: held_down
 * (door), run, revision, generation, final, start_ms, stop_ms, record, port, pid, started_ns,
 * started_wall_ns (engine). Control thread. */
#ifndef TEND_ENGINE_FACTS_H
#define TEND_ENGINE_FACTS_H

#include "base/map.h"
#include "base/str.h"
#include "engine/engine.h"

/* Of one service ("web") or one instance ("web/1"). */
struct known {
    char *subject;
    struct engine_facts service;
    struct engine_found instance;
    char record[48];           /* what the host told last about it */
    int64_t start_ms, stop_ms; /* how long it took; -1 not known */
    bool present;              /* when it was last seen, there was something of it */
    struct json_t *job;        /* of a job: its fact, as job_facts.c reads it; NULL */
    bool starting;             /* it was being started */
    bool waiting;              /* its shim waited for a word */
};

struct facts {
    struct map known; /* subject → struct known */
    uint64_t intent;  /* the event that declared what is declared */
};

void facts_fini(struct facts *f);
/* Never NULL: what nobody has said is as for a new one. */
struct known *facts_of(struct facts *f, const char *subject);
/* One fact; unknown keys are passed over. `now_*` serve a pause that may be over. */
void facts_take(struct facts *f, struct engine *e, const char *subject, const char *key,
    struct str json, uint64_t seq);
/* The state in which an instance was last seen, as instance.h or the events spell it. */
void facts_take_state(struct facts *f, const char *subject, int slot, const char *state);
/* How it ended when it was last seen: the evidence of that event. */
void facts_take_exit(struct facts *f, const char *subject, struct str evidence);
/* What people decided about declared services; behind engine_restore_project. */
void facts_restore_services(struct facts *f, struct engine *e);
/* What had ended for good; behind the adoption of what runs. */
void facts_restore_ended(struct facts *f, struct engine *e);

#endif
