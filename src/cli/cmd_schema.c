#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "spec/schema.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Laid out for people and for diffs; with --json on one line. */
static int run(struct cli *cli)
{
    struct buf schema = BUF_INIT(SCHEMA_BYTES_MAX);

    schema_write(&schema);
    if (cli->json) {
        (void)printf("%s\n", schema.at); /* a failed stdout is found when it is flushed */
    } else {
        json_t *value = json_loads(schema.at, 0, NULL);
        char *text = json_dumps(value, JSON_INDENT(2));
        must(text != NULL);
        (void)printf("%s\n", text); /* as above */
        free(text);
        json_decref(value);
    }
    buf_fini(&schema);
    return EXIT_DONE;
}

static const struct example examples[] = {
    {"tend schema > tend.schema.json", "for an editor: see docs/guides/writing-tend-yaml.md"},
};

const struct command cmd_schema = {
    .name = "schema",
    .group = GROUP_DECLARING,
    .summary = "print the JSON Schema of tend.yaml, for editors",
    .usage = "",
    .about = "JSON Schema 2020-12, made from the same tables that tend reads with. What loads\n"
             "validates; `tend check` finds more than a schema can say.",
    COMMAND_EXAMPLES(examples),
    .run = run,
};
