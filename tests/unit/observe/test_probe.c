#include "observe/probe/probe.h"

#include "base/fs.h"
#include "observe/probe/probe_private.h"
#include "probing.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static char request_seen[1024];

static struct healthcheck check_of(enum probe_kind kind, const char *path)
{
    return (struct healthcheck){.kind = kind,
        .path = path,
        .interval_ns = 20 * NS_PER_MS,
        .timeout_ns = 300 * NS_PER_MS,
        .start_interval_ns = 50 * NS_PER_MS};
}

static struct seen_result ask_http(void (*serve)(int), const char *path)
{
    struct server s;

    server_start(&s, serve);
    struct healthcheck check = check_of(PROBE_HTTP, path);
    struct probe_target target = {.check = &check, .port = s.port};
    struct seen_result r = probe_once(&target);
    server_stop(&s);
    return r;
}

static void answer_200(int client)
{
    if (!read_request(client, request_seen, sizeof request_seen))
        return;
    write_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

CASE(http_200_is_healthy)
{
    struct seen_result r = ask_http(answer_200, "/healthz?deep=1");
    CHECK(r.ok && !r.timed_out);
    CHECK_TEXT(r.detail, "HTTP 200");
    CHECK(r.duration_ns > 0 && r.duration_ns < NS_PER_S);
    CHECK(strncmp(request_seen, "GET /healthz?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:", 45) == 0);
    CHECK(strstr(request_seen, "\r\nUser-Agent: tend-probe\r\n") != NULL);
    CHECK(strstr(request_seen, "\r\nConnection: close\r\n") != NULL);
}

static void answer_302(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "HTTP/1.0 302 Found\r\n\r\n");
}

static void answer_503(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
}

static void answer_404_bare(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "HTTP/1.1 404\n\n");
}

CASE(http_200_to_399_is_healthy_and_nothing_else)
{
    CHECK(ask_http(answer_302, "/").ok);
    struct seen_result r = ask_http(answer_503, "/");
    CHECK(!r.ok && !r.timed_out);
    CHECK_TEXT(r.detail, "HTTP 503");
    CHECK_TEXT(ask_http(answer_404_bare, "/").detail, "HTTP 404");
}

static void answer_interim(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No "
                           "Content\r\n\r\n");
}

CASE(an_interim_answer_is_not_the_answer)
{
    CHECK_TEXT(ask_http(answer_interim, "/").detail, "HTTP 204");
}

static void answer_bytewise(int client)
{
    const char *text = "HTTP/1.1 200 OK\r\n\r\n";

    if (!read_request(client, request_seen, sizeof request_seen))
        return;
    for (; *text != 0; text++)
        (void)!send(client, text, 1, MSG_NOSIGNAL);
}

CASE(an_answer_in_pieces_is_put_together)
{
    CHECK_TEXT(ask_http(answer_bytewise, "/").detail, "HTTP 200");
}

static void hang(int client)
{
    wait_for_close(client);
}

static void answer_half(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "HTTP/1.1 2");
    wait_for_close(client);
}

CASE(a_hang_behind_accept_is_seen_at_the_timeout)
{
    struct seen_result r = ask_http(hang, "/");
    CHECK(!r.ok && r.timed_out);
    CHECK_TEXT(r.detail, "no answer in 300 ms");
    CHECK(r.duration_ns >= 300 * NS_PER_MS && r.duration_ns < 2 * NS_PER_S);
    r = ask_http(answer_half, "/");
    CHECK(!r.ok && r.timed_out);
}

CASE(a_server_that_accepts_nothing_hangs_too)
{
    struct server s;
    server_start(&s, NULL);
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    struct probe_target target = {.check = &check, .port = s.port};
    struct seen_result r = probe_once(&target);
    CHECK(!r.ok && r.timed_out);
    server_stop(&s);
}

static void answer_garbage(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "SSH-2.0-OpenSSH_9.2\r\n\x01\x02");
}

static void close_at_once(int client)
{
    (void)read_request(client, request_seen, sizeof request_seen);
}

