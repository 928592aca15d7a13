#include "test.h"

#include "base/random.h"

/* The reference implementation's first values for seed 1234567. */
CASE(the_sequence_is_that_of_splitmix64)
{
    struct random r = {.state = 1234567};

    CHECK(random_next(&r) == UINT64_C(6457827717110365317));
    CHECK(random_next(&r) == UINT64_C(3203168211198807973));
    CHECK(random_next(&r) == UINT64_C(9817491932198370423));
}

CASE(the_same_seed_gives_the_same_decisions)
{
    struct random a = {.state = 7}, b = {.state = 7};

    for (int i = 0; i < 1000; i++)
        CHECK(random_below(&a, 1000) == random_below(&b, 1000));
}

CASE(numbers_stay_below_their_bound_and_reach_all_of_it)
{
    struct random r = {.state = 1};
    unsigned seen[10] = {0};

    for (int i = 0; i < 10000; i++) {
        uint64_t n = random_below(&r, 10);
        CHECK(n < 10);
        seen[n]++;
    }
    for (int i = 0; i < 10; i++)
        CHECK_SAYING(seen[i] > 800 && seen[i] < 1200, "%d came %u times", i, seen[i]);
    CHECK_INT(random_below(&r, 1), 0);
}

CASE(a_unit_is_from_0_to_below_1)
{
    struct random r = {.state = 2};
    double sum = 0;

    for (int i = 0; i < 10000; i++) {
        double u = random_unit(&r);
        CHECK(u >= 0 && u < 1);
        sum += u;
    }
    CHECK(sum > 4800 && sum < 5200);
}

CASE(secrets_differ)
{
    unsigned char a[300] = {0}, b[300] = {0};

    random_secret(a, sizeof a);
    random_secret(b, sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK(random_secret_seed() != random_secret_seed());
}

TEST_MAIN()
