/* The rows of a job: those of a service that make sense for it, and its own. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>

#define AT(member) offsetof(struct service, job.member)

/* schedule */

/* The part of a value's span that a problem is about; the whole where the text was not written as
 * it is, since it held escapes or variables. */
static struct span span_of_part(const struct node *value, const struct cron_problem *problem)
{
    struct span span = value->span;
    size_t quote = value->is_plain ? 0 : 1;
    struct str written = {.at = NULL};

    if (span.source != NULL && span.end <= span.source->text.len &&
        span.end - span.at == value->text.len + 2 * quote)
        written =
            (struct str){.at = span.source->text.at + span.at + quote, .len = value->text.len};
    if (written.at == NULL || !str_eq(written, value->text))
        return span;
    span.at += (uint32_t)(quote + problem->at);
    span.end = span.at + (uint32_t)problem->len;
    span.column += (uint32_t)(quote + problem->at);
    return span;
}

static void decode_schedule(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct job_spec *job = &((struct service_draft *)into)->service.job;
    struct cron_problem problem;
    struct span span;

    if (!field_text(d, f->name, pair->value, &job->schedule) ||
        cron_parse(str_from(job->schedule), &job->cron, &problem))
        return;
    span = span_of_part(pair->value, &problem);
    diagnostic_error(d->diagnostics, "wrong-value", &span, "%s", problem.text);
    if (problem.help[0] != '\0')
        diagnostic_help(d->diagnostics, "%s", problem.help);
}

static struct node *encode_schedule(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;

    (void)f;
    return s->job.schedule != NULL ? node_text(e->arena, str_from(s->job.schedule)) : NULL;
}

static void decode_timezone(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct job_spec *job = &((struct service_draft *)into)->service.job;
    const char *nearest;
    struct err err = ERR_INIT;

    if (!field_text(d, f->name, pair->value, &job->timezone) ||
        zone_load(d->arena, job->timezone, &job->zone, &err))
        return;
    diagnostic_error(d->diagnostics, "wrong-value", &pair->value->span, "%s", err.text);
    nearest = zone_nearest(d->arena, str_from(job->timezone));
    if (nearest != NULL)
        diagnostic_help(d->diagnostics, "did you mean '%s'?", nearest);
    else
        diagnostic_help(d->diagnostics, "a name of the IANA's list, such as Europe/Berlin or UTC");
}

static struct node *encode_timezone(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;

    (void)f;
    return s->job.timezone != NULL ? node_text(e->arena, str_from(s->job.timezone)) : NULL;
}

/* history_limit */

static const struct field history_rows[] = {
    {.name = "successful",
     .type = FIELD_INT,
     .offset = AT(history_successful),
     .effect = FIELD_UPDATES_LIVE,
     .max = 100,
     .default_text = "3",
     .help = "Runs that ended well."},
    {.name = "failed",
     .type = FIELD_INT,
     .offset = AT(history_failed),
     .effect = FIELD_UPDATES_LIVE,
     .max = 100,
     .default_text = "1",
     .help = "Runs that failed."    },
};
const struct field_table fields_history_limit = FIELD_TABLE("history_limit",
    "How many of a job's past runs its status shows; the journal has them all.", history_rows,
    &service_defaults);

/* deploy */

#define NOT_A_SERVICE "a job is one process that ends"

static const struct field deploy_rows[] = {
    {.name = "resources",
     .type = FIELD_MAP,
     .table = &fields_resources,
     .help = "What a run may use."},
};
static const struct field_table job_deploy_table =
    FIELD_TABLE("job deploy", "What a run may use.", deploy_rows, &service_defaults);

/* The job */

static const struct field_choice concurrency_words[] = {
    {"allow",   CONCURRENCY_ALLOW  },
    {"forbid",  CONCURRENCY_FORBID },
    {"replace", CONCURRENCY_REPLACE},
    {NULL,      0                  },
};

#define REFUSED(key, why)                                   \
    {                                                       \
        .name = (key), .type = FIELD_REFUSED, .help = (why) \
    }

