/* start, stop, restart, retry: the same thing to one service or instance after the other. */
#include "base/must.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/commands.h"
#include "cli/operation_view.h"

#include <stdio.h>

#define PATH_BYTES_MAX 1024

/* "web" or "web/2" → POST /tend/v1/services/web/VERB {"slot":2} */
static bool make_request(struct buf *path, struct buf *body, const char *word, const char *verb,
    bool wait, struct err *err)
{
    struct str slot = str_from(word), service = str_cut(&slot, '/');
    char name[256];
    int64_t number = 0;

    if (service.len == 0 || service.len >= sizeof name)
        return err_set(err, ERR_INVALID, "\"%.80s\" cannot be a service", word);
    if (slot.len > 0 && (!str_to_int(slot, &number) || number < 1))
        return err_set(err, ERR_INVALID, "\"%.80s\" is no instance: write web/1", word);
    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(service));
    buf_add_text(path, "/tend/v1/services/");
    client_add_encoded(path, name);
    buf_format(path, "/%s", verb);
    buf_add_text(body, wait ? "{\"wait\":true" : "{");
    if (number > 0)
        buf_format(body, "%s\"slot\":%lld", wait ? "," : "", (long long)number);
    buf_add_byte(body, '}');
    return true;
}

static int do_one(struct cli *cli, struct client *c, const char *word)
{
    struct buf path = BUF_INIT(PATH_BYTES_MAX), body = BUF_INIT(PATH_BYTES_MAX);
    struct err err = ERR_INIT;
    bool wait = cli->arguments.command == &cmd_start && arguments_flag(&cli->arguments, "wait");
    int code;

    if (make_request(&path, &body, word, cli->arguments.command->name, wait, &err)) {
        struct operation o = {.path = path.at, .body = buf_str(&body), .report = true};

        code = operation_run(cli, c, &o, NULL);
    } else {
        code = cli_misuse(cli, &err, "tend status");
    }
    buf_fini(&path);
    buf_fini(&body);
    return code;
}

static int run(struct cli *cli)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code = EXIT_DONE;

    if (!client_open(&c, cli, &err)) {
        code = client_fail(cli, c, &err);
    } else {
        VEC_EACH (&cli->arguments.words, const char *, word) {
            code = do_one(cli, c, *word);
            if (code != EXIT_DONE)
                break;
        }
    }
    client_close(&c);
    return code;
}

static const struct flag start_flags[] = {
    FLAG("wait", 0, "wait for the end of the job's run, and fail if it fails"),
};
static const struct example start_examples[] = {
    {"tend start web",           "start what `tend stop web` stopped"    },
    {"tend start --wait backup", "run a job now, and wait for its result"},
};
static const struct example stop_examples[] = {
    {"tend stop web",   "stop it until `tend start web`"},
    {"tend stop web/2", "stop one instance"             },
};
static const struct example restart_examples[] = {
    {"tend restart web",   "one instance after the other, as an update does"},
    {"tend restart web/2", "one instance alone"                             },
};
static const struct example retry_examples[] = {
    {"tend retry web", "once what made it fail is repaired"},
};

#define SERVICE_COMMAND                                                                      \
    .group = GROUP_RUNNING, .usage = "SERVICE[/SLOT]…", .args_min = 1, .args_max = ARGS_ANY, \
    .args_complete = COMPLETES_INSTANCE, .run = run

const struct command cmd_start = {
    .name = "start",
    .summary = "start services that were stopped; run jobs now",
    COMMAND_FLAGS(start_flags),
    COMMAND_EXAMPLES(start_examples),
    SERVICE_COMMAND,
};

const struct command cmd_stop = {
    .name = "stop",
    .summary = "stop services or instances, and keep them stopped; cancel runs of jobs",
    COMMAND_EXAMPLES(stop_examples),
    SERVICE_COMMAND,
};

const struct command cmd_restart = {
    .name = "restart",
    .summary = "restart services or instances",
    COMMAND_EXAMPLES(restart_examples),
    SERVICE_COMMAND,
};

const struct command cmd_retry = {
    .name = "retry",
    .group = GROUP_DEPLOYING,
    .summary = "try again what was given up: a quarantined service, a revision that was taken back",
    .usage = "SERVICE…",
    COMMAND_EXAMPLES(retry_examples),
    .args_min = 1,
    .args_max = ARGS_ANY,
    .args_complete = COMPLETES_SERVICE,
    .run = run,
};
