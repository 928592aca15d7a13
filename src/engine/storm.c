#include "engine/storm.h"

#include "base/clock.h"

void storm_init(struct storm *s, int64_t now_ns)
{
    *s = (struct storm){.tokens = STORM_BURST, .refilled_ns = now_ns};
}

static void refill(struct storm *s, int64_t now_ns)
{
    if (now_ns <= s->refilled_ns)
        return;
    s->tokens += (double)(now_ns - s->refilled_ns) / (double)NS_PER_S * STORM_PER_SECOND;
    if (s->tokens > STORM_BURST)
        s->tokens = STORM_BURST;
    s->refilled_ns = now_ns;
}

int64_t storm_take(struct storm *s, int64_t now_ns)
{
    refill(s, now_ns);
    if (s->tokens < 1) {
        s->limiting = true;
        return (int64_t)((1 - s->tokens) / STORM_PER_SECOND * (double)NS_PER_S) + 1;
    }
    s->tokens -= 1;
    if (s->tokens >= STORM_BURST / 2.0)
        s->limiting = false;
    return 0;
}
