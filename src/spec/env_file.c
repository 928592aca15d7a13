#include "spec/env_file.h"

#include <string.h>

struct reader {
    struct interpolation *run;
    struct interpolation inner; /* sees the names read so far */
    const struct source *source;
    struct str text;
    size_t at;
    uint32_t line;
    size_t line_at;
    struct node *names;
};

static const char *inner_variable(void *context, const char *name)
{
    struct reader *r = context;
    struct node *value = node_get(r->names, name);

    if (value != NULL)
        return value->text.at;
    return r->run->variable != NULL ? r->run->variable(r->run->context, name) : NULL;
}

static struct span span_from(const struct reader *r, size_t at, size_t end)
{
    struct span s = {.source = r->source,
        .at = (uint32_t)at,
        .end = (uint32_t)end,
        .line = r->line,
        .column = 1};

    for (size_t i = r->line_at; i < at && i < r->text.len; i++)
        s.column += ((unsigned char)r->text.at[i] & 0xc0) != 0x80;
    return s;
}

static bool at_end(const struct reader *r)
{
    return r->at >= r->text.len;
}

static void skip_blanks(struct reader *r)
{
    while (!at_end(r) && (r->text.at[r->at] == ' ' || r->text.at[r->at] == '\t'))
        r->at++;
}

static void next_line(struct reader *r)
{
    while (!at_end(r) && r->text.at[r->at] != '\n')
        r->at++;
    r->at += !at_end(r);
    r->line++;
    r->line_at = r->at;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_.-", c) != NULL;
}

static struct str take_name(struct reader *r)
{
    size_t from = r->at;

    while (!at_end(r) && r->text.at[r->at] != '\0' && is_name_byte(r->text.at[r->at]))
        r->at++;
    return (struct str){.at = r->text.at + from, .len = r->at - from};
}

/* The raw text between quotes; the reader stands behind the closing one. */
static bool take_quoted(struct reader *r, char quote, struct str *out)
{
    size_t from = ++r->at;

    for (; !at_end(r); r->at++) {
        char c = r->text.at[r->at];
        if (c == quote) {
            *out = (struct str){.at = r->text.at + from, .len = r->at - from};
            r->at++;
            return true;
        }
        if (c == '\\' && quote == '"' && r->at + 1 < r->text.len)
            r->at++;
        if (r->text.at[r->at] == '\n') {
            r->line++;
            r->line_at = r->at + 1;
        }
    }
    return false;
}

/* To the end of the line or to a comment, without blanks around. */
static struct str take_plain(struct reader *r)
{
    size_t from = r->at, end = r->at;

    while (end < r->text.len && r->text.at[end] != '\n') {
        char c = r->text.at[end];
        if (c == '#' && (end == from || strchr(" \t", r->text.at[end - 1]) != NULL))
            break;
        end++;
    }
    r->at = end;
    return str_trim((struct str){.at = r->text.at + from, .len = end - from});
}

/* Escapes of double quotes; `\$` becomes `$$`, which interpolation turns into one dollar. */
static void unescape(struct str raw, struct buf *out)
{
    static const char from[] = "nrtabfv", to[] = "\n\r\t\a\b\f\v";

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] != '\\' || i + 1 == raw.len) {
            buf_add_byte(out, raw.at[i]);
            continue;
        }
        char c = raw.at[++i];
        const char *known = c != '\0' ? strchr(from, c) : NULL;
        if (known != NULL)
            buf_add_byte(out, to[known - from]);
        else if (c == '$')
            buf_add_text(out, "$$");
        else if (c == '"' || c == '\\' || c == '\'')
            buf_add_byte(out, c);
        else
            buf_format(out, "\\%c", c);
    }
}

static void put(struct reader *r, struct str name, const struct span *span, struct str value)
{
    struct node *n = node_text(r->run->arena, value);

    n->span = *span;
    n->interpolated = true;
    node_put(r->run->arena, r->names, name, n)->key_span = *span;
}

static void put_expanded(
    struct reader *r, struct str name, const struct span *span, struct str raw, bool escapes)
{
    struct buf unescaped = BUF_INIT(ENV_FILE_BYTES_MAX * 2);
    struct buf out = BUF_INIT(INTERPOLATE_TEXT_BYTES_MAX);

