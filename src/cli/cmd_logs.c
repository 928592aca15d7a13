#include "base/clock.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/log_view.h"
#include "cli/stream.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES_MAX (16u << 20)
#define TAIL_DEFAULT   100
#define TAIL_OF_FOLLOW 20

/* What is asked for, and how far the stream has come. */
struct query {
    struct cli *cli;
    struct log_view view;
    int64_t since_ns, until_ns; /* 0: no bound */
    int64_t tail;               /* -1: all */
    const char *slot;           /* of the one service that was named; NULL: all */
    int64_t last_ns;            /* time of the newest line seen, 0: none */
    struct buf line;
};

static void add_time(struct buf *url, const char *name, int64_t at_ns)
{
    char time[CLOCK_TEXT_BYTES];

    if (at_ns <= 0)
        return;
    clock_format(at_ns, 9, time);
    buf_format(url, "&%s=", name);
    client_add_encoded(url, time);
}

static void address(void *data, struct buf *url)
{
    struct query *q = data;
    const char *grep = cli_value(q->cli, "grep");

    buf_format(url, "/tend/v1/logs?follow=%d", cli_flag(q->cli, "follow"));
    for (size_t i = 0; i < q->cli->arguments.words.count; i++) {
        struct str name = str_from(cli_word(q->cli, i));

        name = str_cut(&name, '/');
        buf_format(url, "%s%.*s", i == 0 ? "&service=" : ",", STR_ARG(name)); /* see check_names */
    }
    if (q->slot != NULL)
        buf_format(url, "&slot=%s", q->slot);
    add_time(url, "since", q->last_ns > 0 ? q->last_ns + 1 : q->since_ns);
    add_time(url, "until", q->until_ns);
    if (q->tail >= 0 && q->last_ns == 0)
        buf_format(url, "&tail=%lld", (long long)q->tail);
    if (grep != NULL) {
        buf_add_text(url, "&grep=");
        client_add_encoded(url, grep);
        buf_add_text(url, cli_flag(q->cli, "fixed-strings") ? "&fixed=1" : "");
    }
}

static bool show(void *data, struct str text, const json_t *object)
{
    struct query *q = data;
    int64_t at_ns = answer_time(object, "at");

    if (at_ns > q->last_ns)
        q->last_ns = at_ns;
    if (q->cli->json) {
        (void)printf("%.*s\n", STR_ARG(text));
        return true;
    }
    buf_reset(&q->line);
    log_view_line(&q->view, object, &q->line);
    cli_write(buf_str(&q->line));
    return true;
}

static bool name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                name.at[i]) == NULL)
            return false;
    return name.len > 0;
}

/* SERVICE…, or one SERVICE/SLOT. */
static bool check_names(struct cli *cli, struct query *q, struct err *err)
{
    VEC_EACH (&cli->arguments.words, const char *, word) {
        struct str rest = str_from(*word), name = str_cut(&rest, '/');
        uint64_t slot;

        if (!name_is_plain(name))
            return err_set(err, ERR_INVALID, "\"%.80s\" cannot be a service", *word);
        if (rest.len == 0)
            continue;
        if (!str_to_uint(rest, &slot) || cli->arguments.words.count > 1)
            return err_set(err, ERR_INVALID, "name services, or one instance: web/1");
        q->slot = rest.at;
    }
    return true;
}

static bool read_flags(struct cli *cli, struct query *q, struct err *err)
{
    const char *since = cli_value(cli, "since"), *until = cli_value(cli, "until");
    const char *tail = cli_value(cli, "tail");
    int64_t now_ns = clock_wall_ns();

    TRY(check_names(cli, q, err));
    if (since != NULL)
        TRY(when_parse(str_from(since), now_ns, &q->since_ns, err));
    if (until != NULL)
        TRY(when_parse(str_from(until), now_ns, &q->until_ns, err));
    q->tail = since != NULL || until != NULL ? -1
              : cli_flag(cli, "follow")      ? TAIL_OF_FOLLOW
                                             : TAIL_DEFAULT;
    if (tail != NULL && strcmp(tail, "all") == 0)
        q->tail = -1;
    else if (tail != NULL && (!str_to_int(str_from(tail), &q->tail) || q->tail < 0))
        return err_set(err, ERR_INVALID, "--tail must be a number or all");
    return true;
}

static int run(struct cli *cli)
{
    struct query q = {.cli = cli, .line = BUF_INIT(LINE_BYTES_MAX)};
    struct stream stream = {
        .address = address, .line = show, .data = &q, .follow = cli_flag(cli, "follow")};
    struct err err = ERR_INIT;
    int code;

    if (!read_flags(cli, &q, &err))
        return cli_misuse(cli, &err, "tend help logs");
    if (cli_flag(cli, "no-color"))
        cli->out.colour = false;
    q.view = (struct log_view){
        .terminal = &cli->out,
        .timestamps = cli_flag(cli, "timestamps"),
        .no_names = cli_flag(cli, "no-names"),
        .now_ns = clock_wall_ns(),
    };
    code = stream_run(cli, &stream);
    buf_fini(&q.line);
    return code;
}

static const struct flag flags[] = {
    FLAG("follow", 'f', "go on as lines are written"),
    FLAG_VALUE("since", 0, "WHEN", COMPLETES_NOTHING, "from 10m (ago), 14:02, 2026-11-24, …"),
    FLAG_VALUE("until", 0, "WHEN", COMPLETES_NOTHING, "up to then"),
    FLAG_VALUE("tail", 'n', "N", COMPLETES_NOTHING,
        "the last N lines, or all (default 100; 20 with -f; all with --since)"),
    FLAG_VALUE("grep", 'g', "PATTERN", COMPLETES_NOTHING,
        "only lines that match this regular expression (RE2)"),
    FLAG("fixed-strings", 'F', "--grep is a text, no expression"),
    FLAG("timestamps", 't', "say when each line was written"),
    FLAG("no-names", 0, "leave out the instance's name before each line"),
    FLAG("no-color", 0, "no colours, those of the services neither"),
};

static const struct example examples[] = {
    {"tend logs -f",                           "everything, merged, as it comes"                },
    {"tend logs web --since 10m --grep error", "what one service said"                          },
    {"tend logs web/2 -n all > web.log",       "all of one instance, bytes as they were written"},
};

const struct command cmd_logs = {
    .name = "logs",
    .group = GROUP_RUNNING,
    .summary = "show what services wrote",
    .usage = "[SERVICE…|SERVICE/SLOT]",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .args_max = ARGS_ANY,
    .args_complete = COMPLETES_INSTANCE,
    .run = run,
};
