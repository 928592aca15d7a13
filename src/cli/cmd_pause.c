#include "base/clock.h"
#include "base/must.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/operation_view.h"

#include <stdio.h>

#define DEFAULT_TEXT "1h"

static int pause_for(struct cli *cli, int64_t for_ms)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    char body[64];
    struct operation o = {.path = "/tend/v1/pause", .report = true};
    int code;

    (void)snprintf(body, sizeof body, "{\"for_ms\":%lld}", (long long)for_ms);
    o.body = str_from(body);
    code = client_open(&c, cli, &err) ? operation_run(cli, c, &o, NULL) : client_fail(cli, c, &err);
    client_close(&c);
    return code;
}

static int run(struct cli *cli)
{
    const char *text = cli_value(cli, "for");
    struct err err = ERR_INIT;
    int64_t for_ns;

    if (cli_flag(cli, "end") && text != NULL) {
        (void)err_set(&err, ERR_INVALID, "--for and --end exclude each other"); /* always false */
        return cli_misuse(cli, &err, "tend help pause");
    }
    if (cli_flag(cli, "end"))
        return pause_for(cli, 0);
    if (text == NULL)
        text = DEFAULT_TEXT;
    if (!units_parse_duration(str_from(text), &for_ns) || for_ns < NS_PER_MS) {
        (void)err_set(&err, ERR_INVALID, "\"%.40s\" is no duration", text); /* always false */
        return cli_misuse(cli, &err, "write 30m, 1h, 1h30m, 2d");
    }
    return pause_for(cli, for_ns / NS_PER_MS);
}

static const struct flag flags[] = {
    FLAG_VALUE("for", 0, "TIME", COMPLETES_NOTHING, "how long (default " DEFAULT_TEXT ")"),
    FLAG("end", 0, "now take care again"),
};

static const struct example examples[] = {
    {"tend pause --for 30m", "leave everything alone for half an hour"},
    {"tend pause --end",     "take care again"                        },
};

const struct command cmd_pause = {
    .name = "pause",
    .group = GROUP_RUNNING,
    .summary = "take tend's hands off everything for a while",
    .usage = "",
    .about = "tend goes on watching and telling, but starts, stops and heals nothing, so that\n"
             "somebody can work on the machine. It ends by itself.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
