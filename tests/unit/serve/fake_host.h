/* fake_host.h - a daemon without a daemon: a snapshot of a shop, a real journal in a temporary
 * directory, and commands that are answered at once or kept for the test. */
#ifndef TEND_TESTS_UNIT_SERVE_FAKE_HOST_H
#define TEND_TESTS_UNIT_SERVE_FAKE_HOST_H

#include "serve/operation.h"
#include "serve/serve.h"

#include "base/fs.h"
#include "base/mem.h"
#include "engine/snapshot.h"
#include "record/journal.h"
#include "record/views.h"

#include "raw_client.h"
#include "test.h"

#include <pthread.h>

#define TOKEN "0123456789abcdef"

struct fake {
    struct serve *serve;
    struct snapshot_cell *cell;
    struct journal *journal;
    struct views *views;
    char dir[64], sock[128], journal_dir[128], logs_dir[128], db[128];
    char host[64];   /* "127.0.0.1:PORT" */
    char asked[400]; /* the last command, as text */
    int commands;
};

static struct fake fake;

static const struct snapshot *fake_acquire(void *data)
{
    (void)data;
    return snapshot_cell_acquire(fake.cell);
}

/* Notes the command and answers as an operation does. */
static void fake_command(void *data, struct command *c, struct http_stream *stream)
{
    (void)data;
    (void)snprintf(fake.asked, sizeof fake.asked, "%d %s %d %d %lld %d %s %s %s", (int)c->kind,
        c->service != NULL ? c->service : "-", c->slot, c->replicas, (long long)c->for_ms,
        c->shutdown, c->document != NULL ? c->document : "-", c->plan != NULL ? c->plan : "-",
        c->actor);
    fake.commands++;
    if (c->kind == COMMAND_PLAN) {
        http_stream_answer(stream, 200, "application/json", STR("{\"changes\":[]}\n"));
        http_stream_end(&stream);
    } else if (c->kind == COMMAND_RETRY) {
        struct err err;
        (void)err_set(&err, ERR_CONFLICT, "nothing is held");
        operation_refused(&stream, &err, "tend status");
    } else {
        operation_started(stream, 41);
        operation_progress(stream, "web/1", "probing", "waits for \"/healthz\"");
        operation_done(stream, "web");
        operation_result(&stream,
            &(struct operation_result){.ok = true, .text = "done", .undo = "tend scale web=2"});
    }
    command_destroy(&c);
}

static const struct service_snapshot *fake_service(void)
{
    struct service_snapshot *s = service_snapshot_create();
    struct instance_snapshot *i = arena_new_array(s->arena, 2, struct instance_snapshot);

    i[0] = (struct instance_snapshot){
        .id = "web/1",
        .slot = 1,
        .state = "ready",
        .ready = true,
        .pid = 901,
        .address = "127.0.0.1:20001",
        .incarnation = 3,
        .restarts = 2,
        .since_at_ns = 1764018000123000000,
        .started_at_ns = 1764018000000000000,
        .revision = "3f9c",
        .reason = "",
        .memory_bytes = 8123456,
        .cpu_seconds = 0.52,
        .last_exit = {.at_ns = 1764017999000000000, .code = -1,  .signal = 9           },
        .probe = {.passed = 10,                 .failed = 1, .seconds_total = 0.125}
    };
    i[1] = (struct instance_snapshot){
        .id = "web/2",
        .slot = 2,
        .state = "backing_off",
        .revision = "3f9c",
        .reason = "<b>exited</b> with \"1\"",
        .memory_bytes = -1,
        .cpu_seconds = -1,
        .last_exit = {.at_ns = 1764017999000000000, .code = 1}
    };
    s->name = "web";
    s->state = "degraded";
    s->revision = "3f9c";
    s->desired = 2;
    s->ready = 1;
    s->instances = i;
    s->instance_count = 2;
    return s;
}

static void fake_publish(void)
{
    struct snapshot *s = snapshot_create();
    const struct service_snapshot **services =
        arena_new_array(s->arena, 1, const struct service_snapshot *);
    const char **degraded = arena_new_array(s->arena, 1, const char *);

    services[0] = fake_service();
    degraded[0] = "journal: no space left";
    s->project = "shop";
    s->state_dir = fake.dir;
    s->started_at_ns = 1764017000000000000;
    s->head = 1234;
    s->services = services;
    s->service_count = 1;
    s->degraded = degraded;
    s->degraded_count = 1;
    snapshot_cell_publish(fake.cell, s);
}

