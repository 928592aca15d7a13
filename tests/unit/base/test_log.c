#include "test.h"

#include "base/log.h"

#include <unistd.h>

static char captured[8192];

/* What `say` writes to stderr. */
static const char *written_by(void (*say)(void))
{
    int ends[2], old = dup(STDERR_FILENO);

    CHECK(pipe(ends) == 0);
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    say();
    (void)dup2(old, STDERR_FILENO);
    (void)close(old);
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], captured + len, sizeof captured - 1 - len)) > 0;)
        len += (size_t)got;
    captured[len] = '\0';
    (void)close(ends[0]);
    return captured;
}

static void say_step(void)
{
    log_warn("step.failed", "step=%s code=%d", "web/2", 7);
}

static void say_quietly(void)
{
    log_debug("step.detail", "x=1");
}

static void say_too_much(void)
{
    static char big[10000];

    memset(big, 'b', sizeof big - 1);
    log_info("big", "value=%s", big);
}

static void say_lines(void)
{
    log_info("lines", "err=\"%s\"", "one\ntwo\x1b[2Jthree");
}

CASE(a_line_has_time_level_name_and_fields)
{
    unsetenv("JOURNAL_STREAM");
    const char *line = written_by(say_step);

    CHECK_INT(strspn(line, "0123456789-"), 10);
    CHECK_TEXT(line + 24, " warn step.failed step=web/2 code=7\n");
}

CASE(systemd_gets_a_priority_in_place_of_the_time)
{
    setenv("JOURNAL_STREAM", "8:1234", 1);
    const char *line = written_by(say_step);
    unsetenv("JOURNAL_STREAM");

    CHECK_TEXT(line, "<4>step.failed step=web/2 code=7\n");
}

CASE(lines_below_the_level_are_dropped)
{
    CHECK_TEXT(written_by(say_quietly), "");
    log_set_level(LOG_LEVEL_DEBUG);
    CHECK(strstr(written_by(say_quietly), "step.detail x=1\n") != NULL);
    log_set_level(LOG_LEVEL_ERROR);
    CHECK_TEXT(written_by(say_step), "");
    log_set_level(LOG_LEVEL_INFO);
}

CASE(one_event_is_one_line_without_control_characters)
{
    const char *line = written_by(say_lines);

    CHECK(strstr(line, "one two [2Jthree\"\n") != NULL);
    CHECK(strchr(line, '\n') == line + strlen(line) - 1);
}

CASE(a_long_line_is_cut_and_ended)
{
    const char *line = written_by(say_too_much);

    CHECK(strlen(line) < 2100);
    CHECK(line[strlen(line) - 1] == '\n');
}

TEST_MAIN()
