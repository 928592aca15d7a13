/* trend.h - does its memory leak, and when does it hit its limit?
 *
 * Samples go into a ring of fixed size. When it is full, neighbours are merged in pairs and each
 * slot stands for twice the time, so that it always spans the whole life of the instance, evenly. A
 * slot keeps the least of its samples: a garbage collector's sawtooth becomes the line along its
 * feet, which is flat unless something is kept.
 *
 *     bytes │        ╱│  ╱│  ╱│   sawtooth: the feet are flat            leak: the feet rise
 *           │  ╱│ ╱ │ ╱ │╱
 *           └───────────────
 *
 * The verdict is a pure function of the samples, so that anybody can recompute it from the
 * evidence. A leak is suspected when, behind the warm-up, all of this holds:
 *   - at least `samples_min` slots over at least `span_min_ns`
 *   - the line explains the samples: r2 of the robust line is at least `r2_min`
 *   - it goes on: in each quarter of the span memory rises by at least `quarter_share_min` of an
 *     average quarter's rise (one step up is one quarter only)
 *   - it keeps its pace: the second half rises at least `pace_share_min` as fast as the first (a
 *     cache that fills slows down)
 *   - it is worth a word: the rise is at least `rise_min_bytes` and `rise_share_min` of the median
 *   - at this pace the limit is hit within `horizon_ns`, and within `horizon_spans` times the span
 *     looked at (one does not see a day ahead from a quarter of an hour: the load has its tides)
 * What it cannot tell: a collector that has not run once since the start looks like a leak until it
 * does.
 *
 * The slope is Theil and Sen's: the median of the slopes between all pairs (Sen, "Estimates of the
 * regression coefficient based on Kendall's tau", 1968). Pure; one thread at a time. */
#ifndef TEND_OBSERVE_HOST_TREND_H
#define TEND_OBSERVE_HOST_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREND_SLOTS 64

struct trend_sample {
    int64_t at_ns; /* CLOCK_BOOTTIME of the least value in the slot */
    int64_t bytes;
};

/* Zeroed is empty. Start a new one with each incarnation. */
struct trend {
    struct trend_sample slots[TREND_SLOTS];
    size_t count;
    uint32_t per_slot;  /* samples that make a slot: 1, 2, 4, …; 0 is 1 */
    uint32_t in_last;   /* samples in the last slot so far */
    int64_t started_ns; /* of the first sample */
};

struct trend_params {
    int64_t warm_up_ns; /* left out at the start; and at least the first fifth of the life */
    int64_t span_min_ns;
    int64_t horizon_ns;
    double horizon_spans;
    int64_t rise_min_bytes;
    double rise_share_min;
    double r2_min;
    double quarter_share_min;
    double pace_share_min;
    size_t samples_min;
};

/* warm-up 5 min, span 10 min, horizon 24 h and 4 spans, rise 4 MiB and 5 %, r2 0.9, quarter share
 * 0.4, pace share 0.8, 20 samples. */
extern const struct trend_params trend_defaults;

struct trend_verdict {
    bool suspected;
    double slope_bytes_per_s;
    int64_t hits_limit_in_ns; /* from the last sample on; -1: not at this pace, or no limit */
    double r2;
    const char *reason; /* why not suspected: "too few samples"; "" if suspected. Static */
};

/* Samples must come in the order of time; evenly spaced ones make even slots. */
void trend_add(struct trend *t, int64_t at_ns, int64_t bytes);
/* `limit_bytes`: the service's memory limit, else the machine's memory; 0 for none. */
struct trend_verdict trend_judge(
    const struct trend *t, int64_t limit_bytes, const struct trend_params *params);

#endif
