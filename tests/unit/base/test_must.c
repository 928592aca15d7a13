#include "test.h"

#include "base/must.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define THING_MAGIC 0x7468696eu
struct thing {
    uint32_t magic;
    int value;
};

static void say_hello(void)
{
    (void)!write(STDERR_FILENO, "hook\n", 5);
}

static void say_and_fail_again(void)
{
    say_hello();
    must(1 == 2);
}

/* Runs `body` in a child with its stderr in `text`; the signal that ended it, or 0. */
static int signal_of(void (*body)(void), char *text, size_t size)
{
    int ends[2], status;

    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], text + len, size - 1 - len)) > 0;)
        len += (size_t)got;
    text[len] = '\0';
    (void)close(ends[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void break_a_promise(void)
{
    int two = 2;

    must(two == 3);
}

static void break_it_with_a_hook(void)
{
    must_hook(say_hello);
    break_a_promise();
}

static void break_it_with_a_failing_hook(void)
{
    must_hook(say_and_fail_again);
    break_a_promise();
}

static void take_a_stranger(void)
{
    uint32_t other[4] = {1, 2, 3, 4};

    OBJ(thing, THING_MAGIC, other)->value = 1;
}

static void take_nothing(void)
{
    OBJ(thing, THING_MAGIC, NULL)->value = 1;
}

CASE(a_broken_promise_ends_the_process_and_names_itself)
{
    char text[512];

    CHECK_INT(signal_of(break_a_promise, text, sizeof text), SIGABRT);
    CHECK_SAYING(strstr(text, "test_must.c:") && strstr(text, "must(two == 3)"), "%s", text);
}

CASE(the_hook_is_called_once)
{
    char text[512];

    CHECK_INT(signal_of(break_it_with_a_hook, text, sizeof text), SIGABRT);
    CHECK(strstr(text, "hook") != NULL);
    CHECK_INT(signal_of(break_it_with_a_failing_hook, text, sizeof text), SIGABRT);
    char *first = strstr(text, "hook");
    CHECK(first != NULL && strstr(first + 1, "hook") == NULL);
}

CASE(an_object_comes_back_only_with_its_magic)
{
    struct thing t = {.magic = THING_MAGIC, .value = 5};
    void *opaque = &t;
    char text[512];

    CHECK_INT(OBJ(thing, THING_MAGIC, opaque)->value, 5);
    CHECK_INT(signal_of(take_a_stranger, text, sizeof text), SIGABRT);
    CHECK_INT(signal_of(take_nothing, text, sizeof text), SIGABRT);
}

TEST_MAIN()
