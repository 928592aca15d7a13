#include "base/clock.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_view.h"
#include "cli/table.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

#define TABLE_BYTES_MAX (64u << 20)

static void add_row(struct table *t, const json_t *g)
{
    const char *result = answer_text(g, "result");
    int64_t back = answer_int(g, "rollback_to", 0);
    char when[WHEN_TEXT_BYTES];

    when_format(answer_time(g, "at"), clock_wall_ns(), when);
    table_cell(t, TONE_STRONG, "%lld", (long long)answer_int(g, "number", 0));
    table_cell(t, TONE_PLAIN, "%s", when);
    table_cell(t, TONE_PLAIN, "%s", answer_text(g, "actor"));
    table_cell(t, TONE_PLAIN, "%lld", (long long)answer_int(g, "changes", 0));
    table_cell(t, strcmp(result, "failed") == 0 ? TONE_BAD : TONE_PLAIN, "%s", result);
    if (back > 0)
        table_cell(t, TONE_FAINT, "back to %lld", (long long)back);
    else
        table_cell(t, TONE_PLAIN, "%s", "");
}

/* The newest first. */
static void print_list(struct cli *cli, const json_t *answer)
{
    const json_t *list = json_object_get(answer, "generations");
    struct buf out = BUF_INIT(TABLE_BYTES_MAX);
    struct table t;

    table_init(&t, &cli->out, ">GENERATION", "WHEN", "WHO", ">CHANGES", "RESULT", "NOTE", NULL);
    for (size_t i = json_array_size(list); i-- > 0;)
        add_row(&t, json_array_get(list, i));
    table_render(&t, &out);
    cli_write(buf_str(&out));
    table_fini(&t);
    buf_fini(&out);
    if (json_is_true(json_object_get(answer, "down")))
        cli_say(cli, "Nothing of it is declared now: somebody said down.");
}

static void print(struct cli *cli, const json_t *answer)
{
    const json_t *diff = json_object_get(answer, "diff");

    if (cli->json)
        answer_print(answer);
    else if (diff == NULL)
        print_list(cli, answer);
    else
        plan_view_print_diff(&cli->out, stdout, diff);
    if (diff != NULL && plan_view_is_empty(diff))
        cli_say(cli, "No differences in what is run.");
}

static int run(struct cli *cli)
{
    const char *number = cli_word(cli, 0);
    struct buf path = BUF_INIT(1024);
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *answer = NULL;
    int code = EXIT_DONE;

    buf_add_text(&path, "/tend/v1/generations");
    if (number != NULL) {
        buf_add_byte(&path, '/');
        client_add_encoded(&path, number);
    }
    if (client_open(&c, cli, &err) && client_json(c, "GET", path.at, STR(""), &answer, &err))
        print(cli, answer);
    else
        code = client_fail(cli, c, &err);
    json_decref(answer);
    client_close(&c);
    buf_fini(&path);
    return code;
}

static const struct example examples[] = {
    {"tend history",   "who declared what, the newest first"},
    {"tend history 7", "what generation 7 changed"          },
};

const struct command cmd_history = {
    .name = "history",
    .group = GROUP_DECLARING,
    .summary = "show what was declared, generation by generation",
    .usage = "[GENERATION]",
    .about =
        "Each apply (or up) that declares something else than the one before is a generation.\n"
        "It follows from the journal, so nothing is lost and nothing can be rewritten.",
    COMMAND_EXAMPLES(examples),
    .args_max = 1,
    .run = run,
};
