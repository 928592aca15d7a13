/* words.h - a command line to words, as a shell splits it but without running one: blanks separate,
 * single quotes keep everything, double quotes and backslashes work as in a shell. Nothing is
 * expanded. This is how Compose reads `command` and `entrypoint` when they are texts. */
#ifndef TEND_SPEC_WORDS_H
#define TEND_SPEC_WORDS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define WORDS_MAX 4096

/* NULL-terminated, in `a`; NULL with the reason in `err` (an open quote, too many words). */
const char *const *words_split(
    struct arena *a, struct str line, size_t *out_count, struct err *err);

#endif
