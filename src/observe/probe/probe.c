#include "observe/probe/probe.h"

#include "base/log.h"
#include "base/must.h"
#include "base/units.h"
#include "observe/probe/probe_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define INTERVAL_NS_DEFAULT       (10 * NS_PER_S)
#define TIMEOUT_NS_DEFAULT        NS_PER_S
#define START_INTERVAL_NS_DEFAULT (50 * NS_PER_MS)
#define TROUBLE_LOG_NS            (60 * NS_PER_S) /* of all probes together, so often at most */
#define FIRST_CHECK_NS            (NS_PER_MS / 2)

/* Indexed by enum probe_kind. */
static const struct probe_ops *const kinds[] = {
    [PROBE_NONE] = NULL,
    [PROBE_HTTP] = &probe_http_ops,
    [PROBE_TCP] = &probe_tcp_ops,
    [PROBE_EXEC] = &probe_exec_ops,
    [PROBE_UNIX] = &probe_unix_ops,
    [PROBE_WATCHDOG] = &probe_watchdog_ops,
    [PROBE_LOG] = &probe_log_ops,
};

void probe_replan(struct probe *p)
{
    int64_t wake_ns = p->due_ns < p->remains_ns ? p->due_ns : p->remains_ns;

    if (p->checking)
        wake_ns = p->deadline_ns;
    if (wake_ns == p->wake_ns)
        return;
    p->wake_ns = wake_ns;
    prober_moved(p->prober, p);
}

static void drop(struct probe *p)
{
    p->checking = false;
    p->remains_ns = PROBE_NEVER;
    if (p->ops->drop != NULL)
        p->ops->drop(p);
}

int64_t probe_scheduled(struct probe *p, int64_t now_ns)
{
    if (p->mode == PROBE_STEADY)
        return probe_schedule_after(p->begun_ns, now_ns, p->interval_ns, p->phase_ns);
    int64_t delay_ns = probe_schedule_startup_delay(
        p->startup_step++, now_ns - p->startup_ns, p->start_interval_ns, p->interval_ns);
    return now_ns + (delay_ns > p->least_startup_delay_ns ? delay_ns : p->least_startup_delay_ns);
}

static int64_t next_due(struct probe *p, int64_t now_ns)
{
    if (!p->started)
        return PROBE_NEVER;
    if (p->again)
        return now_ns;
    return p->ops->next != NULL ? p->ops->next(p, now_ns) : probe_scheduled(p, now_ns);
}

static void end_check(struct probe *p, bool ok, bool timed_out, const char *detail)
{
    int64_t now_ns = clock_boot_ns();
    struct probe_result result = {
        .ok = ok, .timed_out = timed_out, .detail = detail, .duration_ns = now_ns - p->begun_ns};

    must(p->checking);
    p->checking = false;
    if (ok)
        p->mode = PROBE_STEADY;
    p->due_ns = next_due(p, now_ns);
    p->again = false;
    probe_replan(p);
    p->fn(p->data, &result); /* `p` may be gone now */
}

void probe_finish(struct probe *p, bool ok, const char *fmt, ...)
{
    char detail[PROBE_DETAIL_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    end_check(p, ok, false, detail);
}

void probe_finish_silent(struct probe *p, const char *fmt, ...)
{
    char detail[PROBE_DETAIL_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    end_check(p, false, true, detail);
}

bool probe_is_own_trouble(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOMEM || why == ENOBUFS ||
           why == EADDRNOTAVAIL;
}

void probe_skip(struct probe *p, const char *doing, int why)
{
    int64_t now_ns = clock_boot_ns();
    int64_t *logged_ns = &p->prober->trouble_logged_ns;

    if (*logged_ns == 0 || now_ns - *logged_ns > TROUBLE_LOG_NS) {
        log_warn("probe.skipped", "doing=\"%s\" err=\"%s\"", doing, strerror(why));
        *logged_ns = now_ns;
    }
    p->checking = false;
    p->due_ns = next_due(p, now_ns);
    p->again = false;
    probe_replan(p);
}

static void time_out(struct probe *p)
{
    char about[UNITS_TEXT_BYTES];

    if (p->ops->drop != NULL)
        p->ops->drop(p);
    units_format_about(p->timeout_ns, about);
    probe_finish_silent(p, "no answer in %s", about);
}

void probe_wake(struct probe *p, int64_t now_ns)
{
    if (p->checking) {
        time_out(p);
        return;
    }
    if (p->remains_ns != PROBE_NEVER)
        drop(p);
    if (p->due_ns > now_ns) {
        probe_replan(p);
        return;
    }
    p->checking = true;
    p->begun_ns = now_ns;
    p->deadline_ns = now_ns + p->timeout_ns;
    probe_replan(p);
    p->ops->begin(p);
}

static int64_t declared_or(int64_t value_ns, int64_t otherwise_ns)
{
    if (value_ns <= 0)
        return otherwise_ns;
    return value_ns > NS_PER_MS ? value_ns : NS_PER_MS;
}

static void fini(struct probe *p)
{
    if (p->ops->fini != NULL)
        p->ops->fini(p);
}

bool probe_create(struct probe **out, struct prober *prober, const struct probe_target *target,
    probe_fn fn, void *data, struct err *err)
{
    const struct healthcheck *check = target->check;

    if ((size_t)check->kind >= COUNT(kinds) || kinds[check->kind] == NULL)
        return err_set(err, ERR_INVALID, "probe: this kind of healthcheck asks nothing");
    const struct probe_ops *ops = kinds[check->kind];
    struct probe *p = mem_alloc(1, ops->bytes);
    p->magic = PROBE_MAGIC;
    p->ops = ops;
    p->prober = prober;
    p->fn = fn;
    p->data = data;
    p->interval_ns = declared_or(check->interval_ns, INTERVAL_NS_DEFAULT);
    p->start_interval_ns = declared_or(check->start_interval_ns, START_INTERVAL_NS_DEFAULT);
    p->timeout_ns = declared_or(check->timeout_ns, TIMEOUT_NS_DEFAULT);
    p->phase_ns = probe_schedule_phase(prober->serial++, p->interval_ns);
    p->due_ns = p->deadline_ns = p->remains_ns = p->wake_ns = PROBE_NEVER;
    if (!ops->init(p, target, err)) {
        fini(p);
        free(p);
        return err_in(err, "probe");
    }
    prober_add(prober, p);
    *out = p;
    return true;
}

void probe_destroy(struct probe **p)
{
    if (*p == NULL)
        return;
    drop(*p);
    prober_remove((*p)->prober, *p);
    fini(*p);
    (*p)->magic = 0;
    free(*p);
    *p = NULL;
}

void probe_start(struct probe *p, enum probe_mode mode)
{
    int64_t now_ns = clock_boot_ns();

    drop(p);
    p->started = true;
    p->again = false;
    p->mode = mode;
    p->begun_ns = now_ns; /* it cannot be late for what came before */
    p->startup_ns = now_ns;
    p->startup_step = 0;
    p->least_startup_delay_ns = 0;
    p->due_ns = mode == PROBE_STARTUP && p->ops->next == NULL ? now_ns + FIRST_CHECK_NS
                                                              : next_due(p, now_ns);
    probe_replan(p);
}

void probe_stop(struct probe *p)
{
    drop(p);
    p->started = p->again = false;
    p->due_ns = PROBE_NEVER;
    probe_replan(p);
}

void probe_now(struct probe *p)
{
    if (!p->started)
        return;
    if (p->checking) {
        p->again = true;
        return;
    }
    p->due_ns = clock_boot_ns();
    probe_replan(p);
}
