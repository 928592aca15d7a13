#include "base/arena.h"
#include "base/mem.h"
#include "base/redact.h"

#include "insight/why.h"

#include "serve/serve_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- why ---- */

static void run_why(struct task *task)
{
    struct arena *a = arena_create(0);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct why why = {0};
    struct err err;

    answer_catch_up(task->serve);
    bool found = task->event != 0
                     ? why_event(a, task->serve->host.views, task->event, &why, &err)
                     : why_subject(a, task->serve->host.views, task->subject, &why, &err);

    if (!found) {
        answer_failure_later(task->stream, &err, "tend events lists what has happened");
    } else {
        why_json(&why, &out);
        if (!str_ends(buf_str(&out), "\n"))
            buf_add_byte(&out, '\n');
        redact_rest(&out, 0);
        answer_buf_later(task->stream, JSON_TYPE, &out);
    }
    buf_fini(&out);
    arena_destroy(&a);
}

void answer_why(struct call *call)
{
    struct task task = {.run = run_why};
    struct err err;
    int64_t event;

    if (!call_number(call, "event", 0, &event, &err)) {
        answer_failure(call, &err, "");
        return;
    }
    task.event = (uint64_t)event;
    task.subject = call_parameter(call, "subject");
    if ((task.subject != NULL) == (event != 0)) {
        free(task.subject);
        (void)err_set(&err, ERR_INVALID, "give either subject or event");
        answer_failure(call, &err, "/tend/v1/why?subject=web");
        return;
    }
    task_start(call, task);
}

/* ---- verify ---- */

static bool go_on(void *data, uint64_t events, uint64_t bytes, uint64_t of_bytes)
{
    const struct task *task = data;

    (void)events;
    (void)bytes;
    (void)of_bytes;
    return !http_stream_is_closed(task->stream);
}

static void put_verdict(struct buf *out, const struct journal_verdict *v)
{
    struct json j = json_begin(out);
    char head[HASH_TEXT_BYTES];

    hash_format(&v->head, head);
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_bool(&j, "ok", v->ok);
    json_int(&j, "events", (int64_t)v->events);
    json_int(&j, "first", (int64_t)v->first_seq);
    json_int(&j, "erased", (int64_t)v->erased);
    json_int(&j, "torn_bytes", (int64_t)v->torn_bytes);
    json_open_object(&j, "head");
    json_int(&j, "seq", (int64_t)v->head_seq);
    json_text(&j, "hash", head);
    json_end(&j);
    if (v->ok) {
        json_add_null(&j, "broken");
    } else {
        json_open_object(&j, "broken");
        json_int(&j, "seq", (int64_t)v->broken_seq);
        json_text(&j, "file", v->file);
        json_int(&j, "offset", (int64_t)v->offset);
        json_text(&j, "reason", v->reason);
        json_end(&j);
    }
    json_end(&j);
    buf_add_byte(out, '\n');
}

static void run_verify(struct task *task)
{
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct journal_verdict verdict;
    struct err err;

    if (!journal_verify(task->serve->host.journal_dir, go_on, task, &verdict, &err)) {
        answer_failure_later(task->stream, &err, "");
        return;
    }
    put_verdict(&out, &verdict);
    answer_buf_later(task->stream, JSON_TYPE, &out);
}

void answer_verify(struct call *call)
{
    task_start(call, (struct task){.run = run_verify});
}
