/* One daemon hands over to the next at a quiet moment: what the next one knows from facts and
 * shims alone is what the one before knew. */
#include "life.h"

#include "engine/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define HANDOVER_NS (50 * NS_PER_MS)

/* Nobody has told the journal, since nothing has happened to it yet. */
static bool is_worth_telling(bool paused, const struct instance_snapshot *i)
{
    /* What ended for good and then was stopped is so again once hands are on. */
    if (paused && (strcmp(i->state, "completed") == 0 || strcmp(i->state, "failed") == 0))
        return false;
    return strcmp(i->state, "pending") != 0 && strcmp(i->state, "stopped") != 0;
}

/* A pause goes on as a pause, whatever its kind. */
static const char *state_of(const struct instance_snapshot *i)
{
    return strcmp(i->state, "quarantined") == 0 ? "backing_off" : i->state;
}

static void describe(struct life *l, bool paused, struct buf *out)
{
    const struct snapshot *s = daemon_snapshot(l->daemon);

    buf_format(out, "paused %d\n", s->paused_until_ns == INT64_MAX);
    for (size_t k = 0; k < s->service_count; k++) {
        const struct service_snapshot *service = s->services[k];

        if (service->desired == 0) /* it may be on its way out */
            continue;
        buf_format(out, "%s desired %d ready %d revision %.8s\n", service->name, service->desired,
            service->ready, service->revision);
        for (size_t n = 0; n < service->instance_count; n++) {
            const struct instance_snapshot *i = &service->instances[n];

            if (is_worth_telling(paused, i))
                buf_format(out,
                    "%s %s pid %d incarnation %lld restarts %lld revision %.8s port %s\n", i->id,
                    state_of(i), (int)i->pid, (long long)i->incarnation, (long long)i->restarts,
                    i->revision, i->address != NULL ? i->address : "-");
        }
    }
    snapshot_unref(&s);
}

static bool has_line(struct str text, struct str line)
{
    while (text.len > 0)
        if (str_eq(str_cut(&text, '\n'), line))
            return true;
    return false;
}

/* Each line is in both; in which order is no matter. */
static void say_difference(struct life *l, struct str one, struct str other, const char *when)
{
    struct str rest = one;

    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');

        if (!has_line(other, line))
            life_violated(l, "replay", "only %s the handover: \"%.*s\"", when, STR_ARG(line));
    }
}

/* Nothing is due, on its way or in the midst of something. */
static bool is_quiet(struct life *l)
{
    const struct snapshot *s;
    bool quiet = daemon_lives(l->daemon) && !sim_in_flight(l->sim) && l->lore.limbo == 0 &&
                 sim_journal_durable(l->sim) == sim_journal_head(l->sim);

    if (!quiet)
        return false;
    s = daemon_snapshot(l->daemon);
    for (size_t k = 0; k < s->service_count && quiet; k++) {
        quiet = s->services[k]->update == NULL;
        for (size_t n = 0; n < s->services[k]->instance_count; n++) {
            const char *state = s->services[k]->instances[n].state;

            if (strncmp(s->services[k]->instances[n].revision, "00000000", 8) == 0)
                quiet = false; /* nobody knows what it runs: it is yet to be replaced */

            quiet = quiet && strcmp(state, "starting") != 0 && strcmp(state, "stopping") != 0 &&
                    strcmp(state, "probing") != 0 && strcmp(state, "backing_off") != 0 &&
                    strcmp(state, "quarantined") != 0;
        }
    }
    snapshot_unref(&s);
    return quiet;
}

void life_relieve(struct life *l)
{
    struct buf before = BUF_INIT(1u << 20), after = BUF_INIT(1u << 20);
    bool paused = l->lore.paused;
    uint64_t changes;

    if (!is_quiet(l))
        return;
    describe(l, paused, &before);
    sim_die_after(l->sim, 0);
    life_end_daemon(l, false);
    life_start_daemon(l);
    changes = l->verdict.starts + l->verdict.ends;
    life_until(l, sim_now_ns(l->sim) + HANDOVER_NS);
    if (!l->verdict.failed && daemon_lives(l->daemon) &&
        changes == l->verdict.starts + l->verdict.ends) {
        describe(l, paused, &after);
        say_difference(l, buf_str(&before), buf_str(&after), "before");
        say_difference(l, buf_str(&after), buf_str(&before), "after");
    }
    buf_fini(&before);
    buf_fini(&after);
}
