#include "cli/status_view.h"

#include "base/clock.h"
#include "base/must.h"
#include "base/units.h"
#include "cli/answer.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/when.h"

#include <stdio.h>
#include <string.h>

#define ADDRESSES_SHOWN 3

static const struct {
    const char *state;
    enum tone tone;
    enum mark mark;
} states[] = {
    {"ready",       TONE_GOOD,  MARK_GOOD},
    {"completed",   TONE_GOOD,  MARK_GOOD},
    {"succeeded",   TONE_GOOD,  MARK_GOOD},
    {"scheduled",   TONE_GOOD,  MARK_GOOD},
    {"running",     TONE_BUSY,  MARK_BUSY},
    {"cancelled",   TONE_WARN,  MARK_WARN},
    {"missed",      TONE_WARN,  MARK_WARN},
    {"suspended",   TONE_FAINT, MARK_OFF },
    {"pending",     TONE_BUSY,  MARK_BUSY},
    {"starting",    TONE_BUSY,  MARK_BUSY},
    {"probing",     TONE_BUSY,  MARK_BUSY},
    {"updating",    TONE_BUSY,  MARK_BUSY},
    {"draining",    TONE_BUSY,  MARK_BUSY},
    {"stopping",    TONE_BUSY,  MARK_BUSY},
    {"degraded",    TONE_WARN,  MARK_WARN},
    {"backing_off", TONE_WARN,  MARK_WARN},
    {"quarantined", TONE_BAD,   MARK_BAD },
    {"down",        TONE_BAD,   MARK_BAD },
    {"failed",      TONE_BAD,   MARK_BAD },
    {"stopped",     TONE_FAINT, MARK_OFF },
};

enum tone status_view_tone(const char *state)
{
    for (size_t i = 0; i < COUNT(states); i++)
        if (strcmp(state, states[i].state) == 0)
            return states[i].tone;
    return TONE_PLAIN;
}

static enum mark mark_of(const char *state)
{
    for (size_t i = 0; i < COUNT(states); i++)
        if (strcmp(state, states[i].state) == 0)
            return states[i].mark;
    return MARK_DASH;
}

void status_view_age(int64_t then_ns, int64_t now_ns, char *out, size_t bytes)
{
    char text[UNITS_TEXT_BYTES] = "-";

    if (then_ns > 0 && now_ns >= then_ns)
        units_format_about(now_ns - then_ns < NS_PER_S ? now_ns - then_ns
                                                       : (now_ns - then_ns) / NS_PER_S * NS_PER_S,
            text);
    (void)snprintf(out, bytes, "%s", text);
}

/* What the rows of one service add up to. */
struct sums {
    int64_t restarts, memory_bytes, oldest_ns;
    double cpu_seconds;
    char addresses[160];
};

static void add_address(struct sums *s, const char *address, size_t number)
{
    size_t len = strlen(s->addresses);

    if (address[0] == '\0' || number > ADDRESSES_SHOWN)
        return;
    if (number == ADDRESSES_SHOWN)
        address = "…";
    (void)snprintf(
        s->addresses + len, sizeof s->addresses - len, "%s%s", len > 0 ? " " : "", address);
}

static struct sums sum_up(const json_t *instances)
{
    struct sums s = {.memory_bytes = -1, .cpu_seconds = -1};
    size_t i;
    json_t *instance;

    json_array_foreach(instances, i, instance)
    {
        int64_t started = answer_time(instance, "started_at");
        int64_t memory = answer_int(instance, "memory_bytes", -1);
        double cpu = answer_number(instance, "cpu_seconds", -1);

        s.restarts += answer_int(instance, "restarts", 0);
        if (started > 0 && (s.oldest_ns == 0 || started < s.oldest_ns))
            s.oldest_ns = started;
        if (memory >= 0)
            s.memory_bytes = (s.memory_bytes > 0 ? s.memory_bytes : 0) + memory;
        if (cpu >= 0)
            s.cpu_seconds = (s.cpu_seconds > 0 ? s.cpu_seconds : 0) + cpu;
        add_address(&s, answer_text(instance, "address"), i);
    }
    return s;
}

static void add_usage(const struct status_view *v, struct table *t, const struct sums *s)
{
    char text[UNITS_TEXT_BYTES];

    table_cell(t, s->restarts > 0 ? TONE_WARN : TONE_PLAIN, "%lld", (long long)s->restarts);
    status_view_age(s->oldest_ns, v->now_ns, text, sizeof text);
    table_cell(t, TONE_PLAIN, "%s", text);
    if (s->cpu_seconds >= 0)
        units_format_about((int64_t)(s->cpu_seconds * 1000) * NS_PER_MS, text);
    table_cell(t, TONE_PLAIN, "%s", s->cpu_seconds >= 0 ? text : "-");
    if (s->memory_bytes >= 0)
        units_format_bytes(s->memory_bytes, text);
    table_cell(t, TONE_PLAIN, "%s", s->memory_bytes >= 0 ? text : "-");
}

