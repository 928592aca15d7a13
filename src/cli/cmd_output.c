#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/output_view.h"
#include "spec/load.h"

#include <stdio.h>

#define DOCUMENT_BYTES_MAX (32u << 20)

static const json_t *newest(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "generations");
    size_t count = json_array_size(list);

    return count > 0 && !json_is_true(json_object_get(answer, "down"))
               ? json_array_get(list, count - 1)
               : NULL;
}

/* What was applied last. */
static bool load_applied(struct client *c, const struct project **out, struct err *err)
{
    struct diagnostics *d = diagnostics_create();
    struct buf document = BUF_INIT(DOCUMENT_BYTES_MAX);
    json_t *answer = NULL;
    char path[100];
    bool ok = client_json(c, "GET", "/tend/v1/generations", STR(""), &answer, err);

    if (ok && newest(answer) == NULL)
        ok = err_set(err, ERR_MISSING, "nothing is applied, so there are no outputs");
    if (ok) {
        (void)snprintf(path, sizeof path, "/tend/v1/generations/%lld/document",
            (long long)answer_int(newest(answer), "number", 0));
        ok = client_text(c, "GET", path, STR(""), &document, err);
    }
    if (ok) {
        *out = spec_load_document(buf_str(&document), (struct str){0}, d);
        ok = *out != NULL ||
             err_set(err, ERR_UNSUPPORTED, "what is applied cannot be read by this version");
    }
    json_decref(answer);
    buf_fini(&document);
    diagnostics_destroy(&d);
    return ok;
}

static int show(struct cli *cli, const struct project *project)
{
    const char *name = cli_word(cli, 0), *nearest;
    struct err err = ERR_INIT;

    if (name == NULL && cli->json)
        output_view_print_json(project);
    else if (name == NULL)
        output_view_print(cli, project);
    else if (!output_view_print_one(cli, project, name)) {
        nearest = output_view_nearest(project, name);
        (void)err_set(&err, ERR_MISSING, "there is no output '%.60s'%s%s%s", name,
            nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "'?" : "");
        return cli_fail(
            cli, &err, "tend output lists them; what is new in the file is to be applied");
    }
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    const struct project *project = NULL;
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    if (client_open(&c, cli, &err) && load_applied(c, &project, &err))
        code = show(cli, project);
    else
        code = client_fail(cli, c, &err);
    project_unref(&project);
    client_close(&c);
    return code;
}

static const struct example examples[] = {
    {"tend output",             "all of them; sensitive ones without their values"},
    {"curl $(tend output url)", "one value, as it is"                             },
    {"tend output --json",      "for programs, with all values"                   },
};

const struct command cmd_output = {
    .name = "output",
    .group = GROUP_DECLARING,
    .summary = "show the outputs of what was applied last",
    .usage = "[NAME]",
    .args_max = 1,
    .about = "Outputs are declared under `outputs:`. NAME prints its value alone, of a sensitive "
             "one too.",
    COMMAND_EXAMPLES(examples),
    .run = run,
};
