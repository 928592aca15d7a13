/* The end of a life: faults cease, and what is declared comes to be. */
#include "life.h"

#include "engine/snapshot.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CONVERGE_NS (20 * 60 * NS_PER_S)
#define RETRY_NS    (2 * 60 * NS_PER_S)
#define CALM_NS     (15 * NS_PER_S)
#define LOOK_NS     (NS_PER_S / 5)

/* Whatever hangs, or is not what it was started as. */
static void end_strange(struct life *l)
{
    struct sim_process p;

    for (size_t k = 0; sim_process_at(l->sim, k, &p); k++)
        if (p.alive && (p.hangs || p.strange))
            (void)sim_kill(l->sim, p.service, p.slot, SIGKILL);
}

static void end_faults(struct life *l)
{
    sim_fill_disk(l->sim, l->disk_full = false);
    for (int port = 8080; port < 8090; port++)
        sim_take_port(l->sim, port, false);
    for (int port = PORTS_FIRST; port < PORTS_FIRST + 100; port++)
        sim_take_port(l->sim, port, false);
    sim_stick(l->sim, NULL, 0, NULL);
    end_strange(l);
    if (daemon_lives(l->daemon))
        sim_die_after(l->sim, INT64_MAX);
    else
        l->back_ns = sim_now_ns(l->sim) + 1;
    life_until(l, sim_now_ns(l->sim) + 100 * NS_PER_MS);
}

static void ask(struct life *l, const struct deed *d)
{
    life_tell(l, "=== settling");
    life_ask(l, d);
    life_until(l, sim_now_ns(l->sim) + 50 * NS_PER_MS);
}

static void ask_of_each(struct life *l, const struct project_text *p, enum deed_kind kind)
{
    for (size_t k = 0; k < p->count; k++) {
        struct deed *d = arena_new(l->arena, struct deed);

        d->kind = kind;
        d->number = -1;
        memcpy(d->service, p->services[k].name, sizeof d->service);
        ask(l, d);
    }
}

/* ---- is it as declared? ---- */

static const char *as_declared(
    struct life *l, const struct service_text *s, char *text, size_t bytes)
{
    bool job = s->restart == RESTART_NO;

    for (int slot = 1; slot <= s->replicas; slot++) {
        struct sim_process p = {0};
        bool there = sim_process_of(l->sim, s->name, slot, &p);
        char version[16];

        (void)snprintf(version, sizeof version, "v%d", s->version);
        if (job && there && p.alive)
            (void)snprintf(text, bytes, "%s/%d still runs", s->name, slot);
        else if (!job && !(there && p.answers))
            (void)snprintf(text, bytes, "%s/%d does not answer", s->name, slot);
        else if (!job && !l->forgot &&
                 (strcmp(p.program, s->program->name) != 0 || strcmp(p.argument, version) != 0))
            (void)snprintf(text, bytes, "%s/%d runs %s %s", s->name, slot, p.program, p.argument);
        else if (job && !lore_slot(l, s->name, slot)->completed)
            (void)snprintf(text, bytes, "%s/%d has not completed", s->name, slot);
        else
            continue;
        return text;
    }
    return NULL;
}

static const char *too_much(struct life *l, const struct project_text *p, char *text, size_t bytes)
{
    struct sim_process found;

    for (size_t k = 0; sim_process_at(l->sim, k, &found); k++) {
        const struct service_text *s = project_find(p, found.service);

        if (s != NULL && found.slot <= s->replicas)
            continue;
        (void)snprintf(text, bytes, "%s/%d is still there", found.service, found.slot);
        return text;
    }
    return NULL;
}

/* What is not yet as the project says; NULL: nothing. */
static const char *missing(struct life *l, const struct project_text *p, char *text, size_t bytes)
{
    const struct snapshot *s = daemon_snapshot(l->daemon);
    bool converged = s->converged && s->service_count == p->count;
    const char *what = NULL;

    if (!converged)
        (void)snprintf(text, bytes, "the daemon says that it has not converged");
    for (size_t k = 0; k < s->service_count && !s->converged; k++)
        if (strcmp(s->services[k]->state, "ready") != 0 &&
            strcmp(s->services[k]->state, "completed") != 0)
            (void)snprintf(text, bytes, "%s is %s: %s", s->services[k]->name, s->services[k]->state,
                s->services[k]->instance_count > 0 ? s->services[k]->instances[0].reason : "");
    snapshot_unref(&s);
    if (!converged)
        return text;
    for (size_t k = 0; k < p->count && what == NULL; k++)
        what = as_declared(l, &p->services[k], text, bytes);
    return what != NULL ? what : too_much(l, p, text, bytes);
}

static void converge(struct life *l, const struct project_text *p)
{
    int64_t until_ns = sim_now_ns(l->sim) + CONVERGE_NS;
    int64_t retry_ns = sim_now_ns(l->sim) + RETRY_NS;
    char text[300];

    while (!l->verdict.failed && sim_now_ns(l->sim) < until_ns) {
        if (!sim_in_flight(l->sim) && missing(l, p, text, sizeof text) == NULL)
            return;
        life_until(l, sim_now_ns(l->sim) + LOOK_NS);
        if (sim_now_ns(l->sim) < retry_ns)
            continue;
        ask_of_each(l, p, DEED_RETRY); /* what was taken back while things were still wrong */
        retry_ns += RETRY_NS;
    }
    if (!l->verdict.failed)
        life_violated(l, "converges", "after %lld minutes: %s",
            (long long)(CONVERGE_NS / NS_PER_S / 60), missing(l, p, text, sizeof text));
}

static void apply_until_taken(struct life *l, const struct deed *d)
{
    for (int k = 0; k < 20 && !l->verdict.failed; k++) {
        size_t before = daemon_asked_count(l->daemon);

        ask(l, d);
        if (daemon_asked_count(l->daemon) > before && daemon_asked(l->daemon, before)->intent != 0)
            return;
        life_until(l, sim_now_ns(l->sim) + NS_PER_S);
    }
    life_violated(l, "converges", "nobody takes what is declared");
}

void life_settle(struct life *l, const struct deed *d)
{
    static const struct deed resume = {.kind = DEED_RESUME};
    const struct project_text *p = &l->script->projects.at[d->number - 1];
    char text[300];

    end_faults(l);
    ask(l, &resume);
    apply_until_taken(l, d);
    ask_of_each(l, p, DEED_SCALE);
    ask_of_each(l, p, DEED_RETRY);
    if (!l->verdict.failed)
        converge(l, p);
    if (l->verdict.failed)
        return;
    life_tell(l, "=== as declared");
    life_until(l, sim_now_ns(l->sim) + CALM_NS);
    if (!l->verdict.failed && missing(l, p, text, sizeof text) != NULL)
        life_violated(l, "converges", "it does not stay as declared: %s", text);
}
