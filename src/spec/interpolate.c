#include "spec/interpolate.h"

#include "spec/fields.h"

#include <string.h>

/* One text being replaced. */
struct scan {
    struct interpolation *run;
    const struct span *span; /* of the whole text */
    struct str whole;
    struct buf *out;
    bool *reference; /* NULL: not allowed here */
    bool failed;
};

void interpolation_fini(struct interpolation *i)
{
    map_fini(&i->warned);
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_byte(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

static struct str take_name(struct str *rest)
{
    size_t len = 0;

    if (rest->len > 0 && is_name_start(rest->at[0]))
        while (len < rest->len && is_name_byte(rest->at[len]))
            len++;
    struct str name = {.at = rest->at, .len = len};
    *rest = str_tail(*rest, len);
    return name;
}

/* The span of `part` of the whole text, if the source holds the text as it is; else of the whole.
 */
static struct span span_of_part(const struct scan *s, struct str part)
{
    struct span span = *s->span;
    size_t from = (size_t)(part.at - s->whole.at);

    if (span.source == NULL || span.source->text.len == 0)
        return span;
    for (uint32_t quote = 0; quote <= 1; quote++) {
        struct str there = str_tail(span.source->text, span.at + quote);
        if (there.len < s->whole.len || memcmp(there.at, s->whole.at, s->whole.len) != 0)
            continue;
        if (memchr(s->whole.at, '\n', from) != NULL)
            return span;
        span.at += quote + (uint32_t)from;
        span.end = span.at + (uint32_t)part.len;
        span.column += quote;
        for (size_t i = 0; i < from; i++)
            span.column += ((unsigned char)s->whole.at[i] & 0xc0) != 0x80;
        return span;
    }
    return span;
}

static void report(struct scan *s, const char *code, struct str part, const char *message)
{
    struct span span = span_of_part(s, part);

    if (!s->failed)
        diagnostic_error(s->run->diagnostics, code, &span, "%s", message);
    s->failed = true;
}

/* Where a `${` that starts at `text` ends: the index of its `}`, or -1. */
static ptrdiff_t find_close(struct str text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '$' && i + 1 < text.len && text.at[i + 1] == '$') {
            i++;
        } else if (text.at[i] == '$' && i + 1 < text.len && text.at[i + 1] == '{') {
            depth++;
            i++;
        } else if (text.at[i] == '}' && --depth == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

static void scan_text(struct scan *s, struct str text, unsigned depth);

static const char *value_of(struct scan *s, struct str name)
{
    if (s->run->variable == NULL)
        return NULL;
    return s->run->variable(s->run->context, arena_copy_str(s->run->arena, name).at);
}

static void warn_unset(struct scan *s, struct str name)
{
    struct span span = span_of_part(s, name);

    if (map_get(&s->run->warned, name) != NULL)
        return;
    (void)map_put(&s->run->warned, arena_copy_str(s->run->arena, name), s->run);
    diagnostic_warning(s->run->diagnostics, "unset-variable", &span,
        "variable '%.*s' is not set: an empty text stands for it", STR_ARG(name));
    diagnostic_help(s->run->diagnostics,
        "set it, or write a default: ${%.*s:-default}; a plain dollar is written $$",
        STR_ARG(name));
}

static void require(struct scan *s, struct str name, struct str reason, struct str part)
{
    struct span span = span_of_part(s, part);

    if (!s->failed)
        diagnostic_error(s->run->diagnostics, "required-variable", &span,
            "variable '%.*s' must be set%s%.*s", STR_ARG(name), reason.len > 0 ? ": " : "",
            STR_ARG(reason));
    s->failed = true;
}

/* What stands behind the name: `:-text` and its like. */
static void apply_operator(
    struct scan *s, struct str name, struct str rest, struct str part, unsigned depth)
{
    const char *value = value_of(s, name);
    bool colon = rest.at[0] == ':';
    bool present = value != NULL && !(colon && value[0] == '\0');
    struct str body = str_tail(rest, colon ? 2u : 1u);
    char sign = rest.len > (size_t)colon ? rest.at[colon] : '\0';

    if (sign != '-' && sign != '+' && sign != '?') {
        report(s, "bad-variable", part, "not a variable that can be replaced");
        diagnostic_help(s->run->diagnostics,
            "known are ${NAME}, ${NAME:-default}, ${NAME:+text} and ${NAME:?message}");
    } else if (sign == '?' && !present) {
        require(s, name, body, part);
    } else if (sign == '+') {
        if (present)
            scan_text(s, body, depth + 1);
    } else if (present) {
        buf_add_text(s->out, value);
    } else {
        scan_text(s, body, depth + 1);
    }
}

static bool is_reference(struct str inside)
{
    struct str rest = inside, section = str_cut(&rest, '.');

    if (rest.len == 0)
        return false;
    if (fields_kind(section) != NULL) /* their names are nearly free */
        return true;
    if (!str_is(section, "services") && !str_is(section, "var"))
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (!is_name_byte(rest.at[i]) && rest.at[i] != '.' && rest.at[i] != '-')
            return false;
    return true;
}

static void add_reference(struct scan *s, struct str inside, struct str part)
{
    if (s->reference == NULL) {
        report(s, "bad-variable", part, "nothing else can be referred to here");
        return;
    }
    *s->reference = true;
    buf_add_byte(s->out, REFERENCE_OPEN);
    buf_add_str(s->out, inside);
    buf_add_byte(s->out, REFERENCE_CLOSE);
}

/* `part` is "${…}" with its braces. */
static void scan_braced(struct scan *s, struct str part, unsigned depth)
{
    struct str inside = {.at = part.at + 2, .len = part.len - 3}, rest = inside;

    if (is_reference(inside)) {
        add_reference(s, inside, part);
        return;
    }
    struct str name = take_name(&rest);
    if (str_is(name, "var") && str_starts(rest, ".")) {
        report(s, "bad-variable", part, "${var.NAME} takes nothing behind its name");
        diagnostic_help(s->run->diagnostics, "its default stands where it is declared");
    } else if (name.len == 0) {
        report(s, "bad-variable", part, "a variable's name is missing between the braces");
    } else if (rest.len > 0) {
        apply_operator(s, name, rest, part, depth);
    } else {
        const char *value = value_of(s, name);
        if (value == NULL)
            warn_unset(s, name);
        else
            buf_add_text(s->out, value);
    }
}

/* `text` starts with a dollar; returns how many bytes were taken. */
static size_t scan_dollar(struct scan *s, struct str text, unsigned depth)
{
    struct str rest = str_tail(text, 1);

    if (rest.len > 0 && rest.at[0] == '$') {
        buf_add_byte(s->out, '$');
        return 2;
    }
    if (rest.len > 0 && rest.at[0] == '{') {
        ptrdiff_t close = find_close(text);
        if (close < 0) {
            report(s, "bad-variable", text, "'${' without its '}'");
            return text.len;
        }
        scan_braced(s, (struct str){.at = text.at, .len = (size_t)close + 1}, depth);
        return (size_t)close + 1;
    }
    struct str name = take_name(&rest);
    if (name.len == 0) {
        report(s, "bad-variable", (struct str){.at = text.at, .len = 1},
            "a dollar that starts no variable");
        diagnostic_help(s->run->diagnostics, "a plain dollar is written $$");
        return 1;
    }
    const char *value = value_of(s, name);
    if (value == NULL)
        warn_unset(s, name);
    else
        buf_add_text(s->out, value);
    return 1 + name.len;
}

static void scan_text(struct scan *s, struct str text, unsigned depth)
{
    if (depth > INTERPOLATE_DEPTH_MAX) {
        report(s, "limit", text, "variables nested more than 16 deep");
        return;
    }
    while (text.len > 0 && !s->failed) {
        ptrdiff_t dollar = str_find(text, '$');
        size_t before = dollar < 0 ? text.len : (size_t)dollar;
        buf_add(s->out, text.at, before);
        text = str_tail(text, before);
        if (text.len > 0)
            text = str_tail(text, scan_dollar(s, text, depth));
    }
}

bool interpolate_text(struct interpolation *i, const struct span *span, struct str text,
    struct buf *out, bool *out_reference)
{
    struct scan s = {.run = i, .span = span, .whole = text, .out = out, .reference = out_reference};
    size_t before = out->len;

    scan_text(&s, text, 0);
    i->bytes += out->len - before;
    if (!s.failed && (buf_full(out) || i->bytes > INTERPOLATE_ALL_BYTES_MAX))
        report(&s, "limit", text, "too long after its variables were replaced");
    return !s.failed;
}

static void interpolate_scalar(struct interpolation *i, struct node *n)
{
    struct buf out = BUF_INIT(INTERPOLATE_TEXT_BYTES_MAX);

    if (str_find(n->text, '$') < 0)
        return;
    bool has_reference = false;
    if (interpolate_text(i, &n->span, n->text, &out, &has_reference)) {
        n->has_reference = has_reference;
        n->kind = NODE_TEXT;
        n->text = arena_copy_str(i->arena, buf_str(&out));
    }
    buf_fini(&out);
}

void interpolate_tree(struct interpolation *i, struct node *n)
{
    if (n->interpolated)
        return;
    n->interpolated = true;
    if (node_is_scalar(n))
        interpolate_scalar(i, n);
    for (size_t k = 0; k < node_count(n); k++)
        interpolate_tree(i, n->kind == NODE_MAP ? n->pairs[k].value : n->items[k]);
}

static void replace_references(
    struct arena *a, struct node *n, reference_fn reference, void *context)
{
    struct buf out = BUF_INIT(INTERPOLATE_TEXT_BYTES_MAX);
    struct str rest = n->text;

    while (rest.len > 0) {
        bool found = str_find(rest, REFERENCE_OPEN) >= 0;
        buf_add_str(&out, str_cut(&rest, REFERENCE_OPEN));
        if (!found)
            break;
        const char *text = reference(context, &n->span, str_cut(&rest, REFERENCE_CLOSE));
        if (text != NULL)
            buf_add_text(&out, text);
    }
    n->text = arena_copy_str(a, buf_str(&out));
    n->has_reference = false;
    buf_fini(&out);
}

void interpolate_references(struct arena *a, struct node *n, reference_fn reference, void *context)
{
    if (node_is_scalar(n) && n->has_reference)
        replace_references(a, n, reference, context);
    for (size_t k = 0; k < node_count(n); k++)
        interpolate_references(
            a, n->kind == NODE_MAP ? n->pairs[k].value : n->items[k], reference, context);
}
