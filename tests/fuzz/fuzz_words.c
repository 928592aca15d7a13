/* Any bytes as a command line, a signal, a scalar. */
#include "spec/node.h"
#include "spec/signals.h"
#include "spec/words.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create(0);
    struct str text = {.at = (const char *)data, .len = size};
    struct err err = ERR_INIT;
    size_t count = 0;
    int number = 0;
    const char *const *words = words_split(a, text, &count, &err);

    must(words == NULL || words[count] == NULL);
    if (signal_parse(text, &number))
        must(signal_text(number) != NULL);
    struct node *n = node_text(a, text);
    int64_t whole;
    double real;
    bool truth;
    (void)(node_to_int(n, &whole) && node_to_number(n, &real));
    (void)(node_to_number(n, &real) && node_to_bool(n, &truth));
    (void)node_kind_of(text);
    arena_destroy(&a);
    return 0;
}
