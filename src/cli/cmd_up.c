#include "base/clock.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/interrupt.h"
#include "cli/log_view.h"
#include "cli/operation_view.h"
#include "cli/plan_view.h"
#include "cli/project_load.h"
#include "cli/stream.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES_MAX (16u << 20)
#define URL_BYTES_MAX  1024

/* One `up`, from the plan to the end of the foreground. */
struct up {
    struct cli *cli;
    struct client *client;
    const struct project *project;
    bool daemon_started; /* by us: Ctrl-C ends it again */
    struct plan_view plan;
    int64_t begun_ns; /* wall clock */
    struct log_view view;
    struct buf line;
    int64_t last_ns;   /* time of the newest log line */
    char example[160]; /* an instance to try things with: "PID" */
    char example_id[160];
};

/* ---- what runs now ---- */

static void print_address(struct up *u, const json_t *service)
{
    const json_t *instances = json_object_get(service, "instances");
    const json_t *first = json_array_get(instances, 0);
    size_t count = json_array_size(instances);
    const char *address = answer_text(first, "address");

    if (answer_int(first, "pid", 0) > 0 && u->example[0] == '\0') {
        (void)snprintf(
            u->example, sizeof u->example, "%lld", (long long)answer_int(first, "pid", 0));
        (void)snprintf(u->example_id, sizeof u->example_id, "%s", answer_text(first, "id"));
    }
    if (address[0] == '\0')
        return;
    if (count > 1)
        cli_say(u->cli, "  %-12s %s  (and %zu more: tend status -v)", answer_text(service, "name"),
            address, count - 1);
    else
        cli_say(u->cli, "  %-12s %s", answer_text(service, "name"), address);
}

static void print_hints(struct up *u)
{
    json_t *status = NULL;
    struct err err = ERR_INIT;
    size_t i;
    json_t *service;

    if (u->cli->quiet || u->cli->json ||
        !client_json(u->client, "GET", "/tend/v1/status", STR(""), &status, &err))
        return;
    cli_say(u->cli, "\n%s%s is up.%s", terminal_tone(&u->cli->err_out, TONE_STRONG),
        u->project->name, terminal_tone(&u->cli->err_out, TONE_PLAIN));
    json_array_foreach(json_object_get(status, "services"), i, service) print_address(u, service);
    cli_say(u->cli, "\nlook:  tend status --watch    tend logs -f    tend why");
    if (u->example[0] != '\0')
        cli_say(u->cli, "try:   kill -9 %s    and then: tend why %s    (watch: tend events -f)",
            u->example, u->example_id);
    cli_say(u->cli, "undo:  tend down");
    json_decref(status);
}

/* ---- the foreground ---- */

static void log_address(void *data, struct buf *url)
{
    struct up *u = data;
    char time[CLOCK_TEXT_BYTES];

    clock_format(u->last_ns > 0 ? u->last_ns + 1 : u->begun_ns, 9, time);
    buf_add_text(url, "/tend/v1/logs?follow=1&since=");
    client_add_encoded(url, time);
}

static bool show_line(void *data, struct str text, const json_t *record)
{
    struct up *u = data;
    int64_t at_ns = answer_time(record, "at");

    if (at_ns > u->last_ns)
        u->last_ns = at_ns;
    if (u->cli->json) {
        (void)printf("%.*s\n", STR_ARG(text));
        return true;
    }
    buf_reset(&u->line);
    log_view_line(&u->view, record, &u->line);
    cli_write(buf_str(&u->line));
    return true;
}

static bool interrupted(void *data)
{
    (void)data;
    return interrupt_count() > 0;
}

/* What this `up` started: all, with the daemon, or the services that were new to it. */
static int stop_again(struct up *u)
{
    struct operation o = {
        .path = "/tend/v1/down", .body = STR("{\"shutdown\":true}"), .report = true};
    int code = EXIT_DONE;

    if (u->daemon_started)
        return operation_run(u->cli, u->client, &o, NULL);
    VEC_EACH (&u->plan.plan.changes, const struct change, change) {
        struct buf path = BUF_INIT(URL_BYTES_MAX);

        if (change->action != CHANGE_CREATE || code != EXIT_DONE ||
            strcmp(change->kind->section, "services") != 0)
            continue;
        buf_add_text(&path, "/tend/v1/services/");
        client_add_encoded(&path, change->name);
        buf_add_text(&path, "/stop");
        o.path = path.at;
        o.body = STR("{}");
        code = operation_run(u->cli, u->client, &o, NULL);
        buf_fini(&path);
    }
    return code;
}

