#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "spec/codes.h"
#include "spec/describe.h"

#include <stdio.h>

#define TEXT_BYTES_MAX (256u << 10)

static void list_codes(struct cli *cli, struct buf *out)
{
    struct json j = json_begin(out);

    if (!cli->json) {
        for (size_t i = 0; i < code_count; i++)
            buf_format(out, "%-18s %s\n", codes[i].name, codes[i].title);
        return;
    }
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_open_array(&j, "codes");
    for (size_t i = 0; i < code_count; i++)
        code_write_json(&codes[i], NULL, &j);
    json_end(&j);
    json_end(&j);
    buf_add_byte(out, '\n');
}

static void show_code(struct cli *cli, const struct code *code, struct buf *out)
{
    struct json j = json_begin(out);

    if (!cli->json) {
        code_write(code, out);
        return;
    }
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    code_write_json(code, "explained", &j);
    json_end(&j);
    buf_add_byte(out, '\n');
}

static void show_field(
    struct cli *cli, const char *path, const struct field_place *place, struct buf *out)
{
    if (cli->json) {
        describe_field_json(path, place, out);
        buf_add_byte(out, '\n');
    } else {
        describe_field(path, place, out);
    }
}

static int tell_unknown(struct cli *cli, const char *topic, const char *near_key)
{
    const char *near_code = code_nearest(str_from(topic));
    const char *nearest = near_code != NULL ? near_code : near_key;
    struct err err = ERR_INIT;
    char help[120] = "tend explain lists the codes, docs/reference/tend-yaml.md the keys";

    (void)err_set(&err, ERR_MISSING, "there is no code or key \"%.80s\"", topic); /* always false */
    if (nearest != NULL)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", nearest);
    return cli_fail(cli, &err, help);
}

static int run(struct cli *cli)
{
    const char *topic = cli_word(cli, 0), *nearest = NULL;
    struct buf out = BUF_INIT(TEXT_BYTES_MAX);
    struct field_place place;
    int code = EXIT_DONE;

    if (topic == NULL)
        list_codes(cli, &out);
    else if (code_find(str_from(topic)) != NULL)
        show_code(cli, code_find(str_from(topic)), &out);
    else if (describe_find(str_from(topic), &place, &nearest))
        show_field(cli, topic, &place, &out);
    else
        code = tell_unknown(cli, topic, nearest);
    cli_write(buf_str(&out));
    buf_fini(&out);
    return code;
}

static const struct example examples[] = {
    {"tend explain unknown-key",          "what a finding of tend check means, with examples"},
    {"tend explain healthcheck.interval", "what a key takes, its default, what a change does"},
    {"tend explain",                      "all codes"                                        },
};

const struct command cmd_explain = {
    .name = "explain",
    .group = GROUP_DECLARING,
    .summary = "explain a code of a finding, or a key of tend.yaml",
    .usage = "[CODE|KEY.PATH]",
    COMMAND_EXAMPLES(examples),
    .args_max = 1,
    .args_complete = COMPLETES_TOPIC,
    .run = run,
};
