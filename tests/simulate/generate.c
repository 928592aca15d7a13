/* The life that belongs to a seed. */
#include "script.h"

#include "base/must.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"db", "api", "web", "work", "setup"};
static const char *const good[] = {"ok", "ok", "ok", "slow", "stubborn"};
static const char *const bad[] = {"crash", "crash-ready", "flash", "flaky", "leaky", "freezer",
    "never-ready", "missing", "broken"};
static const char *const jobs[] = {"job", "job", "long-job", "bad-job"};

#define PICK(r, words) (words)[random_below((r), COUNT(words))]
#define LONG_MS        700000 /* longer than any pause in quarantine */
#define CROWD_OF       60     /* one life of so many has a service with very many replicas */

static bool one_in(struct random *r, uint64_t of)
{
    return random_below(r, of) == 0;
}

/* ---- projects ---- */

/* Each name has one of its own: ports that change hands between services that need each other
 * cannot be given away and kept at once. */
static int own_port(const struct service_text *s)
{
    int port = 8080;

    while (strcmp(names[port - 8080], s->name) != 0)
        port++;
    return port;
}

static void give_policy(struct random *r, struct service_text *s)
{
    s->replicas = 1 + (int)random_below(r, 4);
    s->parallelism = (int64_t)random_below(r, 4) - (s->replicas > 1);
    s->parallelism = s->parallelism < 0 ? 1 : s->parallelism;
    s->on_failure = (enum update_failure)random_below(r, 3);
    if (one_in(r, 2))
        s->on_failure = UPDATE_ROLLBACK;
    s->delay = one_in(r, 3) ? (int64_t)random_below(r, 2000) : 0;
    s->monitor = one_in(r, 4) ? (int64_t)random_below(r, 3000) : 0;
    s->deadline = 4000 + (int64_t)random_below(r, 8000);
    s->grace = 200 + (int64_t)random_below(r, 4000);
    s->interval = 500 + (int64_t)random_below(r, 4) * 500;
    s->retries = 1 + (int64_t)random_below(r, 3);
    s->probed = !one_in(r, 5);
    s->stable = 3000 + (int64_t)random_below(r, 8000);
    if (one_in(r, 8))
        s->restart = RESTART_ON_FAILURE;
    if (one_in(r, 10))
        s->restart = RESTART_UNLESS_STOPPED;
    if (one_in(r, 12))
        s->attempts = 2 + (int64_t)random_below(r, 4);
    if (one_in(r, 10)) {
        s->port = own_port(s);
        s->replicas = 1;
    }
}

static void give_needs(struct random *r, struct project_text *p, struct service_text *s)
{
    for (size_t k = 0; k < p->count && s->need_count < NEEDS_MAX; k++) {
        const struct service_text *on = &p->services[k];
        struct need *n;

        if (!one_in(r, 2))
            continue;
        n = &s->needs[s->need_count++];
        (void)snprintf(n->name, sizeof n->name, "%s", on->name);
        n->condition = on->restart == RESTART_NO     ? DEPEND_COMPLETED
                       : !on->probed || one_in(r, 3) ? DEPEND_STARTED
                                                     : DEPEND_HEALTHY;
        n->optional = one_in(r, 5);
        n->restart = one_in(r, 5);
    }
}

static void give_service(struct random *r, struct project_text *p, const char *name)
{
    struct service_text s;

    service_init(&s, name, PICK(r, good));
    give_policy(r, &s);
    if (strcmp(name, "setup") == 0) {
        service_init(&s, name, "job");
        s.probed = false;
        s.restart = RESTART_NO;
    } else
        give_needs(r, p, &s);
    p->services[p->count++] = s;
}

static void make_project(struct random *r, struct project_text *p)
{
    p->count = 0;
    if (one_in(r, 3))
        give_service(r, p, "setup");
    for (size_t k = 0; k < COUNT(names) - 1; k++)
        if (p->count == 0 || one_in(r, 2))
            give_service(r, p, names[k]);
}

static void remove_service(struct project_text *p, size_t index)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof name, "%s", p->services[index].name);
    p->count--;
    memmove(
        &p->services[index], &p->services[index + 1], (p->count - index) * sizeof p->services[0]);
    for (size_t k = 0; k < p->count; k++) {
        struct service_text *s = &p->services[k];

        for (size_t n = s->need_count; n-- > 0;)
            if (strcmp(s->needs[n].name, name) == 0)
                s->needs[n] = s->needs[--s->need_count];
    }
}

