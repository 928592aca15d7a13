#include "base/clock.h"
#include "base/redact.h"

#include "engine/snapshot.h"

#include "serve/serve_private.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void put_time(struct json *j, const char *key, int64_t at_ns)
{
    char text[CLOCK_TEXT_BYTES];

    if (at_ns == 0) {
        json_add_null(j, key);
        return;
    }
    clock_format(at_ns, 3, text);
    json_text(j, key, text);
}

static void put_signal(struct json *j, int signo)
{
    const char *name = signo > 0 ? sigabbrev_np(signo) : NULL;

    if (signo <= 0)
        json_add_null(j, "signal");
    else if (name != NULL)
        json_format(j, "signal", "SIG%s", name);
    else
        json_format(j, "signal", "SIG%d", signo);
}

static void put_exit(struct json *j, const struct exit_snapshot *e)
{
    if (e->at_ns == 0) {
        json_add_null(j, "last_exit");
        return;
    }
    json_open_object(j, "last_exit");
    put_time(j, "at", e->at_ns);
    if (e->code >= 0)
        json_int(j, "code", e->code);
    else
        json_add_null(j, "code");
    put_signal(j, e->signal);
    json_bool(j, "oom", e->oom);
    json_end(j);
}

static void put_instance(struct json *j, const struct instance_snapshot *i)
{
    json_open_object(j, NULL);
    json_text(j, "id", i->id);
    json_int(j, "slot", i->slot);
    json_text(j, "state", i->state);
    if (i->pid > 0)
        json_int(j, "pid", i->pid);
    else
        json_add_null(j, "pid");
    json_text(j, "address", i->address);
    json_int(j, "incarnation", i->incarnation);
    json_int(j, "restarts", i->restarts);
    put_time(j, "since", i->since_at_ns);
    put_time(j, "started_at", i->started_at_ns);
    json_text(j, "revision", i->revision);
    json_text(j, "reason", i->reason != NULL ? i->reason : "");
    if (i->memory_bytes >= 0)
        json_int(j, "memory_bytes", i->memory_bytes);
    else
        json_add_null(j, "memory_bytes");
    if (i->cpu_seconds >= 0)
        json_number(j, "cpu_seconds", i->cpu_seconds);
    else
        json_add_null(j, "cpu_seconds");
    put_exit(j, &i->last_exit);
    json_end(j);
}

static void put_update(struct json *j, const struct update_snapshot *u)
{
    if (u == NULL) {
        json_add_null(j, "update");
        return;
    }
    json_open_object(j, "update");
    json_text(j, "from", u->from);
    json_text(j, "to", u->to);
    json_text(j, "state", u->state);
    json_int(j, "done", u->done);
    json_int(j, "total", u->total);
    put_time(j, "started_at", u->started_at_ns);
    json_end(j);
}

static void put_run(struct json *j, const struct job_run_snapshot *r)
{
    json_open_object(j, NULL);
    json_int(j, "run", r->number);
    json_text(j, "trigger", r->trigger);
    json_text(j, "result", r->result);
    if (r->code >= 0)
        json_int(j, "code", r->code);
    else
        json_add_null(j, "code");
    json_text(j, "reason", r->reason);
    put_time(j, "scheduled_at", r->scheduled_at_ns);
    put_time(j, "started_at", r->started_at_ns);
    put_time(j, "ended_at", r->ended_at_ns);
    json_end(j);
}

static void put_job(struct json *j, const struct job_snapshot *job)
{
    json_text(j, "schedule", job->schedule);
    json_text(j, "timezone", job->timezone);
    json_bool(j, "suspended", job->suspended);
    put_time(j, "next_at", job->next_at_ns);
    json_int(j, "active", job->active);
    json_int(j, "succeeded", (int64_t)job->succeeded);
    json_int(j, "failed", (int64_t)job->failed);
    json_int(j, "missed", (int64_t)job->missed);
    put_time(j, "last_success_at", job->last_success_at_ns);
    put_time(j, "last_failure_at", job->last_failure_at_ns);
    json_open_array(j, "runs");
    for (size_t i = 0; i < job->run_count; i++)
        put_run(j, &job->runs[i]);
    json_end(j);
}

static void put_service(struct json *j, const char *key, const struct service_snapshot *s)
{
    json_open_object(j, key);
    json_text(j, "name", s->name);
    json_text(j, "state", s->state);
    json_text(j, "revision", s->revision);
    json_int(j, "desired", s->desired);
    json_int(j, "ready", s->ready);
    put_update(j, s->update);
    if (s->job != NULL)
        put_job(j, s->job);
    json_open_array(j, "instances");
    for (size_t i = 0; i < s->instance_count; i++)
        put_instance(j, &s->instances[i]);
    json_end(j);
    json_end(j);
}

static void put_project(struct json *j, const struct snapshot *s)
{
    json_text(j, "project", s->project);
    json_text(j, "version", TEND_VERSION);
    json_int(j, "pid", getpid());
    put_time(j, "started_at", s->started_at_ns);
    json_text(j, "state_dir", s->state_dir);
    put_time(j, "paused_until", s->paused_until_ns);
    json_open_array(j, "degraded");
    for (size_t i = 0; i < s->degraded_count; i++)
        json_text(j, NULL, s->degraded[i]);
    json_end(j);
    json_int(j, "head", (int64_t)s->head);
}

static void put_services(struct json *j, const char *key, const struct snapshot *s, bool jobs)
{
    json_open_array(j, key);
    for (size_t i = 0; i < s->service_count; i++)
        if ((s->services[i]->job != NULL) == jobs)
            put_service(j, NULL, s->services[i]);
    json_end(j);
}

void answer_status(struct call *call)
{
    const struct snapshot *s = call->serve->host.acquire(call->serve->host.data);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct json j = json_begin(&out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    put_project(&j, s);
    put_services(&j, "services", s, false);
    put_services(&j, "jobs", s, true);
    json_end(&j);
    buf_add_byte(&out, '\n');
    snapshot_unref(&s);
    redact_rest(&out, 0);
    answer_buf(call, JSON_TYPE, &out);
}

static void answer_unknown(struct call *call, bool job)
{
    struct err err;

    (void)err_set(&err, ERR_MISSING, "no %s is called \"%.*s\"", job ? "job" : "service",
        (int)(call->name.len < 100 ? call->name.len : 100), call->name.at);
    answer_failure(call, &err, "tend status lists them");
}

static void answer_one(struct call *call, bool job)
{
    const struct snapshot *s = call->serve->host.acquire(call->serve->host.data);
    const struct service_snapshot *service = snapshot_service(s, call->name);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct json j = json_begin(&out);

    if (service == NULL || (service->job != NULL) != job) {
        snapshot_unref(&s);
        answer_unknown(call, job);
        return;
    }
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    put_service(&j, job ? "job" : "service", service);
    json_end(&j);
    buf_add_byte(&out, '\n');
    snapshot_unref(&s);
    redact_rest(&out, 0);
    answer_buf(call, JSON_TYPE, &out);
}

void answer_service(struct call *call)
{
    answer_one(call, false);
}

void answer_job(struct call *call)
{
    answer_one(call, true);
}

void answer_healthy(struct call *call)
{
    http_answer(call->request, 200, TEXT_TYPE, STR("tend is healthy.\n"));
}

/* Reaching this means that a snapshot is there to be served. */
void answer_ready(struct call *call)
{
    http_answer(call->request, 200, TEXT_TYPE, STR("tend is ready.\n"));
}
