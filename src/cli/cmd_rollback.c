#include "base/must.h"
#include "cli/answer.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "spec/load.h"

#include <stdio.h>
#include <unistd.h>

#define DOCUMENT_BYTES_MAX (32u << 20)

/* The project of that generation, as its document was kept. */
static bool load(struct client *c, int64_t number, struct apply_request *out, struct err *err)
{
    struct diagnostics *d = diagnostics_create();
    struct buf document = BUF_INIT(DOCUMENT_BYTES_MAX);
    json_t *answer = NULL;
    char path[100];
    bool ok;

    (void)snprintf(path, sizeof path, "/tend/v1/generations/%lld", (long long)number);
    ok = client_json(c, "GET", path, STR(""), &answer, err);
    (void)snprintf(path, sizeof path, "/tend/v1/generations/%lld/document", (long long)number);
    ok = ok && client_text(c, "GET", path, STR(""), &document, err);
    if (ok) {
        out->rollback_to = number;
        out->cause = answer_int(json_object_get(answer, "generation"), "event", 0);
        out->project = spec_load_document(buf_str(&document), (struct str){0}, d);
        ok = out->project != NULL || err_set(err, ERR_UNSUPPORTED,
                                         "the document of generation %lld cannot be read by this "
                                         "version",
                                         (long long)number);
    }
    json_decref(answer);
    buf_fini(&document);
    diagnostics_destroy(&d);
    return ok;
}

static int roll_back(struct cli *cli, int64_t number)
{
    struct apply_request request = {.report = true};
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    if (client_open(&c, cli, &err) && load(c, number, &request, &err)) {
        cli_say(cli, "Back to generation %lld:", (long long)number);
        code = apply_shown(cli, c, &request, NULL);
    } else {
        code = client_fail(cli, c, &err);
    }
    project_unref(&request.project);
    client_close(&c);
    return code;
}

static int run(struct cli *cli)
{
    const char *to = cli_value(cli, "to");
    struct err err = ERR_INIT;
    int64_t number;

    if (to == NULL || !str_to_int(str_from(to), &number) || number < 1) {
        (void)err_set(&err, ERR_INVALID, "say to which generation: a number from 1");
        return cli_misuse(cli, &err, "tend history lists them; tend rollback --to 7");
    }
    if (!cli_flag(cli, "yes") && isatty(STDIN_FILENO) != 1) {
        (void)err_set(&err, ERR_INVALID, "there is no terminal to ask on"); /* always false */
        return cli_misuse(cli, &err, "tend rollback --to N --yes");
    }
    return roll_back(cli, number);
}

static const struct flag flags[] = {
    FLAG_VALUE("to", 0, "GENERATION", COMPLETES_NOTHING, "as `tend history` numbers them"),
    FLAG("yes", 'y', "do not ask"),
    FLAG_VALUE("timeout", 0, "TIME", COMPLETES_NOTHING, "watch no longer than this"),
};

static const struct example examples[] = {
    {"tend rollback --to 7", "show the plan, ask, and declare generation 7 again"},
};

const struct command cmd_rollback = {
    .name = "rollback",
    .group = GROUP_DEPLOYING,
    .summary = "declare an earlier generation again",
    .usage = "--to GENERATION",
    .about =
        "Shows the plan and asks, as `tend apply` does; what is applied is the document that was\n"
        "kept then, and it becomes the next generation. tend.yaml stays as it is.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
