/* Long values: the part of them that tells something. */
#include "plan/plan_private.h"

#define LEAD_COLUMNS 8 /* of what is the same, in front of the difference */

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

int plan_width(struct str text)
{
    int columns = 0;

    for (size_t i = 0; i < text.len; i++)
        columns += !is_continuation(text.at[i]);
    return columns;
}

/* The index of the character that stands `columns` behind `from`. */
static size_t go(struct str text, size_t from, int columns)
{
    while (from < text.len && (columns > 0 || is_continuation(text.at[from]))) {
        from++;
        if (from == text.len || !is_continuation(text.at[from]))
            columns--;
    }
    return from;
}

static size_t same_bytes(struct str a, struct str b)
{
    size_t same = 0;

    while (same < a.len && same < b.len && a.at[same] == b.at[same])
        same++;
    while (same > 0 && same < a.len && is_continuation(a.at[same]))
        same--;
    return same;
}

/* Where to begin, so that the difference is seen. */
static size_t find_start(struct str value, struct str other, int columns)
{
    size_t same = same_bytes(value, other);
    int before = plan_width((struct str){value.at, same}), from = before - LEAD_COLUMNS,
        last = plan_width(value) - columns; /* from here on all of it is seen */

    if (other.len == 0 || before < columns - LEAD_COLUMNS)
        return 0;
    return go(value, 0, from < last ? from : last);
}

void plan_write_value(
    struct buf *out, struct str value, struct str other, int columns, const char *ellipsis)
{
    int dots = plan_width(str_from(ellipsis));
    size_t start, end;

    if (plan_width(value) <= columns) {
        buf_add_str(out, value);
        return;
    }
    start = find_start(value, other, columns - dots);
    if (start > 0)
        buf_add_text(out, ellipsis);
    end = go(value, start, columns - dots - (start > 0 ? dots : 0));
    buf_add(out, value.at + start, end - start);
    if (end < value.len)
        buf_add_text(out, ellipsis);
}
