#include "life.h"

#include "base/must.h"
#include "engine/engine.h"
#include "seam.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AT_ONCE_MAX 20000 /* steps without time: nothing comes to rest any more */

/* ---- the story ---- */

void life_violated(struct life *l, const char *check, const char *fmt, ...)
{
    va_list args;

    if (l->verdict.failed)
        return;
    l->verdict.failed = true;
    l->verdict.check = check;
    l->verdict.at_ns = sim_now_ns(l->sim);
    va_start(args, fmt);
    (void)vsnprintf(l->verdict.text, sizeof l->verdict.text, fmt, args);
    va_end(args);
    life_tell(l, "!!! %s: %s", check, l->verdict.text);
}

void life_tell(struct life *l, const char *fmt, ...)
{
    struct buf *story = l->options->story;
    va_list args;

    if (story == NULL)
        return;
    buf_format(story, "%12.6f  ", (double)sim_now_ns(l->sim) / 1e9);
    va_start(args, fmt);
    buf_format_list(story, fmt, args);
    va_end(args);
    buf_add_text(story, "\n");
}

static void tell_event(struct life *l, const struct event *e)
{
    struct str evidence = e->evidence;

    if (evidence.len > 160)
        evidence.len = 160;
    life_tell(l, "    #%-5llu %-24s %-8s <- #%llu %.*s", (unsigned long long)e->seq, e->type,
        e->subject, (unsigned long long)(e->cause_count > 0 ? e->causes[0] : 0), STR_ARG(evidence));
}

static void tell_sight(struct life *l, const struct sim_sight *sight)
{
    static const char *const verbs[] = {"tend starts", "tend resumes", "tend stops", "tend forgets",
        "runs", "ends", "meets its port", "told", ""};
    const char *verb = verbs[sight->kind];

    if (l->options->story == NULL)
        return;
    if (sight->kind == SIM_TOLD) {
        life_tell(l, "    record %llu of %s/%d is told", (unsigned long long)sight->record->number,
            sight->service, sight->slot);
        return;
    }
    if (sight->kind == SIM_EVENT)
        tell_event(l, sight->event);
    else if (sight->kind == SIM_ENDED)
        life_tell(l, "  %s/%d %s (pid %d): code %d, signal %d", sight->service, sight->slot, verb,
            sight->pid, sight->code, sight->signal);
    else
        life_tell(l, "  %s/%d %s (%s, pid %d, port %d)%s", sight->service, sight->slot, verb,
            sight->program, sight->pid, sight->port, sight->by_shim ? " by its shim" : "");
}

/* ---- sights ---- */

