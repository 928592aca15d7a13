/* What GET /metrics gives: one table, one row a family. Names follow the ecosystem's habits: base
 * units, _total for counters, process_* as client libraries have them. A service is labelled
 * `service`, an instance also `replica` (its slot); job and instance are the scraper's to set. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/must.h"

#include "engine/snapshot.h"

#include "record/journal.h"

#include "serve/accept.h"
#include "serve/metrics_write.h"
#include "serve/serve_private.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct collector {
    struct metric_writer writer;
    const struct serve *serve;
    const struct snapshot *snapshot;
};

static void put(struct collector *c, double value)
{
    metric_sample(&c->writer, "", NULL, value);
}

/* ---- the daemon ---- */

static void collect_build(struct collector *c)
{
    const struct metric_label labels[] = {
        {"version", TEND_VERSION},
        {NULL        }
    };

    metric_sample(&c->writer, "", labels, 1);
}

static void collect_paused(struct collector *c)
{
    put(c, c->snapshot->paused_until_ns > clock_wall_ns() ? 1 : 0);
}

static void collect_degraded(struct collector *c)
{
    put(c, (double)c->snapshot->degraded_count);
}

static void collect_converged(struct collector *c)
{
    put(c, c->snapshot->converged ? 1 : 0);
}

static void collect_events(struct collector *c)
{
    put(c, (double)journal_head(c->serve->host.journal));
}

static void collect_waiting(struct collector *c)
{
    struct journal_health health;

    journal_health(c->serve->host.journal, &health);
    put(c, (double)health.waiting);
}

static void collect_dropped(struct collector *c)
{
    struct journal_health health;

    journal_health(c->serve->host.journal, &health);
    put(c, (double)health.dropped);
}

static void collect_requests(struct collector *c)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

    for (size_t i = 2; i < COUNT(classes); i++) {
        const struct metric_label labels[] = {
            {"code", classes[i]},
            {NULL     }
        };
        metric_sample(&c->writer, "", labels, (double)c->serve->answers[i]);
    }
}

static void collect_request_seconds(struct collector *c)
{
    uint64_t count = 0;

    for (size_t i = 0; i < STATUS_CLASSES; i++)
        count += c->serve->answers[i];
    metric_sample(&c->writer, "_sum", NULL, (double)c->serve->answer_ns_total / (double)NS_PER_S);
    metric_sample(&c->writer, "_count", NULL, (double)count);
}

static void collect_connections(struct collector *c)
{
    put(c, (double)http_server_counts(c->serve->http).open);
}

static void collect_streams(struct collector *c)
{
    put(c, (double)http_server_counts(c->serve->http).streams);
}

/* ---- services ---- */

typedef double (*service_value_fn)(const struct service_snapshot *s);

static void each_service(struct collector *c, service_value_fn value)
{
    for (size_t i = 0; i < c->snapshot->service_count; i++) {
        const struct service_snapshot *s = c->snapshot->services[i];
        const struct metric_label labels[] = {
            {"service", s->name},
            {NULL        }
        };
        if (s->job == NULL)
            metric_sample(&c->writer, "", labels, value(s));
    }
}

/* Up: as many are ready as are wanted, and at least one. */
static double service_up(const struct service_snapshot *s)
{
    return s->ready > 0 && s->ready >= s->desired ? 1 : 0;
}

static double service_desired(const struct service_snapshot *s)
{
    return s->desired;
}

static double service_ready(const struct service_snapshot *s)
{
    return s->ready;
}

static void collect_service_up(struct collector *c)
{
    each_service(c, service_up);
}

static void collect_service_desired(struct collector *c)
{
    each_service(c, service_desired);
}

static void collect_service_ready(struct collector *c)
{
    each_service(c, service_ready);
}

static void collect_service_state(struct collector *c)
{
    static const char *const states[] = {
        "ready", "starting", "updating", "degraded", "down", "stopped", "completed", "failed"};

    for (size_t i = 0; i < c->snapshot->service_count; i++) {
        const struct service_snapshot *s = c->snapshot->services[i];
        for (size_t k = 0; s->job == NULL && k < COUNT(states); k++) {
            const struct metric_label labels[] = {
                {"service",  s->name},
                {"state",          states[k]},
                {NULL}
            };
            metric_sample(&c->writer, "", labels, str_is(str_from(s->state), states[k]) ? 1 : 0);
        }
    }
}

