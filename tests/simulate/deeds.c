/* What people and fate do. */
#include "life.h"

#include "base/mem.h"
#include "base/must.h"
#include "engine/engine.h"
#include "engine/snapshot.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- people ---- */

static enum command_kind command_of(enum deed_kind kind)
{
    static const enum command_kind kinds[DEED_KINDS] = {
        [DEED_APPLY] = COMMAND_APPLY,
        [DEED_SETTLE] = COMMAND_APPLY,
        [DEED_DOWN] = COMMAND_DOWN,
        [DEED_SCALE] = COMMAND_SCALE,
        [DEED_STOP] = COMMAND_STOP,
        [DEED_START] = COMMAND_START,
        [DEED_RESTART] = COMMAND_RESTART,
        [DEED_RETRY] = COMMAND_RETRY,
        [DEED_PAUSE] = COMMAND_PAUSE,
        [DEED_RESUME] = COMMAND_PAUSE,
    };

    return kinds[kind];
}

static char *document_of(const struct life *l, const struct deed *d)
{
    struct buf document = BUF_INIT(1u << 20);

    project_write(&l->script->projects.at[d->number - 1], &document);
    return buf_take(&document);
}

static struct command *make_command(const struct life *l, const struct deed *d)
{
    struct command *c = mem_new(struct command);

    c->kind = command_of(d->kind);
    (void)snprintf(c->actor, sizeof c->actor, "user:ada");
    if (d->service[0] != 0)
        c->service = mem_copy_string(d->service);
    c->slot = d->slot;
    c->replicas = d->kind == DEED_SCALE ? (int)d->number : 0;
    c->for_ms = d->kind == DEED_PAUSE ? d->number : 0;
    c->start = d->start || d->kind == DEED_SETTLE;
    if (c->kind == COMMAND_APPLY)
        c->document = document_of(l, d);
    return c;
}

/* What serve/command.c looks for in the snapshot before it posts a command. */
static bool is_there(const struct life *l, const struct deed *d)
{
    const struct engine *e = daemon_engine(l->daemon);

    return d->service[0] == 0 || (d->slot == 0 && engine_declares(e, d->service)) ||
           engine_instance(e, d->service, d->slot) != NULL;
}

void life_ask(struct life *l, const struct deed *d)
{
    if (!daemon_lives(l->daemon) || sim_is_dead(l->sim) || !is_there(l, d))
        return;
    l->deed = d;
    daemon_ask(l->daemon, make_command(l, d), d);
    l->deed = NULL;
}

/* ---- fate ---- */

static void do_die(struct life *l, const struct deed *d)
{
    if (!daemon_lives(l->daemon))
        return;
    l->away_ns = d->away_ms * NS_PER_MS;
    sim_die_after(l->sim, d->number);
    if (sim_is_dead(l->sim))
        life_end_daemon(l, false);
}

static void do_reboot(struct life *l, const struct deed *d)
{
    if (daemon_lives(l->daemon)) {
        sim_die_after(l->sim, 0);
        life_end_daemon(l, true);
    }
    sim_reboot(l->sim, d->keeps);
    l->back_ns = sim_now_ns(l->sim) + d->away_ms * NS_PER_MS;
    VEC_EACH (&l->lore.services, struct service_lore *, s)
        VEC_EACH (&(*s)->slots, struct slot_lore, slot)
            slot->alive = 0;
}

static void do_to_slot(struct life *l, const struct deed *d)
{
    int slot = d->slot > 0 ? d->slot : 1;

    switch (d->kind) {
    case DEED_KILL:
        (void)sim_kill(l->sim, d->service, slot, SIGKILL);
        return;
    case DEED_HANG:
        (void)sim_hang(l->sim, d->service, slot);
        return;
    case DEED_KILL_SHIM:
        (void)sim_kill_shim(l->sim, d->service, slot);
        return;
    default:
        sim_stick(l->sim, d->service, slot, d->program != NULL ? d->program->name : NULL);
        return;
    }
}

void life_do(struct life *l, const struct deed *d)
{
    struct buf text = BUF_INIT(200);

    deed_write(d, &text);
    life_tell(l, "=== %s", buf_str(&text).at);
    buf_fini(&text);
    switch (d->kind) {
    case DEED_KILL:
    case DEED_HANG:
    case DEED_KILL_SHIM:
    case DEED_BECOME:
        do_to_slot(l, d);
        return;
    case DEED_DIE:
        do_die(l, d);
        return;
    case DEED_RELIEVE:
        life_relieve(l);
        return;
    case DEED_REBOOT:
        do_reboot(l, d);
        return;
    case DEED_CLOCK:
        sim_step_wall(l->sim, d->number * NS_PER_MS);
        return;
    case DEED_SUSPEND:
        sim_suspend(l->sim, d->number * NS_PER_MS);
        return;
    case DEED_FILL_DISK:
    case DEED_FREE_DISK:
        l->disk_full = d->kind == DEED_FILL_DISK;
        sim_fill_disk(l->sim, l->disk_full);
        return;
    case DEED_TAKE_PORT:
    case DEED_FREE_PORT:
        sim_take_port(l->sim, (int)d->number, d->kind == DEED_TAKE_PORT);
        return;
    case DEED_WAIT:
        return;
    case DEED_SETTLE:
        life_settle(l, d);
        return;
    default:
        life_ask(l, d);
    }
}
