#include "test.h"

#include "base/map.h"

#include <pthread.h>

static int one, two, three;

CASE(a_missing_key_is_NULL)
{
    struct map m = {0};

    CHECK(map_get(&m, STR("x")) == NULL);
    CHECK(map_remove(&m, STR("x")) == NULL);
    map_put(&m, STR("y"), &one);
    CHECK(map_get(&m, STR("x")) == NULL);
    CHECK_INT(m.count, 1);
    map_fini(&m);
}

CASE(putting_again_replaces_and_hands_back_what_was_there)
{
    struct map m = {0};

    CHECK(map_put(&m, STR("web"), &one) == NULL);
    CHECK(map_put(&m, STR("web"), &two) == &one);
    CHECK(map_get(&m, STR("web")) == &two);
    CHECK_INT(m.count, 1);
    map_fini(&m);
}

CASE(the_empty_key_and_keys_with_zero_bytes_are_keys)
{
    struct map m = {0};

    map_put(&m, STR(""), &one);
    map_put(&m, STR("a\0b"), &two);
    map_put(&m, STR("a\0c"), &three);
    CHECK(map_get(&m, STR("")) == &one);
    CHECK(map_get(&m, STR("a\0b")) == &two);
    CHECK(map_get(&m, STR("a\0c")) == &three);
    map_fini(&m);
}

CASE(the_order_is_that_of_insertion_also_after_removing)
{
    struct map m = {0};
    char seen[8] = "";

    map_put(&m, STR("a"), &one);
    map_put(&m, STR("b"), &one);
    map_put(&m, STR("c"), &one);
    map_put(&m, STR("d"), &one);
    CHECK(map_remove(&m, STR("b")) == &one);
    map_put(&m, STR("b"), &two);
    MAP_EACH (&m, e)
        strncat(seen, e->key.at, 1);
    CHECK_TEXT(seen, "acdb");
    map_fini(&m);
}

CASE(the_current_entry_may_be_removed_while_walking)
{
    static char names[100][8];
    struct map m = {0};
    int visited = 0;

    for (int i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%d", i);
        map_put(&m, str_from(names[i]), &one);
    }
    MAP_EACH (&m, e) {
        visited++;
        CHECK(map_remove(&m, e->key) == &one);
    }
    CHECK_INT(visited, 100);
    CHECK_INT(m.count, 0);
    map_fini(&m);
}

/* Removing leaves every possible number of entries for the next rebuild. */
CASE(any_mix_of_putting_and_removing_is_found_again)
{
    enum { KEYS = 300 };
    static char names[KEYS][8];
    static bool there[KEYS];
    struct map m = {0};
    uint32_t state = 1;

    for (int i = 0; i < KEYS; i++)
        (void)snprintf(names[i], sizeof names[i], "%d", i);
    for (int step = 0; step < 30000; step++) {
        state = state * 1664525u + 1013904223u;
        unsigned k = (state >> 8) % KEYS;
        if ((state >> 28) < 7) {
            CHECK((map_remove(&m, str_from(names[k])) != NULL) == there[k]);
            there[k] = false;
        } else {
            CHECK((map_put(&m, str_from(names[k]), names[k]) != NULL) == there[k]);
            there[k] = true;
        }
        unsigned other = (state >> 16) % KEYS;
        CHECK((map_get(&m, str_from(names[other])) == names[other]) == there[other]);
    }
    size_t count = 0;
    for (int i = 0; i < KEYS; i++)
        count += there[i];
    CHECK_INT(m.count, count);
    map_fini(&m);
}

static void *hash_web(void *out)
{
    *(uint64_t *)out = map_hash(STR("web"));
    return NULL;
}

CASE(all_threads_hash_alike_from_the_first_call_on)
{
    pthread_t threads[8];
    uint64_t hashes[8];

    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, hash_web, &hashes[i]) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 1; i < 8; i++)
        CHECK(hashes[i] == hashes[0]);
    CHECK(map_hash(STR("web")) != map_hash(STR("bew")));
}

TEST_MAIN()
