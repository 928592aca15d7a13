#include "base/fs.h"
#include "observe/probe/probe.h"
#include "probing.h"

#include <fcntl.h>

#define START_NS (INT64_C(1795467600) * NS_PER_S)

static char dir[64], path[128];

static void begin(void)
{
    (void)strcpy(dir, "/tmp/tend-test-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/1.log", dir);
}

static void append(int64_t at_ms, const char *tag, const char *text)
{
    char at[CLOCK_TEXT_BYTES], line[300];
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

    clock_format(START_NS + at_ms * NS_PER_MS, 9, at);
    int len = snprintf(line, sizeof line, "%s stdout %s %s\n", at, tag, text);
    CHECK(write(fd, line, (size_t)len) == len);
    (void)close(fd);
}

static void create(struct probing *w, int64_t since_ns)
{
    struct healthcheck check = {
        .kind = PROBE_LOG, .path = "server [ready]", .interval_ns = 50 * NS_PER_MS};
    struct probe_target target = {.check = &check, .log_path = path, .log_since_ns = since_ns};
    struct err e = ERR_INIT;

    probing_begin(w);
    CHECK_OK(probe_create(&w->probe, w->prober, &target, on_result, w, &e), &e);
    probe_start(w->probe, PROBE_STARTUP);
}

static void finish(struct probing *w)
{
    probing_end(w);
    CHECK(fs_remove_tree(dir, NULL));
}

CASE(it_is_ready_once_the_text_was_logged_and_is_asked_no_more)
{
    struct probing w;
    begin();
    create(&w, 0); /* there is not even a file */
    CHECK(probing_wait(&w, 3));
    CHECK_INT(w.failures, 3);
    CHECK_TEXT(w.seen[2].detail, "not logged yet: server [ready]");
    append(0, "F", "server ready");
    append(1, "P", "the server [re");
    CHECK(probing_wait(&w, w.count + 2));
    CHECK_INT(w.failures, w.count);
    append(2, "F", "ady] at last");
    CHECK(probing_wait_ms(&w, w.count + 1, 2000));
    for (int i = 0; i < 20 && w.failures == w.count; i++)
        CHECK(probing_wait(&w, w.count + 1));
    CHECK(w.seen[w.count - 1].ok);
    CHECK_TEXT(w.seen[w.count - 1].detail, "logged: the server [ready] at last");
    CHECK(!probing_wait_ms(&w, w.count + 1, 120));
    finish(&w);
}

CASE(what_an_earlier_incarnation_logged_does_not_count)
{
    struct probing w;
    begin();
    append(0, "F", "server [ready]");
    append(10, "F", "stopping");
    create(&w, START_NS + 5 * NS_PER_MS);
    CHECK(probing_wait(&w, 4));
    CHECK_INT(w.failures, 4);
    append(20, "F", "again: server [ready]");
    for (int i = 0; i < 40 && w.failures == w.count; i++)
        CHECK(probing_wait(&w, w.count + 1));
    CHECK_TEXT(w.seen[w.count - 1].detail, "logged: again: server [ready]");
    finish(&w);
}

CASE(a_rotation_hides_nothing)
{
    struct probing w;
    char rotated[160];
    begin();
    append(0, "F", "x");
    create(&w, START_NS);
    CHECK(probing_wait(&w, 2));
    append(1, "F", "server [ready] in the old file");
    (void)snprintf(rotated, sizeof rotated, "%s.1", path);
    CHECK(rename(path, rotated) == 0);
    append(2, "F", "the new file");
    for (int i = 0; i < 40 && w.failures == w.count; i++)
        CHECK(probing_wait(&w, w.count + 1));
    CHECK_TEXT(w.seen[w.count - 1].detail, "logged: server [ready] in the old file");
    finish(&w);
}

CASE(nothing_to_look_for_is_refused)
{
    struct probing w;
    struct err e = ERR_INIT;
    struct healthcheck check = {.kind = PROBE_LOG, .path = ""};
    struct probe_target target = {.check = &check, .log_path = "/tmp/x"};
    probing_begin(&w);
    CHECK(!probe_create(&w.probe, w.prober, &target, on_result, &w, &e));
    check.path = "x";
    target.log_path = NULL;
    CHECK(!probe_create(&w.probe, w.prober, &target, on_result, &w, &e));
    CHECK_INT(e.kind, ERR_INVALID);
    probing_end(&w);
}

TEST_MAIN()
