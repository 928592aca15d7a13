#include "cli/output_view.h"

#include "base/json.h"
#include "cli/text.h"
#include "spec/node.h"

#include <stdio.h>

#define TEXT_BYTES_MAX (32u << 20)
#define NAMES_MAX      1000

static const struct node *outputs_of(const struct project *p)
{
    return node_get(p->node, "outputs");
}

static bool is_sensitive(const struct node *output)
{
    const struct node *said = node_get(output, "sensitive");
    bool yes = false;

    return said != NULL && node_to_bool(said, &yes) && yes;
}

void output_view_print(struct cli *cli, const struct project *project)
{
    struct buf line = BUF_INIT(TEXT_BYTES_MAX), out = BUF_INIT(TEXT_BYTES_MAX);

    NODE_EACH (outputs_of(project), pair) {
        buf_reset(&line);
        if (is_sensitive(pair->value))
            buf_add_text(&line, "(sensitive)");
        else
            node_write_json(&line, node_get(pair->value, "value"));
        buf_format(&out, "%s%s%s = ", terminal_tone(&cli->out, TONE_STRONG), pair->key.at,
            terminal_tone(&cli->out, TONE_PLAIN));
        text_escape(&out, buf_str(&line), TEXT_NO_COLOURS);
        buf_add_byte(&out, '\n');
    }
    cli_write(buf_str(&out));
    buf_fini(&line);
    buf_fini(&out);
}

void output_view_print_json(const struct project *project)
{
    struct buf out = BUF_INIT(TEXT_BYTES_MAX);
    struct json j = json_begin(&out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_open_object(&j, "outputs");
    NODE_EACH (outputs_of(project), pair) {
        struct buf value = BUF_INIT(TEXT_BYTES_MAX);
        const struct node *description = node_get(pair->value, "description");

        node_write_json(&value, node_get(pair->value, "value"));
        json_open_object(&j, pair->key.at);
        json_raw(&j, "value", buf_str(&value));
        json_text(&j, "description", description != NULL ? description->text.at : NULL);
        json_bool(&j, "sensitive", is_sensitive(pair->value));
        json_end(&j);
        buf_fini(&value);
    }
    json_end(&j);
    json_end(&j);
    buf_add_byte(&out, '\n');
    cli_write(buf_str(&out));
    buf_fini(&out);
}

bool output_view_print_one(struct cli *cli, const struct project *project, const char *name)
{
    const struct node *output = node_get(outputs_of(project), name),
                      *value = node_get(output, "value");
    struct buf out = BUF_INIT(TEXT_BYTES_MAX);

    if (value == NULL)
        return false;
    if (value->kind == NODE_TEXT && !cli->json)
        buf_add_str(&out, value->text);
    else
        node_write_json(&out, value);
    buf_add_byte(&out, '\n');
    cli_write(buf_str(&out));
    buf_fini(&out);
    return true;
}

const char *output_view_nearest(const struct project *project, const char *typed)
{
    const char *names[NAMES_MAX];
    size_t count = 0;

    NODE_EACH (outputs_of(project), pair)
        if (count < NAMES_MAX)
            names[count++] = pair->key.at;
    return str_nearest(str_from(typed), names, count);
}
