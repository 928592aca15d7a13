#include "fake_host.h"

#include "spec/load.h"

#include <fcntl.h>

CASE(why_answers_for_a_subject_or_an_event)
{
    fake_start();
    uint64_t exited = fake_event("instance.exited", "web/1", 0);
    (void)fake_event("instance.restarted", "web/1", exited);
    EXPECT(unix_ask("GET", "/tend/v1/why?subject=web%2F1", "", ""), 200,
        "\"sentences\":[{\"depth\":0,\"label\":\"\",\"text\":\"");
    EXPECT(unix_ask("GET", "/tend/v1/why?event=1", "", ""), 200, "\"seq\":1");
    EXPECT(unix_ask("GET", "/tend/v1/why?subject=nobody", "", ""), 404, "\"kind\":\"missing\"");
    EXPECT(unix_ask("GET", "/tend/v1/why", "", ""), 400, "give either subject or event");
    EXPECT(unix_ask("GET", "/tend/v1/why?event=1&subject=web", "", ""), 400, "give either");
    EXPECT(unix_ask("GET", "/tend/v1/why?event=x", "", ""), 400, "event must be a number");
    fake_stop();
}

CASE(verify_gives_the_verdict)
{
    fake_start();
    (void)fake_event("instance.ready", "web/1", 0);
    EXPECT(unix_ask("GET", "/tend/v1/verify", "", ""), 200,
        "{\"v\":1,\"ok\":true,\"events\":1,\"first\":1,");
    fake_stop();
}

CASE(verify_names_the_damage)
{
    char path[200];
    struct buf bytes = BUF_INIT(1 << 20);
    struct err err;

    fake_start();
    for (int i = 0; i < 5; i++)
        (void)fake_event("instance.ready", "web/1", 0);
    (void)snprintf(path, sizeof path, "%s/00000001.seg", fake.journal_dir);
    CHECK_OK(fs_read(path, &bytes, &err), &err);
    char *third = bytes.at;
    for (int i = 0; i < 3; i++)
        third = memmem(third + 1, (size_t)(bytes.at + bytes.len - third - 1), "web/1", 5);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_INT(pwrite(fd, "W", 1, third - bytes.at), 1);
    (void)close(fd);
    EXPECT(unix_ask("GET", "/tend/v1/verify", "", ""), 200, "\"broken\":{\"seq\":3,");
    buf_fini(&bytes);
    fake_stop();
}

static void write_log(const char *service, const char *bytes)
{
    char path[300];
    struct err err;

    (void)snprintf(path, sizeof path, "%s/%s", fake.logs_dir, service);
    CHECK_OK(fs_make_dirs(path, 0700, &err), &err);
    (void)snprintf(path, sizeof path, "%s/%s/1.log", fake.logs_dir, service);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CHECK_OK(fs_write_all(fd, str_from(bytes), &err), &err);
    (void)close(fd);
}

CASE(logs_are_lines_of_their_services)
{
    fake_start();
    write_log("web", "2026-11-23T21:06:00.000000001Z stdout F hello \"you\"\n"
                     "2026-11-23T21:06:01.000000000Z stderr F oh\xff no\n");
    write_log("api", "2026-11-23T21:06:00.500000000Z stdout F other\n");
    EXPECT(unix_ask("GET", "/tend/v1/logs?service=web", "", ""), 200,
        "{\"at\":\"2026-11-23T21:06:00.000000001Z\",\"service\":\"web\",\"slot\":1,"
        "\"stream\":\"stdout\",\"line\":\"hello \\\"you\\\"\"}\n");
    EXPECT(unix_ask("GET", "/tend/v1/logs?service=web&grep=oh", "", ""), 200,
        "\"stream\":\"stderr\",\"line\":\"oh\xef\xbf\xbd no\",\"bytes\":\"b2j/IG5v\"}\n");
    struct client c = unix_ask("GET", "/tend/v1/logs?tail=2", "", "");
    CHECK(client_has(&c, "other") && client_has(&c, "oh") && !client_has(&c, "hello"));
    client_close(&c);
    c = unix_ask("GET", "/tend/v1/logs?service=api,web&since=2026-11-23T21:06:00.4Z", "", "");
    CHECK(client_has(&c, "other") && client_has(&c, "oh") && !client_has(&c, "hello"));
    client_close(&c);
    EXPECT(unix_ask("GET", "/tend/v1/logs?service=..", "", ""), 400, "is no service's name");
    EXPECT(unix_ask("GET", "/tend/v1/logs?service=a%2Fb", "", ""), 400, "is no service's name");
    EXPECT(unix_ask("GET", "/tend/v1/logs?tail=x", "", ""), 400, "tail must be a number");
    fake_stop();
}

