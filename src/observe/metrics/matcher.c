#include "observe/metrics/matcher.h"

#include <stdlib.h>
#include <string.h>

/* More alternatives than this are better tried by the automaton. */
#define TEXTS_MAX 1000

const char *matcher_operator(enum matcher_type type)
{
    static const char *const operators[] = {"=", "!=", "=~", "!~"};

    return operators[type];
}

static bool is_special(char c)
{
    return c == '\0' || strchr("\\.+*?()|[]{}^$", c) != NULL;
}

/* The length of plain text at the start of a pattern; an escaped punctuation mark is plain. */
static size_t unescape_literal(struct str pattern, struct arena *a, struct str *out)
{
    char *text = arena_alloc(a, pattern.len + 1, 1);
    size_t i = 0, n = 0;

    while (i < pattern.len) {
        char c = pattern.at[i];
        if (c == '\\' && i + 1 < pattern.len && is_special(pattern.at[i + 1]) &&
            pattern.at[i + 1] != '\0') {
            text[n++] = pattern.at[i + 1];
            i += 2;
        } else if (!is_special(c)) {
            text[n++] = c;
            i++;
        } else {
            break;
        }
    }
    *out = (struct str){.at = text, .len = n};
    return i;
}

static int compare_texts(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* `a|b|c`, with or without one pair of parentheses around all of it. */
static bool read_alternation(struct matcher *m, struct arena *a, struct str pattern)
{
    size_t parts = 1;

    if (pattern.len >= 2 && pattern.at[0] == '(' && pattern.at[pattern.len - 1] == ')')
        pattern = (struct str){pattern.at + 1, pattern.len - 2};
    for (size_t i = 0; i < pattern.len; i++)
        parts += pattern.at[i] == '|';
    if (parts > TEXTS_MAX)
        return false;
    m->texts = arena_new_array(a, parts, struct str);
    while (true) {
        size_t used = unescape_literal(pattern, a, &m->texts[m->text_count++]);
        if (used == pattern.len)
            break;
        if (pattern.at[used] != '|')
            return false;
        pattern = str_tail(pattern, used + 1);
    }
    qsort(m->texts, m->text_count, sizeof *m->texts, compare_texts);
    m->way = MATCH_ONE_OF;
    return true;
}

/* The ways that need no automaton. */
static bool read_simple(struct matcher *m, struct arena *a, struct str pattern)
{
    if (str_is(pattern, ".*") || str_is(pattern, ".+")) {
        m->way = pattern.at[1] == '*' ? MATCH_ANY : MATCH_NOT_EMPTY;
        return true;
    }
    if (read_alternation(m, a, pattern))
        return true;
    m->texts = arena_new_array(a, 1, struct str);
    m->text_count = 1;
    size_t used = unescape_literal(pattern, a, &m->texts[0]);
    m->way = MATCH_PREFIX;
    return str_is(str_tail(pattern, used), ".*");
}

bool matcher_init(struct matcher *m, struct arena *a, enum matcher_type type, struct str name,
    struct str value, struct err *err)
{
    *m = (struct matcher){.type = type, .name = name, .value = value, .way = MATCH_ONE_OF};
    if (type == MATCH_EQUAL || type == MATCH_NOT_EQUAL) {
        m->texts = arena_new_array(a, 1, struct str);
        m->texts[0] = value;
        m->text_count = 1;
        return true;
    }
    if (read_simple(m, a, value))
        return true;
    m->way = MATCH_PATTERN;
    m->text_count = 0;
    m->regex = regex_compile(value, err);
    return m->regex != NULL;
}

void matcher_fini(struct matcher *m)
{
    regex_free(&m->regex);
}

static bool is_one_of(const struct matcher *m, struct str value)
{
    size_t low = 0, high = m->text_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(value, m->texts[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static bool fits(const struct matcher *m, struct str value)
{
    switch (m->way) {
    case MATCH_ANY:
        return true;
    case MATCH_NOT_EMPTY:
        return value.len > 0;
    case MATCH_ONE_OF:
        return is_one_of(m, value);
    case MATCH_PREFIX:
        return value.len >= m->texts[0].len &&
               memcmp(value.at, m->texts[0].at, m->texts[0].len) == 0;
    case MATCH_PATTERN:
        return regex_match(m->regex, value);
    }
    return false;
}

bool matcher_passes(const struct matcher *m, struct str value)
{
    bool positive = m->type == MATCH_EQUAL || m->type == MATCH_REGEX;

    return fits(m, value) == positive;
}

bool matcher_passes_all(const struct matcher *matchers, size_t count, const struct labels *l)
{
    for (size_t i = 0; i < count; i++)
        if (!matcher_passes(&matchers[i], labels_get(l, matchers[i].name)))
            return false;
    return true;
}