static void close_half(int client)
{
    if (read_request(client, request_seen, sizeof request_seen))
        write_text(client, "HTTP/1.1 200 O");
}

CASE(what_is_not_an_answer_is_told)
{
    struct seen_result r = ask_http(answer_garbage, "/");
    CHECK(!r.ok && !r.timed_out);
    CHECK_TEXT(r.detail, "not an HTTP/1 answer: \"SSH-2.0-OpenSSH_9.2....\"");
    r = ask_http(close_at_once, "/");
    CHECK_TEXT(r.detail, "closed without an answer");
    r = ask_http(close_half, "/");
    CHECK_TEXT(r.detail, "closed within the head, after 14 bytes");
    CHECK(!r.ok && !r.timed_out);
}

static atomic_int body_written;

static void answer_huge(int client)
{
    static char big[1 << 20];

    memset(big, 'h', sizeof big);
    if (!read_request(client, request_seen, sizeof request_seen))
        return;
    write_text(client, "HTTP/1.1 200 OK\r\nX: ");
    body_written = (int)send(client, big, sizeof big / 2, MSG_NOSIGNAL);
}

static void endless_reason(int client)
{
    static char big[1 << 20];

    memset(big, 'h', sizeof big);
    if (!read_request(client, request_seen, sizeof request_seen))
        return;
    write_text(client, "HTTP/1.1 200 ");
    (void)!send(client, big, sizeof big, MSG_NOSIGNAL);
}

CASE(a_large_head_is_drained_and_an_endless_status_line_refused)
{
    struct probing w;
    struct server s;
    struct err e = ERR_INIT;

    server_start(&s, answer_huge);
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    struct probe_target target = {.check = &check, .port = s.port};
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(probing_wait(&w, 5));
    CHECK(w.failures == 0);
    CHECK_INT(body_written, 1 << 19); /* nobody reset it while it wrote */
    probing_end(&w);
    server_stop(&s);
    CHECK(!ask_http(endless_reason, "/").ok);
}

static void never_close(int client)
{
    if (!read_request(client, request_seen, sizeof request_seen))
        return;
    write_text(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    wait_for_close(client);
}

CASE(a_server_that_never_closes_is_left_in_time)
{
    struct probing w;
    struct server s;
    struct err e = ERR_INIT;

    server_start(&s, never_close);
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    struct probe_target target = {.check = &check, .port = s.port};
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(probing_wait(&w, 10)); /* it serves one connection at a time */
    CHECK_INT(w.failures, 0);
    probing_end(&w);
    server_stop(&s);
}

CASE(a_refused_connection_says_so_at_once)
{
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    struct probe_target target = {.check = &check, .port = free_port()};
    struct seen_result r = probe_once(&target);
    CHECK(!r.ok && !r.timed_out);
    CHECK_TEXT(r.detail, "connect: Connection refused");
    check.kind = PROBE_TCP;
    CHECK_TEXT(probe_once(&target).detail, "connect: Connection refused");
}

CASE(tcp_is_healthy_when_accepted)
{
    struct server s;
    server_start(&s, NULL);
    struct healthcheck check = check_of(PROBE_TCP, NULL);
    check.port = s.port;
    check.host = "localhost";
    struct probe_target target = {.check = &check, .port = 1};
    struct seen_result r = probe_once(&target);
    CHECK(r.ok);
    CHECK_TEXT(r.detail, "connected");
    server_stop(&s);
}

CASE(tcp_does_not_take_a_connection_to_itself_for_an_answer)
{
    struct probe_address a;
    struct err e = ERR_INIT;
    int port = free_port();
    /* A check of the whole range of client ports would meet itself; here the meeting is made. */
    CHECK_OK(probe_resolve("127.0.0.1", port, &a, &e), &e);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(bind(fd, (struct sockaddr *)&a.at, a.len) == 0);
    CHECK(connect(fd, (struct sockaddr *)&a.at, a.len) == 0);
    CHECK(probe_is_itself(fd, &a));
    (void)close(fd);
}

CASE(a_new_listener_is_found_within_milliseconds)
{
    struct probing w;
    struct err e = ERR_INIT;
    struct server s;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    memset(&s, 0, sizeof s);
    s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s.fd, (struct sockaddr *)&a, len) == 0);
    CHECK(getsockname(s.fd, (struct sockaddr *)&a, &len) == 0);
    struct healthcheck check = check_of(PROBE_TCP, NULL);
    check.port = ntohs(a.sin_port);
    struct probe_target target = {.check = &check};
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    int64_t start_ns = clock_boot_ns();
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(probing_wait(&w, 4)); /* 0.5, 1.5, 2.5, 4.5 ms */
    CHECK_SAYING(clock_boot_ns() - start_ns < NS_PER_S, "the first checks dawdle");
    CHECK_INT(w.failures, 4);
    CHECK(listen(s.fd, 8) == 0);
    CHECK(probing_wait(&w, 5));
    CHECK(w.seen[4].ok);
    probing_end(&w);
    (void)close(s.fd);
}

