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

static long resident_pages(void)
{
    long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2)
        resident = -1;
    if (file != NULL)
        (void)fclose(file);
    return resident;
}

CASE(a_burst_is_given_back)
{
    enum { PIECES = 4096, PIECE_BYTES = 4096, KEPT = 64 };
    static char *pieces[PIECES];
    long before, after;

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    SKIP("the sanitizer has its own malloc");
#endif
    for (size_t i = 0; i < PIECES; i++)
        memset(pieces[i] = mem_alloc(PIECE_BYTES, 1), 1, PIECE_BYTES);
    before = resident_pages();
    for (size_t i = 0; i < PIECES; i++)
        if (i != PIECES - KEPT) /* glibc would keep all below it */
            free(pieces[i]);
    mem_give_back();
    after = resident_pages();
    CHECK(before > 0 && after > 0);
    CHECK(before - after > PIECES / 2);
    free(pieces[PIECES - KEPT]);
}

TEST_MAIN()
