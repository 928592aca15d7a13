#include "io/http_server.h"

#include "base/fs.h"

#include "raw_client.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

/* A handler with a few paths; streams are handed to the test. */
struct fixture {
    struct http_server *server;
    char dir[64], path[128];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_stream *stream; /* opened, not yet taken by the test */
    int closed, rooms;
    int requests;
    struct http_peer peer;
};

static struct fixture f;

static const struct http_header fixed[] = {
    {"X-Content-Type-Options", "nosniff"},
    {NULL,                     NULL     }
};

static bool asks(struct http_request *r, const char *path)
{
    const struct http_target *t = http_request_target(r);

    return t->segment_count == 1 && str_is(t->segments[0], path);
}

static void on_head(void *data, struct http_request *r)
{
    (void)data;
    if (asks(r, "refuse"))
        http_answer(r, 403, "text/plain", STR("no\n"));
    if (asks(r, "echo"))
        http_allow_body(r, 1000);
}

static void on_room(void *data)
{
    (void)data;
    (void)pthread_mutex_lock(&f.lock);
    f.rooms++;
    (void)pthread_cond_broadcast(&f.changed);
    (void)pthread_mutex_unlock(&f.lock);
}

static void on_closed(void *data)
{
    (void)data;
    (void)pthread_mutex_lock(&f.lock);
    f.closed++;
    (void)pthread_cond_broadcast(&f.changed);
    (void)pthread_mutex_unlock(&f.lock);
}

static void give_stream(struct http_stream *s)
{
    struct http_stream_hooks hooks = {.room = on_room, .closed = on_closed};

    http_stream_hook(s, &hooks);
    (void)pthread_mutex_lock(&f.lock);
    f.stream = s;
    (void)pthread_cond_broadcast(&f.changed);
    (void)pthread_mutex_unlock(&f.lock);
}

static void on_request(void *data, struct http_request *r)
{
    (void)data;
    f.requests++;
    f.peer = *http_request_peer(r);
    if (asks(r, "echo"))
        http_answer(r, 200, "text/plain", http_request_body(r));
    else if (asks(r, "lines"))
        give_stream(http_stream_open(r, HTTP_LINES));
    else if (asks(r, "events"))
        give_stream(http_stream_open(r, HTTP_EVENTS));
    else
        http_answer(r, 200, "text/plain", STR("hello\n"));
}

/* The stream that a request has opened. */
static struct http_stream *take_stream(void)
{
    (void)pthread_mutex_lock(&f.lock);
    while (f.stream == NULL)
        (void)pthread_cond_wait(&f.changed, &f.lock);
    struct http_stream *s = f.stream;
    f.stream = NULL;
    (void)pthread_mutex_unlock(&f.lock);
    return s;
}

static void wait_closed(void)
{
    (void)pthread_mutex_lock(&f.lock);
    while (f.closed == 0)
        (void)pthread_cond_wait(&f.changed, &f.lock);
    (void)pthread_mutex_unlock(&f.lock);
}

static void start_with(struct http_server_options options)
{
    struct http_handler handler = {.head = on_head, .request = on_request};
    struct err err;

    memset(&f, 0, sizeof f);
    (void)pthread_mutex_init(&f.lock, NULL);
    (void)pthread_cond_init(&f.changed, NULL);
    (void)strcpy(f.dir, "/tmp/tend-http-XXXXXX");
    CHECK(mkdtemp(f.dir) != NULL);
    (void)snprintf(f.path, sizeof f.path, "%s/sock", f.dir);
    options.unix_path = f.path;
    options.tcp_address = "127.0.0.1:0";
    options.headers = fixed;
    CHECK_OK(http_server_start(&f.server, &options, &handler, &err), &err);
}

static void start(void)
{
    start_with((struct http_server_options){0});
}

static void stop(void)
{
    struct err err;

    http_server_stop(&f.server);
    CHECK(!fs_exists(f.path));
    CHECK_OK(fs_remove_tree(f.dir, &err), &err);
}

static struct client open_tcp(void)
{
    struct client c;