    if (escapes)
        unescape(raw, &unescaped);
    else
        buf_add_str(&unescaped, raw);
    if (interpolate_text(&r->inner, span, buf_str(&unescaped), &out, NULL))
        put(r, name, span, buf_str(&out));
    buf_fini(&unescaped);
    buf_fini(&out);
}

static void inherit(struct reader *r, struct str name, const struct span *span)
{
    const char *terminated = arena_copy_str(r->run->arena, name).at;
    const char *value =
        r->run->variable != NULL ? r->run->variable(r->run->context, terminated) : NULL;

    if (value != NULL)
        put(r, name, span, str_from(value));
}

static void read_value(struct reader *r, struct str name, const struct span *span)
{
    char quote = at_end(r) ? '\0' : r->text.at[r->at];
    struct str raw;

    if (quote != '"' && quote != '\'') {
        put_expanded(r, name, span, take_plain(r), false);
    } else if (!take_quoted(r, quote, &raw)) {
        diagnostic_error(
            r->run->diagnostics, "syntax", span, "the value's quote %c is not closed", quote);
    } else if (quote == '"') {
        put_expanded(r, name, span, raw, true);
    } else {
        put(r, name, span, raw);
    }
}

static void read_line(struct reader *r)
{
    skip_blanks(r);
    if (at_end(r) || strchr("#\r\n", r->text.at[r->at]) != NULL)
        return;
    size_t from = r->at;
    struct str name = take_name(r);
    skip_blanks(r);
    if (str_is(name, "export") && !at_end(r) && is_name_byte(r->text.at[r->at])) {
        from = r->at;
        name = take_name(r);
        skip_blanks(r);
    }
    struct span span = span_from(r, from, from + name.len);
    char next = at_end(r) ? '\n' : r->text.at[r->at];
    if (name.len == 0 || strchr("=:\r\n#", next) == NULL || next == '\0') {
        diagnostic_error(r->run->diagnostics, "syntax", &span, "not a line of the form NAME=value");
    } else if (next == '=' || next == ':') {
        r->at++;
        skip_blanks(r);
        read_value(r, name, &span);
    } else {
        inherit(r, name, &span);
    }
}

struct node *env_file_read(struct interpolation *run, const struct source *source, struct str text)
{
    struct reader r = {
        .run = run, .source = source, .text = text, .line = 1, .names = node_map(run->arena)};
    struct span start = {.source = source, .line = 1, .column = 1};

    if (str_utf8_valid(text) < text.len || str_find(text, '\0') >= 0) {
        diagnostic_error(run->diagnostics, "syntax", &start, "the file is not UTF-8 text");
        return r.names;
    }
    r.inner = (struct interpolation){.arena = run->arena,
        .diagnostics = run->diagnostics,
        .variable = inner_variable,
        .context = &r};
    if (str_starts(text, "\xef\xbb\xbf"))
        r.at = 3;
    while (!at_end(&r)) {
        read_line(&r);
        next_line(&r);
    }
    interpolation_fini(&r.inner);
    return r.names;
}

static void read_raw_line(struct reader *r, struct str line)
{
    struct span span = span_from(r, r->at, r->at + line.len);
    struct str value = line, name;

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    value = line;
    name = str_trim(str_cut(&value, '='));
    if (str_trim(line).len == 0 || name.len == 0 || name.at[0] == '#') {
        if (name.len == 0 && str_trim(line).len > 0)
            diagnostic_error(
                r->run->diagnostics, "syntax", &span, "not a line of the form NAME=value");
        return;
    }
    if (str_find(line, '=') < 0)
        inherit(r, name, &span);
    else
        put(r, name, &span, value);
}

struct node *env_file_read_raw(
    struct interpolation *run, const struct source *source, struct str text)
{
    struct reader r = {
        .run = run, .source = source, .text = text, .line = 1, .names = node_map(run->arena)};
    struct span start = {.source = source, .line = 1, .column = 1};
    struct str rest = text;

    if (str_utf8_valid(text) < text.len || str_find(text, '\0') >= 0) {
        diagnostic_error(run->diagnostics, "syntax", &start, "the file is not UTF-8 text");
        return r.names;
    }
    if (str_starts(text, "\xef\xbb\xbf"))
        rest = str_tail(text, 3);
    while (rest.len > 0) {
        r.at = text.len - rest.len;
        r.line_at = r.at;
        read_raw_line(&r, str_cut(&rest, '\n'));
        r.line++;
    }
    return r.names;
}
