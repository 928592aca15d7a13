#include "engine/backoff.h"

/* delay · 2^doublings, at most `max`. */
static int64_t doubled(int64_t delay, int doublings, int64_t max)
{
    while (doublings-- > 0 && delay < max)
        delay *= 2;
    return delay < max ? delay : max;
}

static int64_t jittered(int64_t delay, struct random *random)
{
    int64_t half = delay / 2;

    return half + (half > 0 ? (int64_t)random_below(random, (uint64_t)half + 1) : 0);
}

/* max_attempts in the window are used up. */
static bool attempts_are_used_up(
    struct backoff *b, const struct restart_policy *policy, int64_t now_ns)
{
    if (policy->max_attempts == 0)
        return false;
    if (b->in_window == 0 || now_ns - b->window_ns > policy->window_ns) {
        b->in_window = 0;
        b->window_ns = now_ns;
    }
    b->in_window++;
    return b->in_window > policy->max_attempts;
}

struct backoff_verdict backoff_count(struct backoff *b, const struct restart_policy *policy,
    int64_t ran_ns, int64_t now_ns, struct random *random)
{
    struct backoff_verdict v = {.threshold = BACKOFF_BURST + BACKOFF_QUARANTINE_AFTER};
    bool used_up;

    if (ran_ns >= policy->stable_ns)
        backoff_reset(b);
    used_up = attempts_are_used_up(b, policy, now_ns);
    v.row = ++b->row;
    if (used_up || b->row > v.threshold) {
        v.kind = BACKOFF_QUARANTINE;
        v.delay_ns = jittered(
            doubled(BACKOFF_QUARANTINE_NS, b->quarantine_row++, BACKOFF_QUARANTINE_MAX_NS), random);
    } else if (b->row > BACKOFF_BURST) {
        v.kind = BACKOFF_PAUSE;
        v.delay_ns = jittered(
            doubled(policy->delay_ns, b->row - BACKOFF_BURST - 1, policy->delay_max_ns), random);
    }
    return v;
}

int64_t backoff_pause_ns(const struct restart_policy *policy, int nth, struct random *random)
{
    return jittered(doubled(policy->delay_ns, nth - 1, policy->delay_max_ns), random);
}

void backoff_reset(struct backoff *b)
{
    *b = (struct backoff){0};
}