CASE(a_line_longer_than_a_streams_buffer_comes_in_pieces)
{
    enum { PIECES = 50, PIECE = 16000 };
    struct buf log = BUF_INIT(2 << 20);

    fake_start();
    for (int i = 0; i < PIECES; i++) {
        buf_format(&log, "2026-11-23T21:06:00.000000001Z stdout %s ", i + 1 < PIECES ? "P" : "F");
        for (int k = 0; k < PIECE; k++)
            buf_add_byte(&log, '"'); /* twice as long when it is quoted */
        buf_add_byte(&log, '\n');
    }
    write_log("web", log.at);
    struct client c = unix_ask("GET", "/tend/v1/logs?service=web", "", "");
    size_t quotes = 0;
    for (size_t i = 0; i + 1 < c.got.len; i++)
        quotes += c.got.at[i] == '\\' && c.got.at[i + 1] == '"' ? 1 : 0;
    CHECK_INT(quotes, PIECES * PIECE);
    CHECK(client_has(&c, "\"continues\":true"));
    CHECK(!client_has(&c, "error"));
    client_close(&c);
    buf_fini(&log);
    fake_stop();
}

CASE(a_follower_of_logs_gets_what_is_written_and_is_ended_by_the_stop)
{
    struct client c;

    fake_start();
    write_log("web", "2026-11-23T21:06:00.000000001Z stdout F first\n");
    client_open_unix(&c, fake.sock);
    client_send(&c, "GET /tend/v1/logs?service=web&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client_wait(&c, "first"));
    write_log("web", "2026-11-23T21:06:02.000000001Z stdout F second\n");
    CHECK(client_wait(&c, "second"));
    fake_stop();
    CHECK(client_wait_end(&c));
    client_close(&c);
}

CASE(readers_of_logs_are_bounded_and_leave_their_place)
{
    struct client followers[16];

    fake_start();
    write_log("web", "2026-11-23T21:06:00.000000001Z stdout F first\n");
    for (int i = 0; i < 16; i++) {
        client_open_unix(&followers[i], fake.sock);
        client_send(&followers[i], "GET /tend/v1/logs?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(client_wait(&followers[i], "first"));
    }
    EXPECT(unix_ask("GET", "/tend/v1/logs", "", ""), 429, "clients read logs already");
    for (int i = 0; i < 16; i++)
        client_close(&followers[i]);
    int status = 0;
    for (int64_t until = clock_boot_ms() + CLIENT_WAIT_MS;
         status != 200 && clock_boot_ms() < until;) {
        struct client c = unix_ask("GET", "/tend/v1/logs", "", "");
        status = client_status(&c);
        client_close(&c);
    }
    CHECK_INT(status, 200);
    fake_stop();
}

CASE(the_page_shows_what_runs_and_escapes_it)
{
    fake_start();
    (void)fake_event("instance.ready", "<script>/1", 0);
    struct client c = tcp_ask("GET", "/", "", "");
    CHECK_INT(client_status(&c), 200);
    CHECK(client_has(&c, "Content-Type: text/html; charset=utf-8\r\n"));
    CHECK(client_has(&c, "<title>shop – tend</title>"));
    CHECK(client_has(&c, "web/1"));
    CHECK(client_has(&c, "&lt;b&gt;exited&lt;/b&gt; with &quot;1&quot;"));
    CHECK(client_has(&c, "&lt;script&gt;"));
    CHECK(!client_has(&c, "<script") && !client_has(&c, "<b>"));
    CHECK(client_has(&c, "7.7 MiB") || client_has(&c, "7.75 MiB"));
    CHECK(client_has(&c, "</html>"));
    client_close(&c);
    EXPECT(tcp_ask("GET", "/style.css", "", ""), 200, "prefers-color-scheme: dark");
    fake_stop();
}

CASE(what_is_declared_is_told_without_the_environments_values)
{
    struct diagnostics *d = diagnostics_create();
    const struct project *p =
        spec_load_document(STR("{\"name\":\"shop\",\"x-tend-directory\":\"/"
                               "\",\"services\":{\"web\":{\"command\":[\"true\"],\"environment\":"
                               "{\"COLOR\":\"very-blue\",\"DB_PASSWORD\":\"hunter2\"}}}}"),
            STR(""), d);

    fake_start();
    EXPECT(unix_ask("GET", "/tend/v1/declared", "", ""), 404, "nothing has been applied yet");
    CHECK(p != NULL);
    struct snapshot *s = snapshot_create();
    s->project = "shop";
    s->state_dir = "/";
    s->declared = p;
    snapshot_cell_publish(fake.cell, s);
    struct client c = unix_ask("GET", "/tend/v1/declared", "", "");
    CHECK_INT(client_status(&c), 200);
    CHECK(client_has(&c, "DB_PASSWORD") && client_has(&c, "COLOR"));
    CHECK(!client_has(&c, "hunter2") && !client_has(&c, "very-blue"));
    client_close(&c);
    diagnostics_destroy(&d);
    fake_stop();
}

TEST_MAIN()
