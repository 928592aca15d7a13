#include "cli/log_view.h"

#include "base/base64.h"
#include "cli/answer.h"
#include "cli/text.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

#define NAME_COLUMNS_MIN 8
#define NAME_COLUMNS_MAX 32

static void add_name(struct log_view *v, const json_t *record, struct buf *out)
{
    const char *service = answer_text(record, "service");
    bool error = strcmp(answer_text(record, "stream"), "stderr") == 0;
    struct buf name = BUF_INIT(256);
    int width, pad;

    text_escape(&name, str_from(service), TEXT_NO_COLOURS);
    buf_format(&name, "/%lld", (long long)answer_int(record, "slot", 0));
    if (answer_int(record, "run", 0) > 0)
        buf_format(&name, "#%lld", (long long)answer_int(record, "run", 0));
    width = text_width(buf_str(&name));
    if (width > v->name_columns)
        v->name_columns = width < NAME_COLUMNS_MAX ? width : NAME_COLUMNS_MAX;
    if (v->name_columns < NAME_COLUMNS_MIN)
        v->name_columns = NAME_COLUMNS_MIN;
    pad = v->name_columns - width;
    buf_format(out, "%s%.*s%*s %s|%s ", terminal_name_colour(v->terminal, service),
        STR_ARG(buf_str(&name)), pad > 0 ? pad : 0, "",
        error ? terminal_tone(v->terminal, TONE_BAD) : "", terminal_tone(v->terminal, TONE_PLAIN));
    buf_fini(&name);
}

/* True: this piece carries on where the last one stopped. Another's piece ends that line first. */
static bool carries_on(struct log_view *v, const json_t *record, struct buf *out)
{
    char who[sizeof v->open];
    bool same;

    (void)snprintf(who, sizeof who, "%.100s/%lld/%.20s", answer_text(record, "service"),
        (long long)answer_int(record, "slot", 0), answer_text(record, "stream"));
    same = strcmp(v->open, who) == 0;
    if (v->open[0] != '\0' && !same)
        buf_add_byte(out, '\n');
    v->open[0] = '\0';
    if (json_is_true(json_object_get(record, "continues")))
        (void)snprintf(v->open, sizeof v->open, "%s", who);
    return same;
}

static void add_head(struct log_view *v, const json_t *record, struct buf *out)
{
    char time[WHEN_TEXT_BYTES];

    if (!v->no_names)
        add_name(v, record, out);
    if (v->timestamps) {
        when_format(answer_time(record, "at"), v->now_ns, time);
        buf_format(out, "%s%s%s ", terminal_tone(v->terminal, TONE_FAINT), time,
            terminal_tone(v->terminal, TONE_PLAIN));
    }
}

static void add_text(struct log_view *v, const json_t *record, struct buf *out)
{
    const json_t *line = json_object_get(record, "line"), *bytes = json_object_get(record, "bytes");
    struct str text = {json_string_value(line), json_string_length(line)};
    size_t before = out->len;

    if (text.at == NULL)
        text = STR("");
    if (v->terminal->is_tty) {
        text_escape(out, text, v->terminal->colour ? TEXT_KEEP_COLOURS : TEXT_NO_COLOURS);
        return;
    }
    if (json_is_string(bytes) && base64_decode(out, str_from(json_string_value(bytes))))
        return;
    out->len = before;
    buf_add_str(out, text);
}

void log_view_line(struct log_view *v, const json_t *record, struct buf *out)
{
    if (!carries_on(v, record, out))
        add_head(v, record, out);
    add_text(v, record, out);
    if (v->open[0] == '\0')
        buf_add_byte(out, '\n');
}
