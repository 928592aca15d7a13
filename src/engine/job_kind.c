#include "engine/job_kind.h"

#include "base/clock.h"
#include "base/cron.h"
#include "engine/service_kind.h"

#include <string.h>

static bool observe_jobs(void *world, struct arena *a, const struct kind_look_list *looks,
    struct observed_list *out, struct err *err)
{
    (void)looks;
    (void)err;
    service_kind_observe(world, a, true, out);
    return true;
}

/* When it runs next, as its declaration says; NULL: it has no schedule, or none that comes. */
static const char *next_run(struct arena *a, const struct node *declared)
{
    const struct node *schedule = node_get(declared, "schedule"),
                      *name = node_get(declared, "timezone");
    const struct zone *zone;
    struct cron cron;
    struct cron_problem problem;
    char at[CLOCK_TEXT_BYTES];
    int64_t now_s = clock_wall_ns() / NS_PER_S, next_s;

    if (schedule == NULL || !cron_parse(schedule->text, &cron, &problem) ||
        !zone_load(a, name != NULL ? name->text.at : NULL, &zone, NULL))
        return NULL;
    next_s = cron_next(&cron, zone, now_s);
    if (next_s == INT64_MAX)
        return NULL;
    clock_format(next_s * NS_PER_S, 0, at);
    return arena_copy(a, at);
}

static bool is_suspended(const struct node *declared)
{
    const struct node *suspend = node_get(declared, "suspend");
    bool is = false;

    return suspend != NULL && node_to_bool(suspend, &is) && is;
}

/* What comes of it, in words: when it runs. */
static const char *outcome(struct arena *a, const struct change *c, const struct node *declared)
{
    const char *next = next_run(a, declared);
    bool again = c->action != CHANGE_CREATE;

    if (is_suspended(declared))
        return "is suspended: no run begins by itself";
    if (next != NULL)
        return arena_format(a, "%snext run at %s", again ? "changes; " : "", next);
    if (c->action == CHANGE_REPLACE)
        return c->reason != NULL ? arena_format(a, "runs again now: %s", c->reason)
                                 : "runs again now";
    return again ? "changes without a run" : "runs once now";
}

static void diff_jobs(struct arena *a, const struct kind *k, const struct node *declared,
    const struct observed *observed, struct change *out)
{
    kind_diff(a, k, declared, observed, out);
    if (out->action == CHANGE_NONE || out->action == CHANGE_DELETE)
        return;
    if (out->action == CHANGE_REPLACE && node_get(declared, "schedule") != NULL)
        out->action = CHANGE_UPDATE; /* nothing runs for it: its next run is of the new revision */
    out->reason = outcome(a, out, declared);
}

const struct kind job_kind = {
    .name = "job",
    .section = "jobs",
    .fields = &fields_job,
    .observe = observe_jobs,
    .diff = diff_jobs,
};
