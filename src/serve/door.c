#include "serve/door_private.h"

#include "base/arena.h"
#include "base/clock.h"
#include "engine/kinds.h"

#include <stdio.h>
#include <stdlib.h>

void request_end(struct request *r)
{
    command_destroy(&r->command);
    part_fini(&r->part);
    arena_destroy(&r->part_arena);
    project_unref(&r->project);
    project_unref(&r->target);
    must(r->stream == NULL);
    if (r->run != NULL)
        executor_abandon(r->door->settings.executor, &r->run);
    r->magic = 0;
    free(r);
}

void request_refuse(struct request *r, const struct err *err, const char *help)
{
    operation_refused(&r->stream, err, help);
    request_end(r);
}

void request_answer(struct request *r, struct buf *body)
{
    http_stream_answer(r->stream, 200, "application/json", buf_str(body));
    http_stream_end(&r->stream);
    request_end(r);
}

/* ---- following ---- */

static void on_progress(void *data, const char *subject, const char *state, const char *text)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);

    operation_progress(r->stream, subject, state, text);
}

void request_finish(struct request *r, bool ok, int exit_code, const char *text, const char *undo)
{
    struct operation_result result = {.ok = ok,
        .exit = exit_code,
        .text = text,
        .undo = undo != NULL && undo[0] != 0 ? undo : NULL};
    struct door *door = r->door;
    bool shutdown = ok && r->command->kind == COMMAND_DOWN && r->command->shutdown;

    operation_result(&r->stream, &result);
    request_end(r);
    mem_give_back(); /* a document and what it started: glibc would keep it */
    if (shutdown)
        door->settings.shutdown(door->settings.data);
}

static void on_result(void *data, bool ok, int exit_code, const char *text, const char *undo)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);

    if (ok && r->command->kind == COMMAND_DOWN && r->command->volumes)
        volumes_remove(r);
    else
        request_finish(r, ok, exit_code, text, undo);
}

static void finish_at_once(struct request *r, const char *text, const char *undo)
{
    on_result(r, true, 0, text, undo);
}

/* ---- intents ---- */

static void pause_engine(struct request *r)
{
    char text[200], at[CLOCK_TEXT_BYTES];
    bool on = r->until_ns != 0;

    engine_pause(r->door->engine, r->until_ns, r->until_wall_ns, r->intent);
    if (r->until_wall_ns == INT64_MAX)
        (void)snprintf(text, sizeof text, "tend keeps its hands off until somebody ends it");
    else if (on) {
        clock_format(r->until_wall_ns, 0, at);
        (void)snprintf(text, sizeof text, "tend keeps its hands off until %s", at);
    } else
        (void)snprintf(text, sizeof text, "tend takes care of the services again");
    finish_at_once(r, text, on ? "tend pause --end" : "");
}

static void begin_run(struct request *r, const struct engine_sink *sink)
{
    struct run *run = r->run;

    r->run = NULL; /* the executor's from here on */
    executor_begin(r->door->settings.executor, run, r->intent, sink);
}

static void write_subject(const struct command *c, char out[EVENT_SUBJECT_BYTES_MAX])
{
    if (c->service == NULL)
        (void)snprintf(out, EVENT_SUBJECT_BYTES_MAX, "project");
    else if (c->slot == 0)
        (void)snprintf(out, EVENT_SUBJECT_BYTES_MAX, "%s", c->service);
    else
        (void)snprintf(out, EVENT_SUBJECT_BYTES_MAX, "%s/%d", c->service, c->slot);
}

static const char *const verbs[] = {
    [COMMAND_START] = "start",
    [COMMAND_STOP] = "stop",
    [COMMAND_RESTART] = "restart",
    [COMMAND_SCALE] = "scale",
    [COMMAND_RETRY] = "retry",
};

