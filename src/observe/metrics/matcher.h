/* matcher.h - conditions on labels: name="value", !=, =~ and !~.
 *
 * Regular expressions are anchored at both ends. A pattern that is plain text, or an alternation of
 * plain texts, or `.*` and `.+`, never reaches the regular expression engine, and tells a store
 * which values to look up. A label that is absent has the value "". Immutable: any thread. */
#ifndef TEND_OBSERVE_METRICS_MATCHER_H
#define TEND_OBSERVE_METRICS_MATCHER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/regex.h"
#include "base/str.h"
#include "observe/metrics/labels.h"

#include <stdbool.h>
#include <stddef.h>

enum matcher_type { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };

/* How a pattern is tried. */
enum matcher_way {
    MATCH_ANY,       /* .* */
    MATCH_NOT_EMPTY, /* .+ */
    MATCH_ONE_OF,    /* `texts`: the values, at least one */
    MATCH_PREFIX,    /* texts[0] and anything behind it */
    MATCH_PATTERN,   /* `regex` */
};

struct matcher {
    enum matcher_type type;
    struct str name, value;
    enum matcher_way way;
    struct str *texts; /* sorted */
    size_t text_count;
    struct regex *regex; /* MATCH_PATTERN; owned */
};

/* `name` and `value` are borrowed; what is built lies in the arena, but a regex is freed by
 * matcher_fini. */
MUST_USE bool matcher_init(struct matcher *m, struct arena *a, enum matcher_type type,
    struct str name, struct str value, struct err *err);
void matcher_fini(struct matcher *m);

/* Whether a label of this value passes. */
bool matcher_passes(const struct matcher *m, struct str value);
bool matcher_passes_all(const struct matcher *matchers, size_t count, const struct labels *l);
/* "=", "!=", "=~", "!~" */
const char *matcher_operator(enum matcher_type type);

#endif
