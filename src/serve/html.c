#include "serve/html.h"

static const char *escape_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

void html_add_text(struct buf *out, struct str text)
{
    while (text.len > 0) {
        size_t valid = str_utf8_valid(text);
        for (size_t i = 0; i < valid; i++) {
            const char *escape = escape_of((unsigned char)text.at[i]);
            if (escape != NULL)
                buf_add_text(out, escape);
            else
                buf_add_byte(out, text.at[i]);
        }
        text = str_tail(text, valid);
        if (text.len > 0)
            buf_add_text(out, "\xef\xbf\xbd");
        text = str_tail(text, 1);
    }
}
