#include "base/must.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/operation_view.h"

#include <stdio.h>

#define REPLICAS_MAX 10000

struct wish {
    char service[256];
    int64_t replicas;
};

/* "web=4" */
static bool read_wish(const char *word, struct wish *out, struct err *err)
{
    struct str number = str_from(word), service = str_cut(&number, '=');

    if (service.len == 0 || service.len >= sizeof out->service ||
        !str_to_int(number, &out->replicas) || out->replicas < 0 || out->replicas > REPLICAS_MAX)
        return err_set(
            err, ERR_INVALID, "\"%.80s\": write SERVICE=N, N from 0 to %d", word, REPLICAS_MAX);
    (void)snprintf(out->service, sizeof out->service, "%.*s", STR_ARG(service));
    return true;
}

static int scale(struct cli *cli, struct client *c, const struct wish *w)
{
    struct buf path = BUF_INIT(1024);
    char body[64];
    struct operation o = {.report = true};
    int code;

    buf_add_text(&path, "/tend/v1/services/");
    client_add_encoded(&path, w->service);
    buf_add_text(&path, "/scale");
    (void)snprintf(body, sizeof body, "{\"replicas\":%lld}", (long long)w->replicas);
    o.path = path.at;
    o.body = str_from(body);
    code = operation_run(cli, c, &o, NULL);
    buf_fini(&path);
    return code;
}

static int run(struct cli *cli)
{
    struct client *c = NULL;
    struct wish wish;
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    VEC_EACH (&cli->arguments.words, const char *, word)
        if (!read_wish(*word, &wish, &err))
            return cli_misuse(cli, &err, "tend scale web=4");
    if (!client_open(&c, cli, &err))
        code = client_fail(cli, c, &err);
    for (size_t i = 0; code == EXIT_DONE && i < cli->arguments.words.count; i++)
        if (read_wish(cli_word(cli, i), &wish, &err))
            code = scale(cli, c, &wish);
    client_close(&c);
    return code;
}

static const struct example examples[] = {
    {"tend scale web=4",       "four instances of web"},
    {"tend scale web=4 api=2", "several at once"      },
};

const struct command cmd_scale = {
    .name = "scale",
    .group = GROUP_RUNNING,
    .summary = "set how many instances of a service run",
    .usage = "SERVICE=N…",
    .about =
        "The number is kept beside the file, shows in every plan, and gives way when the file\n"
        "says the same or `tend scale` is told another.",
    COMMAND_EXAMPLES(examples),
    .args_min = 1,
    .args_max = ARGS_ANY,
    .args_complete = COMPLETES_SERVICE,
    .run = run,
};
