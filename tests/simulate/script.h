/* script.h - a life as text: projects, and what people and fate do to them.
 *
 *     seed 4711
 *     project
 *       db: ok
 *       web: slow v=2 replicas=3 after=db:healthy parallelism=2 on_failure=pause
 *     project
 *       web: ok
 *     0 apply 1
 *     1200 kill web/2
 *     30 die 4 away=500
 *     800 apply 2 start
 *     0 settle 2
 *
 * Each line of a deed begins with the milliseconds since the one before. A life ends with `settle`:
 * faults cease, hands are on, and the project is applied with `start`; from there on it must come
 * to what is declared. `#` begins a comment. The same text gives the same life for ever. */
#ifndef TEND_TESTS_SIMULATE_SCRIPT_H
#define TEND_TESTS_SIMULATE_SCRIPT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "drive/sim/sim.h"
#include "spec/project.h"

#define NAME_BYTES   16
#define NEEDS_MAX    3
#define SERVICES_MAX 8
#define SLOTS_MAX    160

struct need {
    char name[NAME_BYTES];
    enum depend_condition condition;
    bool optional, restart;
};

/* Times are milliseconds. */
struct service_text {
    char name[NAME_BYTES];
    const struct sim_program *program;
    int version; /* argv[1]: another one is another revision */
    int replicas;
    bool probed; /* has a health check */
    int64_t interval, retries;
    struct need needs[NEEDS_MAX];
    size_t need_count;
    int64_t parallelism, delay, monitor, deadline; /* of an update */
    enum update_failure on_failure;
    enum restart_condition restart;
    int64_t grace, attempts, stable;
    int port; /* fixed; 0 none */
};

struct project_text {
    struct service_text services[SERVICES_MAX];
    size_t count;
};

enum deed_kind {
    DEED_APPLY,
    DEED_DOWN,
    DEED_SCALE,
    DEED_STOP,
    DEED_START,
    DEED_RESTART,
    DEED_RETRY,
    DEED_PAUSE,
    DEED_RESUME,
    DEED_KILL,
    DEED_HANG,
    DEED_KILL_SHIM,
    DEED_BECOME,
    DEED_DIE,
    DEED_RELIEVE,
    DEED_REBOOT,
    DEED_CLOCK,
    DEED_SUSPEND,
    DEED_FILL_DISK,
    DEED_FREE_DISK,
    DEED_TAKE_PORT,
    DEED_FREE_PORT,
    DEED_WAIT,
    DEED_SETTLE,
};
#define DEED_KINDS (DEED_SETTLE + 1)

struct deed {
    int64_t after_ms;
    enum deed_kind kind;
    char service[NAME_BYTES];
    int slot;       /* 0: all of the service */
    int64_t number; /* project from 1, replicas, milliseconds, calls, port */
    int64_t away_ms;
    bool start;                        /* apply: what people stopped too */
    bool keeps;                        /* reboot: the run directory */
    const struct sim_program *program; /* become; NULL: as it is started */
};

struct script {
    uint64_t seed;
    struct {
        VEC_OF(struct project_text);
    } projects;
    struct {
        VEC_OF(struct deed);
    } deeds;
};

void script_fini(struct script *s);
void script_copy(struct script *out, const struct script *from);
void script_write(const struct script *s, struct buf *out);
MUST_USE bool script_read(struct script *out, struct str text, struct err *err);
void deed_write(const struct deed *d, struct buf *out);

/* One line of a project, without its end. */
void service_write(const struct service_text *s, struct buf *out);
MUST_USE bool service_read(struct service_text *out, struct str line, struct err *err);
/* As new: one replica, probed, restarted always. */
void service_init(struct service_text *s, const char *name, const char *program);
/* The document that declares it. */
void project_write(const struct project_text *p, struct buf *out);
const struct service_text *project_find(const struct project_text *p, const char *name);

/* ---- generate.c ---- */
/* The life that belongs to a seed. */
void script_generate(struct script *out, uint64_t seed, int deeds);

#endif
