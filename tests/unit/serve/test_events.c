#include "fake_host.h"

static int count_of(const struct client *c, const char *text)
{
    int count = 0;

    for (const char *at = c->got.at; at != NULL && (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void append_many(int count)
{
    struct event e = {.type = "instance.ready", .actor = "tend", .evidence = STR("{}")};
    struct err err;

    for (int i = 0; i < count; i++) {
        e.subject = i % 2 == 0 ? "web/1" : "api/1";
        while (journal_append(fake.journal, &e) == 0)
            CHECK_OK(journal_flush(fake.journal, clock_boot_ms() + CLIENT_WAIT_MS, &err), &err);
    }
    CHECK_OK(journal_flush(fake.journal, clock_boot_ms() + CLIENT_WAIT_MS, &err), &err);
}

CASE(events_come_oldest_first_with_their_sentence)
{
    fake_start();
    uint64_t first = fake_event("instance.starting", "web/1", 0);
    (void)fake_event("instance.ready", "web/1", first);
    struct client c = unix_ask("GET", "/tend/v1/events", "", "");
    CHECK_INT(client_status(&c), 200);
    CHECK(client_has(&c, "{\"seq\":1,\"at\":\""));
    CHECK(client_has(&c, "\"type\":\"instance.ready\",\"severity\":\"notice\",\"actor\":\"tend\","
                         "\"subject\":\"web/1\",\"causes\":[1],\"evidence\":{},\"text\":\""));
    CHECK(strstr(c.got.at, "instance.starting") < strstr(c.got.at, "instance.ready"));
    CHECK(str_ends(buf_str(&c.got), "\"}\n"));
    client_close(&c);
    fake_stop();
}

CASE(events_are_filtered_by_subject_type_range_and_limit)
{
    fake_start();
    append_many(20);
    (void)fake_event("daemon.started", "daemon", 0);
    struct client c = unix_ask("GET", "/tend/v1/events?subject=web", "", "");
    CHECK_INT(count_of(&c, "\"seq\":"), 10);
    client_close(&c);
    c = unix_ask("GET", "/tend/v1/events?type=daemon.*", "", "");
    CHECK_INT(count_of(&c, "\"seq\":"), 1);
    client_close(&c);
    c = unix_ask("GET", "/tend/v1/events?since=5&until=9", "", "");
    CHECK_INT(count_of(&c, "\"seq\":"), 5);
    CHECK(client_has(&c, "{\"seq\":5,") && client_has(&c, "{\"seq\":9,"));
    client_close(&c);
    c = unix_ask("GET", "/tend/v1/events?since=5&limit=2", "", "");
    CHECK(client_has(&c, "{\"seq\":5,") && client_has(&c, "{\"seq\":6,"));
    CHECK_INT(count_of(&c, "\"seq\":"), 2);
    client_close(&c);
    c = unix_ask("GET", "/tend/v1/events?limit=3", "", "");
    CHECK(client_has(&c, "{\"seq\":19,") && client_has(&c, "{\"seq\":21,"));
    CHECK_INT(count_of(&c, "\"seq\":"), 3);
    client_close(&c);
    c = unix_ask("GET", "/tend/v1/events?since=1h&until=1m", "", "");
    CHECK_INT(count_of(&c, "\"seq\":"), 0);
    CHECK_INT(client_status(&c), 200);
    client_close(&c);
    EXPECT(unix_ask("GET", "/tend/v1/events?since=yesterday", "", ""), 400, "since must be a time");
    EXPECT(unix_ask("GET", "/tend/v1/events?limit=-1", "", ""), 400, "limit must be a number");
    fake_stop();
}

CASE(a_long_journal_is_read_through_a_small_buffer)
{
    fake_start();
    append_many(5000);
    struct client c = unix_ask("GET", "/tend/v1/events", "", "");
    CHECK_INT(count_of(&c, "\"seq\":"), 5000);
    CHECK(client_has(&c, "{\"seq\":5000,"));
    CHECK(!client_has(&c, "error"));
    client_close(&c);
    fake_stop();
}

CASE(a_follower_gets_what_was_and_what_comes)
{
    struct client c;

    fake_start();
    (void)fake_event("instance.starting", "web/1", 0);
    client_open_unix(&c, fake.sock);
    client_send(&c, "GET /tend/v1/events?follow=1&subject=web HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client_wait(&c, "{\"seq\":1,"));
    (void)fake_event("instance.ready", "api/1", 0);
    (void)fake_event("instance.ready", "web/1", 0);
    CHECK(client_wait(&c, "{\"seq\":3,"));
    CHECK(!client_has(&c, "{\"seq\":2,"));
    (void)fake_event("instance.exited", "web/1", 0);
    CHECK(client_wait(&c, "{\"seq\":4,"));
    client_close(&c);
    fake_stop();
}

CASE(a_follower_of_an_empty_journal_gets_its_head_at_once)
{
    struct client c;

    fake_start();
    client_open_unix(&c, fake.sock);
    client_send(&c, "GET /tend/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client_wait(&c, "\r\n\r\n"));
    CHECK_INT(client_status(&c), 200);
    (void)fake_event("instance.ready", "web/1", 0);
    CHECK(client_wait(&c, "{\"seq\":1,"));
    client_close(&c);
    fake_stop();
}

CASE(server_sent_events_resume_behind_the_last_id)
{
    struct client c;

    fake_start();
    append_many(5);
    client_open_unix(&c, fake.sock);
    client_send(&c, "GET /tend/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n"
                    "Accept: text/event-stream\r\nLast-Event-ID: 3\r\n\r\n");
    CHECK(client_wait(&c, "id: 5\nevent: instance.ready\ndata: {\"seq\":5,"));
    CHECK(client_has(&c, "id: 4\n"));
    CHECK(!client_has(&c, "id: 3\n"));
    client_close(&c);
    fake_stop();
}

CASE(a_follower_ends_at_until)
{
    struct client c;

    fake_start();
    client_open_unix(&c, fake.sock);
    client_send(&c, "GET /tend/v1/events?follow=1&until=2 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client_wait(&c, "\r\n\r\n"));
    append_many(4);
    CHECK(client_wait(&c, "\r\n0\r\n\r\n"));
    client_join_chunks(&c);
    CHECK_INT(count_of(&c, "\"seq\":"), 2);
    client_close(&c);
    fake_stop();
}

static void *append_for_a_while(void *data)
{
    struct event e = {
        .type = "instance.ready", .actor = "tend", .subject = "web/1", .evidence = STR("{}")};

    (void)data;
    for (int i = 0; i < 3000; i++)
        (void)journal_append(fake.journal, &e);
    return NULL;
}

CASE(followers_that_come_and_go_while_events_are_written_do_no_harm)
{
    struct client slow, c;
    pthread_t writer;

    fake_start();
    CHECK_INT(pthread_create(&writer, NULL, append_for_a_while, NULL), 0);
    client_open_unix(&slow, fake.sock);
    client_send(&slow, "GET /tend/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        client_open_unix(&c, fake.sock);
        client_send(&c, "GET /tend/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        if (i % 3 != 0)
            CHECK(client_wait(&c, "\r\n\r\n"));
        client_close(&c);
    }
    CHECK_INT(pthread_join(writer, NULL), 0);
    char last[40];
    (void)snprintf(
        last, sizeof last, "{\"seq\":%llu,", (unsigned long long)journal_head(fake.journal));
    CHECK(client_wait(&slow, last)); /* it read nothing so far, and nothing is lost */
    while (!str_ends(buf_str(&slow.got), "}\n\r\n")) /* the whole of the last chunk */
        CHECK(client_read_some(&slow, clock_boot_ms() + CLIENT_WAIT_MS));
    client_join_chunks(&slow);
    CHECK_INT(count_of(&slow, "\"seq\":"), (long long)journal_head(fake.journal));
    client_close(&slow);
    fake_stop();
}

CASE(the_stop_ends_followers)
{
    struct client c;

    fake_start();
    client_open_unix(&c, fake.sock);
    client_send(&c, "GET /tend/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client_wait(&c, "\r\n\r\n"));
    fake_stop();
    CHECK(client_wait_end(&c));
    client_close(&c);
}

TEST_MAIN()