    client_open_tcp(&c, http_server_port(f.server));
    return c;
}

CASE(a_request_is_answered_over_tcp_and_the_connection_is_kept)
{
    start();
    struct client c = open_tcp();

    CHECK_INT(client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    CHECK_TEXT(client_body(&c), "hello\n");
    CHECK(client_has(&c, "X-Content-Type-Options: nosniff\r\n"));
    CHECK_INT(client_ask(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    CHECK(!f.peer.local);
    CHECK_INT(http_server_counts(f.server).accepted, 1);
    CHECK_INT(http_server_counts(f.server).open, 1);
    client_close(&c);
    stop();
}

CASE(the_unix_socket_is_private_and_tells_who_asks)
{
    struct stat found;
    struct client c;

    start();
    CHECK_INT(stat(f.path, &found), 0);
    CHECK_INT(found.st_mode & 07777, 0600);
    client_open_unix(&c, f.path);
    CHECK_INT(client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    CHECK(f.peer.local);
    CHECK_INT(f.peer.uid, getuid());
    CHECK_INT(f.peer.pid, getpid());
    client_close(&c);
    stop();
}

CASE(two_requests_in_one_packet_are_answered_in_order)
{
    start();
    struct client c = open_tcp();

    client_send(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                    "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(client_wait_end(&c));
    CHECK(
        str_find_text(buf_str(&c.got), STR("abc")) < str_find_text(buf_str(&c.got), STR("hello")));
    client_close(&c);
    stop();
}

CASE(head_has_the_length_and_no_body)
{
    start();
    struct client c = open_tcp();

    client_send(&c, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(client_wait_end(&c));
    CHECK_INT(client_status(&c), 200);
    CHECK(client_has(&c, "Content-Length: 6\r\n"));
    CHECK_TEXT(client_body(&c), "");
    client_close(&c);
    stop();
}

CASE(a_chunked_body_is_joined)
{
    start();
    struct client c = open_tcp();

    CHECK_INT(client_ask(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        200);
    CHECK_TEXT(client_body(&c), "abcde");
    client_close(&c);
    stop();
}

/* Each of these could be read as two different messages by two programs. The second request hides
 * in what one of them takes for a body; it must never be answered. */
CASE(ambiguous_framing_is_refused_and_the_connection_is_closed)
{
#define HIDDEN "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    static const char *const heads[] = {
        "Content-Length: 0\r\nContent-Length: 35\r\n",
        "Content-Length: 35\r\nContent-Length: 35\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 35\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: \x0b"
        "chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 35\r\n",
        "Content-Length: +35\r\n",
        "Content-Length: 35, 35\r\n",
        "Content-Length: 0x23\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "X[]: y\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chun\r\n\tked\r\n",
        "Transfer-Encoding:\n chunked\n",
        "Content-Length:\r\n 35\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "Host: y\r\n",
    };

    start();
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct client c = open_tcp();
        char text[512];
        (void)snprintf(
            text, sizeof text, "POST /echo HTTP/1.1\r\nHost: x\r\n%s\r\n" HIDDEN, heads[i]);
        client_send(&c, text);
        CHECK_SAYING(client_wait_end(&c), "left open: %s", heads[i]);
        CHECK_SAYING(client_status(&c) >= 400, "%d for %s", client_status(&c), heads[i]);
        CHECK_SAYING(!client_has(&c, "hello"), "answered the hidden one: %s", heads[i]);
        client_close(&c);
    }
    CHECK_INT(f.requests, 0);
    stop();
}

CASE(bad_targets_are_refused)
{
    static const char *const targets[] = {"/%", "/%00", "/../x", "http://x/", "*"};

    start();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct client c = open_tcp();
        char text[128];
        (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        CHECK_INT(client_ask(&c, text), 400);
        client_close(&c);
    }
    stop();
}

CASE(a_target_or_head_that_is_too_long_is_refused)
{
    static char text[40000];

    start();
    struct client c = open_tcp();
    (void)snprintf(text, sizeof text, "GET /%05000d HTTP/1.1\r\nHost: x\r\n\r\n", 0);
    CHECK_INT(client_ask(&c, text), 414);
    client_close(&c);
    c = open_tcp();
    (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\nX: %030000d\r\n\r\n", 0);
    client_send(&c, text);
    CHECK(client_wait_end(&c));
    CHECK(client_status(&c) == 431 || client_status(&c) == 413 || client_status(&c) == 0);
    client_close(&c);
    stop();
}

CASE(a_body_is_taken_only_where_it_is_allowed_and_up_to_its_bound)
{
    static char big[1200];

    start();
    struct client c = open_tcp();
    CHECK_INT(client_ask(&c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"), 413);
    client_close(&c);
    c = open_tcp();
    CHECK_INT(
        client_ask(&c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"), 413);
    client_close(&c);
    c = open_tcp();
    (void)snprintf(big, sizeof big,
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3ea\r\n%01002d\r\n",
        0);
    client_send(&c, big);
    CHECK(client_wait_end(&c));
    CHECK_INT(f.requests, 0);
    client_close(&c);
    stop();
}

CASE(a_refusal_comes_before_the_body)
{
    start();
    struct client c = open_tcp();

    CHECK_INT(
        client_ask(&c, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
        403);
    client_close(&c);
    stop();
}

CASE(a_client_that_drips_its_head_is_cut)
{
    start_with((struct http_server_options){.head_timeout_ms = 100});
    struct client c = open_tcp();

    client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n");
    CHECK(client_wait_end(&c));
    CHECK_INT(client_status(&c), 0);
    client_close(&c);
    stop();
}

CASE(the_unix_socket_keeps_its_share_of_the_connections)
{
    struct client tcp[8], c;

    start_with((struct http_server_options){.connections_max = 8});
    for (int i = 0; i < 8; i++) {
        tcp[i] = open_tcp();
        if (i < 7)
            CHECK_INT(client_ask(&tcp[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    }
    CHECK(client_wait_end(&tcp[7]));
    client_open_unix(&c, f.path);
    CHECK_INT(client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    client_close(&c);
    for (int i = 0; i < 8; i++)
        client_close(&tcp[i]);
    stop();
}

CASE(lines_arrive_as_they_are_appended)
{
    start();
    struct client c = open_tcp();

    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    CHECK(http_stream_line(s, 1, "a", STR("{\"n\":1}")));
    CHECK(client_wait(&c, "{\"n\":1}\n"));
    CHECK(client_has(&c, "Content-Type: application/x-ndjson\r\n"));
    CHECK(http_stream_line(s, 2, "a", STR("{\"n\":2}")));
    CHECK(client_wait(&c, "{\"n\":2}\n"));
    http_stream_end(&s);
    CHECK(s == NULL);
    CHECK(client_wait(&c, "\r\n0\r\n\r\n"));
    wait_closed();
    CHECK_INT(client_ask(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    CHECK_INT(http_server_counts(f.server).streams, 0);
    client_close(&c);
    stop();
}

CASE(server_sent_events_have_id_event_and_heartbeats)
{
    start_with((struct http_server_options){.heartbeat_ms = 30});
    struct client c = open_tcp();

    client_send(&c, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    CHECK(http_stream_line(s, 7, "instance.ready", STR("{}")));
    CHECK(client_wait(&c, "id: 7\nevent: instance.ready\ndata: {}\n\n"));
    CHECK(client_has(&c, "Content-Type: text/event-stream"));
    CHECK(client_wait(&c, "\n:\n\n") || client_wait(&c, ":\n\n\r\n"));
    http_stream_end(&s);
    CHECK(client_wait(&c, "\r\n0\r\n\r\n"));
    client_close(&c);
    stop();
}

CASE(a_stream_may_be_answered_whole)
{
    start();
    struct client c = open_tcp();

    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    http_stream_answer(s, 404, "application/json", STR("{\"none\":1}\n"));
    CHECK(!http_stream_line(s, 0, NULL, STR("{}")));
    http_stream_end(&s);
    CHECK(client_wait(&c, "{\"none\":1}\n"));
    CHECK_INT(client_status(&c), 404);
    CHECK(client_has(&c, "Content-Length: 11\r\n"));
    client_close(&c);
    stop();
}

CASE(a_client_that_vanishes_closes_its_stream)
{
    start();
    struct client c = open_tcp();

    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    CHECK(http_stream_line(s, 1, NULL, STR("{}")));
    CHECK(client_wait(&c, "{}\n"));
    client_close(&c);
    wait_closed();
    CHECK(http_stream_is_closed(s));
    CHECK(!http_stream_line(s, 2, NULL, STR("{}")));
    CHECK_INT(http_stream_room(s), 0);
    http_stream_end(&s);
    stop();
}

CASE(a_client_that_vanishes_before_the_first_line_closes_its_stream)
{
    start();
    struct client c = open_tcp();

    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    client_close(&c);
    wait_closed();
    http_stream_end(&s);
    stop();
}

CASE(a_slow_reader_is_cut_with_an_error_line)
{
    static char line[8001];
    int lines = 0;

    memset(line, '1', sizeof line - 1);
    start();
    struct client c = open_tcp();
    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    while (http_stream_line(s, 0, NULL, str_from(line)) && lines < 10000)
        lines++;
    CHECK(lines >= 32 && lines < 10000);
    CHECK(!http_stream_line(s, 0, NULL, str_from(line)));
    http_stream_end(&s);
    CHECK(client_wait(&c, "\r\n0\r\n\r\n"));
    CHECK(client_has(&c, "the reader is too slow"));
    client_close(&c);
    stop();
}

CASE(whoever_waits_for_room_is_told)
{
    static char line[8001];

    memset(line, '1', sizeof line - 1);
    start();
    struct client c = open_tcp();
    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *s = take_stream();
    while (http_stream_room(s) > sizeof line)
        CHECK(http_stream_line(s, 0, NULL, str_from(line)));
    CHECK(!http_stream_wait(s, HTTP_STREAM_BYTES_MAX, 10));
    http_stream_room(s);
    CHECK(client_wait(&c, "\r\n111"));
    while (f.rooms == 0 && client_read_some(&c, clock_boot_ms() + CLIENT_WAIT_MS))
        if (http_stream_wait(s, 8000, 0))
            break;
    CHECK(http_stream_wait(s, 8000, CLIENT_WAIT_MS));
    http_stream_end(&s);
    CHECK(client_wait(&c, "\r\n0\r\n\r\n"));
    client_close(&c);
    stop();
}

CASE(the_end_of_the_server_closes_streams_that_wait)
{
    start();
    struct client c = open_tcp(), d = open_tcp();

    client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *undecided = take_stream();
    client_send(&d, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    struct http_stream *begun = take_stream();
    CHECK(http_stream_line(begun, 1, NULL, STR("{}")));
    CHECK(client_wait(&d, "{}"));
    stop();
    CHECK_INT(f.closed, 2);
    CHECK(!http_stream_line(begun, 2, NULL, STR("{}")));
    http_stream_answer(undecided, 200, "text/plain", STR("late"));
    http_stream_end(&undecided);
    http_stream_end(&begun);
    CHECK(client_wait_end(&c));
    client_close(&c);
    client_close(&d);
}

CASE(an_answer_that_is_complete_at_the_stop_still_arrives)
{
    for (int i = 0; i < 20; i++) {
        start();
        struct client c = open_tcp();
        client_send(&c, "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n");
        struct http_stream *s = take_stream();
        CHECK(http_stream_line(s, 1, NULL, STR("{\"t\":\"result\"}")));
        http_stream_end(&s);
        stop();
        CHECK(client_wait_end(&c));
        CHECK(client_has(&c, "{\"t\":\"result\"}\n\r\n0\r\n\r\n"));
        client_close(&c);
    }
}

CASE(a_stale_socket_is_replaced_and_an_answered_one_is_not)
{
    struct http_handler handler = {.head = on_head, .request = on_request};
    struct http_server *other = NULL;
    struct err err;

    start();
    struct http_server_options options = {.unix_path = f.path};
    CHECK(!http_server_start(&other, &options, &handler, &err));
    CHECK_INT(err.kind, ERR_CONFLICT);
    CHECK(strstr(err.text, "another daemon answers") != NULL);
    CHECK(fs_exists(f.path));
    stop();

    start();
    char stale[160];
    (void)snprintf(stale, sizeof stale, "%s/stale", f.dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/stale", f.dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    options.unix_path = stale;
    CHECK_OK(http_server_start(&other, &options, &handler, &err), &err);
    http_server_stop(&other);
    CHECK_OK(fs_write_volatile(stale, STR("precious"), 0600, &err), &err);
    CHECK(!http_server_start(&other, &options, &handler, &err));
    CHECK(fs_exists(stale));
    stop();
}

CASE(a_socket_path_may_be_longer_than_an_address_holds)
{
    struct http_handler handler = {.head = on_head, .request = on_request};
    struct http_server *other = NULL;
    char dir[400], path[420];
    struct err err;

    start();
    (void)snprintf(dir, sizeof dir, "%s/%0200d", f.dir, 0);
    (void)snprintf(path, sizeof path, "%s/sock", dir);
    CHECK_OK(fs_make_dirs(dir, 0700, &err), &err);
    struct http_server_options options = {.unix_path = path};
    CHECK_OK(http_server_start(&other, &options, &handler, &err), &err);
    CHECK(fs_exists(path));
    http_server_stop(&other);
    CHECK(!fs_exists(path));
    stop();
}

CASE(a_taken_address_names_who_holds_it)
{
    struct http_handler handler = {.head = on_head, .request = on_request};
    struct http_server *other = NULL;
    char address[64], holder[64];
    struct err err;

    start();
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", http_server_port(f.server));
    (void)snprintf(holder, sizeof holder, "already taken by pid %d", getpid());
    struct http_server_options options = {.tcp_address = address};
    CHECK(!http_server_start(&other, &options, &handler, &err));
    CHECK_INT(err.kind, ERR_CONFLICT);
    CHECK_SAYING(strstr(err.text, holder) != NULL, "%s", err.text);
    stop();
}

CASE(an_address_that_is_none_is_refused)
{
    static const char *const bad[] = {
        "", "127.0.0.1", ":1", "127.0.0.1:x", "127.0.0.1:65536", "example.invalid:80", "[::1:80"};
    struct http_handler handler = {.head = on_head, .request = on_request};
    struct http_server *other = NULL;
    struct err err;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_server_options options = {.tcp_address = bad[i]};
        CHECK_SAYING(!http_server_start(&other, &options, &handler, &err), "taken: %s", bad[i]);
        CHECK_INT(err.kind, ERR_INVALID);
    }
}

/* ---- appending from another thread while clients come and go ---- */

static void *append_until_closed(void *data)
{
    struct http_stream *s = data;
    char text[64];

    for (int i = 0; !http_stream_is_closed(s); i++) {
        (void)snprintf(text, sizeof text, "{\"n\":%d}", i);
        if (!http_stream_wait(s, sizeof text, 1000))
            break;
        (void)http_stream_line(s, (uint64_t)i + 1, "tick", str_from(text));
    }
    http_stream_end(&s);
    return NULL;
}

CASE(clients_that_vanish_while_others_append_do_no_harm)
{
    pthread_t threads[40];

    start();
    for (int i = 0; i < 40; i++) {
        struct client c = open_tcp();
        client_send(&c, i % 2 == 0 ? "GET /lines HTTP/1.1\r\nHost: x\r\n\r\n"
                                   : "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_INT(pthread_create(&threads[i], NULL, append_until_closed, take_stream()), 0);
        if (i % 4 != 0)
            CHECK(client_wait(&c, "{\"n\":"));
        client_close(&c);
    }
    for (int i = 0; i < 40; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    stop();
    CHECK_INT(f.closed, 40);
}

TEST_MAIN()
