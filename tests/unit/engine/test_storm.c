#include "engine/storm.h"

#include "base/clock.h"

#include "test.h"

CASE(a_burst_passes_and_what_follows_waits_for_its_token)
{
    struct storm s;
    int64_t wait_ns;

    storm_init(&s, 0);
    for (int k = 0; k < STORM_BURST; k++)
        CHECK_INT(storm_take(&s, 0), 0);
    wait_ns = storm_take(&s, 0);
    CHECK(wait_ns > 0 && wait_ns <= NS_PER_S / STORM_PER_SECOND + 1);
    CHECK(s.limiting);
    CHECK_INT(storm_take(&s, wait_ns), 0);
}

CASE(over_a_second_no_more_than_the_rate_passes)
{
    struct storm s;
    int passed = 0;

    storm_init(&s, 0);
    for (int64_t t = 0; t < NS_PER_S; t += NS_PER_MS)
        while (storm_take(&s, t) == 0)
            passed++;
    CHECK(passed >= STORM_BURST + STORM_PER_SECOND - 1);
    CHECK(passed <= STORM_BURST + STORM_PER_SECOND);
}

CASE(it_ends_when_half_of_the_burst_is_there_again)
{
    struct storm s;

    storm_init(&s, 0);
    while (storm_take(&s, 0) == 0)
        continue;
    CHECK_INT(storm_take(&s, 2 * NS_PER_S), 0);
    CHECK(!s.limiting);
}

CASE(a_clock_that_stands_still_or_goes_back_gives_nothing)
{
    struct storm s;

    storm_init(&s, NS_PER_S);
    while (storm_take(&s, NS_PER_S) == 0)
        continue;
    CHECK(storm_take(&s, 0) > 0);
}

TEST_MAIN()
