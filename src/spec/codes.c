#include "spec/codes.h"

#include "base/must.h"

#define WEB "services:\n  web:\n    command: python3 web.py\n"

/* By name. */
const struct code codes[] = {
    {.name = "bad-variable",
     .title = "a `$` that starts nothing that can be replaced",
     .explanation =
            "`$NAME` and `${NAME}` stand for variables, `${NAME:-default}`, `${NAME:+text}` and\n"
            "`${NAME:?message}` for them with a default, a replacement and a demand, and\n"
            "`${services.NAME.url}`, `.host` and `.port` for another service's address. Any other "
            "dollar\n"
            "is an error, since it is more often a slip than meant. A plain dollar is written "
            "`$$`.",                                                                              .wrong = WEB "    environment:\n      PRICE: 5$\n",
     .right = WEB "    environment:\n      PRICE: 5$$\n"                                                                                                                                                                                                         },
    {.name = "conflict",
     .title = "two things that are declared cannot both be true",
     .explanation = "Each is fine alone: two services on one port, several replicas on one "
                       "fixed port, two\n"
                       "probes in one healthcheck, waiting for the health of a service that has no "
                       "healthcheck.\n"
                       "Both places are shown; change one of them.",                              .wrong = WEB "    ports: [8080]\n    deploy: {replicas: 2}\n",
     .right = WEB "    deploy: {replicas: 2}\n"                                                                                                                                                                                                                  },
    {.name = "cycle",
     .title = "things that need each other in a circle",
     .explanation = "No service of a circle of `depends_on` could be the first to start; files "
                       "that include, and\n"
                       "services that extend, each other would never end. The whole circle is "
                       "shown: take one\n"
                       "step out of it.",                                                         .wrong = WEB
        "    depends_on: [api]\n  api:\n    command: python3 api.py\n    depends_on: [web]\n",                                               .right = WEB "    depends_on: [api]\n  api:\n    command: python3 api.py\n"},
    {.name = "duplicate-key",
     .title = "the same key twice in one mapping",
     .explanation = "YAML forbids it, and readers that allow it let one of the two win without "
                       "a word. Both\n"
                       "places are shown; keep one.",                                             .wrong = WEB "    command: python3 other.py\n",
     .right = WEB                                                                                                                                                                                                                                                },
    {.name = "exposed-secret",
     .title = "a secret where everybody on the machine can read it",
     .explanation =
            "Command lines are shown by `ps` to every user. A secret variable is not taken "
            "from `--var`,\nand a service gets a secret by `environment` or `secrets`.",          .wrong =
            "variables: {password: {secret: true, default: not-a-good-one}}\nservices:\n  web:\n"
            "    command: web --password ${var.password}\n",                                  .right =
            "variables: {password: {secret: true, default: not-a-good-one}}\nservices:\n  web:\n"
            "    command: web\n    environment: {PASSWORD: \"${var.password}\"}\n"                           },
    {.name = "limit",
     .title = "more than tend takes",
     .explanation = "Files, nesting, aliases, variables inside variables and the number of "
                       "services are bounded,\n"
                       "so that no file can exhaust the machine that reads it. The bounds are far "
                       "above what a\n"
                       "project needs; whoever meets one has most often a mistake in a file that a "
                       "program wrote.",                                                          .wrong = "x-deep: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n"
                 "  ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n" WEB,
     .right = "x-flat: []\n" WEB                                                                                                                                                                                                                                 },
    {.name = "missing-file",
     .title = "a file or folder that is declared cannot be read",
     .explanation = "It is not there, or tend may not read it: the reason stands behind its "
                       "name. Paths are\n"
                       "relative to the project's folder. An `env_file` that may be missing says\n"
                       "`required: false`.",                                                      .wrong = WEB "    env_file: secrets.env\n",
     .right = WEB "    env_file: {path: secrets.env, required: false}\n"                                                                                                                                                                                         },
    {.name = "missing-key",
     .title = "something that is needed is not said",
     .explanation =
            "A service needs a `command` (or an `entrypoint`), a map form of a port its `target`, "
            "a\n"
            "project at least one service. A key without a value counts as not declared.",        .wrong = "services:\n  web:\n    ports: [8080]\n",
     .right = WEB "    ports: [8080]\n"                                                                                                                                                                                                                          },
    {.name = "no-effect",
     .title = "a key that changes nothing here (a note)",
     .explanation =
            "tend knows the key, and with plain processes it makes no difference, or another key "
            "wins\n"
            "over it. It may stay for the sake of other tools; nothing else depends on it.",      .wrong = WEB "    container_name: web\n",
     .right = WEB                                                                                                                                                                                                                                                },
    {.name = "not-supported",
     .title = "a key that tend knows and cannot honour",
     .explanation =
            "It would be wrong to start the service without what it asks for, so this is an error "
            "and\n"
            "not a note. The message says why, and what to write instead if there is something.", .wrong = WEB "    dns: 192.0.2.1\n",
     .right = WEB                                                                                                                                                                                                                                                },
    {.name = "recursive-alias",
     .title = "an anchor that holds itself",
     .explanation = "`*name` stands for what `&name` marks; inside of that it would stand for "
                       "itself, without\n"
                       "an end.",                                                                 .wrong = WEB "    labels: &labels\n      all: *labels\n",
     .right = WEB "    labels: &labels\n      all: none\n"                                                                                                                                                                                                       },
    {.name = "required-variable",
     .title = "a variable that must be set is not",
     .explanation =
            "`${NAME:?message}` demands it, with the message as the reason; without the colon an "
            "empty\n"
            "one is enough. Set it in the environment or in `.env` beside the file, or give it a\n"
            "default: `${NAME:-default}`.",                                                       .wrong = WEB "    environment:\n      TOKEN: ${SHOP_TOKEN:?the API's token}\n",
     .right = WEB "    environment:\n      TOKEN: ${SHOP_TOKEN:-none}\n"                                                                                                                                                                                         },
    {.name = "syntax",
     .title = "the file cannot be read as YAML",
     .explanation = "What follows cannot be looked at until it can. Often a bracket or a quote "
                       "is not closed, a\n"
                       "line is indented by a tab, or a text holds `: ` or ` #` and wants quotes. "
                       "Lines of an\n"
                       "env_file that are not NAME=value have this code too.",                    .wrong = "services:\n  web:\n    command: [python3, web.py\n    ports: [8080]\n",
     .right = "services:\n  web:\n    command: [python3, web.py]\n    ports: [8080]\n"                                                                                                                                                                           },
    {.name = "unknown-alias",
     .title = "an alias whose anchor is not above it",
     .explanation = "`*name` stands for what `&name` marked earlier in the same file.",
     .wrong = WEB "    environment: *common\n",
     .right = "x-common: &common {LANG: C.UTF-8}\n" WEB "    environment: *common\n"                                                                                                                                                                             },
    {.name = "unknown-environment",
     .title = "an environment that the files do not declare",
     .explanation = "`--env`, TEND_ENV or `default_environment` names one that is not among "
                       "`environments`. What\nis declared there is shown.",                       .wrong = WEB "environments:\n  staging: {}\ndefault_environment: stagin\n",
     .right = WEB "environments:\n  staging: {}\ndefault_environment: staging\n"                                                                                                                                                                                 },
    {.name = "unknown-key",
     .title = "a key that tend does not know",
     .explanation =
            "A key that is ignored in silence is a setting that does not hold, so a misspelled one "
            "is an\n"
            "error. The nearest key that exists is suggested; `tend explain KEY` tells about one, "
            "such\n"
            "as `tend explain healthcheck.interval`. Keys that start with `x-` are yours.",       .wrong = "services:\n  web:\n    comand: python3 web.py\n",
     .right = WEB                                                                                                                                                                                                                                                },
    {.name = "unknown-resource",
     .title = "a network, volume, config or secret that is not declared",
     .explanation =
            "What a service names under `networks`, `volumes`, `configs` and `secrets` "
            "is declared at the\n"
            "top of the file, under the same word; `name: {}` is enough where nothing is "
            "to be said. A\n"
            "folder among `volumes` starts with `.`, `/` or `~`.",                                .wrong = "services:\n  db:\n    image: postgres:16\n    volumes: "
                 "[\"data:/var/lib/postgresql/data\"]\n",                                                           .right = "services:\n  db:\n    image: postgres:16\n    volumes: "
                 "[\"data:/var/lib/postgresql/data\"]\nvolumes:\n  data: {}\n"                                                        },
    {.name = "unknown-service",
     .title = "a service that is not declared",
     .explanation =
            "`depends_on`, `extends` and `${services.NAME.…}` name services of the project. One "
            "that is\n"
            "left out because none of its profiles is active counts as missing: activate one with\n"
            "--profile, or write `required: false` under `depends_on` if it may be missing.",     .wrong = WEB "    depends_on: [databse]\n  database:\n    command: redis-server\n",
     .right = WEB "    depends_on: [database]\n  database:\n    command: redis-server\n"                                                                                                                                                                         },
    {.name = "unknown-tag",
     .title = "a YAML tag that means nothing here",
     .explanation =
            "Known are Compose's `!reset` and `!override`, which say how files are merged, and "
            "YAML's\n"
            "own, such as `!!str`. A text that starts with an exclamation mark needs quotes.",    .wrong = WEB "    environment:\n      GREETING: !hello\n",
     .right = WEB "    environment:\n      GREETING: \"!hello\"\n"                                                                                                                                                                                               },
    {.name = "unknown-variable",
     .title = "a variable that `variables` does not declare",
     .explanation =
            "`${var.NAME}`, `--var` and a `--var-file` can only name what is declared at the "
            "top of the\nfile; `variables: {NAME: VALUE}` is enough. Variables of the shell "
            "are written `${NAME}`.",                                                             .wrong = WEB "    user: ${var.who}\n",
     .right = "variables: {who: nobody}\n" WEB "    user: ${var.who}\n"                                                                                                                                                                                          },
    {.name = "unset-variable",
     .title = "a variable that is not set (a warning)",
     .explanation = "An empty text stands for it, as in Compose. Set it in the environment or "
                       "in `.env` beside the\n"
                       "file, give it a default, or demand it with `${NAME:?message}`. A dollar "
                       "that the command\n"
                       "itself shall see is written `$$`.",                                       .wrong = WEB "    environment:\n      TITLE: ${SHOP_TITLE}\n",
     .right = WEB "    environment:\n      TITLE: ${SHOP_TITLE:-The corner shop}\n"                                                                                                                                                                              },
    {.name = "weak-secret",
     .title = "a secret that cannot be hidden wherever it is printed",
     .explanation =
            "Secrets are found by their value in all that tend prints. One of less than six "
            "bytes, or one\nthat is a name too, stands in too much that is no secret: it is "
            "hidden only where it is\ndeclared.",                                                 .wrong = "variables: {pin: {secret: true, default: 1234}}\n" WEB
                 "    environment: {CODE: \"${var.pin}\"}\n",                                                                        .right = "variables: {pin: {secret: true, default: 12345678}}\n" WEB
                 "    environment: {CODE: \"${var.pin}\"}\n"                                                                                       },
    {.name = "wrong-name",
     .title = "a name that cannot be one",
     .explanation = "Names of projects and services have lower-case letters, digits, `-` and "
                       "`_`, start with a\n"
                       "letter or digit and have at most 63 characters: they become parts of "
                       "addresses, of file\n"
                       "names and of environment variables.",                                     .wrong = "services:\n  Web Shop:\n    command: python3 web.py\n",
     .right = "services:\n  web-shop:\n    command: python3 web.py\n"                                                                                                                                                                                            },
    {.name = "wrong-type",
     .title = "a list, map or text where another is taken",
     .explanation = "The message says what the key takes and what stands there; `tend explain "
                       "KEY` shows all\n"
                       "forms of a key.",                                                         .wrong = WEB "    ports: 8080\n",
     .right = WEB "    ports: [8080]\n"                                                                                                                                                                                                                          },
    {.name = "wrong-value",
     .title = "a value that the key does not take",
     .explanation = "It is out of bounds, is none of the words that may stand there, or lacks a "
                       "unit: durations\n"
                       "are written `500ms`, `10s`, `1m30s`, sizes `64k`, `512m`, `1.5g`. The "
                       "message says what\n"
                       "is taken.",                                                               .wrong = WEB "    stop_grace_period: 10\n",
     .right = WEB "    stop_grace_period: 10s\n"                                                                                                                                                                                                                 },
};
const size_t code_count = COUNT(codes);