static void add_state(const struct status_view *v, struct table *t, const char *state)
{
    table_cell(
        t, status_view_tone(state), "%s %s", terminal_mark(v->terminal, mark_of(state)), state);
}

static void add_service(const struct status_view *v, struct table *t, const json_t *service)
{
    const json_t *update = json_object_get(service, "update");
    struct sums s = sum_up(json_object_get(service, "instances"));
    int64_t ready = answer_int(service, "ready", 0), desired = answer_int(service, "desired", 0);

    table_cell(t, TONE_STRONG, "%s", answer_text(service, "name"));
    add_state(v, t, answer_text(service, "state"));
    table_cell(t, ready < desired ? TONE_WARN : TONE_PLAIN, "%lld/%lld", (long long)ready,
        (long long)desired);
    add_usage(v, t, &s);
    if (json_is_object(update))
        table_cell(t, TONE_BUSY, "%s %lld of %lld  %s", answer_text(update, "state"),
            (long long)answer_int(update, "done", 0), (long long)answer_int(update, "total", 0),
            s.addresses);
    else
        table_cell(t, TONE_PLAIN, "%s", s.addresses);
}

/* "killed by SIGKILL", "exited with 3"; "" if it never exited. */
static void describe_exit(const json_t *instance, char *out, size_t bytes)
{
    const json_t *exit = json_object_get(instance, "last_exit");
    const char *signal = answer_text(exit, "signal");

    out[0] = '\0';
    if (json_is_true(json_object_get(exit, "oom")))
        (void)snprintf(out, bytes, "out of memory");
    else if (signal[0] != '\0')
        (void)snprintf(out, bytes, "killed by %s", signal);
    else if (json_is_integer(json_object_get(exit, "code")))
        (void)snprintf(out, bytes, "exited with %lld", (long long)answer_int(exit, "code", 0));
}

static void add_instance(const struct status_view *v, struct table *t, const json_t *instance)
{
    json_t *alone = json_array();
    const char *reason = answer_text(instance, "reason");
    char ended[80];
    struct sums s;

    (void)json_array_append(alone, (json_t *)instance); /* one more reference, dropped below */
    s = sum_up(alone);
    json_decref(alone);
    describe_exit(instance, ended, sizeof ended);
    table_cell(t, TONE_PLAIN, "  %s", answer_text(instance, "id"));
    add_state(v, t, answer_text(instance, "state"));
    table_cell(t, TONE_FAINT, "%s%lld", answer_int(instance, "pid", 0) > 0 ? "pid " : "",
        (long long)answer_int(instance, "pid", 0));
    add_usage(v, t, &s);
    table_cell(t, TONE_PLAIN, "%s%s%s%s%s%s", s.addresses, s.addresses[0] != '\0' ? "  " : "",
        reason, ended[0] != '\0' ? " (last: " : "", ended, ended[0] != '\0' ? ")" : "");
}

static bool wanted(const struct status_view *v, const char *name)
{
    for (size_t i = 0; i < v->some_count; i++)
        if (strcmp(v->some[i], name) == 0)
            return true;
    return v->some_count == 0;
}

static void add_warning(
    const struct status_view *v, struct buf *out, const char *what, const char *text)
{
    buf_format(out, "%s%s %s", terminal_tone(v->terminal, TONE_WARN),
        terminal_mark(v->terminal, MARK_WARN), what);
    text_escape(out, str_from(text), TEXT_NO_COLOURS);
    buf_format(out, "%s\n", terminal_tone(v->terminal, TONE_PLAIN));
}

void status_view_head(const struct status_view *v, const json_t *status, struct buf *out)
{
    char age[UNITS_TEXT_BYTES], until[WHEN_TEXT_BYTES];
    int64_t paused_ns = answer_time(status, "paused_until");
    size_t i;
    json_t *text;

    status_view_age(answer_time(status, "started_at"), v->now_ns, age, sizeof age);
    buf_add_text(out, terminal_tone(v->terminal, TONE_NAME));
    text_escape(out, str_from(answer_text(status, "project")), TEXT_NO_COLOURS);
    buf_format(out, "%s  %stendd %lld, up %s, event %lld%s\n",
        terminal_tone(v->terminal, TONE_PLAIN), terminal_tone(v->terminal, TONE_FAINT),
        (long long)answer_int(status, "pid", 0), age, (long long)answer_int(status, "head", 0),
        terminal_tone(v->terminal, TONE_PLAIN));
    if (paused_ns > 0) {
        when_format(paused_ns, v->now_ns, until);
        add_warning(v, out, "hands off (paused) until ", until);
    }
    json_array_foreach(json_object_get(status, "degraded"), i, text) add_warning(
        v, out, "degraded: ", json_string_value(text) != NULL ? json_string_value(text) : "");
}

