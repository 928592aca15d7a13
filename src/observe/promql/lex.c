#include "observe/promql/token.h"

#include "observe/promql/ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct word {
    const char *text;
    enum token_kind kind;
    int detail;
} words[] = {
    {"and",          TOKEN_OPERATOR,    OP_AND          },
    {"or",           TOKEN_OPERATOR,    OP_OR           },
    {"unless",       TOKEN_OPERATOR,    OP_UNLESS       },
    {"atan2",        TOKEN_OPERATOR,    OP_ATAN2        },
    {"sum",          TOKEN_AGGREGATION, AGG_SUM         },
    {"avg",          TOKEN_AGGREGATION, AGG_AVG         },
    {"count",        TOKEN_AGGREGATION, AGG_COUNT       },
    {"min",          TOKEN_AGGREGATION, AGG_MIN         },
    {"max",          TOKEN_AGGREGATION, AGG_MAX         },
    {"group",        TOKEN_AGGREGATION, AGG_GROUP       },
    {"stddev",       TOKEN_AGGREGATION, AGG_STDDEV      },
    {"stdvar",       TOKEN_AGGREGATION, AGG_STDVAR      },
    {"topk",         TOKEN_AGGREGATION, AGG_TOPK        },
    {"bottomk",      TOKEN_AGGREGATION, AGG_BOTTOMK     },
    {"count_values", TOKEN_AGGREGATION, AGG_COUNT_VALUES},
    {"quantile",     TOKEN_AGGREGATION, AGG_QUANTILE    },
    {"limitk",       TOKEN_AGGREGATION, AGG_LIMITK      },
    {"limit_ratio",  TOKEN_AGGREGATION, AGG_LIMIT_RATIO },
    {"offset",       TOKEN_KEYWORD,     KEY_OFFSET      },
    {"smoothed",     TOKEN_KEYWORD,     KEY_SMOOTHED    },
    {"anchored",     TOKEN_KEYWORD,     KEY_ANCHORED    },
    {"by",           TOKEN_KEYWORD,     KEY_BY          },
    {"without",      TOKEN_KEYWORD,     KEY_WITHOUT     },
    {"on",           TOKEN_KEYWORD,     KEY_ON          },
    {"ignoring",     TOKEN_KEYWORD,     KEY_IGNORING    },
    {"group_left",   TOKEN_KEYWORD,     KEY_GROUP_LEFT  },
    {"group_right",  TOKEN_KEYWORD,     KEY_GROUP_RIGHT },
    {"fill",         TOKEN_KEYWORD,     KEY_FILL        },
    {"fill_left",    TOKEN_KEYWORD,     KEY_FILL_LEFT   },
    {"fill_right",   TOKEN_KEYWORD,     KEY_FILL_RIGHT  },
    {"bool",         TOKEN_KEYWORD,     KEY_BOOL        },
    {"start",        TOKEN_KEYWORD,     KEY_START       },
    {"end",          TOKEN_KEYWORD,     KEY_END         },
    {"step",         TOKEN_KEYWORD,     KEY_STEP        },
    {"range",        TOKEN_KEYWORD,     KEY_RANGE       },
    {"max_of",       TOKEN_KEYWORD,     KEY_MAX_OF      },
    {"min_of",       TOKEN_KEYWORD,     KEY_MIN_OF      },
    {"inf",          TOKEN_NUMBER,      0               },
    {"nan",          TOKEN_NUMBER,      0               },
};

void lexer_init(struct lexer *l, struct str text)
{
    *l = (struct lexer){.text = text};
}