/* clang-format off */
static const struct field job_rows[] = {
    {.name = "schedule",
     .type = FIELD_CUSTOM,
     .effect = FIELD_UPDATES_LIVE,
     .forms = FORM_TEXT,
     .default_text = "once for each revision",
     .decode = decode_schedule,
     .encode = encode_schedule,
     .help = "When it runs: cron's five fields, @hourly, @daily, @weekly, @monthly, @yearly or @every 10m."},
    {.name = "timezone",
     .type = FIELD_CUSTOM,
     .effect = FIELD_UPDATES_LIVE,
     .forms = FORM_TEXT,
     .default_text = "the machine's",
     .decode = decode_timezone,
     .encode = encode_timezone,
     .help = "Time zone of the schedule, such as Europe/Berlin or UTC."},
    {.name = "concurrency",
     .type = FIELD_CHOICE,
     .offset = AT(concurrency),
     .effect = FIELD_UPDATES_LIVE,
     .choices = concurrency_words,
     .default_text = "allow",
     .help = "When a run is due while another is under way: both, not this one, or this instead of that."},
    {.name = "starting_deadline",
     .type = FIELD_DURATION,
     .offset = AT(starting_deadline_ns),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1e9,
     .default_text = "none",
     .help = "A run that could not begin for longer than this (the daemon was down, something it needs was) is missed."},
    {.name = "active_deadline",
     .type = FIELD_DURATION,
     .offset = AT(active_deadline_ns),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1e8,
     .default_text = "none",
     .help = "How long a run may take, retries included, before it is stopped and has failed."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .offset = AT(active_deadline_ns),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1e8,
     .input_only = true,
     .help = "Short for active_deadline."},
    {.name = "retries",
     .type = FIELD_INT,
     .offset = AT(retries),
     .effect = FIELD_UPDATES_LIVE,
     .max = 1000,
     .default_text = "0",
     .help = "How often it is tried again when it fails."},
    {.name = "backoff_limit",
     .type = FIELD_INT,
     .offset = AT(retries),
     .effect = FIELD_UPDATES_LIVE,
     .max = 1000,
     .input_only = true,
     .help = "Kubernetes' word for retries."},
    {.name = "retry_delay",
     .type = FIELD_DURATION,
     .offset = AT(retry_delay_ns),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1e6,
     .default_text = "10s",
     .help = "The pause before the first retry; each further one is twice as long."},
    {.name = "retry_max_delay",
     .type = FIELD_DURATION,
     .offset = AT(retry_max_delay_ns),
     .effect = FIELD_UPDATES_LIVE,
     .min = 1e6,
     .default_text = "6m",
     .help = "The longest pause between retries."},
    {.name = "suspend",
     .type = FIELD_BOOL,
     .offset = AT(suspend),
     .effect = FIELD_UPDATES_LIVE,
     .default_text = "false",
     .help = "No run begins by itself; `tend start` still runs it."},
    {.name = "jitter",
     .type = FIELD_DURATION,
     .offset = AT(jitter_ns),
     .effect = FIELD_UPDATES_LIVE,
     .default_text = "0s",
     .help = "Its runs begin late by a part of this that is always the same, so that not all jobs begin at once."},
    {.name = "history_limit",
     .type = FIELD_MAP,
     .table = &fields_history_limit,
     .help = "How many past runs are shown."},
    {.name = "deploy",
     .type = FIELD_MAP,
     .table = &job_deploy_table,
     .help = "What a run may use."},
    REFUSED("healthcheck", "a job is not ready, it ends; bound its time with active_deadline"),
    REFUSED("ports", "a job serves nobody"),
    REFUSED("restart", "a job that fails is tried again by `retries`"),
    REFUSED("scale", NOT_A_SERVICE),
    REFUSED("hang", "a job is stopped by active_deadline"),
    REFUSED("extends", "jobs share what they have with an anchor and <<"),
};
/* clang-format on */
const struct field_table fields_job = {
    .name = "a job",
    .help = "A process that runs to its end: once for each revision, or by a schedule.",
    .fields = job_rows,
    .count = COUNT(job_rows),
    .defaults = &service_defaults,
    .base = &fields_service,
};

void draft_finish_job(struct decode *d, struct service_draft *draft)
{
    struct service *s = &draft->service;
    struct job_spec *job = &s->job;

    s->restart.condition = RESTART_NO; /* the shim starts nothing by itself; the engine does */
    s->restart.delay_ns = job->retry_delay_ns;
    s->restart.delay_max_ns = job->retry_max_delay_ns;
    draft->health.disabled = true;
    if (job->zone == NULL)
        (void)!zone_load(d->arena, NULL, &job->zone, NULL); /* the machine's never fails */
    if (job->schedule == NULL && job->timezone != NULL && !draft->has_errors)
        diagnostic_warning(d->diagnostics, "no-effect", &draft->span,
            "'timezone' has no effect: job '%s' has no schedule", s->name);
}
