#include "engine/snapshot.h"

#include "serve/serve_private.h"

#include "spec/load.h"

static void run_declared(struct task *task)
{
    const struct snapshot *s = task->serve->host.acquire(task->serve->host.data);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct err err;

    if (s->declared == NULL) {
        (void)err_set(&err, ERR_MISSING, "nothing has been applied yet");
        answer_failure_later(task->stream, &err, "tend up applies the file");
    } else {
        spec_write_redacted(s->declared, true, &out);
        buf_add_byte(&out, '\n');
        answer_buf_later(task->stream, JSON_TYPE, &out);
    }
    buf_fini(&out);
    snapshot_unref(&s);
}

void answer_declared(struct call *call)
{
    task_start(call, (struct task){.run = run_declared});
}
