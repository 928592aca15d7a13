#include "test.h"

#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

CASE(memory_is_zeroed_and_aligned_for_any_type)
{
    struct arena *a = arena_create(64);

    for (size_t i = 1; i < 300; i++) {
        unsigned char *p = arena_alloc(a, i, 1);
        CHECK_INT((uintptr_t)p % alignof(max_align_t), 0);
        for (size_t k = 0; k < i; k++)
            CHECK(p[k] == 0);
        memset(p, 0xff, i); /* the next piece must be zero all the same */
    }
    arena_destroy(&a);
    CHECK(a == NULL);
}

CASE(a_piece_larger_than_any_chunk_fits)
{
    struct arena *a = arena_create(0);
    char *small = arena_copy(a, "small");
    char *big = arena_alloc(a, 5u << 20, 1);

    big[(5u << 20) - 1] = 'x';
    CHECK_TEXT(small, "small");
    CHECK(arena_bytes(a) >= 5u << 20);
    arena_destroy(&a);
}

CASE(copies_are_terminated_and_stand_alone)
{
    struct arena *a = arena_create(0);
    char source[] = "abcdef";
    struct str part = arena_copy_str(a, (struct str){.at = source, .len = 3});
    char *whole = arena_copy(a, source);
    char *made = arena_format(a, "%s=%d", source, 42);

    memset(source, '!', 6);
    CHECK_STR(part, "abc");
    CHECK_INT(part.at[3], 0);
    CHECK_TEXT(whole, "abcdef");
    CHECK_TEXT(made, "abcdef=42");
    CHECK_STR(arena_copy_str(a, (struct str){0}), "");
    arena_destroy(&a);
}

CASE(an_arena_that_was_never_made_may_be_destroyed)
{
    struct arena *none = NULL;

    arena_destroy(&none);
    CHECK(none == NULL);
}

TEST_MAIN()
