/* A watchdog: the service speaks by itself (sd_notify), and silence is the failure. The check that
 * is due an interval after the last heartbeat finds none; a heartbeat makes one due at once. */
#include "base/must.h"
#include "base/units.h"
#include "observe/probe/probe_private.h"

struct watchdog_probe {
    struct probe base;
    bool beat;
    int64_t last_ns; /* the heartbeat before, or the start */
};

static struct watchdog_probe *watchdog(struct probe *p)
{
    return (struct watchdog_probe *)p;
}

static bool watchdog_init(struct probe *p, const struct probe_target *target, struct err *err)
{
    (void)p;
    (void)target;
    (void)err;
    return true;
}

static void watchdog_begin(struct probe *p)
{
    struct watchdog_probe *w = watchdog(p);
    int64_t now_ns = p->begun_ns;
    char about[UNITS_TEXT_BYTES];

    if (w->last_ns != 0)
        p->begun_ns = w->last_ns; /* the duration is that of the silence */
    if (w->beat) {
        w->beat = false;
        w->last_ns = now_ns;
        probe_finish(p, true, "heartbeat");
        return;
    }
    units_format_about(p->interval_ns, about);
    probe_finish_silent(p, "no heartbeat in %s", about);
}

static int64_t watchdog_next(struct probe *p, int64_t now_ns)
{
    return now_ns + p->interval_ns;
}

void probe_heartbeat(struct probe *p)
{
    must(p->ops == &probe_watchdog_ops);
    if (!p->started)
        return;
    watchdog(p)->beat = true;
    probe_now(p);
}

const struct probe_ops probe_watchdog_ops = {
    .bytes = sizeof(struct watchdog_probe),
    .init = watchdog_init,
    .begin = watchdog_begin,
    .next = watchdog_next,
};
