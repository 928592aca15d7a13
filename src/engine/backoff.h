/* backoff.h - how long to wait before a process that keeps dying is started again. Pure.
 *
 *   restart    1  2  3 │ 4     5      6 …             │ quarantine
 *   pause      none    │ delay ×2     ×4 … delay_max  │ 1 min, 2 min … 10 min, for ever
 *              (leased to the shim)   "equal jitter"
 *
 * Restarts in a row are counted; one that ran for `stable_ns` begins a new row. Quarantine never
 * gives up: a service is not down for ever in silence. The jitter is half of the pause ("equal
 * jitter": Brooker, "Exponential Backoff And Jitter", 2015). Any thread. */
#ifndef TEND_ENGINE_BACKOFF_H
#define TEND_ENGINE_BACKOFF_H

#include "base/random.h"
#include "spec/project.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BACKOFF_BURST = 3,            /* immediate restarts, leased to the shim */
    BACKOFF_QUARANTINE_AFTER = 8, /* paused restarts in a row */
};
#define BACKOFF_QUARANTINE_NS     (INT64_C(60) * 1000000000)
#define BACKOFF_QUARANTINE_MAX_NS (INT64_C(600) * 1000000000)

/* What one process has been through. */
struct backoff {
    int row;            /* restarts in a row, the shim's own among them */
    int quarantine_row; /* slow tries since it went into quarantine */
    int in_window;      /* restarts since window_ns; for restart_policy.max_attempts */
    int64_t window_ns;
};

enum backoff_kind { BACKOFF_NOW, BACKOFF_PAUSE, BACKOFF_QUARANTINE };

struct backoff_verdict {
    enum backoff_kind kind;
    int64_t delay_ns; /* 0 for BACKOFF_NOW */
    int row;
    int threshold; /* the row at which quarantine begins */
};

/* A process ended after running for `ran_ns` and was, or is to be, started again: count it and say
 * when. Times are CLOCK_BOOTTIME. */
struct backoff_verdict backoff_count(struct backoff *b, const struct restart_policy *policy,
    int64_t ran_ns, int64_t now_ns, struct random *random);
/* The pause before the n-th retry (from 1) of something that is bounded elsewhere. */
int64_t backoff_pause_ns(const struct restart_policy *policy, int nth, struct random *random);
/* It ran for `stable_ns`, or a person said retry. */
void backoff_reset(struct backoff *b);

#endif
