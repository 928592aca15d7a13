#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/why_view.h"

#include <stdio.h>

#define URL_BYTES_MAX 1024

/* A number (with or without #) is an event, anything else a subject. */
static void add_address(struct buf *url, const char *what)
{
    struct str number = str_from(what[0] == '#' ? what + 1 : what);
    uint64_t seq;

    if (str_to_uint(number, &seq)) {
        buf_format(url, "/tend/v1/why?event=%llu", (unsigned long long)seq);
        return;
    }
    buf_add_text(url, "/tend/v1/why?subject=");
    client_add_encoded(url, what);
}

static void print(struct cli *cli, const json_t *answer)
{
    struct buf out = BUF_INIT(WHY_VIEW_BYTES_MAX);

    if (cli->json) {
        answer_print(answer);
        return;
    }
    why_view_render(&cli->out, answer, &out);
    cli_write(buf_str(&out));
    buf_fini(&out);
}

static int run(struct cli *cli)
{
    const char *what = cli_word(cli, 0);
    struct buf url = BUF_INIT(URL_BYTES_MAX);
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    int code = EXIT_DONE;

    add_address(&url, what != NULL ? what : "project");
    if (client_open(&c, cli, &err) && client_json(c, "GET", url.at, STR(""), &answer, &err))
        print(cli, answer);
    else
        code = client_fail(cli, c, &err);
    json_decref(answer);
    client_close(&c);
    buf_fini(&url);
    return code;
}

static const struct example examples[] = {
    {"tend why web",   "why the service is as it is" },
    {"tend why web/2", "why one instance is as it is"},
    {"tend why 81220", "why one event happened"      },
};

const struct command cmd_why = {
    .name = "why",
    .group = GROUP_RUNNING,
    .summary = "explain what happened, from the journal",
    .usage = "[SUBJECT|SEQ]",
    .about =
        "Walks back from the newest decision about a service, an instance, the project or the\n"
        "daemon to what was seen. Each line is one event of the journal and names it.",
    COMMAND_EXAMPLES(examples),
    .args_max = 1,
    .args_complete = COMPLETES_INSTANCE,
    .run = run,
};
