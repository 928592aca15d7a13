#include "drive/docker/ignore.h"

#include "base/must.h"

#include <string.h>

struct ignore_rule {
    struct str pattern;
    bool is_exception;
};

/* One step of a pattern: what it takes, and how long it is. */
struct token {
    enum { TOKEN_LITERAL, TOKEN_ANY, TOKEN_STAR, TOKEN_STARS, TOKEN_CLASS } kind;
    char literal;
    struct str set; /* of a class, without its brackets */
};

static size_t read_token(struct str p, size_t at, struct token *out)
{
    char c = p.at[at];
    size_t end = at + 1;

    *out = (struct token){.kind = TOKEN_LITERAL, .literal = c};
    if (c == '?') {
        out->kind = TOKEN_ANY;
    } else if (c == '*' && end < p.len && p.at[end] == '*') {
        out->kind = TOKEN_STARS;
        end++;
        if (end < p.len && p.at[end] == '/')
            end++; /* none too: "**" and "/" are one step */
    } else if (c == '*') {
        out->kind = TOKEN_STAR;
    } else if (c == '\\' && end < p.len) {
        out->literal = p.at[end++];
    } else if (c == '[') {
        while (end < p.len && (p.at[end] != ']' || end == at + 1))
            end++;
        if (end == p.len)
            return at + 1; /* not closed: itself */
        out->kind = TOKEN_CLASS;
        out->set = (struct str){p.at + at + 1, end - at - 1};
        end++;
    }
    return end;
}

static bool class_has(struct str set, char c)
{
    bool negated = set.len > 0 && (set.at[0] == '^' || set.at[0] == '!');

    for (size_t i = negated; i < set.len; i++) {
        if (i + 2 < set.len && set.at[i + 1] == '-') {
            if (c >= set.at[i] && c <= set.at[i + 2])
                return !negated;
            i += 2;
        } else if (set.at[i] == c) {
            return !negated;
        }
    }
    return negated;
}

static bool takes(const struct token *t, char c)
{
    switch (t->kind) {
    case TOKEN_LITERAL:
        return c == t->literal;
    case TOKEN_CLASS:
        return c != '/' && class_has(t->set, c);
    case TOKEN_STARS:
        return true;
    default:
        return c != '/';
    }
}

/* All states that the pattern can be in, moved on byte by byte: linear in both. A state is a
 * place in the pattern; a star is left without taking anything. */
static void spread(struct str p, bool *states)
{
    struct token t;

    for (size_t at = 0; at < p.len; at++) {
        if (!states[at])
            continue;
        size_t end = read_token(p, at, &t);
        if (t.kind == TOKEN_STAR || t.kind == TOKEN_STARS)
            states[end] = true;
    }
}

static bool match(struct str p, struct str path)
{
    bool now[IGNORE_LINE_BYTES_MAX + 1] = {true}, next[IGNORE_LINE_BYTES_MAX + 1];
    struct token t;

    spread(p, now);
    for (size_t i = 0; i < path.len; i++) {
        memset(next, 0, p.len + 1);
        for (size_t at = 0; at < p.len; at++) {
            if (!now[at])
                continue;
            size_t end = read_token(p, at, &t);
            if (!takes(&t, path.at[i]))
                continue;
            bool stays = t.kind == TOKEN_STAR || t.kind == TOKEN_STARS;
            next[stays ? at : end] = true;
        }
        spread(p, next);
        memcpy(now, next, p.len + 1);
    }
    return now[p.len];
}

static bool matches_it_or_above(struct str pattern, struct str path)
{
    for (size_t len = 1; len <= path.len; len++)
        if ((len == path.len || path.at[len] == '/') && match(pattern, (struct str){path.at, len}))
            return true;
    return false;
}

bool ignore_matches(const struct ignore *ignore, struct str path)
{
    bool out = false;

    for (size_t i = 0; i < ignore->count; i++)
        if (ignore->rules[i].is_exception == out &&
            matches_it_or_above(ignore->rules[i].pattern, path))
            out = !out;
    return out;
}

static struct str clean(struct str line)
{
    line = str_trim(line);
    if (str_starts(line, "./"))
        line = str_tail(line, 2);
    while (line.len > 0 && line.at[0] == '/')
        line = str_tail(line, 1);
    while (line.len > 0 && line.at[line.len - 1] == '/')
        line.len--;
    return line;
}

bool ignore_read(struct arena *a, struct str text, struct ignore *out, struct err *err)
{
    struct ignore_rule *rules = arena_new_array(a, IGNORE_LINES_MAX, struct ignore_rule);

    *out = (struct ignore){.rules = rules};
    if (str_starts(text, "\xef\xbb\xbf"))
        text = str_tail(text, 3);
    while (text.len > 0) {
        struct str line = str_trim(str_cut(&text, '\n'));
        bool is_exception = str_starts(line, "!");
        if (str_starts(line, "#"))
            continue;
        line = clean(str_tail(line, is_exception));
        if (line.len == 0 || str_is(line, "."))
            continue;
        if (line.len > IGNORE_LINE_BYTES_MAX || out->count == IGNORE_LINES_MAX)
            return err_set(err, ERR_LIMIT,
                ".dockerignore has more than %d lines, or one of more "
                "than %d bytes",
                IGNORE_LINES_MAX, IGNORE_LINE_BYTES_MAX);
        rules[out->count++] =
            (struct ignore_rule){.pattern = arena_copy_str(a, line), .is_exception = is_exception};
        out->has_exceptions = out->has_exceptions || is_exception;
    }
    return true;
}