/* ---- jobs ---- */

/* The newest run that is over, or under way. */
static const json_t *last_run(const json_t *job)
{
    const json_t *runs = json_object_get(job, "runs");
    size_t count = json_array_size(runs);

    return count > 0 ? json_array_get(runs, count - 1) : NULL;
}

static void add_last_run(const struct status_view *v, struct table *t, const json_t *run)
{
    int64_t at_ns = answer_time(run, "started_at"), code = answer_int(run, "code", -1);
    const char *result = answer_text(run, "result");
    char when[WHEN_TEXT_BYTES] = "-";

    if (at_ns == 0)
        at_ns = answer_time(run, "ended_at");
    if (at_ns > 0)
        when_format(at_ns, v->now_ns, when);
    table_cell(t, TONE_PLAIN, "%s", when);
    if (run == NULL)
        table_cell(t, TONE_PLAIN, "-");
    else if (code > 0)
        table_cell(t, status_view_tone(result), "%s (%lld)", result, (long long)code);
    else
        table_cell(t, status_view_tone(result), "%s", result);
}

static void add_job(const struct status_view *v, struct table *t, const json_t *job)
{
    const json_t *run = last_run(job);
    const char *schedule = answer_text(job, "schedule"), *zone = answer_text(job, "timezone");
    int64_t next_ns = answer_time(job, "next_at");
    char when[WHEN_TEXT_BYTES] = "-";

    table_cell(t, TONE_STRONG, "%s", answer_text(job, "name"));
    add_state(v, t, answer_text(job, "state"));
    table_cell(t, TONE_PLAIN, "%s%s%s", schedule[0] != '\0' ? schedule : "once",
        zone[0] != '\0' ? " " : "", zone);
    add_last_run(v, t, run);
    if (next_ns > 0)
        when_format(next_ns, v->now_ns, when);
    table_cell(t, TONE_PLAIN, "%s", when);
    table_cell(t, TONE_FAINT, "%s", run != NULL ? answer_text(run, "reason") : "");
}

static bool has_jobs(const struct status_view *v, const json_t *status)
{
    size_t i;
    json_t *job;

    json_array_foreach(json_object_get(status, "jobs"), i,
        job) if (wanted(v, answer_text(job, "name"))) return true;
    return false;
}

static void add_jobs(const struct status_view *v, const json_t *status, struct buf *out)
{
    const json_t *jobs = json_object_get(status, "jobs");
    struct table t;
    size_t i;
    json_t *job;

    if (!has_jobs(v, status))
        return;
    table_init(
        &t, v->terminal, "JOB", "STATE", "SCHEDULE", "LAST RUN", "RESULT", "NEXT RUN", "", NULL);
    json_array_foreach(jobs, i, job) if (wanted(v, answer_text(job, "name"))) add_job(v, &t, job);
    table_render(&t, out);
    table_fini(&t);
}

void status_view_table(const struct status_view *v, const json_t *status, struct buf *out)
{
    struct table t;
    size_t i, k;
    json_t *service, *instance;
    bool any = false;

    table_init(&t, v->terminal, "SERVICE", "STATE", ">READY", ">RESTARTS", ">UPTIME", ">CPU TIME",
        ">MEMORY", "ADDRESS", NULL);
    json_array_foreach(json_object_get(status, "services"), i, service)
    {
        if (!wanted(v, answer_text(service, "name")))
            continue;
        any = true;
        add_service(v, &t, service);
        if (!v->instances)
            continue;
        json_array_foreach(json_object_get(service, "instances"), k, instance)
            add_instance(v, &t, instance);
    }
    if (any)
        table_render(&t, out);
    table_fini(&t);
    if (any && has_jobs(v, status))
        buf_add_byte(out, '\n');
    add_jobs(v, status, out);
}

void status_view_render(const struct status_view *v, const json_t *status, struct buf *out)
{
    status_view_head(v, status, out);
    buf_add_byte(out, '\n');
    if (json_array_size(json_object_get(status, "services")) == 0 &&
        json_array_size(json_object_get(status, "jobs")) == 0)
        buf_add_text(out, "Nothing is declared yet: tend up\n");
    else
        status_view_table(v, status, out);
}

bool status_view_healthy(const json_t *status)
{
    size_t i;
    json_t *service;

    json_array_foreach(json_object_get(status, "services"), i, service)
    {
        const char *state = answer_text(service, "state");

        if (strcmp(state, "ready") != 0 && strcmp(state, "completed") != 0 &&
            strcmp(state, "stopped") != 0)
            return false;
    }
    json_array_foreach(json_object_get(status, "jobs"), i,
        service) if (strcmp(answer_text(service, "state"), "failed") == 0) return false;
    return true;
}