/* The byte `ahead` of the next; 0 at the end, as is a zero byte, which no token contains. */
static char peek(const struct lexer *l, uint32_t ahead)
{
    return (size_t)l->at + ahead < l->text.len ? l->text.at[l->at + ahead] : '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct token make(const struct lexer *l, enum token_kind kind, int detail, uint32_t start)
{
    return (struct token){
        .kind = kind,
        .detail = detail,
        .start = start,
        .end = l->at,
        .text = {l->text.at + start, l->at - start}
    };
}

__attribute__((format(printf, 3, 4))) static struct token fail(
    struct lexer *l, uint32_t start, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(l->message, sizeof l->message, fmt, args);
    va_end(args);
    return (struct token){.kind = TOKEN_ERROR,
        .start = start,
        .end = (uint32_t)l->text.len,
        .text = STR(""),
        .message = l->message};
}

/* The character at the next byte, quoted as Go's %q does with a rune. */
static const char *quote_next(const struct lexer *l, char out[16])
{
    struct str rest = str_tail(l->text, l->at);
    size_t len = 1;

    if (rest.len == 0)
        return "end of input";
    unsigned char c = (unsigned char)rest.at[0];
    if (c >= 0x80) {
        len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (rest.len < len || str_utf8_valid((struct str){rest.at, len}) != len)
            return "'\xef\xbf\xbd'";
    }
    if (c < 0x20 || c == '\'' || c == '\\')
        (void)snprintf(out, 16, c == '\'' || c == '\\' ? "'\\%c'" : "'\\x%02x'", c);
    else
        (void)snprintf(out, 16, "'%.*s'", (int)len, rest.at);
    return out;
}

/* ---- numbers and durations ---- */

/* Exponents may have a sign; letters that cannot belong end the scan and are judged by the caller.
 */
static bool scan_number(struct lexer *l)
{
    bool hexadecimal = peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X');
    bool dot = false, exponent = false;
    uint32_t start = l->at;

    if (hexadecimal)
        l->at += 2;
    for (;; l->at++) {
        char c = peek(l, 0);
        char next = peek(l, 1);
        if (is_digit(c) || (hexadecimal && strchr("abcdefABCDEF", c) != NULL && c != '\0')) {
            continue;
        } else if (c == '_') {
            if (next == '\0' || strchr("._eE", next) != NULL)
                return false;
        } else if (c == '.') {
            if (dot || hexadecimal || next == '_' || next == '.')
                return false;
            dot = true;
        } else if (!hexadecimal && (c == 'e' || c == 'E')) {
            if (exponent)
                return false;
            exponent = true;
            if (next == '+' || next == '-')
                l->at++;
            if (!is_digit(peek(l, 1)))
                return false;
        } else {
            break;
        }
    }
    return l->at > start && !is_letter(peek(l, 0)) && !is_digit(peek(l, 0));
}

static bool scan_duration(struct lexer *l)
{
    while (is_digit(peek(l, 0))) {
        while (is_digit(peek(l, 0)))
            l->at++;
        if (peek(l, 0) == '\0' || strchr("smhdwy", peek(l, 0)) == NULL)
            return false;
        l->at++;
        if (peek(l, 0) == 's')
            l->at++;
    }
    return !is_letter(peek(l, 0));
}

static struct token lex_number(struct lexer *l)
{
    uint32_t start = l->at;

    if (scan_number(l))
        return make(l, TOKEN_NUMBER, 0, start);
    uint32_t stopped = l->at;
    l->at = start;
    l->got_duration = true;
    if (scan_duration(l) && l->at > start)
        return make(l, TOKEN_DURATION, 0, start);
    if (stopped > l->at)
        l->at = stopped;
    if (l->at < l->text.len)
        l->at++;
    return fail(l, start, "bad number or duration syntax: \"%.*s\"",
        (int)(l->at - start < 60 ? l->at - start : 60), l->text.at + start);
}

/* ---- strings ---- */

/* Escapes are judged where strings are unquoted; here only the end is sought. */
static struct token lex_string(struct lexer *l)
{
    uint32_t start = l->at;
    char quote = peek(l, 0);

    for (l->at++; l->at < l->text.len; l->at++) {
        char c = peek(l, 0);
        if (c == quote) {
            l->at++;
            struct token t = make(l, TOKEN_STRING, 0, start);
            if (str_utf8_valid(t.text) != t.text.len)
                return fail(l, start, "invalid UTF-8 rune");
            return t;
        }
        if (quote == '`')
            continue;
        if (c == '\n')
            break;
        if (c == '\\')
            l->at++;
    }
    return fail(l, start, quote == '`' ? "unterminated raw string" : "unterminated quoted string");
}

/* ---- words ---- */

static bool followed_by_paren(const struct lexer *l)
{
    uint32_t ahead = 0;

    while (is_blank(peek(l, ahead)))
        ahead++;
    return peek(l, ahead) == '(';
}

static const struct word *find_word(struct str text)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].text) == text.len && strncasecmp(words[i].text, text.at, text.len) == 0)
            return &words[i];
    return NULL;
}

static struct token lex_word(struct lexer *l)
{
    uint32_t start = l->at;
    bool colon = false;

    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)) || peek(l, 0) == ':')
        colon |= l->text.at[l->at++] == ':';
    struct token t = make(l, colon ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER, 0, start);
    const struct word *w = find_word(t.text);
    if (w == NULL)
        return t;
    bool fill = w->kind == TOKEN_KEYWORD && w->detail >= KEY_FILL && w->detail <= KEY_FILL_RIGHT;
    if (fill && !followed_by_paren(l))
        return t; /* a metric of that name */
    return make(l, w->kind, w->detail, start);
}

