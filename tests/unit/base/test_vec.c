#include "test.h"

#include "base/vec.h"

struct numbers {
    VEC_OF(int);
};

CASE(it_grows_as_it_is_pushed)
{
    struct numbers v = {0};

    for (int i = 0; i < 1000; i++)
        vec_push(&v, i);
    CHECK_INT(v.count, 1000);
    CHECK_INT(v.at[999], 999);
    vec_fini(&v);
    CHECK(v.at == NULL && v.count == 0);
}

CASE(an_added_element_is_zeroed)
{
    struct numbers v = {0};

    vec_push(&v, 7);
    vec_remove(&v, 0);
    CHECK_INT(*vec_add(&v), 0);
    vec_fini(&v);
}

CASE(removing_keeps_the_order)
{
    struct numbers v = {0};
    int sum = 0;

    for (int i = 0; i < 4; i++)
        vec_push(&v, i);
    vec_remove(&v, 1);
    CHECK_INT(v.count, 3);
    CHECK(v.at[0] == 0 && v.at[1] == 2 && v.at[2] == 3);
    vec_remove(&v, 2);
    CHECK(v.count == 2 && v.at[1] == 2);
    VEC_EACH (&v, int, n)
        sum += *n;
    CHECK_INT(sum, 2);
    vec_fini(&v);
}

CASE(an_empty_one_can_be_walked)
{
    struct numbers v = {0};

    VEC_EACH (&v, int, n)
        CHECK(n == NULL && false);
    vec_fini(&v);
}

TEST_MAIN()
