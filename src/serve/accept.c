#include "serve/accept.h"

#include <stdbool.h>
#include <strings.h>

#define RANGES_MAX 32 /* a header with more is cut there */

/* "0.75" in thousandths; a nonsensical weight counts as none at all. */
static int parse_weight(struct str text)
{
    int value = 0, scale = 1000;

    if (text.len == 0 || text.len > 5 || (text.at[0] != '0' && text.at[0] != '1'))
        return 0;
    value = (text.at[0] - '0') * scale;
    if (text.len > 1 && text.at[1] != '.')
        return 0;
    for (size_t i = 2; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return 0;
        scale /= 10;
        value += (text.at[i] - '0') * scale;
    }
    return value <= 1000 ? value : 0;
}

static bool same_text(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

/* How exactly a media range names the type: 3 as a whole, 2 by its major
 * type, 1 by stars alone, 0 not at all. */
static int match(struct str range, struct str type)
{
    struct str range_minor = range, type_minor = type;
    struct str range_major = str_cut(&range_minor, '/'), type_major = str_cut(&type_minor, '/');

    if (str_is(range_major, "*") && str_is(range_minor, "*"))
        return 1;
    if (!same_text(range_major, type_major))
        return 0;
    if (str_is(range_minor, "*"))
        return 2;
    return same_text(range_minor, type_minor) ? 3 : 0;
}

static int weight_of(struct str parameters)
{
    while (parameters.len > 0) {
        struct str value = str_cut(&parameters, ';');
        struct str name = str_trim(str_cut(&value, '='));
        if (same_text(name, STR("q")))
            return parse_weight(str_trim(value));
    }
    return 1000;
}

/* The weight that the most exact range gives the type. */
static int weigh(struct str header, struct str type)
{
    int exactness = 0, weight = 0;

    for (int i = 0; i < RANGES_MAX && header.len > 0; i++) {
        struct str parameters = str_cut(&header, ',');
        struct str range = str_trim(str_cut(&parameters, ';'));
        int found = match(range, type), value = found > 0 ? weight_of(parameters) : 0;
        if (found > exactness || (found > 0 && found == exactness && value > weight)) {
            exactness = found;
            weight = value;
        }
    }
    return weight;
}

size_t accept_best(struct str header, const char *const *offers, size_t count)
{
    size_t best = 0;
    int best_weight = 0;

    for (size_t i = 0; i < count; i++) {
        int weight = weigh(header, str_from(offers[i]));
        if (weight > best_weight) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}