/* Another version of it, that is good or bad, or has other numbers. */
static void change_project(struct random *r, struct project_text *p)
{
    size_t index = random_below(r, p->count);
    struct service_text *s = &p->services[index];
    bool is_job = s->restart == RESTART_NO;

    switch (random_below(r, 9)) {
    case 0:
    case 1:
    case 2:
        s->version++;
        return;
    case 3:
    case 4:
        s->program = sim_program_find(is_job ? PICK(r, jobs) : PICK(r, bad));
        return;
    case 5:
        s->replicas = is_job || s->port != 0 ? 1 : 1 + (int)random_below(r, 5);
        return;
    case 6:
        if (p->count > 1)
            remove_service(p, index);
        return;
    case 7:
        s->port = is_job || s->port != 0 ? 0 : own_port(s);
        s->replicas = s->port != 0 ? 1 : s->replicas;
        return;
    default:
        s->interval = 500 + (int64_t)random_below(r, 4) * 500;
        s->grace = 200 + (int64_t)random_below(r, 4000);
        return;
    }
}

static void add_crowd(struct project_text *p)
{
    struct service_text s;

    if (p->count == SERVICES_MAX)
        return;
    service_init(&s, "crowd", "crash");
    s.replicas = 100;
    p->services[p->count++] = s;
}

static bool is_good(const struct service_text *s)
{
    if (s->restart == RESTART_NO)
        return strcmp(s->program->name, "job") == 0 || strcmp(s->program->name, "long-job") == 0;
    for (size_t k = 0; k < COUNT(good); k++)
        if (strcmp(s->program->name, good[k]) == 0)
            return true;
    return false;
}

/* The last one can converge: nothing in it fails by itself. */
static void make_good(struct project_text *p)
{
    for (size_t k = 0; k < p->count; k++) {
        struct service_text *s = &p->services[k];

        if (!is_good(s))
            s->program = sim_program_find(s->restart == RESTART_NO ? "job" : "ok");
        if (s->deadline < 8000 && strcmp(s->program->name, "slow") == 0)
            s->deadline = 8000;
        if (s->interval * s->retries < 5000 && strcmp(s->program->name, "slow") == 0)
            s->retries = 5000 / s->interval + 1;
        if (strcmp(s->name, "crowd") == 0)
            s->replicas = 2;
    }
}

static void make_projects(struct random *r, struct script *s)
{
    struct project_text p;
    int variants = 2 + (int)random_below(r, 4);

    make_project(r, &p);
    vec_push(&s->projects, p);
    for (int k = 0; k < variants; k++) {
        if (one_in(r, 4))
            p = s->projects.at[random_below(r, s->projects.count)];
        if (one_in(r, 8))
            make_project(r, &p);
        change_project(r, &p);
        if (one_in(r, 2))
            change_project(r, &p);
        vec_push(&s->projects, p);
    }
    if (one_in(r, CROWD_OF))
        add_crowd(&s->projects.at[s->projects.count - 1]);
    if (one_in(r, 2))
        p = s->projects.at[random_below(r, s->projects.count)];
    make_good(&p);
    vec_push(&s->projects, p);
}

/* ---- deeds ---- */

/* How often each is done, of all. */
static const struct {
    enum deed_kind kind;
    uint64_t weight;
} chances[] = {
    {DEED_APPLY,     16},
    {DEED_DOWN,      1 },
    {DEED_SCALE,     5 },
    {DEED_STOP,      5 },
    {DEED_START,     5 },
    {DEED_RESTART,   5 },
    {DEED_RETRY,     3 },
    {DEED_PAUSE,     2 },
    {DEED_RESUME,    2 },
    {DEED_KILL,      10},
    {DEED_HANG,      4 },
    {DEED_KILL_SHIM, 4 },
    {DEED_BECOME,    5 },
    {DEED_DIE,       12},
    {DEED_RELIEVE,   4 },
    {DEED_REBOOT,    1 },
    {DEED_CLOCK,     2 },
    {DEED_SUSPEND,   1 },
    {DEED_FILL_DISK, 1 },
    {DEED_FREE_DISK, 2 },
    {DEED_TAKE_PORT, 1 },
    {DEED_FREE_PORT, 2 },
    {DEED_WAIT,      4 },
};