static struct token lex_label_name(struct lexer *l)
{
    uint32_t start = l->at;

    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
        l->at++;
    return make(l, TOKEN_IDENTIFIER, 0, start);
}

static struct token lex_duration_word(struct lexer *l)
{
    uint32_t start = l->at;
    char quoted[16];
    const char *what = quote_next(l, quoted);

    while (is_letter(peek(l, 0)))
        l->at++;
    struct token t = make(l, TOKEN_KEYWORD, 0, start);
    const struct word *w = find_word(t.text);
    if (w != NULL && w->kind == TOKEN_KEYWORD && w->detail >= KEY_STEP) {
        l->got_duration = true;
        return make(l, TOKEN_KEYWORD, w->detail, start);
    }
    l->at = start;
    return fail(l, start, "unexpected character in duration expression: %s", what);
}

/* ---- the rest ---- */

static const struct sign {
    char first, second; /* second 0: none */
    enum token_kind kind;
    int detail;
} signs[] = {
    {'=', '=', TOKEN_OPERATOR, OP_EQL       },
    {'!', '=', TOKEN_OPERATOR, OP_NEQ       },
    {'<', '=', TOKEN_OPERATOR, OP_LTE       },
    {'<', '/', TOKEN_OPERATOR, OP_TRIM_UPPER},
    {'>', '=', TOKEN_OPERATOR, OP_GTE       },
    {'>', '/', TOKEN_OPERATOR, OP_TRIM_LOWER},
    {'=', 0,   TOKEN_EQUAL,    0            },
    {'<', 0,   TOKEN_OPERATOR, OP_LSS       },
    {'>', 0,   TOKEN_OPERATOR, OP_GTR       },
    {',', 0,   TOKEN_COMMA,    0            },
    {'*', 0,   TOKEN_OPERATOR, OP_MUL       },
    {'/', 0,   TOKEN_OPERATOR, OP_DIV       },
    {'%', 0,   TOKEN_OPERATOR, OP_MOD       },
    {'+', 0,   TOKEN_OPERATOR, OP_ADD       },
    {'-', 0,   TOKEN_OPERATOR, OP_SUB       },
    {'^', 0,   TOKEN_OPERATOR, OP_POW       },
    {'@', 0,   TOKEN_AT,       0            },
};

static struct token lex_sign(struct lexer *l)
{
    uint32_t start = l->at;
    char quoted[16];

    if (peek(l, 0) == '=' && peek(l, 1) == '~')
        return fail(l, start, "unexpected character after '=': '~'");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (peek(l, 0) != signs[i].first || (signs[i].second && peek(l, 1) != signs[i].second))
            continue;
        l->at += signs[i].second ? 2 : 1;
        return make(l, signs[i].kind, signs[i].detail, start);
    }
    if (peek(l, 0) == '!') {
        l->at++;
        return fail(l, start, "unexpected character after '!': %s", quote_next(l, quoted));
    }
    return fail(l, start, "unexpected character: %s", quote_next(l, quoted));
}

static struct token lex_paren(struct lexer *l)
{
    uint32_t start = l->at++;

    if (l->text.at[start] == '(') {
        l->parens++;
        return make(l, TOKEN_LEFT_PAREN, 0, start);
    }
    if (--l->parens < 0)
        return fail(l, start, "unexpected right parenthesis ')'");
    return make(l, TOKEN_RIGHT_PAREN, 0, start);
}

static struct token lex_in_braces(struct lexer *l)
{
    uint32_t start = l->at;
    char c = peek(l, 0), next = peek(l, 1);
    char quoted[16];

    if (l->at >= l->text.len)
        return fail(l, start, "unexpected end of input inside braces");
    if (is_letter(c))
        return lex_label_name(l);
    if (c == '"' || c == '\'' || c == '`')
        return lex_string(l);
    l->at++;
    switch (c) {
    case ',':
        return make(l, TOKEN_COMMA, 0, start);
    case '}':
        l->in_braces = false;
        return make(l, TOKEN_RIGHT_BRACE, 0, start);
    case '{':
        return fail(l, start, "unexpected left brace '{'");
    case '=':
        l->at += next == '~';
        return make(l, next == '~' ? TOKEN_EQUAL_REGEX : TOKEN_EQUAL, 0, start);
    case '!':
        if (next != '~' && next != '=')
            return fail(l, start, "unexpected character after '!' inside braces: %s",
                quote_next(l, quoted));
        l->at++;
        return make(l, next == '~' ? TOKEN_NOT_REGEX : TOKEN_OPERATOR, OP_NEQ, start);
    default:
        l->at--;
        return fail(l, start, "unexpected character inside braces: %s", quote_next(l, quoted));
    }
}

