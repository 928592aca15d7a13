#include "cli/text.h"

#include <locale.h>
#include <stdlib.h>
#include <wchar.h>

#define ESC       0x1b
#define SGR_RESET "\033[0m"

/* How many bytes a lead byte announces, 0 if it is none. */
static int sequence_bytes(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static const int32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

int32_t text_next(struct str *text)
{
    unsigned char lead = (unsigned char)text->at[0];
    int bytes = sequence_bytes(lead);
    int32_t code = lead & lead_bits[bytes];

    if (bytes > 0 && (size_t)bytes <= text->len) {
        int i;

        for (i = 1; i < bytes && ((unsigned char)text->at[i] & 0xc0) == 0x80; i++)
            code = code << 6 | (text->at[i] & 0x3f);
        if (i == bytes && code >= smallest[bytes] && code <= 0x10ffff &&
            (code < 0xd800 || code > 0xdfff)) {
            *text = str_tail(*text, (size_t)bytes);
            return code;
        }
    }
    *text = str_tail(*text, 1);
    return -1;
}

/* Bytes of a colour sequence at the front, 0 if there is none. */
static size_t colour_bytes(struct str text)
{
    size_t i = 2;

    if (text.len < 3 || text.at[0] != ESC || text.at[1] != '[')
        return 0;
    while (i < text.len &&
           ((text.at[i] >= '0' && text.at[i] <= '9') || text.at[i] == ';' || text.at[i] == ':'))
        i++;
    return i < text.len && text.at[i] == 'm' ? i + 1 : 0;
}

/* Characters that reorder what stands around them, or hide. */
static bool misleads(int32_t code)
{
    return (code >= 0x200b && code <= 0x200f && code != 0x200d) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff || (code >= 0xe0000 && code <= 0xe007f);
}

static void escape_character(struct buf *out, struct str bytes, int32_t code)
{
    if (code == -1)
        buf_format(out, "\\x%02x", (unsigned char)bytes.at[0]);
    else if (code == '\t' || (code >= 0x20 && code < 0x7f))
        buf_add_byte(out, (char)code);
    else if (code < 0x20 || code == 0x7f)
        buf_format(out, "\\x%02x", (unsigned)code);
    else if (code < 0xa0 || misleads(code))
        buf_format(out, "\\u{%x}", (unsigned)code);
    else
        buf_add_str(out, bytes);
}

/* How many bytes at the front are ASCII that can be shown. */
static size_t plain_bytes(struct str text)
{
    size_t i = 0;

    while (i < text.len && text.at[i] >= 0x20 && text.at[i] < 0x7f)
        i++;
    return i;
}

void text_escape(struct buf *out, struct str text, enum text_colours colours)
{
    bool coloured = false;

    while (text.len > 0) {
        size_t plain = plain_bytes(text);

        buf_add(out, text.at, plain);
        text = str_tail(text, plain);
        if (text.len == 0)
            break;

        struct str before = text;
        size_t sequence = colour_bytes(text);

        if (sequence > 0) {
            if (colours == TEXT_KEEP_COLOURS)
                buf_add(out, text.at, sequence);
            coloured = colours == TEXT_KEEP_COLOURS;
            text = str_tail(text, sequence);
            continue;
        }
        int32_t code = text_next(&text);
        escape_character(out, (struct str){before.at, before.len - text.len}, code);
    }
    if (coloured)
        buf_add_text(out, SGR_RESET);
}

static int character_width(int32_t code)
{
    static bool loaded;
    int width;

    if (code < 0x20 || code == 0x7f)
        return 0;
    if (code < 0x7f)
        return 1;
    if (!loaded) {
        (void)setlocale(LC_CTYPE, "C.UTF-8"); /* without it wide characters count as one */
        loaded = true;
    }
    width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : width;
}

/* Width of the character or sequence at the front, which is taken off. */
static int step(struct str *text)
{
    size_t sequence = colour_bytes(*text);

    if (sequence > 0) {
        *text = str_tail(*text, sequence);
        return 0;
    }
    return character_width(text_next(text));
}

int text_width(struct str text)
{
    int width = 0;

    while (text.len > 0)
        width += step(&text);
    return width;
}

struct str text_fit(struct str text, int columns)
{
    struct str rest = text;
    int width = 0;

    while (rest.len > 0) {
        struct str next = rest;

        width += step(&next);
        if (width > columns)
            return (struct str){text.at, text.len - rest.len};
        rest = next;
    }
    return text;
}
