#include "engine/backoff.h"

#include "base/clock.h"

#include "test.h"

static const struct restart_policy policy = {
    .condition = RESTART_ALWAYS,
    .delay_ns = 50 * NS_PER_MS,
    .delay_max_ns = 30 * NS_PER_S,
    .stable_ns = 10 * NS_PER_S,
    .window_ns = 60 * NS_PER_S,
};

CASE(the_first_restarts_are_immediate)
{
    struct backoff b = {0};
    struct random r = {.state = 1};

    for (int k = 0; k < BACKOFF_BURST; k++) {
        struct backoff_verdict v = backoff_count(&b, &policy, 0, 0, &r);

        CHECK_INT(v.kind, BACKOFF_NOW);
        CHECK_INT(v.delay_ns, 0);
    }
}

CASE(pauses_double_with_jitter_of_a_half)
{
    struct backoff b = {.row = BACKOFF_BURST};
    struct random r = {.state = 7};
    int64_t most = policy.delay_ns;

    for (int k = 0; k < BACKOFF_QUARANTINE_AFTER; k++, most *= 2) {
        struct backoff_verdict v = backoff_count(&b, &policy, 0, 0, &r);

        CHECK_INT(v.kind, BACKOFF_PAUSE);
        CHECK(v.delay_ns >= most / 2 && v.delay_ns <= most);
    }
    CHECK_INT(backoff_count(&b, &policy, 0, 0, &r).kind, BACKOFF_QUARANTINE);
}

CASE(no_pause_is_longer_than_its_bound)
{
    struct restart_policy p = policy;
    struct backoff b = {.row = BACKOFF_BURST + 6};
    struct random r = {.state = 3};

    p.delay_max_ns = NS_PER_S;
    CHECK(backoff_count(&b, &p, 0, 0, &r).delay_ns <= NS_PER_S);
}

CASE(a_stable_run_begins_a_new_row)
{
    struct backoff b = {.row = 20, .quarantine_row = 4};
    struct random r = {.state = 3};
    struct backoff_verdict v = backoff_count(&b, &policy, policy.stable_ns, 0, &r);

    CHECK_INT(v.kind, BACKOFF_NOW);
    CHECK_INT(v.row, 1);
    CHECK_INT(b.quarantine_row, 0);
}

CASE(quarantine_tries_again_more_and_more_slowly_and_for_ever)
{
    struct backoff b = {.row = 100};
    struct random r = {.state = 3};
    int64_t most = BACKOFF_QUARANTINE_NS;

    for (int k = 0; k < 20; k++) {
        struct backoff_verdict v = backoff_count(&b, &policy, 0, 0, &r);

        CHECK_INT(v.kind, BACKOFF_QUARANTINE);
        CHECK(v.delay_ns >= most / 2 && v.delay_ns <= most);
        most = most * 2 < BACKOFF_QUARANTINE_MAX_NS ? most * 2 : BACKOFF_QUARANTINE_MAX_NS;
    }
}

CASE(max_attempts_in_the_window_quarantine_early_and_the_window_passes)
{
    struct restart_policy p = policy;
    struct backoff b = {0};
    struct random r = {.state = 3};

    p.max_attempts = 2;
    CHECK_INT(backoff_count(&b, &p, 0, 0, &r).kind, BACKOFF_NOW);
    CHECK_INT(backoff_count(&b, &p, 0, 1, &r).kind, BACKOFF_NOW);
    CHECK_INT(backoff_count(&b, &p, 0, 2, &r).kind, BACKOFF_QUARANTINE);
    CHECK_INT(backoff_count(&b, &p, 0, p.window_ns + 3, &r).kind, BACKOFF_PAUSE);
}

TEST_MAIN()