/* The intent is durable: it takes effect. */
static void carry_out(struct request *r)
{
    const struct command *c = r->command;
    struct engine *e = r->door->engine;
    struct engine_sink sink = {.data = r, .progress = on_progress, .result = on_result};

    operation_started(r->stream, r->intent);
    switch (c->kind) {
    case COMMAND_APPLY:
        if (r->run != NULL)
            begin_run(r, &sink);
        else
            engine_declare(e, r->target, r->intent, c->start, &sink);
        return;
    case COMMAND_DOWN:
        engine_declare(e, NULL, r->intent, false, &sink);
        return;
    case COMMAND_START:
        if (c->wait && engine_is_job(e, c->service))
            engine_run(e, c->service, true, r->intent, &sink);
        else
            engine_start(e, c->service, c->slot, r->intent, &sink);
        return;
    case COMMAND_STOP:
        engine_stop(e, c->service, c->slot, r->intent, &sink);
        return;
    case COMMAND_RESTART:
        engine_restart(e, c->service, c->slot, r->intent, &sink);
        return;
    case COMMAND_SCALE:
        engine_scale(e, c->service, c->replicas, r->intent, &sink);
        return;
    case COMMAND_RETRY:
        engine_retry(e, c->service, r->intent, &sink);
        return;
    case COMMAND_PAUSE:
        pause_engine(r);
        return;
    default:
        must(!"a command without an intent");
    }
}

static bool check(const struct request *r, struct err *err)
{
    const struct command *c = r->command;

    return engine_check(r->door->engine, c->service, c->slot, c->replicas, err) &&
           (c->kind != COMMAND_START || engine_check_start(r->door->engine, c->service, err));
}

/* Refused behind its intent: what that says is wanted is as it is, for the next daemon too. */
static void take_back(struct request *r, const struct err *why)
{
    const struct command *c = r->command;
    struct buf body = BUF_INIT(EVENT_EVIDENCE_BYTES_MAX);
    struct json j = json_begin(&body);
    char subject[EVENT_SUBJECT_BYTES_MAX];
    struct event event = {.type = "operation.failed",
        .actor = "tend",
        .subject = subject,
        .causes = {r->intent},
        .cause_count = 1};

    write_subject(c, subject);
    json_open_object(&j, NULL);
    json_text(&j, "operation", verbs[c->kind]);
    json_text(&j, "reason", why->text);
    json_open_object(&j, "set");
    engine_write_wishes(r->door->engine, c->service, c->slot, &j);
    json_end(&j);
    json_end(&j);
    event.evidence = buf_str(&body);
    (void)journal_append(r->door->settings.journal, &event);
    buf_fini(&body);
}

static void on_durable(void *data, const struct err *err)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);
    struct err checked = ERR_INIT;
    const struct command *c = r->command;

    if (err != NULL) {
        request_refuse(r, err, "nothing was changed; free some space and try again");
        return;
    }
    /* Another command may have come between. */
    if (c->service != NULL && !check(r, &checked)) {
        take_back(r, &checked);
        request_refuse(r, &checked, NULL);
        return;
    }
    carry_out(r);
}

/* How services were declared that are to be stopped. */
static void write_previous(const struct engine *e, struct json *j)
{
    char digest[HASH_TEXT_BYTES];

    if (engine_project(e) == NULL)
        return;
    hash_format(&engine_project(e)->digest, digest);
    json_text(j, "previous", digest);
}

