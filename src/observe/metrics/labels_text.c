/* Label sets as text. */
#include "observe/metrics/labels.h"

static bool plain(struct str name, bool colons)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

bool labels_plain_name(struct str name)
{
    return plain(name, false);
}

bool labels_plain_metric(struct str name)
{
    return plain(name, true);
}

static void quote_byte(struct buf *out, unsigned char c)
{
    static const struct {
        char byte, letter;
    } short_forms[] = {
        {'\a', 'a' },
        {'\b', 'b' },
        {'\f', 'f' },
        {'\n', 'n' },
        {'\r', 'r' },
        {'\t', 't' },
        {'\v', 'v' },
        {'"',  '"' },
        {'\\', '\\'}
    };

    for (size_t i = 0; i < sizeof short_forms / sizeof *short_forms; i++)
        if ((char)c == short_forms[i].byte) {
            buf_add_byte(out, '\\');
            buf_add_byte(out, short_forms[i].letter);
            return;
        }
    if (c < 0x20 || c == 0x7f)
        buf_format(out, "\\x%02x", c);
    else
        buf_add_byte(out, (char)c);
}

void labels_quote(struct buf *out, struct str text)
{
    buf_add_byte(out, '"');
    while (text.len > 0) {
        size_t valid = str_utf8_valid(text);
        for (size_t i = 0; i < valid; i++)
            quote_byte(out, (unsigned char)text.at[i]);
        text = str_tail(text, valid);
        if (text.len > 0) {
            buf_format(out, "\\x%02x", (unsigned char)text.at[0]);
            text = str_tail(text, 1);
        }
    }
    buf_add_byte(out, '"');
}

void labels_format(struct buf *out, const struct labels *l)
{
    bool first = true;

    buf_add_byte(out, '{');
    for (uint32_t i = 0; i < l->count; i++) {
        struct str name = symbol_str(l->at[i].name);
        if (!first)
            buf_add_text(out, ", ");
        first = false;
        if (labels_plain_name(name))
            buf_add_str(out, name);
        else
            labels_quote(out, name);
        buf_add_byte(out, '=');
        labels_quote(out, symbol_str(l->at[i].value));
    }
    buf_add_byte(out, '}');
}
