/* The first byte chooses: a schedule, a rule of a time zone, or a TZif file. */
#include "base/cron.h"
#include "base/must.h"
#include "base/zone.h"

static const struct zone *some_zone(struct arena *a)
{
    const struct zone *z = NULL;

    must(zone_parse_rule(a, STR("CET-1CEST,M3.5.0,M10.5.0/3"), &z, NULL));
    return z;
}

static void follow(const struct cron *c, const struct zone *z)
{
    int64_t t = INT64_C(1767225600);

    for (int k = 0; k < 5; k++) {
        int64_t next = cron_next(c, z, t);
        int count;

        must(next > t);
        if (next == INT64_MAX)
            return;
        must(cron_latest(c, z, t, next, 10, &count) == next && count == 1);
        t = next;
    }
}

static void read_schedule(struct arena *a, struct str text)
{
    struct cron c;
    struct cron_problem problem;

    if (cron_parse(text, &c, &problem)) {
        follow(&c, some_zone(a));
        follow(&c, zone_utc());
        return;
    }
    must(problem.text[0] != '\0');
    must(text.len == 0 || problem.at + problem.len <= text.len);
}

static void look_around(const struct zone *z)
{
    struct cron daily;
    struct cron_problem problem;
    int64_t t = INT64_C(-4000000000);

    must(cron_parse(STR("30 2 * * *"), &daily, &problem));
    (void)cron_next(&daily, z, INT64_C(1767225600));
    for (int k = 0; k < 300; k++) {
        struct zone_stretch s = zone_at(z, t);

        must(s.from_s <= t && t < s.until_s);
        if (s.until_s > INT64_C(8000000000))
            return;
        t = s.until_s;
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str text = {.at = (const char *)bytes + 1, .len = len - 1};
    struct arena *a;
    const struct zone *z;

    if (len == 0 || len > 8192)
        return 0;
    a = arena_create(0);
    if (bytes[0] == 's')
        read_schedule(a, text);
    else if (bytes[0] == 'r' ? zone_parse_rule(a, text, &z, NULL) : zone_parse(a, text, &z, NULL))
        look_around(z);
    arena_destroy(&a);
    return 0;
}