static enum deed_kind pick_kind(struct random *r)
{
    uint64_t all = 0, at;

    for (size_t k = 0; k < COUNT(chances); k++)
        all += chances[k].weight;
    at = random_below(r, all);
    for (size_t k = 0; k < COUNT(chances); k++) {
        if (at < chances[k].weight)
            return chances[k].kind;
        at -= chances[k].weight;
    }
    return DEED_WAIT;
}

/* At once, in the middle of what goes on, or when it is over. */
static int64_t pick_pause_ms(struct random *r)
{
    static const uint64_t most[] = {4, 40, 400, 2500, 2500, 12000};

    return (int64_t)random_below(r, PICK(r, most));
}

static bool is_about_a_slot(enum deed_kind kind)
{
    return kind == DEED_KILL || kind == DEED_HANG || kind == DEED_KILL_SHIM || kind == DEED_BECOME;
}

static int pick_slot(struct random *r, enum deed_kind kind)
{
    if (is_about_a_slot(kind))
        return 1 + (int)random_below(r, 3);
    if (kind != DEED_RETRY && kind != DEED_SCALE && one_in(r, 3))
        return 1 + (int)random_below(r, 3);
    return 0;
}

static void give_number(struct random *r, const struct script *s, struct deed *d)
{
    switch (d->kind) {
    case DEED_APPLY:
        d->number = 1 + (int64_t)random_below(r, s->projects.count);
        d->start = one_in(r, 3);
        return;
    case DEED_SCALE:
        d->number = (int64_t)random_below(r, 6) - 1;
        return;
    case DEED_PAUSE:
        d->number = one_in(r, 4) ? -1 : 500 + (int64_t)random_below(r, 15000);
        return;
    case DEED_DIE:
        d->number = one_in(r, 3) ? 0 : (int64_t)random_below(r, 12);
        d->away_ms = one_in(r, 2) ? 0 : (int64_t)random_below(r, 6000);
        return;
    case DEED_REBOOT:
        d->keeps = one_in(r, 3);
        d->away_ms = 1000 + (int64_t)random_below(r, 20000);
        return;
    case DEED_CLOCK:
        d->number = (int64_t)random_below(r, 7200000) - 3600000;
        return;
    case DEED_SUSPEND:
        d->number = (int64_t)random_below(r, 30000);
        return;
    case DEED_TAKE_PORT:
    case DEED_FREE_PORT:
        d->number = one_in(r, 2) ? 8080 : PORTS_FIRST + (int64_t)random_below(r, 6);
        return;
    case DEED_WAIT:
        d->after_ms = one_in(r, 12) ? LONG_MS + (int64_t)random_below(r, LONG_MS) : d->after_ms;
        return;
    default:
        return;
    }
}

static void add_deed(struct random *r, struct script *s)
{
    struct deed d = {.after_ms = pick_pause_ms(r), .kind = pick_kind(r)};

    give_number(r, s, &d);
    if (is_about_a_slot(d.kind) || (d.kind >= DEED_SCALE && d.kind <= DEED_RETRY)) {
        (void)snprintf(d.service, sizeof d.service, "%s", PICK(r, names));
        d.slot = pick_slot(r, d.kind);
    }
    if (d.kind == DEED_BECOME && !one_in(r, 3))
        d.program = sim_program_find(PICK(r, bad));
    vec_push(&s->deeds, d);
}

void script_generate(struct script *out, uint64_t seed, int deeds)
{
    struct random mixed = {.state = seed}; /* neighbours draw nothing alike */
    struct random r = {.state = random_next(&mixed)};
    struct deed first = {.kind = DEED_APPLY, .number = 1};
    struct deed last = {.after_ms = 100, .kind = DEED_SETTLE};
    int count = deeds / 2 + (int)random_below(&r, (uint64_t)deeds);

    *out = (struct script){.seed = seed};
    make_projects(&r, out);
    vec_push(&out->deeds, first);
    for (int k = 0; k < count; k++)
        add_deed(&r, out);
    last.number = (int64_t)out->projects.count;
    vec_push(&out->deeds, last);
}
