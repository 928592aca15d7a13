#include "fake_host.h"

CASE(status_is_the_same_over_both_sockets)
{
    fake_start();
    EXPECT(unix_ask("GET", "/tend/v1/status", "", ""), 200,
        "\"head\":1234,\"services\":[{\"name\":\"web\",\"state\":\"degraded\"");
    struct client c = tcp_ask("GET", "/tend/v1/status", "", "");
    CHECK_INT(client_status(&c), 200);
    CHECK(client_has(&c, "{\"v\":1,\"project\":\"shop\",\"version\":\"" TEND_VERSION "\""));
    CHECK(client_has(&c, "\"started_at\":\"2025-11-24T20:43:20.000Z\""));
    CHECK(client_has(&c, "\"paused_until\":null,\"degraded\":[\"journal: no space left\"]"));
    CHECK(client_has(&c, "\"id\":\"web/1\",\"slot\":1,\"state\":\"ready\",\"pid\":901"));
    CHECK(client_has(&c, "\"memory_bytes\":8123456,\"cpu_seconds\":0.52"));
    CHECK(client_has(&c, "\"code\":null,\"signal\":\"SIGKILL\",\"oom\":false"));
    CHECK(client_has(&c, "\"code\":1,\"signal\":null"));
    CHECK(client_has(&c, "\"memory_bytes\":null,\"cpu_seconds\":null"));
    client_close(&c);
    fake_stop();
}

CASE(one_service_is_found_by_its_name)
{
    fake_start();
    EXPECT(tcp_ask("GET", "/tend/v1/services/w%65b", "", ""), 200, "\"service\":{\"name\":\"web\"");
    EXPECT(
        tcp_ask("GET", "/tend/v1/services/api", "", ""), 404, "no service is called \\\"api\\\"");
    fake_stop();
}

CASE(every_answer_carries_the_headers_that_protect_a_browser)
{
    static const char *const paths[] = {"/tend/v1/status", "/nowhere", "/", "/metrics"};

    fake_start();
    for (size_t i = 0; i < 4; i++) {
        struct client c = tcp_ask("GET", paths[i], "", "");
        CHECK(client_has(&c, "Content-Security-Policy: default-src 'none';"));
        CHECK(client_has(&c, "X-Content-Type-Options: nosniff\r\n"));
        CHECK(client_has(&c, "Referrer-Policy: no-referrer\r\n"));
        CHECK(client_has(&c, "Cache-Control: no-store\r\n"));
        CHECK(!client_has(&c, "Access-Control-"));
        client_close(&c);
    }
    fake_stop();
}

CASE(unknown_routes_and_methods_are_errors_in_json)
{
    fake_start();
    EXPECT(tcp_ask("GET", "/nowhere", "", ""), 404, "\"kind\":\"missing\"");
    EXPECT(tcp_ask("PUT", "/tend/v1/status", "", ""), 405, "Allow: GET, HEAD\r\n");
    EXPECT(unix_ask("GET", "/tend/v1/apply", "", ""), 405, "Allow: POST\r\n");
    EXPECT(tcp_ask("OPTIONS", "/tend/v1/status", "Origin: http://evil.example\r\n", ""), 403,
        "another site");
    EXPECT(tcp_ask("GET", "/tend/v1/status?%zz", "", ""), 400, "\"kind\":\"invalid\"");
    fake_stop();
}