static struct token lex_colon(struct lexer *l)
{
    uint32_t start = l->at++;

    if (!l->got_duration)
        return fail(l, start, "unexpected colon before duration in duration expression");
    if (l->got_colon)
        return fail(l, start, "unexpected repeated colon in duration expression");
    l->got_colon = true;
    return make(l, TOKEN_COLON, 0, start);
}

static struct token lex_in_brackets(struct lexer *l)
{
    uint32_t start = l->at;
    char c = peek(l, 0);
    char quoted[16];

    if (l->at >= l->text.len)
        return fail(l, start, "unexpected end of input in duration expression");
    if (c == ':')
        return lex_colon(l);
    if (c == '(' || c == ')')
        return lex_paren(l);
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
        l->got_duration = true;
        return lex_number(l);
    }
    if (is_letter(c))
        return lex_duration_word(l);
    if (c != '\0' && strchr("+-*/%^,", c) != NULL)
        return lex_sign(l);
    if (c != ']')
        return fail(
            l, start, "unexpected character in duration expression: %s", quote_next(l, quoted));
    l->at++;
    l->in_brackets = l->got_colon = false;
    return make(l, TOKEN_RIGHT_BRACKET, 0, start);
}

static void skip_blanks(struct lexer *l)
{
    while (l->at < l->text.len) {
        if (is_blank(peek(l, 0))) {
            l->at++;
        } else if (peek(l, 0) == '#' && !l->in_brackets) {
            while (l->at < l->text.len && peek(l, 0) != '\n' && peek(l, 0) != '\r')
                l->at++;
        } else {
            break;
        }
    }
}

static struct token lex_end(struct lexer *l)
{
    if (l->parens != 0)
        return fail(l, l->at, "unclosed left parenthesis");
    return make(l, TOKEN_EOF, 0, l->at);
}

struct token lexer_next(struct lexer *l)
{
    skip_blanks(l);
    if (l->in_braces)
        return lex_in_braces(l);
    if (l->in_brackets)
        return lex_in_brackets(l);
    uint32_t start = l->at;
    char c = peek(l, 0);
    if (l->at >= l->text.len)
        return lex_end(l);
    if (is_letter(c) || c == ':')
        return lex_word(l);
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        return lex_number(l);
    switch (c) {
    case '"':
    case '\'':
    case '`':
        return lex_string(l);
    case '(':
    case ')':
        return lex_paren(l);
    case '{':
        l->at++;
        l->in_braces = true;
        return make(l, TOKEN_LEFT_BRACE, 0, start);
    case '[':
        l->at++;
        l->in_brackets = true;
        l->got_colon = l->got_duration = false;
        return make(l, TOKEN_LEFT_BRACKET, 0, start);
    case ']':
        return fail(l, start, "unexpected right bracket ']'");
    default:
        return lex_sign(l);
    }
}

void token_describe(const struct token *t, char *out, unsigned size)
{
    struct str text = t->text;
    int len = (int)(text.len < 40 ? text.len : 40);

    switch (t->kind) {
    case TOKEN_EOF:
        (void)snprintf(out, size, "end of input");
        break;
    case TOKEN_IDENTIFIER:
        (void)snprintf(out, size, "identifier \"%.*s\"", len, text.at);
        break;
    case TOKEN_METRIC_IDENTIFIER:
        (void)snprintf(out, size, "metric identifier \"%.*s\"", len, text.at);
        break;
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        (void)snprintf(out, size, "%s \"%.*s\"", t->kind == TOKEN_NUMBER ? "number" : "duration",
            len, text.at);
        break;
    case TOKEN_STRING:
        (void)snprintf(out, size, "string \"\\%.*s\"%s", len > 10 ? 10 : len - 1, text.at,
            len > 10 ? "..." : "\\\"");
        break;
    case TOKEN_KEYWORD:
        (void)snprintf(out, size, "<%.*s>", len, text.at);
        break;
    case TOKEN_OPERATOR:
    case TOKEN_AT:
    case TOKEN_EQUAL_REGEX:
    case TOKEN_NOT_REGEX:
        (void)snprintf(out, size, "<op:%.*s>", len, text.at);
        break;
    case TOKEN_AGGREGATION:
        (void)snprintf(out, size, "<aggr:%.*s>", len, text.at);
        break;
    default:
        (void)snprintf(out, size, "\"%.*s\"", len, text.at);
    }
}
