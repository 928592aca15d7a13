/* life.h - a life lived: a script on a world, with everything that must hold looked at all along.
 *
 *     script ──deeds──▶ world and daemon ──sights──▶ lore (what is known of it) ──▶ checks ─▶
 * verdict └───────▶ story, digest
 *
 * Words:
 *   lore   what follows from the sights alone, written down without the engine's help: what people
 *          want (the requests that took effect, in order), what runs, what was told of it
 *   check  one thing that must hold, with a name (checks.c); the first that does not ends the life
 *
 * One thread a life. */
#ifndef TEND_TESTS_SIMULATE_LIFE_H
#define TEND_TESTS_SIMULATE_LIFE_H

#include "base/arena.h"
#include "base/clock.h"
#include "daemon.h"
#include "script.h"

struct plant;

struct verdict {
    bool failed;
    const char *check; /* its name */
    char text[400];
    int64_t at_ns;
    uint64_t digest; /* of all sights: the same for the same life */
    uint64_t sights, events, starts, ends, deaths;
    int64_t lived_ns; /* of virtual time */
};

struct life_options {
    const struct plant *plant; /* NULL: the engine as it is */
    struct buf *story;         /* NULL: nobody reads it */
    bool views;                /* fold the journal with the shipped views too, at the end */
};

void life_run(const struct script *script, const struct life_options *options, struct verdict *out);

/* ---- what the files of a life share ---- */

/* Of one instance. */
struct slot_lore {
    int alive; /* processes */
    int pid;
    int64_t started_ns, ended_ns;
    int attempts; /* starts since it was stable or somebody touched it */
    bool told;    /* the journal knows it */
    bool is_new;  /* it was never started since it is wanted, or was seen waiting */
    bool failed;  /* it ended by itself, or could not be started; healing is at it */
    bool running, ready, completed, hung;
    bool asked_to_stop; /* since it runs */
    bool replacing;     /* an update has taken it down */
    bool quarantined, held_down;
    int64_t quarantined_ns, failed_ns;
    bool by_shim; /* its last start */
};

/* Of one service. */
struct service_lore {
    char name[NAME_BYTES];
    const struct service_text *declared; /* NULL: not */
    int64_t touched_ns;                  /* somebody had to do with it */
    uint64_t gone;                       /* with which declaration; 0: it is declared */
    bool stopped;
    bool vague;    /* whether it is scaled depends on which of two requests one asks */
    int override;  /* -1: none */
    bool may_hold; /* a revision was taken back, and nobody has said retry */
    bool held;     /* and it is the one that is declared since: */
    const struct sim_program *held_program;
    int held_version, held_port;
    uint64_t update; /* the event that began it; 0: none */
    struct {
        VEC_OF(struct slot_lore);
    } slots;
};

/* A request that is in the journal. */
struct request_lore {
    uint64_t seq;
    const struct deed *deed;
    int64_t wall_ns; /* when it was asked for */
    uint64_t effect; /* it took effect behind this event; UINT64_MAX: not yet */
    bool refused;    /* that event says that it does not */
    int declared;    /* replicas of its service when it was asked for */
};

/* The event that tells of a record. */
struct record_lore {
    uint64_t seq;
    char name[48];
};

struct lore {
    struct {
        VEC_OF(struct service_lore *);
    } services;
    struct {
        VEC_OF(struct request_lore);
    } requests;
    char telling[48]; /* the record that was handed over last: "RUN:NUMBER" */
    struct {
        VEC_OF(struct record_lore);
    } told;
    int limbo; /* of them: not carried out yet */
    uint64_t declarations;
    bool paused;
    int64_t paused_ns, paused_until_wall_ns, resumed_ns;
    int64_t daemon_ns; /* since it lives */
    double storm_tokens;
    int64_t storm_ns;
};

struct life {
    const struct script *script;
    const struct life_options *options;
    struct sim *sim;
    struct daemon *daemon;
    struct lore lore;
    struct verdict verdict;
    struct arena *arena;
    const struct deed *deed; /* that is being done */
    int64_t back_ns;         /* when the next daemon starts; INT64_MAX: one lives */
    int64_t away_ns;         /* how long none does after this one */
    uint64_t looked_at;      /* sights, when all was quiet */
    int64_t steps_at_once, step_ns;
    bool disk_full, forgot; /* a daemon died with it: what it had started as what is lost */
};

/* The first one counts. */
void life_violated(struct life *l, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void life_tell(struct life *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- lore.c ---- */
void lore_init(struct life *l);
void lore_fini(struct life *l);
struct service_lore *lore_service(struct life *l, const char *name);     /* made if it is new */
struct slot_lore *lore_slot(struct life *l, const char *name, int slot); /* the same */
void lore_take(struct life *l, const struct sim_sight *sight);
/* The request takes effect. */
void lore_carry_out(struct life *l, const struct deed *d, uint64_t seq);
/* It is in the journal, and never will. */
void lore_refuse(struct life *l, const struct deed *d);
/* A new daemon: what it must know is what the journal still holds. */
void lore_begin_anew(struct life *l);
int lore_replicas(const struct service_lore *s);
bool lore_wants(struct life *l, const char *name, int slot);
/* "web" of "web/2", and 2; 0 for a service. */
int subject_split(const char *subject, char name[NAME_BYTES]);

/* ---- checks.c ---- */
struct check {
    const char *name;
    const char *help;
    void (*sight)(struct life *l, const struct sim_sight *sight); /* before the lore takes it */
    void (*quiet)(struct life *l); /* nothing is on its way, the daemon lives */
    void (*end)(struct life *l);   /* it has settled */
};
const struct check *checks_all(size_t *out_count);
void checks_sight(struct life *l, const struct sim_sight *sight);
void checks_quiet(struct life *l);
void checks_end(struct life *l);

/* ---- settle.c ---- */
void life_settle(struct life *l, const struct deed *d);
/* ---- relieve.c ---- */
void life_relieve(struct life *l);
/* ---- deeds.c ---- */
void life_do(struct life *l, const struct deed *d);
void life_ask(struct life *l, const struct deed *d);
/* ---- life.c ---- */
void life_until(struct life *l, int64_t until_ns);
void life_start_daemon(struct life *l);
void life_end_daemon(struct life *l, bool power);

/* ---- views_check.c ---- */
/* The shipped views, folded from the same events, say the same. */
void views_compare(struct life *l);

#endif
