#include "cli/table.h"

#include "base/must.h"
#include "cli/text.h"

#include <stdarg.h>

#define CELL_BYTES_MAX 4096
#define GAP            2

void table_init(struct table *t, const struct terminal *terminal, ...)
{
    va_list titles;
    const char *title;

    *t = (struct table){.terminal = terminal};
    va_start(titles, terminal);
    while ((title = va_arg(titles, const char *)) != NULL) {
        must(t->columns < TABLE_COLUMNS_MAX);
        t->titles[t->columns++] = title;
    }
    va_end(titles);
}

void table_fini(struct table *t)
{
    VEC_EACH (&t->cells, struct table_cell, cell)
        free(cell->text);
    vec_fini(&t->cells);
}

void table_cell(struct table *t, enum tone tone, const char *fmt, ...)
{
    struct buf raw = BUF_INIT(CELL_BYTES_MAX), escaped = BUF_INIT(CELL_BYTES_MAX);
    va_list args;

    va_start(args, fmt);
    buf_format_list(&raw, fmt, args);
    va_end(args);
    text_escape(&escaped, buf_str(&raw), TEXT_NO_COLOURS);
    buf_fini(&raw);
    vec_push(&t->cells, (struct table_cell){.text = buf_take(&escaped), .tone = tone});
}

static bool right_aligned(const struct table *t, size_t column)
{
    return t->titles[column][0] == '>';
}

static const char *title_of(const struct table *t, size_t column)
{
    return t->titles[column] + right_aligned(t, column);
}

static void measure(const struct table *t, int widths[TABLE_COLUMNS_MAX])
{
    for (size_t c = 0; c < t->columns; c++)
        widths[c] = text_width(str_from(title_of(t, c)));
    for (size_t i = 0; i < t->cells.count; i++) {
        int width = text_width(str_from(t->cells.at[i].text));

        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
}

/* One cell; `used` columns stand before it. */
static int add_cell(const struct table *t, size_t column, const char *text, enum tone tone,
    const int *widths, int used, struct buf *out)
{
    struct str shown = str_from(text);
    bool last = column + 1 == t->columns;
    int pad;

    if (last && t->terminal->is_tty)
        shown = text_fit(shown, t->terminal->columns > used ? t->terminal->columns - used : 0);
    pad = widths[column] - text_width(shown);
    if (right_aligned(t, column))
        buf_format(out, "%*s", pad, "");
    buf_add_text(out, tone != TONE_PLAIN ? terminal_tone(t->terminal, tone) : "");
    buf_add_str(out, shown);
    buf_add_text(out, tone != TONE_PLAIN ? terminal_tone(t->terminal, TONE_PLAIN) : "");
    if (!last)
        buf_format(out, "%*s", (right_aligned(t, column) ? 0 : pad) + GAP, "");
    return used + widths[column] + GAP;
}

void table_render(const struct table *t, struct buf *out)
{
    int widths[TABLE_COLUMNS_MAX], used = 0;

    measure(t, widths);
    for (size_t c = 0; c < t->columns; c++)
        used = add_cell(t, c, title_of(t, c), TONE_FAINT, widths, used, out);
    for (size_t i = 0; i < t->cells.count; i++) {
        if (i % t->columns == 0) {
            buf_add_byte(out, '\n');
            used = 0;
        }
        used = add_cell(
            t, i % t->columns, t->cells.at[i].text, t->cells.at[i].tone, widths, used, out);
    }
    buf_add_byte(out, '\n');
}
