/* test.h - unit tests that speak TAP (testanything.org), one program a file.
 *
 *     CASE(a_missing_key_is_NULL)
 *     {
 *         CHECK(map_get(&m, STR("x")) == NULL);
 *         CHECK_INT(m.count, 0);
 *     }
 *     TEST_MAIN()
 *
 * A case ends at its first failed check. Arguments name the cases to run (parts of names). */
#ifndef TEND_TESTS_UNIT_TEST_H
#define TEND_TESTS_UNIT_TEST_H

#include "base/str.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

static struct test_case *test_first, **test_end = &test_first;
static jmp_buf test_failed;
static const char *test_skip_reason = "";

#define CASE(case_name)                                                 \
    static void case_name(void);                                        \
    __attribute__((constructor)) static void test_add_##case_name(void) \
    {                                                                   \
        static struct test_case self = {#case_name, case_name, NULL};   \
        *test_end = &self;                                              \
        test_end = &self.next;                                          \
    }                                                                   \
    static void case_name(void)

#define CHECK_SAYING(cond, ...)                            \
    do {                                                   \
        if (!(cond)) {                                     \
            (void)printf("# %s:%d: ", __FILE__, __LINE__); \
            (void)printf(__VA_ARGS__);                     \
            (void)printf("\n");                            \
            longjmp(test_failed, 1);                       \
        }                                                  \
    } while (0)

#define CHECK(cond) CHECK_SAYING((cond), "not so: %s", #cond)

#define CHECK_INT(got, want)                                                    \
    do {                                                                        \
        long long got_ = (long long)(got), want_ = (long long)(want);           \
        CHECK_SAYING(got_ == want_, "%s is %lld, not %lld", #got, got_, want_); \
    } while (0)

#define CHECK_TEXT(got, want)                                                                  \
    do {                                                                                       \
        const char *got_ = (got), *want_ = (want);                                             \
        CHECK_SAYING(got_ != NULL && strcmp(got_, want_) == 0, "%s is\n#   %s\n# not\n#   %s", \
            #got, got_ != NULL ? got_ : "(NULL)", want_);                                      \
    } while (0)

#define CHECK_STR(got, want)                                                                  \
    do {                                                                                      \
        struct str got_ = (got);                                                              \
        CHECK_SAYING(                                                                         \
            str_is(got_, (want)), "%s is \"%.*s\", not \"%s\"", #got, STR_ARG(got_), (want)); \
    } while (0)

/* A call that must succeed; prints err->text if it does not. */
#define CHECK_OK(call, e) CHECK_SAYING((call), "%s: %s", #call, (e)->text)

/* Leave the case as skipped, with the reason. */
#define SKIP(reason)                 \
    do {                             \
        test_skip_reason = (reason); \
        longjmp(test_failed, 2);     \
    } while (0)

static bool test_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i]) != NULL)
            return true;
    return argc == 1;
}

static int test_main(int argc, char **argv)
{
    volatile int number = 0, failures = 0;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test_case *volatile c = test_first; c != NULL; c = c->next) {
        if (!test_wanted(c->name, argc, argv))
            continue;
        number++;
        switch (setjmp(test_failed)) {
        case 0:
            c->run();
            (void)printf("ok %d - %s\n", number, c->name);
            break;
        case 2:
            (void)printf("ok %d - %s # SKIP %s\n", number, c->name, test_skip_reason);
            break;
        default:
            failures++;
            (void)printf("not ok %d - %s\n", number, c->name);
        }
    }
    (void)printf("1..%d\n", number);
    return failures > 0;
}

#define TEST_MAIN()                   \
    int main(int argc, char **argv)   \
    {                                 \
        return test_main(argc, argv); \
    }

#endif
