#include "cli/why_view.h"

#include "cli/answer.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX   110
#define LABEL_COLUMNS 9
#define DEPTH_MAX     8
#define TEXT_MIN      20

static enum tone tone_of(const char *label)
{
    return strcmp(label, "because") == 0 || strcmp(label, "and") == 0 ? TONE_WARN : TONE_BUSY;
}

/* The part of `text` that fits, cut behind a blank where there is one. */
static struct str take_line(struct str *text, int columns)
{
    struct str line = text_fit(*text, columns);

    if (line.len < text->len) {
        size_t end = line.len;

        while (end > 0 && text->at[end] != ' ')
            end--;
        line.len = end > 0 ? end : line.len;
    }
    if (line.len == 0)
        line.len = text->len; /* not even one character fits */
    *text = str_trim(str_tail(*text, line.len));
    return line;
}

static void add_lead(const struct terminal *t, int depth, const char *label, struct buf *out)
{
    buf_format(out, "%*s", depth * 2, "");
    if (depth > 0)
        buf_format(out, "%s%-*s%s", terminal_tone(t, tone_of(label)), LABEL_COLUMNS, label,
            terminal_tone(t, TONE_PLAIN));
}

static void add_sentence(const struct terminal *t, const json_t *sentence, struct buf *out)
{
    int width = t->columns < COLUMNS_MAX ? t->columns : COLUMNS_MAX;
    int64_t seq = answer_int(sentence, "seq", 0);
    int depth = (int)answer_int(sentence, "depth", 0), lead, room;
    struct buf text = BUF_INIT(64 << 10);
    struct str rest, line;
    char event[32] = "";

    depth = depth < 0 ? 0 : depth > DEPTH_MAX ? DEPTH_MAX : depth;
    lead = depth * 2 + (depth > 0 ? LABEL_COLUMNS : 0);
    if (seq > 0)
        (void)snprintf(event, sizeof event, "[#%lld]", (long long)seq);
    room = width - lead - (int)strlen(event) - 2;
    room = room < TEXT_MIN ? TEXT_MIN : room;
    text_escape(&text, str_from(answer_text(sentence, "text")), TEXT_NO_COLOURS);
    rest = buf_str(&text);
    line = take_line(&rest, room);
    add_lead(t, depth, answer_text(sentence, "label"), out);
    buf_format(out, "%s%.*s%s%*s%s%s%s\n", terminal_tone(t, depth == 0 ? TONE_STRONG : TONE_PLAIN),
        STR_ARG(line), terminal_tone(t, TONE_PLAIN),
        event[0] != '\0' ? room - text_width(line) + 2 : 0, "", terminal_tone(t, TONE_FAINT), event,
        terminal_tone(t, TONE_PLAIN));
    while (rest.len > 0) {
        line = take_line(&rest, room);
        buf_format(out, "%*s%.*s\n", lead, "", STR_ARG(line));
    }
    buf_fini(&text);
}

void why_view_render(const struct terminal *t, const json_t *answer, struct buf *out)
{
    size_t i;
    json_t *sentence;

    json_array_foreach(json_object_get(answer, "sentences"), i, sentence)
        add_sentence(t, sentence, out);
    if (json_array_size(json_object_get(answer, "sentences")) == 0)
        buf_add_text(out, "Nothing is known about it.\n");
}
