#include "spec/diagnostic.h"

#include "base/json.h"
#include "base/redact.h"

#include <stdio.h>

struct style {
    const char *severity[3];
    const char *gutter, *bold, *off;
};

static const struct style plain = {
    {"", "", ""},
    "", "", ""
};
static const struct style coloured = {
    {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m"},
    "\x1b[1;34m", "\x1b[1m", "\x1b[0m"
};

static int digits_of(unsigned number)
{
    char text[16];

    return snprintf(text, sizeof text, "%u", number);
}

/* Control characters would move the cursor or the carets: they are shown as blanks. */
static void add_visible(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_add_byte(out, ((unsigned char)*text < 0x20 || *text == 0x7f) ? ' ' : *text);
}

static void add_repeated(struct buf *out, char byte, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        buf_add_byte(out, byte);
}

/* The place, its source line and what is underlined:
 *
 *      --> tend.yaml:4:5
 *       |
 *     4 |     comand: python3 web.py
 *       |     ^^^^^^ label                                                       */
static void add_excerpt(struct buf *out, const struct style *s, const struct excerpt *e, int width,
    const char *label, const char *mark_style, char mark)
{
    buf_format(out, "%s%*s--> %s", s->gutter, width, "", s->off);
    add_visible(out, e->file);
    buf_format(out, ":%u:%u\n", e->line, e->column);
    if (e->text == NULL) {
        if (label != NULL)
            buf_format(out, "%s%*s = %s%s\n", s->gutter, width, "", s->off, label);
        return;
    }
    buf_format(out, "%s%*s |\n%*u |%s ", s->gutter, width, "", width, e->line, s->off);
    add_visible(out, e->text);
    buf_format(out, "\n%s%*s |%s ", s->gutter, width, "", s->off);
    add_repeated(out, ' ', e->column - 1);
    buf_add_text(out, mark_style);
    add_repeated(out, mark, e->end_column - e->column);
    if (label != NULL)
        buf_format(out, " %s", label);
    buf_format(out, "%s\n", s->off);
}

static void add_runs(struct buf *out, const struct style *s, const char *const *runs, int width)
{
    if (runs == NULL)
        return;
    buf_format(out, "%s%*s = %s%sonly in:%s ", s->gutter, width, "", s->off, s->bold, s->off);
    for (size_t i = 0; runs[i] != NULL; i++)
        buf_format(out, "%s%s", i > 0 ? ", " : "", runs[i]);
    buf_add_byte(out, '\n');
}

static void render(struct buf *out, const struct style *s, const struct diagnostic *g)
{
    int width = digits_of(g->where.line);

    if (g->other_message != NULL && g->other.file != NULL && digits_of(g->other.line) > width)
        width = digits_of(g->other.line);
    buf_format(out, "%s%s[%s]%s:%s ", s->severity[g->severity], severity_name(g->severity), g->code,
        s->off, s->bold);
    add_visible(out, g->message);
    buf_format(out, "%s\n", s->off);
    if (g->where.file != NULL)
        add_excerpt(out, s, &g->where, width, NULL, s->severity[g->severity], '^');
    if (g->other_message != NULL && g->other.file != NULL)
        add_excerpt(out, s, &g->other, width, g->other_message, s->gutter, '-');
    if (g->help != NULL) {
        buf_format(out, "%s%*s = %s%shelp:%s ", s->gutter, width, "", s->off, s->bold, s->off);
        add_visible(out, g->help);
        buf_add_byte(out, '\n');
    }
    add_runs(out, s, g->runs, width);
    buf_add_byte(out, '\n');
}

void diagnostics_render(struct diagnostics *d, struct buf *out, bool colours)
{
    const struct style *s = colours ? &coloured : &plain;
    const struct diagnostic *g;
    size_t shown = 0, all = 0, from = out->len;

    for (; shown < DIAGNOSTICS_SHOWN_MAX && (g = diagnostics_at(d, shown)) != NULL; shown++)
        render(out, s, g);
    for (int severity = SEVERITY_ERROR; severity <= SEVERITY_NOTE; severity++)
        all += diagnostics_count(d, (enum severity)severity);
    if (all > shown)
        buf_format(out, "and %zu more\n", all - shown);
    redact_rest(out, from);
}

static void add_place(struct json *j, const struct excerpt *e)
{
    if (e->file == NULL)
        return;
    json_text(j, "file", e->file);
    json_int(j, "line", e->line);
    json_int(j, "column", e->column);
    json_int(j, "end_column", e->end_column);
}

void diagnostics_json(struct diagnostics *d, struct buf *out)
{
    size_t from = out->len;
    struct json j = json_begin(out);
    const struct diagnostic *g;

    json_open_array(&j, NULL);
    for (size_t i = 0; (g = diagnostics_at(d, i)) != NULL; i++) {
        json_open_object(&j, NULL);
        json_text(&j, "severity", severity_name(g->severity));
        json_text(&j, "code", g->code);
        add_place(&j, &g->where);
        json_text(&j, "message", g->message);
        if (g->help != NULL)
            json_text(&j, "help", g->help);
        if (g->runs != NULL)
            json_open_array(&j, "environments");
        for (size_t k = 0; g->runs != NULL && g->runs[k] != NULL; k++)
            json_text(&j, NULL, g->runs[k]);
        if (g->runs != NULL)
            json_end(&j);
        if (g->other_message != NULL) {
            json_open_object(&j, "other");
            add_place(&j, &g->other);
            json_text(&j, "message", g->other_message);
            json_end(&j);
        }
        json_end(&j);
    }
    json_end(&j);
    redact_rest(out, from);
}
