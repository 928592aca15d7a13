#include "engine/instance.h"

#include "test.h"

/* Every state that can be reached, and whether a stop and a start lead on from it. */
CASE(from_every_state_a_stop_leads_to_stopped)
{
    for (int state = 0; state < INSTANCE_STATES; state++) {
        enum instance_state s = (enum instance_state)state;

        if (s != INSTANCE_STOPPING && s != INSTANCE_DRAINING)
            CHECK_SAYING(instance_feed(&s, INSTANCE_ON_STOP), "stop in %s", instance_state_name(s));
        if (s == INSTANCE_DRAINING)
            CHECK(instance_feed(&s, INSTANCE_ON_DRAINED));
        if (s == INSTANCE_STOPPING)
            CHECK(instance_feed(&s, INSTANCE_ON_GONE));
        CHECK_INT(s, INSTANCE_STOPPED);
    }
}

CASE(from_every_state_at_rest_a_start_leads_to_ready)
{
    static const enum instance_state at_rest[] = {INSTANCE_PENDING, INSTANCE_STOPPED,
        INSTANCE_BACKING_OFF, INSTANCE_QUARANTINED, INSTANCE_FAILED, INSTANCE_COMPLETED};

    for (size_t k = 0; k < sizeof at_rest / sizeof at_rest[0]; k++) {
        enum instance_state s = at_rest[k];

        CHECK(instance_feed(&s, INSTANCE_ON_START));
        CHECK_INT(s, INSTANCE_STARTING);
        CHECK(instance_feed(&s, INSTANCE_ON_STARTED));
        CHECK(instance_feed(&s, INSTANCE_ON_READY));
        CHECK_INT(s, INSTANCE_READY);
    }
}

CASE(a_pair_that_is_not_listed_changes_nothing_and_says_so)
{
    enum instance_state s = INSTANCE_PENDING;

    CHECK(!instance_feed(&s, INSTANCE_ON_READY));
    CHECK_INT(s, INSTANCE_PENDING);
}

CASE(alive_is_what_has_a_process_or_is_about_to)
{
    CHECK(!instance_is_alive(INSTANCE_PENDING));
    CHECK(instance_is_alive(INSTANCE_STARTING));
    CHECK(instance_is_alive(INSTANCE_STOPPING));
    CHECK(!instance_is_alive(INSTANCE_STOPPED));
    CHECK(!instance_is_alive(INSTANCE_BACKING_OFF));
}

TEST_MAIN()
