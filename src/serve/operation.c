#include "serve/operation.h"

#include "base/json.h"
#include "base/redact.h"

#include "serve/serve_private.h"

#define LINE_BYTES_MAX (64u << 10)

static struct json begin(struct buf *out, const char *what)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_text(&j, "t", what);
    return j;
}

static void send(struct http_stream *s, struct json *j, const char *what, uint64_t id)
{
    json_end(j);
    redact_rest(j->out, 0);
    if (!buf_full(j->out))
        (void)http_stream_line(s, id, what, buf_str(j->out)); /* the client may have gone */
    buf_fini(j->out);
}

void operation_started(struct http_stream *s, uint64_t event)
{
    struct buf out = BUF_INIT(LINE_BYTES_MAX);
    struct json j = begin(&out, "started");

    json_int(&j, "event", (int64_t)event);
    send(s, &j, "started", event);
}

void operation_progress(
    struct http_stream *s, const char *subject, const char *state, const char *text)
{
    struct buf out = BUF_INIT(LINE_BYTES_MAX);
    struct json j = begin(&out, "progress");

    json_text(&j, "subject", subject);
    json_text(&j, "state", state);
    json_text(&j, "text", text);
    send(s, &j, "progress", 0);
}

void operation_done(struct http_stream *s, const char *subject)
{
    struct buf out = BUF_INIT(LINE_BYTES_MAX);
    struct json j = begin(&out, "done");

    json_text(&j, "subject", subject);
    send(s, &j, "done", 0);
}

void operation_result(struct http_stream **s, const struct operation_result *result)
{
    struct buf out = BUF_INIT(LINE_BYTES_MAX);
    struct json j = begin(&out, "result");

    json_bool(&j, "ok", result->ok);
    json_int(&j, "exit", result->exit);
    json_text(&j, "text", result->text);
    json_text(&j, "undo", result->undo);
    send(*s, &j, "result", 0);
    http_stream_end(s);
}

void operation_refused(struct http_stream **s, const struct err *err, const char *help)
{
    answer_failure_later(*s, err, help);
    http_stream_end(s);
}
