#include "cli/http_response.h"

#include "test.h"

static struct http_response r;
static struct buf body = BUF_INIT(1 << 16);
static struct err e;

/* The whole answer, `step` bytes at a time. */
static bool feed(struct str bytes, size_t step)
{
    http_response_init(&r);
    buf_reset(&body);
    e = (struct err)ERR_INIT;
    while (bytes.len > 0 && !http_response_done(&r)) {
        struct str part = {bytes.at, bytes.len < step ? bytes.len : step};
        size_t given = part.len;

        if (!http_response_feed(&r, &part, &body, &e))
            return false;
        bytes = str_tail(bytes, given - part.len);
    }
    return true;
}

#define PLAIN "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: Text/Plain; x=1\r\n\r\nhello"
#define CHUNKED                                                                         \
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n" \
    "0123456789\r\n0\r\nTrailer: x\r\n\r\n"

CASE(an_answer_is_the_same_however_it_is_cut)
{
    for (size_t step = 1; step < 80; step++) {
        CHECK_OK(feed(STR(PLAIN), step), &e);
        CHECK(http_response_done(&r));
        CHECK_INT(r.status, 200);
        CHECK_TEXT(r.content_type, "text/plain");
        CHECK_STR(buf_str(&body), "hello");
        CHECK_OK(feed(STR(CHUNKED), step), &e);
        CHECK(http_response_done(&r));
        CHECK_INT(r.status, 404);
        CHECK_STR(buf_str(&body), "abc0123456789");
    }
}

CASE(what_follows_an_answer_is_left)
{
    struct str input = STR(PLAIN "HTTP/1.1 200 OK\r\n");

    http_response_init(&r);
    buf_reset(&body);
    CHECK_OK(http_response_feed(&r, &input, &body, &e), &e);
    CHECK_STR(input, "HTTP/1.1 200 OK\r\n");
}

CASE(without_a_length_the_end_of_the_connection_ends_it)
{
    CHECK_OK(feed(STR("HTTP/1.1 200 OK\r\n\r\nabc"), 7), &e);
    CHECK(!http_response_done(&r) && r.close);
    CHECK_OK(http_response_end(&r, &e), &e);
    CHECK(http_response_done(&r));
}

CASE(an_early_end_is_unreachable)
{
    CHECK_OK(feed(STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), 7), &e);
    CHECK(!http_response_end(&r, &e));
    CHECK_INT(e.kind, ERR_UNREACHABLE);
}

CASE(an_interim_answer_is_skipped)
{
    CHECK_OK(feed(STR("HTTP/1.1 100 Continue\r\n\r\n" PLAIN), 5), &e);
    CHECK_INT(r.status, 200);
}

CASE(ambiguous_framing_is_refused)
{
    CHECK(!feed(
        STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 9));
    CHECK(!feed(STR("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 9));
    CHECK(!feed(STR("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), 9));
    CHECK(!feed(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), 9));
    CHECK(!feed(STR("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"), 9));
    CHECK(!feed(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 9));
    CHECK(!feed(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"), 9));
    CHECK(!feed(
        STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"), 9));
    CHECK(!feed(STR("SSH-2.0-x\r\n"), 3));
    CHECK(!feed(STR("HTTP/1.1 2x0 OK\r\n"), 3));
}

CASE(a_head_without_end_is_refused)
{
    struct buf long_head = BUF_INIT(1 << 20);

    buf_add_text(&long_head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; i++)
        buf_add_text(&long_head, "X-Filler: abcdefghijklmnopqrstuvwxyz\r\n");
    CHECK(!feed(buf_str(&long_head), 4096));
    CHECK_INT(e.kind, ERR_LIMIT);
    buf_fini(&long_head);
}

CASE(a_body_past_the_bound_is_refused)
{
    struct buf small = BUF_INIT(4);
    struct str input = STR(PLAIN);

    http_response_init(&r);
    CHECK(!http_response_feed(&r, &input, &small, &e));
    CHECK_INT(e.kind, ERR_LIMIT);
    buf_fini(&small);
}

TEST_MAIN()
