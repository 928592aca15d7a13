#include "serve/serve_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"

#include "io/worker.h"

#include "record/journal.h"
#include "record/views.h"

#include "serve/accept.h"

#include <stdlib.h>

#define CATCH_UP_MS 250

void answer_catch_up(struct serve *s)
{
    int64_t deadline_ms = clock_boot_ms() + CATCH_UP_MS;
    struct err failing;

    if (journal_flush(s->host.journal, deadline_ms, &failing)) /* else what is durable is told */
        (void)views_wait(s->host.views, journal_durable(s->host.journal), deadline_ms);
}

int answer_status_of(enum err_kind kind)
{
    switch (kind) {
    case ERR_INVALID:
        return 400;
    case ERR_DENIED:
        return 403;
    case ERR_MISSING:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_LOCKED:
        return 423;
    case ERR_LIMIT:
        return 429;
    case ERR_UNSUPPORTED:
        return 501;
    case ERR_UNREACHABLE:
    case ERR_CANCELLED:
        return 503;
    case ERR_TIMEOUT:
        return 504;
    case ERR_NONE:
    case ERR_IO:
    case ERR_CORRUPT:
        break;
    }
    return 500;
}

void answer_error_json(struct buf *out, const struct err *err, const char *help)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_open_object(&j, "error");
    json_text(&j, "kind", err_kind_name(err->kind));
    json_text(&j, "text", err->text);
    json_text(&j, "help", help != NULL ? help : "");
    json_end(&j);
    json_end(&j);
    buf_add_byte(out, '\n');
}

void answer_error(struct call *call, int status, const struct err *err, const char *help)
{
    struct buf body = BUF_INIT(8 << 10);

    answer_error_json(&body, err, help);
    redact_rest(&body, 0);
    http_answer(call->request, status, JSON_TYPE, buf_str(&body));
    buf_fini(&body);
}

void answer_failure(struct call *call, const struct err *err, const char *help)
{
    answer_error(call, answer_status_of(err->kind), err, help);
}

void answer_failure_later(struct http_stream *s, const struct err *err, const char *help)
{
    struct buf body = BUF_INIT(8 << 10);

    answer_error_json(&body, err, help);
    redact_rest(&body, 0);
    http_stream_answer(s, answer_status_of(err->kind), JSON_TYPE, buf_str(&body));
    buf_fini(&body);
}

static void set_too_large(struct err *err)
{
    (void)err_set(err, ERR_IO, "the answer is larger than %u bytes", ANSWER_BYTES_MAX);
}

void answer_buf(struct call *call, const char *content_type, struct buf *body)
{
    struct err err;

    if (buf_full(body)) {
        set_too_large(&err);
        answer_failure(call, &err, "ask for less");
    } else {
        http_answer(call->request, 200, content_type, buf_str(body));
    }
    buf_fini(body);
}

void answer_buf_later(struct http_stream *s, const char *content_type, struct buf *body)
{
    struct err err;

    if (buf_full(body)) {
        set_too_large(&err);
        answer_failure_later(s, &err, "ask for less");
    } else {
        http_stream_answer(s, 200, content_type, buf_str(body));
    }
    buf_fini(body);
}

enum http_framing answer_framing(const struct call *call)
{
    static const char *const offers[] = {"application/x-ndjson", "text/event-stream"};
    struct str accept = http_request_header(call->request, "Accept");

    return accept_best(accept, offers, 2) == 1 ? HTTP_EVENTS : HTTP_LINES;
}

char *call_parameter(const struct call *call, const char *name)
{
    struct str value = http_target_parameter(http_request_target(call->request), name);

    return value.len > 0 ? mem_format("%.*s", STR_ARG(value)) : NULL;
}

bool call_number(
    const struct call *call, const char *name, int64_t absent, int64_t *out, struct err *err)
{
    struct str value = http_target_parameter(http_request_target(call->request), name);

    *out = absent;
    if (value.len == 0)
        return true;
    if (str_to_int(value, out) && *out >= 0)
        return true;
    return err_set(err, ERR_INVALID, "%s must be a number, not \"%.*s\"", name,
        (int)(value.len < 100 ? value.len : 100), value.at);
}

/* ---- tasks ---- */

void serve_task_begin(struct serve *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->tasks++;
    (void)pthread_mutex_unlock(&s->lock);
}

void serve_task_end(struct serve *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->tasks--;
    (void)pthread_cond_broadcast(&s->task_done);
    (void)pthread_mutex_unlock(&s->lock);
}

static void end_task(struct task *task)
{
    struct serve *s = task->serve;

    http_stream_end(&task->stream);
    free(task->subject);
    free(task);
    serve_task_end(s);
}

static void run_task(void *data, struct cancel *cancel)
{
    struct task *task = data;

    (void)cancel;
    if (!http_stream_is_closed(task->stream))
        task->run(task);
    end_task(task);
}

void task_start(struct call *call, struct task task)
{
    struct task *own = mem_new(struct task);
    struct worker_task work = {.run = run_task, .data = own};
    struct err err;

    *own = task;
    own->serve = call->serve;
    own->stream = http_stream_open(call->request, HTTP_LINES);
    serve_task_begin(call->serve);
    if (workers_run(call->serve->queries, &work, &err))
        return;
    answer_failure_later(own->stream, &err, "try again in a moment");
    end_task(own);
}