CASE(after_the_first_ok_checks_come_once_an_interval)
{
    struct probing w;
    struct server s;
    struct err e = ERR_INIT;

    server_start(&s, answer_200);
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    struct probe_target target = {.check = &check, .port = s.port};
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(probing_wait(&w, 2));
    int64_t start_ns = clock_boot_ns();
    CHECK(probing_wait(&w, 52)); /* fifty intervals of 20 ms later */
    int64_t took_ns = clock_boot_ns() - start_ns;
    /* A busy machine may tell the first one late, which shortens the rest. */
    CHECK_SAYING(
        took_ns >= 900 * NS_PER_MS, "fifty checks in %lld ms", (long long)took_ns / 1000000);
    probing_end(&w);
    server_stop(&s);
}

static void destroy_within(struct probing *w)
{
    probe_destroy(&w->probe);
}

CASE(a_probe_may_be_destroyed_within_its_result)
{
    struct probing w;
    struct server s;
    struct err e = ERR_INIT;

    server_start(&s, answer_200);
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    struct probe_target target = {.check = &check, .port = s.port};
    probing_begin(&w);
    w.during = destroy_within;
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_start(w.probe, PROBE_STARTUP);
    CHECK(probing_wait(&w, 1));
    CHECK(!probing_wait_ms(&w, 2, 60));
    probing_end(&w);
    server_stop(&s);
}

CASE(a_stopped_probe_asks_no_more_and_probe_now_asks_at_once)
{
    struct probing w;
    struct server s;
    struct err e = ERR_INIT;

    server_start(&s, answer_200);
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    check.interval_ns = 3600 * NS_PER_S;
    struct probe_target target = {.check = &check, .port = s.port};
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_now(w.probe); /* not started */
    CHECK(!probing_wait_ms(&w, 1, 20));
    probe_start(w.probe, PROBE_STEADY);
    CHECK(!probing_wait_ms(&w, 1, 20));
    probe_now(w.probe);
    CHECK(probing_wait(&w, 1));
    probe_stop(w.probe);
    probe_now(w.probe);
    CHECK(!probing_wait_ms(&w, 2, 20));
    probing_end(&w);
    server_stop(&s);
}

CASE(want_of_descriptors_is_not_the_services_failure)
{
    struct probing w;
    struct server s;
    struct err e = ERR_INIT;
    struct rlimit before, none;

    server_start(&s, NULL);
    struct healthcheck check = check_of(PROBE_TCP, NULL);
    struct probe_target target = {.check = &check, .port = s.port};
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    probe_start(w.probe, PROBE_STARTUP);
    bool came = probing_wait_ms(&w, 1, 50);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(!came);
    CHECK(probing_wait(&w, 1));
    CHECK(w.seen[0].ok);
    probing_end(&w);
    server_stop(&s);
}

/* ---- UNIX sockets ---- */

static int listen_unix(const char *dir, const char *name, int backlog)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int place = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", place, name);
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, backlog) == 0);
    (void)close(place);
    return fd;
}

