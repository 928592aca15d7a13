#include "cli/starter.h"

#include "base/must.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

/* What a shell does more than splitting: then it has to be one. */
static bool is_plain(const char *line)
{
    struct str rest = str_from(line), first = str_cut(&rest, ' ');

    for (const char *c = line; *c != '\0'; c++) {
        bool fits = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr(" _./:=@%+,-", *c) != NULL;
        if (!fits)
            return false;
    }
    return str_find(first, '=') < 0;
}

/* Whether `exec` may stand before it, so that no shell stays between tend and the program. */
static bool is_one_command(const char *line)
{
    static const char *const words[] = {"cd", "exec", "export", "if", "for", "while", "case",
        "until", "source", ".", "set", "eval", "trap", "ulimit", "umask", "!", "test", "["};
    struct str rest = str_from(line), first = str_cut(&rest, ' ');

    if (strpbrk(line, ";&|(){}<>`\n") != NULL || str_find(first, '=') >= 0)
        return false;
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(first, words[i]))
            return false;
    return true;
}

/* A text in double quotes, which JSON and YAML write alike, with `$` as `$$`. */
static void add_quoted(struct buf *out, const char *text)
{
    buf_add_byte(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            buf_format(out, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            buf_format(out, "\\%c", c);
        else if (c == '$')
            buf_add_text(out, "$$");
        else
            buf_add_byte(out, *text);
    }
    buf_add_byte(out, '"');
}

/* A plain text that YAML takes for a text: nothing in it is special but ": " and a first byte. */
static bool is_plain_yaml(const char *line)
{
    bool starts_well = (*line >= 'a' && *line <= 'z') || (*line >= 'A' && *line <= 'Z') ||
                       *line == '/' || (*line == '.' && line[1] == '/');
    size_t len = strlen(line);

    return starts_well && strstr(line, ": ") == NULL && line[len - 1] != ':' &&
           line[len - 1] != ' ' && strcasecmp(line, "null") != 0;
}

const char *starter_shell_command(struct arena *a, const char *line)
{
    struct buf out = BUF_INIT(STARTER_BYTES_MAX);
    struct buf whole = BUF_INIT(STARTER_BYTES_MAX);

    if (is_plain(line) && is_plain_yaml(line)) {
        buf_add_text(&out, line);
    } else if (is_plain(line)) {
        add_quoted(&out, line);
    } else {
        buf_format(&whole, "%s%s", is_one_command(line) ? "exec " : "", line);
        buf_add_text(&out, "[sh, -c, ");
        add_quoted(&out, whole.at);
        buf_add_byte(&out, ']');
    }
    const char *command = arena_copy_str(a, buf_str(&out)).at;
    buf_fini(&out);
    buf_fini(&whole);
    return command;
}

static void add_service(struct buf *out, const struct starter_service *s, bool with_hints)
{
    buf_format(out, "  %s:\n    command: %s\n", s->name, s->command);
    if (s->runs_once)
        buf_add_text(out, "    restart: \"no\" # it runs once\n");
    else if (s->is_example)
        buf_add_text(out, "    healthcheck: { http: /, interval: 5s }\n");
    else if (with_hints)
        buf_add_text(out,
            "    # It is restarted whenever it ends. To see that it works, and not only runs:\n"
            "    # healthcheck: { http: /healthz, interval: 5s }\n");
    if (with_hints && !s->runs_once)
        buf_add_text(out,
            "    # Each instance gets a free port of its own in $PORT. To fix one instead:\n"
            "    # ports: [8080]\n"
            "    # deploy: { replicas: 2 }\n"
            "    # environment: { LOG_LEVEL: info }\n"
            "    # depends_on: { db: { condition: service_healthy } }\n");
}

void starter_write(const struct starter *s, struct buf *out)
{
    bool hints_given = false;

    buf_add_text(out, "# What runs here, kept running by tend: `tend up` starts it, `tend status` "
                      "shows how it is.\n"
                      "# `tend check` finds mistakes in this file; `tend explain KEY` tells about "
                      "a key, such as\n"
                      "# `tend explain healthcheck`.\n");
    if (s->project != NULL)
        buf_format(out, "name: %s\n", s->project);
    buf_add_text(out, "\nservices:\n");
    if (s->source != NULL)
        buf_format(out, "  # From %s.\n", s->source);
    else
        buf_add_text(out,
            "  # An example that shows this folder on a local port: put your own program here.\n");
    for (size_t i = 0; i < s->service_count; i++) {
        add_service(out, &s->services[i], !hints_given);
        hints_given = hints_given || !s->services[i].runs_once;
    }
}