static uint64_t fake_event(const char *type, const char *subject, uint64_t cause)
{
    struct event e = {.type = type, .actor = "tend", .subject = subject, .evidence = STR("{}")};
    struct err err;

    e.causes[0] = cause;
    e.cause_count = cause != 0 ? 1 : 0;
    uint64_t seq = journal_append(fake.journal, &e);
    CHECK_OK(journal_flush(fake.journal, clock_boot_ms() + CLIENT_WAIT_MS, &err), &err);
    return seq;
}

static void fake_start_with(struct serve_options options)
{
    static const struct journal_options journal_options;
    struct err err;

    memset(&fake, 0, sizeof fake);
    (void)strcpy(fake.dir, "/tmp/tend-serve-XXXXXX");
    CHECK(mkdtemp(fake.dir) != NULL);
    (void)snprintf(fake.sock, sizeof fake.sock, "%s/sock", fake.dir);
    (void)snprintf(fake.journal_dir, sizeof fake.journal_dir, "%s/journal", fake.dir);
    (void)snprintf(fake.logs_dir, sizeof fake.logs_dir, "%s/logs", fake.dir);
    (void)snprintf(fake.db, sizeof fake.db, "%s/state.db", fake.dir);
    CHECK_OK(journal_open(&fake.journal, fake.journal_dir, &journal_options, NULL, &err), &err);
    CHECK_OK(views_open(&fake.views, fake.db, fake.journal, NULL, &err), &err);
    fake.cell = snapshot_cell_create();
    fake_publish();
    struct serve_host host = {.acquire = fake_acquire,
        .command = fake_command,
        .journal = fake.journal,
        .views = fake.views,
        .journal_dir = fake.journal_dir,
        .logs_dir = fake.logs_dir};
    options.unix_path = fake.sock;
    options.tcp_address = "127.0.0.1:0";
    CHECK_OK(serve_start(&fake.serve, &options, &host, &err), &err);
    (void)snprintf(fake.host, sizeof fake.host, "127.0.0.1:%d", serve_port(fake.serve));
}

static void fake_start(void)
{
    fake_start_with((struct serve_options){.token = TOKEN});
}

static void fake_stop(void)
{
    struct err err;

    serve_stop(&fake.serve);
    views_close(&fake.views);
    journal_close(&fake.journal);
    snapshot_cell_destroy(&fake.cell);
    CHECK_OK(fs_remove_tree(fake.dir, &err), &err);
}

/* One request over TCP with our own Host; `headers` lines end with \r\n. */
static struct client tcp_ask(
    const char *method, const char *path, const char *headers, const char *body)
{
    struct client c;
    char *request = mem_format("%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %zu\r\n\r\n%s",
        method, path, fake.host, headers, strlen(body), body);

    client_open_tcp(&c, serve_port(fake.serve));
    (void)client_ask(&c, request);
    free(request);
    return c;
}

/* Over the UNIX socket; reads to the end of a stream too. */
static struct client unix_ask(
    const char *method, const char *path, const char *headers, const char *body)
{
    struct client c;
    char *request =
        mem_format("%s %s HTTP/1.1\r\nHost: tend\r\nConnection: close\r\n%sContent-Length: "
                   "%zu\r\n\r\n%s",
            method, path, headers, strlen(body), body);

    client_open_unix(&c, fake.sock);
    client_send(&c, request);
    (void)client_wait_end(&c);
    client_join_chunks(&c);
    free(request);
    return c;
}

#define EXPECT(call, status, text)                                              \
    do {                                                                        \
        struct client c_ = (call);                                              \
        CHECK_SAYING(client_status(&c_) == (status) && client_has(&c_, (text)), \
            "%s: wanted %d and \"%s\", got\n# %s", #call, (status), (text),     \
            c_.got.at != NULL ? c_.got.at : "(nothing)");                       \
        client_close(&c_);                                                      \
    } while (0)

#endif