CASE(a_unix_socket_is_reached_however_long_its_path_is)
{
    char dir[512] = "/tmp/tend-test-XXXXXX", path[600];
    struct err e = ERR_INIT;

    CHECK(mkdtemp(dir) != NULL);
    char root[64];
    (void)snprintf(root, sizeof root, "%s", dir);
    for (int i = 0; i < 4; i++) {
        size_t len = strlen(dir);
        (void)snprintf(dir + len, sizeof dir - len, "/%045d", i);
        CHECK(mkdir(dir, 0700) == 0);
    }
    int fd = listen_unix(dir, "sock", 8);
    (void)snprintf(path, sizeof path, "%s/sock", dir);
    struct healthcheck check = check_of(PROBE_UNIX, path);
    struct probe_target target = {.check = &check};
    CHECK_TEXT(probe_once(&target).detail, "connected");
    check.path = "sock";
    target.working_dir = dir;
    CHECK_TEXT(probe_once(&target).detail, "connected");
    (void)close(fd);
    CHECK_TEXT(probe_once(&target).detail, "connect: Connection refused");
    check.path = "nowhere";
    CHECK_TEXT(probe_once(&target).detail, "connect: No such file or directory");
    CHECK_OK(fs_remove_tree(root, &e), &e);
}

CASE(a_unix_socket_whose_queue_is_full_is_not_healthy)
{
    char dir[] = "/tmp/tend-test-XXXXXX", path[64];
    struct err e = ERR_INIT;

    CHECK(mkdtemp(dir) != NULL);
    int fd = listen_unix(dir, "s", 0);
    (void)snprintf(path, sizeof path, "%s/s", dir);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int first = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect(first, (struct sockaddr *)&a, sizeof a) == 0);
    struct healthcheck check = check_of(PROBE_UNIX, path);
    struct probe_target target = {.check = &check};
    CHECK_TEXT(probe_once(&target).detail, "connect: its queue is full, it accepts nothing");
    (void)close(first);
    (void)close(fd);
    CHECK_OK(fs_remove_tree(dir, &e), &e);
}

/* ---- watchdog ---- */

CASE(a_heartbeat_is_ok_and_silence_for_an_interval_is_not)
{
    struct probing w;
    struct err e = ERR_INIT;
    struct healthcheck check = check_of(PROBE_WATCHDOG, NULL);
    struct probe_target target = {.check = &check};

    check.interval_ns = 60 * NS_PER_MS;
    probing_begin(&w);
    CHECK_OK(probe_create(&w.probe, w.prober, &target, on_result, &w, &e), &e);
    probe_heartbeat(w.probe); /* not started: of no interest */
    int64_t start_ns = clock_boot_ns();
    probe_start(w.probe, PROBE_STARTUP);
    probe_heartbeat(w.probe);
    CHECK(probing_wait(&w, 1));
    CHECK(w.seen[0].ok);
    CHECK_TEXT(w.seen[0].detail, "heartbeat");
    CHECK(probing_wait(&w, 3));
    CHECK(!w.seen[1].ok && w.seen[1].timed_out && !w.seen[2].ok);
    CHECK_TEXT(w.seen[1].detail, "no heartbeat in 60 ms");
    CHECK(w.seen[1].duration_ns >= 60 * NS_PER_MS);
    CHECK(clock_boot_ns() - start_ns >= 120 * NS_PER_MS);
    probing_end(&w);
}

/* ---- refusals ---- */

static enum err_kind refusal(const struct healthcheck *check, int port)
{
    struct probing w;
    struct err e = ERR_INIT;
    struct probe_target target = {.check = check, .port = port};

    probing_begin(&w);
    bool made = probe_create(&w.probe, w.prober, &target, on_result, &w, &e);
    probing_end(&w);
    return made ? ERR_NONE : e.kind;
}