/* After Ctrl-C: stop what was started; a second one leaves it to the daemon. */
static int leave(struct up *u)
{
    int created = u->plan.plan.creates;
    int code;

    if (!u->daemon_started && created == 0) {
        cli_say(u->cli, "\nAll of it ran before, and goes on. Stop it: tend down");
        return EXIT_INTERRUPTED;
    }
    cli_say(u->cli, "\nstopping what was started (Ctrl-C again: leave it running)");
    code = stop_again(u);
    if (code == EXIT_DONE)
        cli_say(u->cli, "What was started is stopped. Again: tend up");
    return code == EXIT_DONE ? EXIT_INTERRUPTED : code;
}

static int follow(struct up *u)
{
    struct stream stream = {
        .address = log_address, .line = show_line, .stop = interrupted, .data = u, .follow = true};
    int code;

    cli_say(u->cli, "%sCtrl-C stops what was started; tend up -d leaves it running.%s",
        terminal_tone(&u->cli->err_out, TONE_FAINT), terminal_tone(&u->cli->err_out, TONE_PLAIN));
    u->view = (struct log_view){.terminal = &u->cli->out, .now_ns = u->begun_ns};
    buf_init(&u->line, LINE_BYTES_MAX);
    code = stream_run(u->cli, &stream);
    buf_fini(&u->line);
    if (interrupt_count() > 0)
        return leave(u);
    return code;
}

/* ---- bringing up ---- */

static int bring_up(struct up *u)
{
    struct apply_request request = {.project = u->project, .start = true, .keep_interrupt = true};
    char digest[HASH_TEXT_BYTES];
    struct err err = ERR_INIT;

    if (!plan_view_ask(u->client, u->project, &request.part, &u->plan, &err))
        return client_fail(u->cli, u->client, &err);
    plan_view_print_brief(u->cli, &u->plan);
    hash_format(&u->plan.plan.digest, digest);
    request.digest = digest;
    if (cli_flag(u->cli, "detach"))
        request.report = u->cli->json;
    return apply_run(u->cli, u->client, &request);
}

static int run_with(struct up *u)
{
    struct err err = ERR_INIT;
    int code;

    u->begun_ns = clock_wall_ns();
    if (!apply_connect(u->cli, u->project, &u->client, &u->daemon_started, &err))
        return client_fail(u->cli, u->client, &err);
    interrupt_begin();
    code = bring_up(u);
    if (code == EXIT_INTERRUPTED && !cli_flag(u->cli, "detach"))
        code = leave(u);
    else if (code == EXIT_DONE && cli_flag(u->cli, "detach"))
        print_hints(u);
    else if (code == EXIT_DONE)
        code = follow(u);
    interrupt_end();
    return code;
}

static int run(struct cli *cli)
{
    struct up u = {.cli = cli};
    int code;

    u.project = project_need(cli, &code);
    if (u.project == NULL)
        return code;
    code = run_with(&u);
    plan_view_fini(&u.plan);
    client_close(&u.client);
    project_unref(&u.project);
    return code;
}

static const struct flag flags[] = {
    FLAG("detach", 'd', "return once everything is ready; services and daemon go on"),
    FLAG_VALUE("timeout", 0, "TIME", COMPLETES_NOTHING, "wait no longer than this for readiness"),
    FLAG("wait", 0, "accepted for Compose's sake: up always waits"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend up",    "start, follow the logs; Ctrl-C stops what it started"},
    {"tend up -d", "start in the background"                             },
};

const struct command cmd_up = {
    .name = "up",
    .group = GROUP_RUNNING,
    .summary = "start what is declared, and keep it healthy",
    .usage = "",
    .about =
        "Makes what tend.yaml (or compose.yaml) declares true and waits until it is ready. A\n"
        "daemon that is absent is started, guarded by a shim that starts it again if it dies;\n"
        "the services do not notice.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
