/* An event of any type with any evidence, as a line "TYPE ACTOR SUBJECT EVIDENCE": its sentence is
 * bounded, is UTF-8 and holds nothing that steers a terminal. */
#include "base/must.h"
#include "insight/sentence.h"
#include "insight/why.h"

#include <stdlib.h>
#include <string.h>

static char *take_word(struct str *rest, size_t bytes_max)
{
    struct str word = str_cut(rest, ' ');
    size_t len = word.len < bytes_max ? word.len : bytes_max;
    char *copy = calloc(1, len + 1);

    memcpy(copy, word.at, len);
    return copy;
}

static void check_clean(const struct buf *text)
{
    must(str_utf8_valid(buf_str(text)) == text->len);
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->at[i];
        must(c >= 0x20 && c != 0x7f);
        must(c != 0xc2 || (unsigned char)text->at[i + 1] >= 0xa0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {.at = (const char *)data, .len = size};
    struct buf text = BUF_INIT(8192);
    char *type = take_word(&rest, EVENT_TYPE_BYTES_MAX);
    char *actor = take_word(&rest, EVENT_ACTOR_BYTES_MAX);
    char *subject = take_word(&rest, EVENT_SUBJECT_BYTES_MAX);
    struct event e = {.type = type, .actor = actor, .subject = subject, .evidence = rest};

    sentence_render(&e, &text);
    must(!buf_full(&text));
    if (text.len > 0)
        check_clean(&text);
    buf_fini(&text);
    free(type);
    free(actor);
    free(subject);
    return 0;
}
