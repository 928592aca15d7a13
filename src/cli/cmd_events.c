#include "base/clock.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/event_view.h"
#include "cli/stream.h"
#include "cli/when.h"
#include "record/journal.h"

#include <stdio.h>
#include <string.h>

#define LAST_DEFAULT 50

/* What is asked for, and how far the stream has come. */
struct query {
    struct cli *cli;
    struct event_view view;
    uint64_t since_seq; /* 0: no bound */
    int64_t since_ns;   /* 0: no bound */
    int64_t limit;      /* the newest so many; 0: all */
    uint64_t last_seq;  /* seen; 0: none yet */
};

static void add_parameter(struct buf *url, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_format(url, "%s%s=", str_find(buf_str(url), '?') >= 0 ? "&" : "?", name);
    client_add_encoded(url, value);
}

static void address(void *data, struct buf *url)
{
    struct query *q = data;
    char number[24], time[CLOCK_TEXT_BYTES];
    bool follow = cli_flag(q->cli, "follow");
    uint64_t since = q->last_seq > 0 ? q->last_seq + 1 : q->since_seq;

    buf_add_text(url, "/tend/v1/events");
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)since);
    clock_format(q->since_ns, 9, time);
    if (since > 0)
        add_parameter(url, "since", number);
    else if (q->since_ns > 0)
        add_parameter(url, "since", time);
    add_parameter(url, "subject", cli_value(q->cli, "subject"));
    add_parameter(url, "type", cli_value(q->cli, "type"));
    (void)snprintf(number, sizeof number, "%lld", (long long)q->limit);
    if (q->limit > 0 && q->last_seq == 0)
        add_parameter(url, "limit", number);
    if (follow)
        add_parameter(url, "follow", "1");
}

static bool show(void *data, struct str text, const json_t *object)
{
    struct query *q = data;
    struct buf line = BUF_INIT(EVENT_VIEW_BYTES_MAX);

    q->last_seq = (uint64_t)answer_int(object, "seq", (json_int_t)q->last_seq);
    if (q->cli->json) {
        (void)printf("%.*s\n", STR_ARG(text));
        return true;
    }
    q->view.now_ns = clock_wall_ns();
    event_view_line(&q->view, object, &line);
    cli_write(buf_str(&line));
    buf_fini(&line);
    return true;
}

static bool read_bounds(struct cli *cli, struct query *q, struct err *err)
{
    const char *since = cli_value(cli, "since"), *last = cli_value(cli, "last");
    bool number = since != NULL && str_to_uint(str_from(since), &q->since_seq);

    if (since != NULL && !number)
        TRY(when_parse(str_from(since), clock_wall_ns(), &q->since_ns, err));
    q->limit = since == NULL ? LAST_DEFAULT : 0;
    if (last != NULL && (!str_to_int(str_from(last), &q->limit) || q->limit < 1))
        return err_set(err, ERR_INVALID, "--last must be a number from 1");
    return true;
}

/* ---- verify ---- */

static int tell_verdict(struct cli *cli, bool ok, uint64_t events, const char *head,
    uint64_t broken, const char *reason)
{
    struct err err = ERR_INIT;

    if (ok) {
        if (cli->json)
            (void)printf("{\"v\":1,\"ok\":true,\"events\":%llu,\"head\":\"%s\",\"broken\":null}\n",
                (unsigned long long)events, head);
        else
            (void)printf("%s %llu events, the chain is whole; head %.16s\n",
                terminal_mark(&cli->out, MARK_GOOD), (unsigned long long)events, head);
        return EXIT_DONE;
    }
    (void)err_set(
        &err, ERR_CORRUPT, "event %llu is broken: %s", (unsigned long long)broken, reason);
    return cli_fail(cli, &err, "what stands before it is whole: keep the file, restore a backup");
}

/* Without a daemon: the files themselves. */
static int verify_files(struct cli *cli, const struct err *unreachable)
{
    struct paths paths;
    struct journal_verdict verdict;
    struct err err = ERR_INIT;
    char dir[PATHS_BYTES + 16], head[HASH_TEXT_BYTES];

    if (cli_value(cli, "host") != NULL || !cli_paths(cli, &paths, &err))
        return client_fail(cli, NULL, unreachable);
    (void)snprintf(dir, sizeof dir, "%s/journal", paths.state_dir);
    if (!journal_verify(dir, NULL, NULL, &verdict, &err))
        return cli_fail(cli, &err, NULL);
    hash_format(&verdict.head, head);
    return tell_verdict(cli, verdict.ok, verdict.events, head, verdict.broken_seq, verdict.reason);
}

static int tell_answer(struct cli *cli, const json_t *answer)
{
    const json_t *broken = json_object_get(answer, "broken");
    bool ok = json_is_true(json_object_get(answer, "ok"));

    if (cli->json) {
        answer_print(answer);
        return ok ? EXIT_DONE : EXIT_FAILED;
    }
    return tell_verdict(cli, ok, (uint64_t)answer_int(answer, "events", 0),
        answer_text(json_object_get(answer, "head"), "hash"),
        (uint64_t)answer_int(broken, "seq", 0), answer_text(broken, "reason"));
}

static int verify(struct cli *cli)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    int code;

    if (client_open(&c, cli, &err) &&
        client_json(c, "GET", "/tend/v1/verify", STR(""), &answer, &err))
        code = tell_answer(cli, answer);
    else if (err.kind == ERR_UNREACHABLE)
        code = verify_files(cli, &err);
    else
        code = client_fail(cli, c, &err);
    json_decref(answer);
    client_close(&c);
    return code;
}

static int run(struct cli *cli)
{
    struct query q = {
        .cli = cli, .view = {.terminal = &cli->out, .verbose = cli->verbose}
    };
    struct stream stream = {
        .address = address, .line = show, .data = &q, .follow = cli_flag(cli, "follow")};
    struct err err = ERR_INIT;

    if (cli_flag(cli, "verify"))
        return verify(cli);
    if (!read_bounds(cli, &q, &err))
        return cli_misuse(cli, &err, "tend help events");
    return stream_run(cli, &stream);
}

static const struct flag flags[] = {
    FLAG("follow", 'f', "go on as things happen"),
    FLAG_VALUE("since", 0, "WHEN", COMPLETES_NOTHING,
        "from a time (10m ago, 14:02, 2026-11-24) or a sequence number"),
    FLAG_VALUE("subject", 's', "SUBJECT", COMPLETES_INSTANCE,
        "of one service, instance, project or daemon"),
    FLAG_VALUE("type", 't', "TYPE", COMPLETES_NOTHING, "of one type, such as instance.exited"),
    FLAG_VALUE("last", 'n', "N", COMPLETES_NOTHING,
        "the newest N, or the first N with --since (default 50, or all)"),
    FLAG("verify", 0, "check the journal's hash chain; names the first broken event"),
};

static const struct example examples[] = {
    {"tend events -f",                 "watch what tend does"               },
    {"tend events --since 10m -s web", "the last ten minutes of one service"},
    {"tend events --verify",           "prove that nothing was changed"     },
};

const struct command cmd_events = {
    .name = "events",
    .group = GROUP_RUNNING,
    .summary = "show the journal: who or what did what, and why",
    .usage = "",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
