#include "base/clock.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/status_view.h"

#include <stdio.h>

#define VIEW_BYTES_MAX (8u << 20)

/* The services that were named must be there. */
static bool check_names(struct cli *cli, const json_t *status, struct err *err)
{
    VEC_EACH (&cli->arguments.words, const char *, name) {
        size_t i;
        json_t *service;
        bool found = false;

        json_array_foreach(json_object_get(status, "jobs"), i, service) found =
            found || str_is(str_from(*name), answer_text(service, "name"));
        json_array_foreach(json_object_get(status, "services"), i, service) found =
            found || str_is(str_from(*name), answer_text(service, "name"));
        if (!found)
            return err_set(err, ERR_MISSING, "there is no service or job \"%.80s\"", *name);
    }
    return true;
}

static void print(struct cli *cli, const json_t *status)
{
    struct buf out = BUF_INIT(VIEW_BYTES_MAX);
    struct status_view view = {
        .terminal = &cli->out,
        .now_ns = clock_wall_ns(),
        .instances = cli->verbose,
        .some = cli->arguments.words.at,
        .some_count = cli->arguments.words.count,
    };

    status_view_render(&view, status, &out);
    cli_write(buf_str(&out));
    buf_fini(&out);
}

static int show(struct cli *cli, struct client *c)
{
    struct err err = ERR_INIT;
    json_t *status = NULL;
    int code = EXIT_DONE;

    if (!client_json(c, "GET", "/tend/v1/status", STR(""), &status, &err))
        return client_fail(cli, c, &err);
    if (!check_names(cli, status, &err)) {
        json_decref(status);
        return cli_fail(cli, &err, "tend status");
    }
    if (cli->json)
        answer_print(status);
    else
        print(cli, status);
    if (cli_flag(cli, "exit-code") && !status_view_healthy(status))
        code = EXIT_UNHEALTHY;
    json_decref(status);
    return code;
}

static int run(struct cli *cli)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    if (!client_open(&c, cli, &err))
        code = client_fail(cli, c, &err);
    else if (cli_flag(cli, "watch") && !cli->json)
        code = live_run(cli, c);
    else
        code = show(cli, c);
    client_close(&c);
    return code;
}

static const struct flag flags[] = {
    FLAG("watch", 'w', "full-screen live view; q leaves, j and k move, Enter tells why"),
    FLAG("exit-code", 0, "exit with 3 if a service is not as it should be"),
};

static const struct example examples[] = {
    {"tend status",         "what runs"                     },
    {"tend status -v web",  "one service with its instances"},
    {"tend status --watch", "live, full screen"             },
};

const struct command cmd_status = {
    .name = "status",
    .group = GROUP_RUNNING,
    .summary = "show what runs and how it is",
    .usage = "[SERVICE…]",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .args_max = ARGS_ANY,
    .args_complete = COMPLETES_SERVICE,
    .run = run,
};
