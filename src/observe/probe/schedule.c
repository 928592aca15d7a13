#include "observe/probe/probe_private.h"

#define SLOTS_PER_INTERVAL 64
#define SLOT_NS_MAX        (20 * NS_PER_MS)
#define LATE_PART          10 /* of an interval: so much later still counts as its time */

static int64_t fibonacci_ms(unsigned step, int64_t max_ns)
{
    int64_t a = NS_PER_MS, b = NS_PER_MS;

    for (unsigned i = 0; i < step && a < max_ns; i++) {
        int64_t next = a + b;
        a = b;
        b = next;
    }
    return a;
}

int64_t probe_schedule_startup_delay(
    unsigned step, int64_t elapsed_ns, int64_t start_interval_ns, int64_t interval_ns)
{
    int64_t delay_ns = fibonacci_ms(step, start_interval_ns);

    if (delay_ns < start_interval_ns)
        return delay_ns;
    /* A slow starter is asked less and less often, yet noticed within 5 % of what it took. */
    delay_ns = start_interval_ns > elapsed_ns / 20 ? start_interval_ns : elapsed_ns / 20;
    int64_t max_ns = interval_ns > start_interval_ns ? interval_ns : start_interval_ns;
    return delay_ns < max_ns ? delay_ns : max_ns;
}

int64_t probe_schedule_phase(uint64_t serial, int64_t interval_ns)
{
    int64_t slot_ns = interval_ns / SLOTS_PER_INTERVAL;

    if (slot_ns > SLOT_NS_MAX)
        slot_ns = SLOT_NS_MAX;
    if (slot_ns < 1)
        slot_ns = 1;
    /* Multiples of the golden ratio, modulo 1, keep away from each other (Knuth, TAOCP 3, 6.4). */
    double place = (double)(serial * 0x9e3779b97f4a7c15u >> 11) * 0x1p-53;
    return (int64_t)(place * (double)interval_ns) / slot_ns * slot_ns;
}

int64_t probe_schedule_next(int64_t now_ns, int64_t interval_ns, int64_t phase_ns)
{
    int64_t since = now_ns - phase_ns;
    int64_t periods = since >= 0 ? since / interval_ns + 1 : 0;

    return phase_ns + periods * interval_ns;
}

int64_t probe_schedule_after(
    int64_t begun_ns, int64_t now_ns, int64_t interval_ns, int64_t phase_ns)
{
    int64_t missed_ns = now_ns - interval_ns / LATE_PART;
    int64_t next_ns =
        probe_schedule_next(begun_ns > missed_ns ? begun_ns : missed_ns, interval_ns, phase_ns);

    return next_ns > now_ns ? next_ns : now_ns;
}