/* ---- jobs: labelled job_name, as kube-state-metrics does, since `job` is the scraper's ---- */

/* NAN where there is nothing to tell. */
typedef double (*job_value_fn)(const struct job_snapshot *job);

static void each_job(struct collector *c, job_value_fn value)
{
    for (size_t i = 0; i < c->snapshot->service_count; i++) {
        const struct service_snapshot *s = c->snapshot->services[i];
        const struct metric_label labels[] = {
            {"job_name", s->name},
            {NULL         }
        };
        double got = s->job != NULL ? value(s->job) : NAN;

        if (!isnan(got))
            metric_sample(&c->writer, "", labels, got);
    }
}

static double seconds_or_none(int64_t at_ns)
{
    return at_ns > 0 ? (double)at_ns / 1e9 : NAN;
}

#define JOB_COLLECTOR(what, expression)                      \
    static double job_##what(const struct job_snapshot *job) \
    {                                                        \
        return expression;                                   \
    }                                                        \
    static void collect_job_##what(struct collector *c)      \
    {                                                        \
        each_job(c, job_##what);                             \
    }
JOB_COLLECTOR(active, job->active)
JOB_COLLECTOR(suspended, job->suspended)
JOB_COLLECTOR(succeeded, (double)job->succeeded)
JOB_COLLECTOR(failed, (double)job->failed)
JOB_COLLECTOR(missed, (double)job->missed)
JOB_COLLECTOR(last_success, seconds_or_none(job->last_success_at_ns))
JOB_COLLECTOR(last_failure, seconds_or_none(job->last_failure_at_ns))
JOB_COLLECTOR(last_schedule, seconds_or_none(job->last_scheduled_at_ns))
JOB_COLLECTOR(next_schedule, seconds_or_none(job->next_at_ns))

/* ---- instances ---- */

/* NAN where there is nothing to tell. */
typedef double (*instance_value_fn)(const struct instance_snapshot *i);

static void each_instance(struct collector *c, const char *suffix, instance_value_fn value)
{
    char replica[16];

    for (size_t k = 0; k < c->snapshot->service_count; k++) {
        const struct service_snapshot *s = c->snapshot->services[k];
        for (size_t i = 0; i < s->instance_count; i++) {
            double got = value(&s->instances[i]);
            const struct metric_label labels[] = {
                {"service", s->name},
                {"replica",         replica},
                {NULL}
            };
            (void)snprintf(replica, sizeof replica, "%d", s->instances[i].slot);
            if (!isnan(got))
                metric_sample(&c->writer, suffix, labels, got);
        }
    }
}

static double instance_up(const struct instance_snapshot *i)
{
    return i->ready ? 1 : 0;
}

static double instance_restarts(const struct instance_snapshot *i)
{
    return (double)i->restarts;
}

static double instance_start_time(const struct instance_snapshot *i)
{
    return i->started_at_ns > 0 ? (double)i->started_at_ns / (double)NS_PER_S : NAN;
}

static double instance_cpu(const struct instance_snapshot *i)
{
    return i->cpu_seconds >= 0 ? i->cpu_seconds : NAN;
}

static double instance_memory(const struct instance_snapshot *i)
{
    return i->memory_bytes >= 0 ? (double)i->memory_bytes : NAN;
}

static double probe_count(const struct instance_snapshot *i)
{
    uint64_t count = i->probe.passed + i->probe.failed;

    return count > 0 ? (double)count : NAN;
}

static double probe_seconds(const struct instance_snapshot *i)
{
    return i->probe.passed + i->probe.failed > 0 ? i->probe.seconds_total : NAN;
}

static double probe_failed(const struct instance_snapshot *i)
{
    return i->probe.passed + i->probe.failed > 0 ? (double)i->probe.failed : NAN;
}

static void collect_instance_up(struct collector *c)
{
    each_instance(c, "", instance_up);
}

static void collect_instance_restarts(struct collector *c)
{
    each_instance(c, "", instance_restarts);
}

static void collect_instance_start_time(struct collector *c)
{
    each_instance(c, "", instance_start_time);
}

static void collect_instance_cpu(struct collector *c)
{
    each_instance(c, "", instance_cpu);
}

static void collect_instance_memory(struct collector *c)
{
    each_instance(c, "", instance_memory);
}

static void collect_probe_seconds(struct collector *c)
{
    each_instance(c, "_sum", probe_seconds);
    each_instance(c, "_count", probe_count);
}

static void collect_probe_failures(struct collector *c)
{
    each_instance(c, "", probe_failed);
}

/* ---- the daemon's process ---- */

static void collect_process_cpu(struct collector *c)
{
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
        put(c, (double)used.tv_sec + (double)used.tv_nsec / (double)NS_PER_S);
}

/* Fields of /proc/self/statm, in pages: size, resident, … */
static bool read_pages(unsigned long long *size, unsigned long long *resident)
{
    struct buf text = BUF_INIT(256);
    bool read = fs_read("/proc/self/statm", &text, NULL) &&
                sscanf(text.at, "%llu %llu", size, resident) == 2;

    buf_fini(&text);
    return read;
}

static void collect_process_resident(struct collector *c)
{
    unsigned long long size, resident;

    if (read_pages(&size, &resident))
        put(c, (double)resident * (double)sysconf(_SC_PAGESIZE));
}

static void collect_process_virtual(struct collector *c)
{
    unsigned long long size, resident;

    if (read_pages(&size, &resident))
        put(c, (double)size * (double)sysconf(_SC_PAGESIZE));
}

static void collect_process_open_fds(struct collector *c)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    if (dir == NULL)
        return;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.' ? 1 : 0;
    (void)closedir(dir);
    put(c, count - 1); /* not the one that looks */
}