static uint64_t add_text(uint64_t h, const char *text)
{
    for (; text != NULL && *text != 0; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return h * 31;
}

static void add_to_digest(struct verdict *v, const struct sim_sight *sight, int64_t now_ns)
{
    uint64_t h = v->digest;

    h = (h ^ (uint64_t)now_ns) * UINT64_C(1099511628211);
    h = (h ^ (uint64_t)sight->kind ^ (uint64_t)(unsigned)sight->pid << 8) * UINT64_C(1099511628211);
    h = add_text(h, sight->service);
    if (sight->event != NULL) {
        h = add_text(add_text(h, sight->event->type), sight->event->subject);
        h ^= sight->event->causes[0];
    }
    v->digest = h;
    v->sights++;
    v->events += sight->kind == SIM_EVENT;
    v->starts += sight->kind == SIM_STARTED;
    v->ends += sight->kind == SIM_ENDED;
}

static void saw(void *data, const struct sim_sight *sight)
{
    struct life *l = data;

    add_to_digest(&l->verdict, sight, sim_now_ns(l->sim));
    tell_sight(l, sight);
    checks_sight(l, sight);
    lore_take(l, sight);
}

static void carried_out(void *data, const struct asked *a)
{
    struct life *l = data;

    l->lore.limbo--;
    lore_carry_out(l, a->deed, a->intent);
    life_tell(l, "  #%llu takes effect", (unsigned long long)a->intent);
}

static void answered(void *data, const struct asked *a)
{
    struct life *l = data;

    if (a->refused && a->intent == 0 && l->deed == NULL)
        lore_refuse(l, a->deed); /* it was in the journal, and is refused now */
    life_tell(l, "  %s %s", a->refused ? "refused:" : a->ok ? "done:" : "failed:", a->text);
}

/* ---- daemons ---- */

void life_start_daemon(struct life *l)
{
    l->back_ns = INT64_MAX;
    lore_begin_anew(l);
    life_tell(l, "--- a daemon starts");
    daemon_start(l->daemon);
}

void life_end_daemon(struct life *l, bool power)
{
    life_tell(l, "--- the daemon is dead%s", power ? ", and the power is cut" : "");
    l->verdict.deaths++;
    l->forgot = l->forgot || l->disk_full;
    daemon_end(l->daemon, power);
    l->back_ns = sim_now_ns(l->sim) + l->away_ns;
}

/* ---- living ---- */

static void look(struct life *l)
{
    if (!daemon_lives(l->daemon) || sim_in_flight(l->sim) || l->looked_at == l->verdict.sights ||
        engine_deadline(daemon_engine(l->daemon)) <= sim_boot_ns(l->sim))
        return;
    l->looked_at = l->verdict.sights;
    checks_quiet(l);
}

static void count_step(struct life *l)
{
    int64_t now_ns = sim_now_ns(l->sim);

    l->steps_at_once = now_ns == l->step_ns ? l->steps_at_once + 1 : 0;
    l->step_ns = now_ns;
    if (l->steps_at_once > AT_ONCE_MAX)
        life_violated(l, "comes-to-rest", "%d things happened at once", AT_ONCE_MAX);
}

static void step_once(struct life *l, int64_t until_ns)
{
    bool did = sim_step(l->sim, until_ns);

    if (did)
        count_step(l);
    if (daemon_lives(l->daemon) && sim_is_dead(l->sim)) {
        life_end_daemon(l, false);
        return;
    }
    if (did)
        look(l);
}

void life_until(struct life *l, int64_t until_ns)
{
    while (!l->verdict.failed) {
        int64_t stop_ns = until_ns < l->back_ns ? until_ns : l->back_ns;

        if (sim_next_ns(l->sim) <= stop_ns) {
            step_once(l, stop_ns);
            continue;
        }
        (void)sim_step(l->sim, stop_ns);
        if (stop_ns < l->back_ns)
            return;
        life_start_daemon(l);
        if (stop_ns == until_ns)
            return;
    }
}

static void begin(struct life *l, const struct script *script, const struct life_options *options)
{
    struct daemon_watch watch = {.data = l, .carried_out = carried_out, .answered = answered};

    *l = (struct life){.script = script, .options = options, .back_ns = INT64_MAX};
    l->arena = arena_create(0);
    l->sim = sim_create(script->seed, saw, l);
    seam_use(l->sim);
    lore_init(l);
    l->daemon = daemon_create(l->sim, &watch);
    life_start_daemon(l);
}

static void end(struct life *l)
{
    l->verdict.lived_ns = sim_now_ns(l->sim);
    daemon_destroy(&l->daemon);
    lore_fini(l);
    sim_destroy(&l->sim);
    arena_destroy(&l->arena);
    seam_use(NULL);
}

void life_run(const struct script *script, const struct life_options *options, struct verdict *out)
{
    struct life l;

    begin(&l, script, options);
    VEC_EACH (&script->deeds, struct deed, d) {
        life_until(&l, sim_now_ns(l.sim) + d->after_ms * NS_PER_MS);
        if (l.verdict.failed)
            break;
        life_do(&l, d);
    }
    if (!l.verdict.failed)
        checks_end(&l);
    *out = l.verdict;
    end(&l);
    out->lived_ns = l.verdict.lived_ns;
}