/* The facts that the next daemon finds. */
static void write_facts(struct request *r, struct json *j)
{
    const struct command *c = r->command;
    struct engine *e = r->door->engine;

    json_open_object(j, "set");
    switch (c->kind) {
    case COMMAND_APPLY:
        write_apply_facts(r, j);
        break;
    case COMMAND_DOWN:
        json_add_null(j, "document");
        write_previous(e, j);
        json_bool(j, "down", true); /* the cause of what the next daemon still has to stop */
        break;
    case COMMAND_STOP:
        json_bool(j, c->slot == 0 ? "stopped" : "held_down", true);
        break;
    case COMMAND_START:
        json_add_null(j, c->slot == 0 ? "stopped" : "held_down");
        break;
    case COMMAND_RESTART:
        json_int(j, "generation", engine_generation(e, c->service) + 1);
        json_add_null(j, "stopped");
        break;
    case COMMAND_SCALE:
        if (c->replicas < 0 || engine_declared_replicas(e, c->service) == c->replicas)
            json_add_null(j, "replicas");
        else
            json_int(j, "replicas", c->replicas);
        break;
    case COMMAND_RETRY:
        json_add_null(j, "held");
        json_add_null(j, "paused_update");
        break;
    case COMMAND_PAUSE:
        if (r->until_ns == 0)
            json_add_null(j, "paused_until_ns");
        else
            json_int(j, "paused_until_ns", r->until_wall_ns);
        break;
    default:
        break;
    }
    json_end(j);
}

static const char *const intent_types[] = {
    [COMMAND_APPLY] = "apply.requested",
    [COMMAND_DOWN] = "down.requested",
    [COMMAND_START] = "start.requested",
    [COMMAND_STOP] = "stop.requested",
    [COMMAND_RESTART] = "restart.requested",
    [COMMAND_SCALE] = "scale.requested",
    [COMMAND_RETRY] = "retry.requested",
    [COMMAND_PAUSE] = "pause.requested",
};

/* How it was, for an undo. */
static void write_before(const struct request *r, struct json *j)
{
    const struct command *c = r->command;
    struct engine_wishes wishes;

    if (c->undoes > 0)
        json_int(j, "undoes", c->undoes);
    if (c->service == NULL)
        return;
    engine_wishes(r->door->engine, c->service, c->slot, &wishes);
    if (c->kind == COMMAND_SCALE) {
        json_int(j, "before", wishes.replicas);
        json_int(j, "before_override", wishes.replicas_override);
    }
    if (c->kind == COMMAND_STOP || c->kind == COMMAND_START)
        json_bool(j, "was_stopped", wishes.stopped);
}

void request_intend(struct request *r)
{
    const struct command *c = r->command;
    struct buf body = BUF_INIT(EVENT_EVIDENCE_BYTES_MAX);
    struct json j = json_begin(&body);
    char subject[EVENT_SUBJECT_BYTES_MAX];
    struct event event = {.type = intent_types[c->kind], .actor = c->actor, .subject = subject};
    struct err err = ERR_INIT;

    write_subject(c, subject);
    if (c->kind == COMMAND_PAUSE && r->until_ns == 0)
        event.type = "resume.requested";
    json_open_object(&j, NULL);
    if (c->kind == COMMAND_APPLY)
        write_apply_evidence(r, &j);
    if (c->rollback_to > 0) {
        event.causes[0] = (uint64_t)c->cause;
        event.cause_count =
            c->cause > 0 && event.causes[0] <= journal_head(r->door->settings.journal);
    }
    if (c->kind == COMMAND_SCALE && c->replicas >= 0)
        json_int(&j, "replicas", c->replicas);
    write_before(r, &j);
    if (c->kind == COMMAND_PAUSE && r->until_ns != 0 && r->until_wall_ns != INT64_MAX)
        json_int(&j, "until_ns", r->until_wall_ns);
    write_facts(r, &j);
    json_end(&j);
    event.evidence = buf_str(&body);
    if (!journal_append_durable(r->door->settings.journal, &event, &r->intent, on_durable, r, &err))
        request_refuse(r, &err, "nothing was changed; free some space and try again");
    buf_fini(&body);
}

/* ---- each command ---- */

static void do_pause(struct request *r)
{
    const struct command *c = r->command;

    if (c->for_ms > 0) {
        r->until_ns = clock_boot_ns() + c->for_ms * NS_PER_MS;
        r->until_wall_ns = clock_wall_ns() + c->for_ms * NS_PER_MS;
    } else if (c->for_ms < 0)
        r->until_ns = r->until_wall_ns = INT64_MAX;
    request_intend(r);
}

