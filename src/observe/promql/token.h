/* token.h - the words of PromQL: text in, one token at a time out.
 *
 * The lexer has three moods, as Prometheus' has: between braces every word is a label name, between
 * brackets there are only durations, elsewhere words may be keywords. Borrowed text throughout. */
#ifndef TEND_OBSERVE_PROMQL_TOKEN_H
#define TEND_OBSERVE_PROMQL_TOKEN_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum token_kind {
    TOKEN_EOF,
    TOKEN_ERROR, /* `message` says what */
    TOKEN_IDENTIFIER,
    TOKEN_METRIC_IDENTIFIER, /* with a colon */
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_STRING, /* with its quotes */
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_EQUAL, /* = */
    TOKEN_EQUAL_REGEX,
    TOKEN_NOT_REGEX,
    TOKEN_AT,
    TOKEN_OPERATOR,    /* `detail` is an enum operator; != is one also between braces */
    TOKEN_AGGREGATION, /* `detail` is an enum aggregation */
    TOKEN_KEYWORD,     /* `detail` is an enum keyword */
};

enum keyword {
    KEY_BOOL,
    KEY_BY,
    KEY_GROUP_LEFT,
    KEY_GROUP_RIGHT,
    KEY_FILL,
    KEY_FILL_LEFT,
    KEY_FILL_RIGHT,
    KEY_IGNORING,
    KEY_OFFSET,
    KEY_SMOOTHED,
    KEY_ANCHORED,
    KEY_ON,
    KEY_WITHOUT,
    KEY_START,
    KEY_END,
    KEY_STEP,
    KEY_RANGE,
    KEY_MAX_OF,
    KEY_MIN_OF,
};

struct token {
    enum token_kind kind;
    int detail;
    uint32_t start, end;
    struct str text;
    const char *message;
};

#define LEX_MESSAGE_BYTES 160

struct lexer {
    struct str text;
    uint32_t at;
    int parens;
    bool in_braces, in_brackets, got_colon, got_duration;
    char message[LEX_MESSAGE_BYTES];
};

/* `text` is valid UTF-8 or not: invalid bytes are errors where they stand. */
void lexer_init(struct lexer *l, struct str text);
struct token lexer_next(struct lexer *l);

/* "identifier \"foo\"", "<op:+>", "end of input": a token in an error. */
void token_describe(const struct token *t, char *out, unsigned size);

#endif
