#include "shim/shim.h"

#define STABLE_MS_MIN 1000
#define SLOW_FIRST_MS 1000
#define SLOW_MAX_MS   30000

void policy_init(struct policy *p, const struct shim_lease *lease)
{
    p->lease = *lease;
    if (p->lease.stable_ms < STABLE_MS_MIN)
        p->lease.stable_ms = STABLE_MS_MIN;
    if (p->lease.slow_first_ms == 0)
        p->lease.slow_first_ms = SLOW_FIRST_MS;
    if (p->lease.slow_max_ms == 0)
        p->lease.slow_max_ms = SLOW_MAX_MS;
    p->tokens = p->lease.burst;
    p->slow_ms = p->lease.slow_first_ms;
}

/* Renewing grants no tokens that were granted before: a service that dies again and again would
 * never run out of them. */
void policy_renew(struct policy *p, const struct shim_lease *lease)
{
    struct policy before = *p;

    policy_init(p, lease);
    if (lease->burst <= before.lease.burst)
        p->tokens = before.tokens < lease->burst ? before.tokens : lease->burst;
    else
        p->tokens = before.tokens + (lease->burst - before.lease.burst);
    if (before.slow_ms > p->slow_ms)
        p->slow_ms = before.slow_ms < p->lease.slow_max_ms ? before.slow_ms : p->lease.slow_max_ms;
    p->held = before.held;
}

static bool is_wanted(const struct shim_lease *lease, const struct ending *e)
{
    if (e->lost) /* perhaps a success, perhaps not: down for ever would be worse */
        return lease->flags & (SHIM_RESTART_ON_FAILURE | SHIM_RESTART_ON_SUCCESS);
    if (e->signal != 0)
        return lease->flags & SHIM_RESTART_ON_FAILURE;
    if (e->code >= 0 && e->code < 256 && lease->stop_codes[e->code / 8] & (1 << e->code % 8))
        return false;
    return lease->flags & (e->code == 0 ? SHIM_RESTART_ON_SUCCESS : SHIM_RESTART_ON_FAILURE);
}

static void refill(struct policy *p, uint64_t alive_ms)
{
    uint64_t earned = alive_ms / p->lease.stable_ms;

    if (earned == 0)
        return;
    p->slow_ms = p->lease.slow_first_ms;
    p->tokens = earned >= p->lease.burst - p->tokens ? p->lease.burst : p->tokens + earned;
}

uint64_t policy_slow_ms(struct policy *p)
{
    uint64_t pause = p->slow_ms;

    p->slow_ms = pause * 2 < p->lease.slow_max_ms ? pause * 2 : p->lease.slow_max_ms;
    return pause;
}

enum shim_next policy_decide(struct policy *p, const struct ending *e, uint64_t alive_ms,
    bool managed, uint64_t *out_retry_ms)
{
    *out_retry_ms = 0;
    if (!is_wanted(&p->lease, e))
        return SHIM_NEXT_DONE;
    refill(p, alive_ms);
    if (p->held)
        return SHIM_NEXT_WAIT;
    if (p->tokens > 0) {
        p->tokens--;
        return SHIM_NEXT_RESTART;
    }
    if (managed)
        return SHIM_NEXT_WAIT;
    *out_retry_ms = policy_slow_ms(p);
    return SHIM_NEXT_RETRY;
}