const struct code *code_find(struct str name)
{
    for (size_t i = 0; i < code_count; i++)
        if (str_is(name, codes[i].name))
            return &codes[i];
    return NULL;
}

const char *code_nearest(struct str typed)
{
    const char *names[COUNT(codes)];

    for (size_t i = 0; i < code_count; i++)
        names[i] = codes[i].name;
    return str_nearest(typed, names, code_count);
}

static void add_indented(struct buf *out, const char *text)
{
    struct str rest = str_from(text);

    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        buf_format(out, "    %.*s\n", STR_ARG(line));
    }
}

void code_write(const struct code *code, struct buf *out)
{
    buf_format(out, "%s: %s\n\n%s\n\nWrong:\n\n", code->name, code->title, code->explanation);
    add_indented(out, code->wrong);
    buf_add_text(out, "\nRight:\n\n");
    add_indented(out, code->right);
}

void code_write_json(const struct code *code, const char *key, struct json *j)
{
    json_open_object(j, key);
    json_text(j, "code", code->name);
    json_text(j, "title", code->title);
    json_text(j, "explanation", code->explanation);
    json_text(j, "wrong", code->wrong);
    json_text(j, "right", code->right);
    json_end(j);
}

void codes_write_reference(struct buf *out)
{
    buf_add_text(out,
        "# Diagnostics\n\n<!-- Made by `tend __reference codes` from src/spec/codes.c: change it "
        "there. -->\n\nWhat `tend check` finds has a code, such as `error[unknown-key]`; with "
        "`--json` it is the member `code`. A code\nkeeps its meaning. `tend explain CODE` shows "
        "one "
        "of these.\n");
    for (size_t i = 0; i < code_count; i++) {
        buf_format(out, "\n## %s\n\nIt means: %s.\n\n%s\n\nWrong:\n\n", codes[i].name,
            codes[i].title, codes[i].explanation);
        add_indented(out, codes[i].wrong);
        buf_add_text(out, "\nRight:\n\n");
        add_indented(out, codes[i].right);
    }
}
