#include "test.h"

#include "base/mem.h"

CASE(new_memory_is_zeroed)
{
    int *numbers = mem_new_array(100, int);

    for (int i = 0; i < 100; i++)
        CHECK_INT(numbers[i], 0);
    free(numbers);
}

CASE(nothing_is_memory_too)
{
    void *nothing = mem_alloc(0, 8);

    CHECK(nothing != NULL);
    nothing = mem_resize(nothing, 0, 8);
    CHECK(nothing != NULL);
    free(nothing);
}

CASE(resizing_keeps_what_was_there)
{
    char *text = mem_copy_string("abc");

    text = mem_resize(text, 1000, 1);
    CHECK_TEXT(text, "abc");
    free(text);
}

CASE(text_is_made_to_measure)
{
    char *text = mem_format("%s-%05d", "x", 42);

    CHECK_TEXT(text, "x-00042");
    free(text);
}

TEST_MAIN()