/* Whoever gets an instance's environment gets its secrets: that is worth a line. */
static void note_exec(struct request *r, const struct instance *i)
{
    struct event e = {.type = "exec.started",
        .actor = r->command->actor,
        .subject = i->subject,
        .evidence = STR("{}")};

    (void)journal_append(r->door->settings.journal, &e);
}

static void do_environment(struct request *r)
{
    const struct command *c = r->command;
    int slot = c->slot > 0 ? c->slot : 1;
    const struct instance *i = engine_instance(r->door->engine, c->service, slot);
    struct arena *a = arena_create(0);
    const char *const *environment =
        hands_environment(r->door->settings.hands, a, c->service, slot);
    struct buf body = BUF_INIT(8u << 20);
    struct json j = json_begin(&body);
    struct err err = ERR_INIT;

    if (environment == NULL) {
        (void)err_set(&err, ERR_MISSING, "%s has no instance %d", c->service, slot);
        arena_destroy(&a);
        request_refuse(r, &err, "tend status lists the services");
        return;
    }
    note_exec(r, i);
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_text(&j, "subject", i->subject);
    json_text(&j, "working_dir", i->spec->working_dir);
    json_text(&j, "user", i->spec->user);
    json_int(&j, "view_pid", hands_view_pid(r->door->settings.hands, i));
    json_open_array(&j, "environment");
    for (; *environment != NULL; environment++)
        json_text(&j, NULL, *environment);
    json_end(&j);
    json_end(&j);
    request_answer(r, &body);
    buf_fini(&body);
    arena_destroy(&a);
}

static void do_shutdown(struct request *r)
{
    struct door *door = r->door;

    finish_at_once(r, "the daemon ends; the services live on", "tend up -d");
    door->settings.shutdown(door->settings.data);
}

static bool may_go_down(struct request *r, struct err *err)
{
    const char *kept;

    r->part_arena = arena_create(0);
    kept = part_protected(r->part_arena, engine_project(r->door->engine), kinds_all, KINDS_COUNT);
    return kept == NULL || err_set(err, ERR_DENIED, "%s has lifecycle.prevent_destroy", kept);
}

static void receive(void *data)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);
    const struct command *c = r->command;
    struct err err = ERR_INIT;

    switch (c->kind) {
    case COMMAND_PLAN:
        do_plan(r);
        return;
    case COMMAND_DIFF:
        do_diff(r);
        return;
    case COMMAND_DRIFT:
        do_drift(r);
        return;
    case COMMAND_APPLY:
        do_apply(r);
        return;
    case COMMAND_PAUSE:
        do_pause(r);
        return;
    case COMMAND_ENVIRONMENT:
        do_environment(r);
        return;
    case COMMAND_SHUTDOWN:
        do_shutdown(r);
        return;
    case COMMAND_DOWN:
        if (!executor_is_free(r->door->settings.executor, &err))
            request_refuse(r, &err, "tend events --follow shows how it gets on");
        else if (!may_go_down(r, &err))
            request_refuse(r, &err,
                "tend stop stops a service and removes nothing; or take prevent_destroy out of the "
                "file and apply that");
        else
            request_intend(r);
        return;
    default:
        if (!check(r, &err))
            request_refuse(r, &err, NULL);
        else
            request_intend(r);
    }
}

void door_command(void *data, struct command *command, struct http_stream *stream)
{
    struct door *door = OBJ(door, DOOR_MAGIC, data);
    struct request *r = mem_new(struct request);

    r->magic = REQUEST_MAGIC;
    r->door = door;
    r->command = command;
    r->stream = stream;
    loop_post(door->settings.loop, receive, r);
}

struct door *door_create(const struct door_settings *settings)
{
    struct door *door = mem_new(struct door);

    door->magic = DOOR_MAGIC;
    door->settings = *settings;
    door->engine = hands_engine(settings->hands);
    return door;
}

void door_destroy(struct door **door)
{
    if (*door == NULL)
        return;
    (*door)->magic = 0;
    free(*door);
    *door = NULL;
}
