#include "cli/log_view.h"

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

void log_view_line(struct log_view *v, const json_t *record, struct buf *out)
{
    const json_t *line = json_object_get(record, "line");
    struct str text = {json_string_value(line), json_string_length(line)};
    char time[WHEN_TEXT_BYTES];

    if (!v->no_names)
        add_name(v, record, out);
    if (v->timestamps) {
        when_format(answer_time(record, "at"), v->now_ns, time);
        buf_format(out, "%s%s%s ", terminal_tone(v->terminal, TONE_FAINT), time,
            terminal_tone(v->terminal, TONE_PLAIN));
    }
    if (text.at == NULL)
        text = STR("");
    if (!v->terminal->is_tty)
        buf_add_str(out, text);
    else
        text_escape(out, text, v->terminal->colour ? TEXT_KEEP_COLOURS : TEXT_NO_COLOURS);
    buf_add_byte(out, '\n');
}
