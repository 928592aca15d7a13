#include "spec/words.h"

#include "base/buf.h"
#include "base/vec.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A quoted stretch; `at` is behind the opening quote and ends behind the closing one. */
static bool take_quoted(struct str line, size_t *at, char quote, struct buf *word)
{
    for (; *at < line.len; (*at)++) {
        char c = line.at[*at];
        if (c == quote) {
            (*at)++;
            return true;
        }
        if (c == '\\' && quote == '"' && *at + 1 < line.len &&
            strchr("\"\\$`\n", line.at[*at + 1]) != NULL)
            c = line.at[++*at];
        buf_add_byte(word, c);
    }
    return false;
}

static bool take_word(struct str line, size_t *at, struct buf *word, struct err *err)
{
    while (*at < line.len && !is_blank(line.at[*at])) {
        char c = line.at[(*at)++];
        if (c == '\'' || c == '"') {
            if (!take_quoted(line, at, c, word))
                return err_set(err, ERR_INVALID, "a quote %c is not closed", c);
        } else if (c != '\\') {
            buf_add_byte(word, c);
        } else if (*at < line.len) {
            buf_add_byte(word, line.at[(*at)++]);
        } else {
            return err_set(err, ERR_INVALID, "a backslash at the end escapes nothing");
        }
    }
    return true;
}

const char *const *words_split(struct arena *a, struct str line, size_t *out_count, struct err *err)
{
    struct {
        VEC_OF(const char *);
    } words = {0};
    struct buf word = BUF_INIT(line.len + 1);
    const char **result = NULL;

    for (size_t at = 0; at < line.len;) {
        if (is_blank(line.at[at])) {
            at++;
            continue;
        }
        buf_reset(&word);
        if (!take_word(line, &at, &word, err))
            goto done;
        if (words.count == WORDS_MAX) {
            (void)err_set(err, ERR_LIMIT, "more than %d words", WORDS_MAX);
            goto done;
        }
        vec_push(&words, arena_copy_str(a, buf_str(&word)).at);
    }
    *out_count = words.count;
    result = arena_new_array(a, words.count + 1, const char *);
    if (words.count > 0)
        memcpy(result, words.at, words.count * sizeof *result);
done:
    vec_fini(&words);
    buf_fini(&word);
    return (const char *const *)result;
}