CASE(a_request_with_another_name_for_us_is_refused)
{
    struct client c;

    fake_start();
    client_open_tcp(&c, serve_port(fake.serve));
    CHECK_INT(client_ask(&c, "GET /tend/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
    CHECK(client_has(&c, "is not a name of this daemon"));
    client_close(&c);
    fake_stop();
}

CASE(a_page_elsewhere_may_not_even_read)
{
    fake_start();
    EXPECT(tcp_ask("GET", "/tend/v1/status", "Origin: http://evil.example\r\n", ""), 403,
        "another site");
    EXPECT(tcp_ask("GET", "/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", ""),
        403, "another site");
    EXPECT(tcp_ask("POST", "/tend/v1/shutdown",
               "Authorization: Bearer " TOKEN "\r\nOrigin: http://evil.example\r\n", ""),
        403, "another site");
    CHECK_INT(fake.commands, 0);
    fake_stop();
}

CASE(a_change_over_tcp_needs_the_token)
{
    fake_start();
    EXPECT(tcp_ask("POST", "/tend/v1/shutdown", "", ""), 401, "WWW-Authenticate: Bearer");
    EXPECT(tcp_ask("POST", "/tend/v1/shutdown", "Authorization: Bearer wrong\r\n", ""), 401,
        "is not that of the state directory");
    CHECK_INT(fake.commands, 0);
    struct client c = tcp_ask("POST", "/tend/v1/services/web/scale",
        "Authorization: Bearer " TOKEN "\r\n", "{\"replicas\":4}");
    CHECK(client_wait(&c, "\"t\":\"result\""));
    client_close(&c);
    CHECK_TEXT(fake.asked, "7 web 0 4 0 0 - - token");
    fake_stop();
}

CASE(without_a_token_file_tcp_changes_nothing)
{
    fake_start_with((struct serve_options){0});
    EXPECT(tcp_ask("POST", "/tend/v1/shutdown", "Authorization: Bearer \r\n", ""), 401, "token");
    CHECK_INT(fake.commands, 0);
    fake_stop();
}

CASE(a_command_over_the_unix_socket_names_its_user_and_streams_its_operation)
{
    char want[100];

    fake_start();
    EXPECT(unix_ask("POST", "/tend/v1/services/web/restart", "", "{\"slot\":2}"), 200,
        "{\"t\":\"started\",\"event\":41}\n");
    (void)snprintf(want, sizeof want, "6 web 2 0 0 0 - - user:");
    CHECK(strncmp(fake.asked, want, strlen(want)) == 0);
    CHECK(strlen(fake.asked) > strlen(want));
    EXPECT(unix_ask("POST", "/tend/v1/down", "", "{\"shutdown\":true}"), 200,
        "{\"t\":\"progress\",\"subject\":\"web/1\",\"state\":\"probing\",\"text\":\"waits for "
        "\\\"/healthz\\\"\"}\n");
    EXPECT(unix_ask("POST", "/tend/v1/pause", "", "{\"for_ms\":1000}"), 200,
        "{\"t\":\"result\",\"ok\":true,\"exit\":0,\"text\":\"done\",\"undo\":\"tend scale "
        "web=2\"}\n");
    EXPECT(unix_ask("POST", "/tend/v1/pause", "Accept: text/event-stream\r\n", "{\"for_ms\":0}"),
        200, "id: 41\nevent: started\ndata: {\"t\":\"started\",\"event\":41}\n\n");
    fake_stop();
}

CASE(commands_with_wrong_bodies_or_subjects_never_reach_the_host)
{
    fake_start();
    EXPECT(unix_ask("POST", "/tend/v1/services/web/scale", "", "{}"), 400, "replicas is missing");
    EXPECT(unix_ask("POST", "/tend/v1/services/api/stop", "", ""), 404, "no service is called");
    EXPECT(unix_ask("POST", "/tend/v1/services/web/stop", "", "{\"slot\":3}"), 404,
        "web has no slot 3");
    EXPECT(unix_ask("POST", "/tend/v1/apply", "", "nonsense"), 400, "not JSON");
    CHECK_INT(fake.commands, 0);
    fake_stop();
}

CASE(a_plan_is_answered_whole_and_a_refusal_with_its_status)
{
    fake_start();
    EXPECT(unix_ask("POST", "/tend/v1/plan", "", "services: {}"), 200, "{\"changes\":[]}\n");
    CHECK(strstr(fake.asked, "0 - 0 0 0 0 services: {} -") != NULL);
    EXPECT(unix_ask("POST", "/tend/v1/services/web/retry", "", ""), 409, "nothing is held");
    fake_stop();
}

CASE(the_environment_is_never_given_over_tcp)
{
    fake_start();
    EXPECT(tcp_ask("GET", "/tend/v1/services/web/environment",
               "Authorization: Bearer " TOKEN "\r\n", ""),
        403, "only over the UNIX socket");
    CHECK_INT(fake.commands, 0);
    EXPECT(unix_ask("GET", "/tend/v1/services/web/environment?slot=1", "", ""), 200, "");
    CHECK(strncmp(fake.asked, "10 web 1 ", 9) == 0);
    fake_stop();
}

CASE(metrics_come_in_both_formats)
{
    fake_start();
    struct client c = tcp_ask("GET", "/metrics", "", "");
    CHECK(client_has(&c, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    CHECK(client_has(&c, "tend_build_info{version=\"" TEND_VERSION "\"} 1\n"));
    CHECK(client_has(&c, "tend_service_up{service=\"web\"} 0\n"));
    CHECK(client_has(&c, "tend_instance_up{service=\"web\",replica=\"1\"} 1\n"));
    CHECK(client_has(&c, "tend_instance_up{service=\"web\",replica=\"2\"} 0\n"));
    CHECK(client_has(&c, "# TYPE tend_instance_restarts_total counter\n"));
    CHECK(client_has(&c, "tend_instance_memory_bytes{service=\"web\",replica=\"1\"} 8123456\n"));
    CHECK(client_has(
        &c, "tend_instance_probe_duration_seconds_count{service=\"web\",replica=\"1\"} 11\n"));
    CHECK(client_has(&c, "process_open_fds "));
    CHECK(client_has(&c, "process_cpu_seconds_total "));
    CHECK(!client_has(&c, "# EOF"));
    client_close(&c);
    c = tcp_ask("GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n", "");
    CHECK(client_has(&c, "Content-Type: application/openmetrics-text; version=1.0.0"));
    CHECK(client_has(&c, "# TYPE tend_instance_restarts counter\n"));
    CHECK(client_has(&c, "# UNIT process_cpu_seconds seconds\n"));
    CHECK(str_ends(buf_str(&c.got), "\n# EOF\n"));
    client_close(&c);
    fake_stop();
}

CASE(health_openapi_and_head_answer)
{
    fake_start();
    EXPECT(tcp_ask("GET", "/-/healthy", "", ""), 200, "healthy");
    EXPECT(tcp_ask("GET", "/-/ready", "", ""), 200, "ready");
    EXPECT(tcp_ask("GET", "/tend/v1/openapi.json", "", ""), 200, "\"openapi\": \"3.1.0\"");
    EXPECT(tcp_ask("HEAD", "/tend/v1/status", "", ""), 200, "application/json");
    EXPECT(tcp_ask("HEAD", "/tend/v1/events?follow=1", "", ""), 200, "application/x-ndjson");
    fake_stop();
}

TEST_MAIN()
