/* The last change: what it was, and taking it back by the command that does. */
#include "base/arena.h"
#include "base/mem.h"

#include "insight/undo.h"

#include "engine/snapshot.h"

#include "serve/command_body.h"
#include "serve/serve_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_BYTES_MAX (64u << 20)

static void write_undo(const struct undo *u, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_int(&j, "event", (int64_t)u->seq);
    json_text(&j, "what", u->what);
    json_bool(&j, "undoable", u->how != UNDO_NOT);
    json_text(&j, "does", u->how != UNDO_NOT ? u->text : NULL);
    json_bool(&j, "plans", u->how == UNDO_APPLY);
    json_text(&j, "reason", u->how == UNDO_NOT ? u->why_not : NULL);
    json_end(&j);
    buf_add_byte(out, '\n');
}

static void run_undo(struct task *task)
{
    struct arena *a = arena_create(0);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct undo undo;
    struct err err;

    answer_catch_up(task->serve);
    if (undo_read(a, task->serve->host.views, &undo, &err)) {
        write_undo(&undo, &out);
        answer_buf_later(task->stream, JSON_TYPE, &out);
    } else
        answer_failure_later(task->stream, &err, "");
    buf_fini(&out);
    arena_destroy(&a);
}

void answer_undo(struct call *call)
{
    task_start(call, (struct task){.run = run_undo});
}

/* ---- taking it back ---- */

static bool fill_apply(struct task *task, const struct undo *u, struct command *c, struct err *err)
{
    const struct snapshot *s = task->serve->host.acquire(task->serve->host.data);
    struct buf document = BUF_INIT(DOCUMENT_BYTES_MAX), target = BUF_INIT(DOCUMENT_BYTES_MAX);
    bool ok = undo_document(u, task->serve->host.views, s->state_dir, &document, &target, err);

    if (ok && (buf_full(&document) || buf_full(&target)))
        ok = err_set(err, ERR_LIMIT, "what would have to be put back is too large");
    if (ok) {
        c->document = buf_take(&document);
        c->target = buf_take(&target);
    }
    buf_fini(&document);
    buf_fini(&target);
    snapshot_unref(&s);
    return ok;
}

static bool fill(struct task *task, const struct undo *u, struct command *c, struct err *err)
{
    static const enum command_kind kinds[] = {
        [UNDO_APPLY] = COMMAND_APPLY,
        [UNDO_SCALE] = COMMAND_SCALE,
        [UNDO_START] = COMMAND_START,
        [UNDO_STOP] = COMMAND_STOP,
        [UNDO_RESUME] = COMMAND_PAUSE,
    };

    if (u->how == UNDO_NOT)
        return err_set(err, ERR_UNSUPPORTED, "%s", u->why_not);
    if (u->seq != task->event)
        return err_set(err, ERR_CONFLICT, "something else was changed meanwhile: %s", u->what);
    c->kind = kinds[u->how];
    c->undoes = (int64_t)u->seq;
    if (u->how == UNDO_APPLY)
        return fill_apply(task, u, c, err);
    c->service = u->service != NULL ? mem_copy_string(u->service) : NULL;
    c->slot = u->how == UNDO_SCALE ? 0 : u->slot;
    c->replicas = u->replicas;
    return true;
}

/* What was asked for, as the task's subject has it: "ACTOR\nDIGEST" or "ACTOR\n?" for a plan. */
static void take_wish(const struct task *task, struct command *c, bool *out_dry)
{
    struct str rest = str_from(task->subject), actor = str_cut(&rest, '\n');

    (void)snprintf(c->actor, sizeof c->actor, "%.*s", STR_ARG(actor));
    *out_dry = str_is(rest, "?");
    if (rest.len > 0 && !*out_dry)
        c->plan = mem_copy_string(rest.at);
}

static void run_undo_this(struct task *task)
{
    struct arena *a = arena_create(0);
    struct command *c = mem_new(struct command);
    struct undo undo;
    struct err err;
    bool dry = false;

    answer_catch_up(task->serve);
    take_wish(task, c, &dry);
    if (undo_read(a, task->serve->host.views, &undo, &err) && fill(task, &undo, c, &err)) {
        if (dry && c->kind == COMMAND_APPLY)
            c->kind = COMMAND_PLAN;
        task->serve->host.command(task->serve->host.data, c, task->stream);
        task->stream = NULL; /* whoever carries it out ends it */
    } else {
        command_destroy(&c);
        answer_failure_later(task->stream, &err, "tend undo shows what the last change was");
    }
    arena_destroy(&a);
}

void answer_undo_this(struct call *call)
{
    struct command *wish = mem_new(struct command);
    char actor[EVENT_ACTOR_BYTES_MAX];
    struct task task = {.run = run_undo_this};
    struct err err;

    wish->kind = COMMAND_UNDO;
    if (command_read_body(wish, http_request_body(call->request), &err)) {
        command_name_actor(http_request_peer(call->request), actor);
        task.event = (uint64_t)wish->undoes;
        task.subject = mem_format("%s\n%s", actor,
            wish->dry_run        ? "?"
            : wish->plan != NULL ? wish->plan
                                 : "");
        task_start(call, task);
    } else
        answer_failure(call, &err, "/tend/v1/openapi.json shows what the route takes");
    command_destroy(&wish);
}
