#include "serve/time_text.h"

#include "base/clock.h"
#include "base/units.h"

bool time_text_parse(
    struct str text, const char *name, int64_t now_ns, int64_t *out_ns, struct err *err)
{
    int64_t ago_ns;

    if (clock_parse(text, out_ns))
        return true;
    if (!units_parse_duration(text, &ago_ns))
        return err_set(err, ERR_INVALID,
            "%s must be a time such as 2026-11-23T21:06:00Z or a "
            "duration such as 10m, not \"%.*s\"",
            name, (int)(text.len < 100 ? text.len : 100), text.at);
    *out_ns = now_ns > ago_ns ? now_ns - ago_ns : 1; /* 0 would be no bound */
    return true;
}