static void collect_process_max_fds(struct collector *c)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put(c, limit.rlim_cur == RLIM_INFINITY ? INFINITY : (double)limit.rlim_cur);
}

static void collect_process_start(struct collector *c)
{
    if (c->snapshot->started_at_ns > 0)
        put(c, (double)c->snapshot->started_at_ns / (double)NS_PER_S);
}

/* ---- the table ---- */

/* clang-format off */
static const struct row {
    struct metric_family family;
    void (*collect)(struct collector *c);
} rows[] = {
    {{"tend_build_info", METRIC_GAUGE, "Constant 1, labelled by the version that runs.", NULL}, collect_build},
    {{"tend_paused", METRIC_GAUGE, "1 while tend's hands are off.", NULL}, collect_paused},
    {{"tend_degraded", METRIC_GAUGE, "Parts of the daemon that do not work; status names them.", NULL}, collect_degraded},
    {{"tend_converged", METRIC_GAUGE, "1 when everything is as it was declared.", NULL}, collect_converged},
    {{"tend_journal_events", METRIC_COUNTER, "Events appended to the journal since its first.", NULL}, collect_events},
    {{"tend_journal_waiting_events", METRIC_GAUGE, "Events in memory that are not durable.", NULL}, collect_waiting},
    {{"tend_journal_dropped_events", METRIC_COUNTER, "Events refused since the start because the disk failed for too long.", NULL}, collect_dropped},
    {{"tend_service_up", METRIC_GAUGE, "1 when as many instances are ready as are wanted.", NULL}, collect_service_up},
    {{"tend_service_replicas_desired", METRIC_GAUGE, "Instances that are wanted.", NULL}, collect_service_desired},
    {{"tend_service_replicas_ready", METRIC_GAUGE, "Instances that are ready.", NULL}, collect_service_ready},
    {{"tend_service_state", METRIC_GAUGE, "1 for the state that the service is in.", NULL}, collect_service_state},
    {{"tend_job_active", METRIC_GAUGE, "Runs of the job that are under way.", NULL}, collect_job_active},
    {{"tend_job_suspended", METRIC_GAUGE, "1 when the job begins no run by itself.", NULL}, collect_job_suspended},
    {{"tend_job_succeeded", METRIC_COUNTER, "Runs of the job that succeeded.", NULL}, collect_job_succeeded},
    {{"tend_job_failed", METRIC_COUNTER, "Runs of the job that failed, retries and all.", NULL}, collect_job_failed},
    {{"tend_job_missed", METRIC_COUNTER, "Times of the schedule at which the job did not run.", NULL}, collect_job_missed},
    {{"tend_job_last_success_timestamp_seconds", METRIC_GAUGE, "When a run succeeded last, since the epoch.", "seconds"}, collect_job_last_success},
    {{"tend_job_last_failure_timestamp_seconds", METRIC_GAUGE, "When a run failed last, since the epoch.", "seconds"}, collect_job_last_failure},
    {{"tend_job_last_schedule_timestamp_seconds", METRIC_GAUGE, "The time of the schedule that was run last, since the epoch.", "seconds"}, collect_job_last_schedule},
    {{"tend_job_next_schedule_timestamp_seconds", METRIC_GAUGE, "When the schedule runs the job next, since the epoch.", "seconds"}, collect_job_next_schedule},
    {{"tend_instance_up", METRIC_GAUGE, "1 when the instance is ready.", NULL}, collect_instance_up},
    {{"tend_instance_restarts", METRIC_COUNTER, "Restarts that healed the instance.", NULL}, collect_instance_restarts},
    {{"tend_instance_start_time_seconds", METRIC_GAUGE, "When the instance was started, since the epoch.", "seconds"}, collect_instance_start_time},
    {{"tend_instance_cpu_seconds", METRIC_COUNTER, "Processor time that this start of the instance has used.", "seconds"}, collect_instance_cpu},
    {{"tend_instance_memory_bytes", METRIC_GAUGE, "Memory that the instance uses.", "bytes"}, collect_instance_memory},
    {{"tend_instance_probe_duration_seconds", METRIC_SUMMARY, "Probes of the instance and how long they took.", "seconds"}, collect_probe_seconds},
    {{"tend_instance_probe_failures", METRIC_COUNTER, "Probes of the instance that failed.", NULL}, collect_probe_failures},
    {{"tend_http_requests", METRIC_COUNTER, "Requests answered, by class of status.", NULL}, collect_requests},
    {{"tend_http_request_duration_seconds", METRIC_SUMMARY, "Time from a request's head to the end of its answer.", "seconds"}, collect_request_seconds},
    {{"tend_http_connections", METRIC_GAUGE, "Open connections.", NULL}, collect_connections},
    {{"tend_http_streams", METRIC_GAUGE, "Answers that are not complete yet.", NULL}, collect_streams},
    {{"process_cpu_seconds", METRIC_COUNTER, "Processor time that the daemon has used.", "seconds"}, collect_process_cpu},
    {{"process_resident_memory_bytes", METRIC_GAUGE, "Resident memory of the daemon.", "bytes"}, collect_process_resident},
    {{"process_virtual_memory_bytes", METRIC_GAUGE, "Virtual memory of the daemon.", "bytes"}, collect_process_virtual},
    {{"process_open_fds", METRIC_GAUGE, "Open file descriptors of the daemon.", NULL}, collect_process_open_fds},
    {{"process_max_fds", METRIC_GAUGE, "File descriptors that the daemon may open.", NULL}, collect_process_max_fds},
    {{"process_start_time_seconds", METRIC_GAUGE, "When the daemon started, since the epoch.", "seconds"}, collect_process_start},
};
/* clang-format on */

void answer_metrics(struct call *call)
{
    static const char *const offers[] = {"text/plain", "application/openmetrics-text"};
    struct str accept = http_request_header(call->request, "Accept");
    enum metric_format format =
        accept_best(accept, offers, COUNT(offers)) == 1 ? METRIC_OPENMETRICS : METRIC_PROMETHEUS;
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct collector c = {
        .writer = {.out = &out, .format = format},
        .serve = call->serve,
        .snapshot = call->serve->host.acquire(call->serve->host.data)
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        metric_begin(&c.writer, &rows[i].family);
        rows[i].collect(&c);
    }
    metric_end(&c.writer);
    snapshot_unref(&c.snapshot);
    answer_buf(call, metric_content_type(format), &out);
}
