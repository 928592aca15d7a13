#include "observe/host/trend.h"

#include "base/clock.h"
#include "base/random.h"
#include "test.h"

#include <math.h>

#define MIB      (1 << 20)
#define LIMIT    (INT64_C(1024) * MIB)
#define EVERY_NS (10 * NS_PER_S)
#define HOURS    3
#define SAMPLES  (HOURS * 360)
#define SEEDS    200

/* A life of HOURS as a function of sample number and chance. */
typedef double (*shape_fn)(struct random *r, int i, double state[4]);

static double noise(struct random *r)
{
    return random_unit(r) + random_unit(r) + random_unit(r) - 1.5;
}

static struct trend live(shape_fn shape, uint64_t seed, int samples)
{
    struct trend t = {0};
    struct random r = {seed};
    double state[4] = {0};

    for (int i = 0; i < samples; i++)
        trend_add(&t, 1000 * NS_PER_S + i * EVERY_NS, (int64_t)(shape(&r, i, state) * MIB));
    return t;
}

/* The share of seeds that raise an alarm at any time of their lives. */
static int alarms(shape_fn shape)
{
    int count = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (int samples = SAMPLES / 6; samples <= SAMPLES; samples += SAMPLES / 6) {
            struct trend t = live(shape, seed * 7919, samples);
            if (trend_judge(&t, LIMIT, &trend_defaults).suspected) {
                count++;
                break;
            }
        }
    return count;
}

static double flat(struct random *r, int i, double state[4])
{
    (void)i;
    (void)state;
    return 200 + 8 * noise(r);
}

static double sawtooth(struct random *r, int i, double state[4])
{
    (void)i;
    if (state[0] == 0 || state[0] > 400 + 20 * noise(r))
        state[0] = 150 + 5 * noise(r);
    state[0] += 4 + noise(r);
    return state[0];
}

static double filling_cache(struct random *r, int i, double state[4])
{
    if (i == 0)
        state[0] = 20 + 180 * random_unit(r);
    return 100 + 300 * (1 - exp(-i / state[0])) + 2 * noise(r);
}

static double step(struct random *r, int i, double state[4])
{
    if (i == 0)
        state[0] = SAMPLES * random_unit(r);
    return (i < state[0] ? 120 : 240) + 3 * noise(r);
}

static double wave(struct random *r, int i, double state[4])
{
    if (i == 0) {
        state[0] = 6.28 * random_unit(r);
        state[1] = 60 + 120 * random_unit(r);
    }
    return 200 + 60 * sin(i / state[1] + state[0]) + 3 * noise(r);
}

/* Load comes and goes without any rule, and is pulled back to its mean. */
static double wander(struct random *r, int i, double state[4])
{
    (void)i;
    state[0] += 3 * noise(r) - 0.02 * state[0];
    return 200 + state[0];
}

static double steps_of_load(struct random *r, int i, double state[4])
{
    if (i % 90 == 0)
        state[0] = 100 + 150 * random_unit(r);
    return state[0] + 3 * noise(r);
}

CASE(none_of_two_hundred_lives_without_a_leak_raises_an_alarm)
{
    CHECK_INT(alarms(flat), 0);
    CHECK_INT(alarms(sawtooth), 0);
    CHECK_INT(alarms(filling_cache), 0);
    CHECK_INT(alarms(step), 0);
    CHECK_INT(alarms(wave), 0);
    CHECK_INT(alarms(wander), 0);
    CHECK_INT(alarms(steps_of_load), 0);
}

static double leak(struct random *r, int i, double state[4])
{
    (void)state;
    return 100 + i / 6.0 * 4 + 3 * noise(r); /* 4 MiB a minute */
}

static double leak_under_sawtooth(struct random *r, int i, double state[4])
{
    state[0] = fmod(state[0] + 5 + noise(r), 60);
    return 100 + i / 6.0 * 2.0 + state[0];
}

static double leak_in_steps(struct random *r, int i, double state[4])
{
    if (random_unit(r) < 0.1)
        state[0] += 8 * random_unit(r);
    (void)i;
    return 100 + state[0] + noise(r);
}

CASE(leaks_are_found_with_their_pace_and_the_time_that_is_left)
{
    CHECK(alarms(leak) >= SEEDS * 99 / 100);
    CHECK(alarms(leak_under_sawtooth) >= SEEDS * 95 / 100);
    CHECK(alarms(leak_in_steps) >= SEEDS * 95 / 100);
    struct trend t = live(leak, 42, SAMPLES);
    struct trend_verdict v = trend_judge(&t, LIMIT, &trend_defaults);
    CHECK(v.suspected);
    CHECK_TEXT(v.reason, "");
    CHECK(v.r2 > 0.95);
    CHECK(fabs(v.slope_bytes_per_s - 4 * MIB / 60.0) < MIB / 60.0 * 0.2);
    /* 819 MiB now, 1024 the limit: 51 minutes */
    CHECK(llabs(v.hits_limit_in_ns / NS_PER_S / 60 - 51) < 5);
}

CASE(a_leak_that_takes_days_is_no_alarm_nor_one_without_a_limit)
{
    struct trend t = live(leak, 42, SAMPLES);
    struct trend_verdict v = trend_judge(&t, 64 * LIMIT, &trend_defaults);
    CHECK(!v.suspected);
    CHECK_TEXT(v.reason, "the limit is far away");
    CHECK(!trend_judge(&t, 0, &trend_defaults).suspected);
}

CASE(too_little_is_known_at_first)
{
    struct trend t = {0};
    CHECK_TEXT(trend_judge(&t, LIMIT, &trend_defaults).reason, "too few samples");
    t = live(leak, 1, 40);
    CHECK(!trend_judge(&t, LIMIT, &trend_defaults).suspected);
}

CASE(the_ring_spans_the_whole_life_and_keeps_the_least)
{
    struct trend t = {0};
    for (int i = 0; i < 100000; i++)
        trend_add(&t, i * NS_PER_S, 1000 + i % 50);
    CHECK(t.count > TREND_SLOTS / 2 && t.count <= TREND_SLOTS);
    CHECK(t.slots[0].at_ns == 0);
    CHECK(t.slots[t.count - 1].at_ns > 96000 * NS_PER_S);
    for (size_t i = 0; i + 1 < t.count; i++) {
        CHECK_INT(t.slots[i].bytes, 1000);
        CHECK(t.slots[i].at_ns < t.slots[i + 1].at_ns);
    }
}

TEST_MAIN()