CASE(a_target_that_cannot_work_is_refused)
{
    struct healthcheck check = check_of(PROBE_HTTP, "/");
    CHECK_INT(refusal(&check, 0), ERR_INVALID);
    CHECK_INT(refusal(&check, 65536), ERR_INVALID);
    check.path = "/a b";
    CHECK_INT(refusal(&check, 80), ERR_INVALID);
    check.path = "/a\r\nX: y";
    CHECK_INT(refusal(&check, 80), ERR_INVALID);
    check.path = "healthz";
    CHECK_INT(refusal(&check, 80), ERR_INVALID);
    check.path = "/";
    check.host = "db.example.org";
    CHECK_INT(refusal(&check, 80), ERR_UNSUPPORTED);
    check.host = "[::1]";
    CHECK_INT(refusal(&check, 80), ERR_NONE);
    check.kind = PROBE_NONE;
    CHECK_INT(refusal(&check, 80), ERR_INVALID);
    check.kind = PROBE_UNIX;
    check.path = "";
    CHECK_INT(refusal(&check, 80), ERR_INVALID);
}

/* ---- the schedule ---- */

CASE(startup_checks_relax_to_a_twentieth_of_the_wait)
{
    int64_t start = 50 * NS_PER_MS, interval = NS_PER_S;
    static const int want_ms[] = {1, 1, 2, 3, 5, 8, 13, 21, 34, 50, 50};
    for (unsigned i = 0; i < sizeof want_ms / sizeof want_ms[0]; i++)
        CHECK_INT(probe_schedule_startup_delay(i, 0, start, interval), want_ms[i] * NS_PER_MS);
    CHECK_INT(
        probe_schedule_startup_delay(1000000, 4 * NS_PER_S, start, interval), 200 * NS_PER_MS);
    CHECK_INT(probe_schedule_startup_delay(99, 3600 * NS_PER_S, start, interval), interval);
    CHECK_INT(probe_schedule_startup_delay(99, NS_PER_S, 5 * NS_PER_S, NS_PER_S), 5 * NS_PER_S);
}

CASE(a_thousand_probes_spread_evenly_over_shared_slots)
{
    int in_slot[64] = {0};
    for (uint64_t serial = 0; serial < 1000; serial++) {
        int64_t phase = probe_schedule_phase(serial, NS_PER_S);
        CHECK(phase >= 0 && phase < NS_PER_S && phase % (NS_PER_S / 64) == 0);
        in_slot[phase / (NS_PER_S / 64)]++;
    }
    for (int i = 0; i < 64; i++)
        CHECK_SAYING(in_slot[i] >= 14 && in_slot[i] <= 18, "slot %d has %d", i, in_slot[i]);
}

CASE(the_next_check_lies_at_the_probes_place_within_one_interval)
{
    for (int64_t now = 0; now < 5000; now += 7) {
        int64_t next = probe_schedule_next(now, 1000, 300);
        CHECK(next > now && next <= now + 1000 && next % 1000 == 300);
    }
}

CASE(a_check_that_takes_its_whole_interval_delays_none)
{
    CHECK_INT(probe_schedule_after(300, 310, 1000, 300), 1300);   /* quick */
    CHECK_INT(probe_schedule_after(300, 1250, 1000, 300), 1300);  /* slow */
    CHECK_INT(probe_schedule_after(300, 1301, 1000, 300), 1301);  /* a whole interval: at once */
    CHECK_INT(probe_schedule_after(1301, 2303, 1000, 300), 2303); /* and again */
    CHECK_INT(probe_schedule_after(300, 1500, 1000, 300), 2300);  /* too late for it */
    CHECK_INT(probe_schedule_after(700, 1305, 1000, 300), 1305);  /* begun out of turn */
}

CASE(strangers_bytes_are_shown_printable_and_bounded)
{
    char out[8];
    probe_show(STR("a\nb\xff"), out, sizeof out);
    CHECK_TEXT(out, "a.b.");
    probe_show(STR("1234567"), out, sizeof out);
    CHECK_TEXT(out, "1234567");
    probe_show(STR("12345678"), out, sizeof out);
    CHECK_TEXT(out, "1234\xe2\x80\xa6");
}

TEST_MAIN()
