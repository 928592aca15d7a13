#include "base/mem.h"
#include "base/must.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFERS_BYTES_MAX (256u << 10)

static int run(struct cli *cli)
{
    const char *shell = cli_word(cli, 0);
    const char *script = completion_script(str_from(shell));
    struct err err = ERR_INIT;

    if (script == NULL) {
        (void)err_set(&err, ERR_INVALID, "no completion for \"%.40s\"", shell); /* always false */
        return cli_misuse(cli, &err, "one of: bash zsh fish");
    }
    (void)fputs(script, stdout); /* a failed stdout is found when it is flushed */
    return EXIT_DONE;
}

static void add_matching(struct buf *out, struct str prefix, const char *name)
{
    if (name != NULL && strncmp(name, prefix.at, prefix.len) == 0)
        buf_format(out, "%s\n", name);
}

static void add_names(const json_t *status, enum completes what, struct str prefix, struct buf *out)
{
    size_t i, k;
    json_t *service, *instance;

    json_array_foreach(json_object_get(status, "jobs"), i, service)
        add_matching(out, prefix, json_string_value(json_object_get(service, "name")));
    json_array_foreach(json_object_get(status, "services"), i, service)
    {
        add_matching(out, prefix, json_string_value(json_object_get(service, "name")));
        if (what != COMPLETES_INSTANCE)
            continue;
        json_array_foreach(json_object_get(service, "instances"), k, instance)
            add_matching(out, prefix, json_string_value(json_object_get(instance, "id")));
    }
}

/* Asks the daemon; where none answers there is nothing to offer. */
static void names(void *data, enum completes what, struct str prefix, struct buf *out)
{
    struct cli *cli = data;
    struct client *c = NULL;
    json_t *status = NULL;
    struct err err = ERR_INIT;

    if (client_open(&c, cli, &err) &&
        client_json(c, "GET", "/tend/v1/status", STR(""), &status, &err))
        add_names(status, what, prefix, out);
    json_decref(status);
    client_close(&c);
}

/* The flags among the words being completed say which project is meant. */
static void take_flags(const struct cli *cli, struct cli *typed)
{
    size_t count = cli->arguments.words.count;
    const char **argv = mem_new_array(count + 1, const char *);

    *typed = *cli;
    argv[0] = "tend";
    for (size_t i = 0; i + 1 < count; i++)
        argv[i + 1] = cli->arguments.words.at[i];
    if (!arguments_parse(&typed->arguments, count > 0 ? (int)count : 1, argv, NULL))
        typed->arguments.advice[0] = '\0'; /* a command line that is not complete yet */
    VEC_EACH (&cli->arguments.flags, struct given_flag, given)
        vec_push(&typed->arguments.flags, *given);
    free(argv);
}

static int run_complete(struct cli *cli)
{
    struct buf out = BUF_INIT(OFFERS_BYTES_MAX);
    struct cli typed;

    take_flags(cli, &typed);
    completion_candidates(cli->arguments.words.at, cli->arguments.words.count, names, &typed, &out);
    cli_write(buf_str(&out));
    arguments_fini(&typed.arguments);
    buf_fini(&out);
    return EXIT_DONE;
}

static const struct example examples[] = {
    {"tend completion bash > /etc/bash_completion.d/tend", "for everybody on this machine"},
    {"source <(tend completion bash)",                     "for this shell"               },
};

const struct command cmd_completion = {
    .name = "completion",
    .group = GROUP_OTHER,
    .summary = "print a completion script for bash, zsh or fish",
    .usage = "bash|zsh|fish",
    COMMAND_EXAMPLES(examples),
    .args_min = 1,
    .args_max = 1,
    .args_complete = COMPLETES_SHELL,
    .run = run,
};

const struct command cmd_complete = {
    .name = "__complete",
    .group = GROUP_HIDDEN,
    .summary = "offer words to a shell",
    .usage = "-- WORD…",
    .args_max = ARGS_ANY,
    .run = run_complete,
};
