/* What a container engine sends, taken apart: HTTP, frames, inspections, events. */
#include "drive/docker/docker_private.h"
#include "drive/docker/reply.h"

#include "test.h"

static void keep(void *data, struct str bytes)
{
    buf_add_str(data, bytes);
}

/* Fed in pieces of `step` bytes; whether it went well. */
static bool feed(struct reply *r, const char *text, size_t step, struct buf *body, struct err *err)
{
    struct str rest = str_from(text);

    *r = (struct reply){0};
    while (rest.len > 0) {
        struct str piece = {rest.at, rest.len < step ? rest.len : step};
        if (!reply_feed(r, piece, keep, body, err))
            return false;
        rest = str_tail(rest, piece.len);
    }
    return true;
}

CASE(an_answer_is_the_same_however_it_is_cut)
{
    static const char text[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n, world..\n"
        "\r\n0\r\nTrailer: 1\r\n\r\n";
    struct reply r;
    struct err err = ERR_INIT;

    for (size_t step = 1; step < sizeof text; step++) {
        struct buf body = BUF_INIT(4096);
        CHECK_OK(feed(&r, text, step, &body, &err), &err);
        CHECK_INT(r.status, 201);
        CHECK(r.state == REPLY_DONE);
        CHECK_STR(buf_str(&body), "hello, world..\n");
        buf_fini(&body);
    }
}

CASE(a_body_is_counted_or_goes_to_the_end)
{
    struct buf body = BUF_INIT(4096);
    struct reply r;
    struct err err = ERR_INIT;

    CHECK(feed(&r, "HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nabc", 100, &body, &err));
    CHECK(r.state == REPLY_DONE && r.status == 404);
    CHECK(feed(&r, "HTTP/1.1 200 OK\r\n\r\nabc", 100, &body, &err));
    CHECK(r.state == REPLY_TO_END && reply_end(&r, &err));
    CHECK(feed(&r, "HTTP/1.1 204 No Content\r\n\r\n", 100, &body, &err));
    CHECK(r.state == REPLY_DONE);
    CHECK(feed(&r, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", 100, &body, &err));
    CHECK(!reply_end(&r, &err));
    buf_fini(&body);
}

CASE(what_is_no_http_is_refused)
{
    static const char *const texts[] = {"SSH-2.0\r\n", "HTTP/1.1 abc\r\n", "HTTP/1.1 999 x\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf body = BUF_INIT(4096);
        struct err err = ERR_INIT;
        struct reply r;
        CHECK_SAYING(!feed(&r, texts[i], 7, &body, &err), "%s", texts[i]);
        CHECK(err.kind == ERR_CORRUPT);
        buf_fini(&body);
    }
}

CASE(a_head_is_bounded)
{
    struct buf body = BUF_INIT(4096);
    struct reply r = {0};
    struct err err = ERR_INIT;
    char line[64];
    bool ok = reply_feed(&r, STR("HTTP/1.1 200 OK\r\n"), keep, &body, &err);

    for (int i = 0; ok && i < 100000; i++) {
        (void)snprintf(line, sizeof line, "X-%d: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
        ok = reply_feed(&r, str_from(line), keep, &body, &err);
    }
    CHECK(!ok && err.kind == ERR_LIMIT);
    buf_fini(&body);
}

struct seen {
    struct buf text;
    int ends;
};

static void take_frame(void *data, int stream, struct str piece, bool last)
{
    struct seen *seen = data;

    buf_format(&seen->text, stream == 2 ? "!" : "");
    buf_add_str(&seen->text, piece);
    seen->ends += last;
}

CASE(frames_are_told_apart_by_stream)
{
    static const char bytes[] = "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\1x\1\0\0\0\0\0\0\0";
    struct err err = ERR_INIT;

    for (size_t step = 1; step < sizeof bytes; step++) {
        struct seen seen = {.text = BUF_INIT(100)};
        struct frames f = {0};
        struct str rest = {bytes, sizeof bytes - 1};
        while (rest.len > 0) {
            struct str piece = {rest.at, rest.len < step ? rest.len : step};
            CHECK_OK(frames_feed(&f, piece, take_frame, &seen, &err), &err);
            rest = str_tail(rest, piece.len);
        }
        CHECK_STR(buf_str(&seen.text), "abc!x");
        CHECK_INT(seen.ends, 3);
        buf_fini(&seen.text);
    }
    struct frames f = {0};
    struct seen seen = {.text = BUF_INIT(100)};
    CHECK(!frames_feed(&f, STR("no frames at all"), take_frame, &seen, &err));
    buf_fini(&seen.text);
}

CASE(an_inspection_says_what_matters)
{
    struct container_view v;

    CHECK(container_view_read(STR("{\"State\":{\"Running\":false,\"Pid\":0,\"ExitCode\":137,"
                                  "\"OOMKilled\":true,\"StartedAt\":\"2026-01-02T03:04:05.5Z\","
                                  "\"FinishedAt\":\"0001-01-01T00:00:00Z\"},"
                                  "\"Config\":{\"Labels\":{\"com.docker.compose.project\":\"shop\","
                                  "\"com.docker.compose.container-number\":\"2\"}},"
                                  "\"NetworkSettings\":{\"Networks\":{\"a\":{\"IPAddress\":\"\"},"
                                  "\"b\":{\"IPAddress\":\"10.0.0.2\"}}}}"),
        &v));
    CHECK(!v.running && v.oom && v.code == 137 && v.number == 2);
    CHECK(v.started_wall_ns > 0 && v.finished_wall_ns == 0);
    CHECK_TEXT(v.project, "shop");
    CHECK_TEXT(v.address, "10.0.0.2");
    CHECK(!container_view_read(STR("{}"), &v) && !container_view_read(STR("nonsense"), &v));
}

CASE(only_events_about_a_containers_life_are_looked_at)
{
    char name[20];

    CHECK(docker_event_read(
        STR("{\"Action\":\"die\",\"Actor\":{\"Attributes\":{\"name\":\"web\"}}}"), name, 20));
    CHECK_TEXT(name, "web");
    CHECK(!docker_event_read(
        STR("{\"Action\":\"exec_start: x\",\"Actor\":{\"Attributes\":{\"name\":\"web\"}}}"), name,
        20));
    CHECK(!docker_event_read(STR("{\"Action\":\"die\"}"), name, 20));
    CHECK(!docker_event_read(STR("["), name, 20));
}

CASE(what_an_engine_says_is_wrong_is_told_in_one_line)
{
    char out[40];

    call_message(500, STR("{\"message\":\"port is\\nallocated\"}"), out, sizeof out);
    CHECK_TEXT(out, "port is allocated");
    call_message(502, STR("<html>"), out, sizeof out);
    CHECK_TEXT(out, "HTTP 502: <html>");
}

TEST_MAIN()
