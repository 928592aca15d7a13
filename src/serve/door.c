#include "serve/door.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"
#include "engine/hands.h"
#include "engine/kinds.h"
#include "io/loop.h"
#include "plan/plan.h"
#include "record/journal.h"
#include "serve/operation.h"
#include "spec/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOOR_MAGIC    0x646f6f72
#define REQUEST_MAGIC 0x72657131
#define DOCUMENT_MAX  (8u << 20)

enum { EXIT_STALE = 6 };

struct door {
    uint32_t magic;
    struct door_settings settings;
    struct engine *engine;
};

/* A command on its way: from the inbox to the end of its operation. */
struct request {
    uint32_t magic;
    struct door *door;
    struct command *command;
    struct http_stream *stream;
    const struct project *project; /* of an apply */
    uint64_t intent;
    int64_t until_ns, until_wall_ns; /* of a pause */
};

static void end_request(struct request *r)
{
    command_destroy(&r->command);
    project_unref(&r->project);
    must(r->stream == NULL);
    r->magic = 0;
    free(r);
}

static void refuse(struct request *r, const struct err *err, const char *help)
{
    operation_refused(&r->stream, err, help);
    end_request(r);
}

static void answer_json(struct request *r, struct buf *body)
{
    http_stream_answer(r->stream, 200, "application/json", buf_str(body));
    http_stream_end(&r->stream);
    end_request(r);
}

/* ---- documents ---- */

static char *object_path(const char *state_dir, const char *digest)
{
    return mem_format("%s/objects/%s", state_dir, digest);
}

const struct project *door_load(
    const char *state_dir, const char *digest, struct str revision_key, struct err *err)
{
    struct buf document = BUF_INIT(DOCUMENT_MAX);
    struct diagnostics *d = diagnostics_create();
    char *path = object_path(state_dir, digest);
    const struct project *p = NULL;

    if (fs_read(path, &document, err)) {
        p = spec_load_document(buf_str(&document), revision_key, d);
        if (p == NULL)
            (void)err_set(err, ERR_CORRUPT, "%s: is no document of this version", path);
    }
    free(path);
    buf_fini(&document);
    diagnostics_destroy(&d);
    return p;
}

/* Durable before the event that names it. */
static bool store(struct door *door, const struct project *p, struct err *err)
{
    char digest[HASH_TEXT_BYTES];
    char *path;
    bool ok;

    hash_format(&p->digest, digest);
    path = object_path(door->settings.state_dir, digest);
    ok = fs_exists(path) || fs_write(path, p->document, 0600, err);
    free(path);
    return ok;
}

static bool load(struct request *r, struct err *err)
{
    struct diagnostics *d;
    struct buf text = BUF_INIT(ERR_TEXT_BYTES - 100);

    if (r->command->document == NULL)
        return err_set(err, ERR_INVALID, "no document was sent");
    d = diagnostics_create();
    r->project =
        spec_load_document(str_from(r->command->document), r->door->settings.revision_key, d);
    if (r->project == NULL) {
        diagnostics_render(d, &text, false);
        (void)err_set(err, ERR_INVALID, "%s", buf_str(&text).at);
    }
    buf_fini(&text);
    diagnostics_destroy(&d);
    return r->project != NULL;
}

/* Containers are declared, checked and planned; no engine runs them yet. */
static bool can_run(const struct project *p, struct err *err)
{
    for (size_t i = 0; i < p->service_count; i++)
        if (p->services[i].container != NULL)
            return err_set(err, ERR_UNSUPPORTED, "not supported yet: containers (service '%s')",
                p->services[i].name);
    return true;
}

/* ---- plans ---- */

static bool make_plan(struct door *door, struct arena *a, const struct project *declared,
    struct plan *out, struct err *err)
{
    struct observed_list observed[KINDS_COUNT] = {0};
    bool ok = true;

    for (size_t k = 0; k < KINDS_COUNT && ok; k++)
        ok = kinds_all[k]->observe(door->engine, a, &observed[k], err);
    if (ok)
        plan_make(out, a, declared, kinds_all, observed, KINDS_COUNT);
    for (size_t k = 0; k < KINDS_COUNT; k++)
        vec_fini(&observed[k]);
    return ok;
}

/* What a plan file carries to say that this daemon's state made it, and for which document. */
static void write_seal(
    const struct door *door, const char *project, const char *digest, char out[HASH_TEXT_BYTES])
{
    char *text = mem_format("tend plan 1\n%s\n%s", project, digest);
    struct hash seal = hash_hmac(door->settings.revision_key, str_from(text));

    hash_format(&seal, out);
    free(text);
}

static bool check_seal(const struct request *r, struct err *err)
{
    const struct command *c = r->command;
    char seal[HASH_TEXT_BYTES];

    if (c->seal == NULL)
        return true;
    write_seal(r->door, r->project->name, c->plan != NULL ? c->plan : "", seal);
    return hash_same_secret(str_from(seal), str_from(c->seal)) ||
           err_set(err, ERR_INVALID,
               "the plan was not made here (another project or state directory), or was changed "
               "since");
}

/* Seals it, and makes digests of single things useless for guessing what is in them. */
static void seal_plan(const struct door *door, struct plan *plan, char seal[HASH_TEXT_BYTES])
{
    char digest[HASH_TEXT_BYTES];

    hash_format(&plan->digest, digest);
    write_seal(door, plan->project, digest, seal);
    plan->seal = seal;
    VEC_EACH (&plan->seen, struct plan_seen, seen)
        seen->digest = hash_hmac(door->settings.revision_key,
            (struct str){(const char *)seen->digest.at, sizeof seen->digest.at});
}

static void do_plan(struct request *r)
{
    struct arena *a = arena_create(0);
    struct buf body = BUF_INIT(64u << 20);
    struct err err = ERR_INIT;
    char seal[HASH_TEXT_BYTES];
    struct plan plan;

    if (!load(r, &err) || !make_plan(r->door, a, r->project, &plan, &err)) {
        arena_destroy(&a);
        refuse(r, &err, "tend check shows what is wrong with the file");
        return;
    }
    seal_plan(r->door, &plan, seal);
    plan_write_json(&plan, &body);
    plan_fini(&plan);
    answer_json(r, &body);
    arena_destroy(&a);
    buf_fini(&body);
}

static void do_diff(struct request *r)
{
    struct arena *a = arena_create(0);
    struct buf body = BUF_INIT(64u << 20);
    struct err err = ERR_INIT;
    struct plan plan;

    if (!load(r, &err)) {
        arena_destroy(&a);
        refuse(r, &err, "tend check shows what is wrong with the file");
        return;
    }
    plan_between(&plan, a, engine_project(r->door->engine), r->project, kinds_all, KINDS_COUNT);
    plan_write_diff_json(&plan, "applied", "declared", &body);
    plan_fini(&plan);
    answer_json(r, &body);
    arena_destroy(&a);
    buf_fini(&body);
}

/* The plan that was shown is still the plan; the number of its changes. */
static bool is_current(struct request *r, int *out_changes, struct err *err)
{
    struct arena *a = arena_create(0);
    char digest[HASH_TEXT_BYTES];
    struct plan plan;
    bool ok = make_plan(r->door, a, r->project, &plan, err);

    if (ok) {
        hash_format(&plan.digest, digest);
        *out_changes = (int)plan.changes.count;
        ok = r->command->plan == NULL || strcmp(r->command->plan, digest) == 0;
        if (!ok)
            (void)err_set(
                err, ERR_CONFLICT, "the plan is stale: something has changed since it was made");
        plan_fini(&plan);
    }
    arena_destroy(&a);
    return ok;
}

/* ---- following ---- */

static void on_progress(void *data, const char *subject, const char *state, const char *text)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);

    operation_progress(r->stream, subject, state, text);
}

static void on_result(void *data, bool ok, int exit_code, const char *text, const char *undo)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);
    struct operation_result result = {.ok = ok,
        .exit = exit_code,
        .text = text,
        .undo = undo != NULL && undo[0] != 0 ? undo : NULL};
    struct door *door = r->door;
    bool shutdown = ok && r->command->kind == COMMAND_DOWN && r->command->shutdown;

    operation_result(&r->stream, &result);
    end_request(r);
    mem_give_back(); /* a document and what it started: glibc would keep it */
    if (shutdown)
        door->settings.shutdown(door->settings.data);
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

/* The intent is durable: it takes effect. */
static void carry_out(struct request *r)
{
    const struct command *c = r->command;
    struct engine *e = r->door->engine;
    struct engine_sink sink = {.data = r, .progress = on_progress, .result = on_result};

    operation_started(r->stream, r->intent);
    switch (c->kind) {
    case COMMAND_APPLY:
        engine_declare(e, r->project, r->intent, c->start, &sink);
        return;
    case COMMAND_DOWN:
        engine_declare(e, NULL, r->intent, false, &sink);
        return;
    case COMMAND_START:
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

static void on_durable(void *data, const struct err *err)
{
    struct request *r = OBJ(request, REQUEST_MAGIC, data);
    struct err checked = ERR_INIT;
    const struct command *c = r->command;

    if (err != NULL) {
        refuse(r, err, "nothing was changed; free some space and try again");
        return;
    }
    /* Another command may have come between. */
    if (c->service != NULL &&
        !engine_check(r->door->engine, c->service, c->slot, c->replicas, &checked)) {
        refuse(r, &checked, NULL);
        return;
    }
    carry_out(r);
}

/* The facts that the next daemon finds. */
static void write_facts(struct request *r, struct json *j)
{
    const struct command *c = r->command;
    struct engine *e = r->door->engine;
    const struct project *old = engine_project(e);
    char digest[HASH_TEXT_BYTES];

    json_open_object(j, "set");
    switch (c->kind) {
    case COMMAND_APPLY:
        hash_format(&r->project->digest, digest);
        json_text(j, "document", digest);
        if (old != NULL && !hash_eq(&old->digest, &r->project->digest)) {
            hash_format(&old->digest, digest);
            json_text(j, "previous", digest);
        }
        break;
    case COMMAND_DOWN:
        json_add_null(j, "document");
        json_add_null(j, "previous");
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
        if (c->replicas < 0)
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

static void intend(struct request *r, int changes)
{
    const struct command *c = r->command;
    struct buf body = BUF_INIT(EVENT_EVIDENCE_BYTES_MAX);
    struct json j = json_begin(&body);
    char subject[EVENT_SUBJECT_BYTES_MAX];
    struct event event = {.type = intent_types[c->kind], .actor = c->actor, .subject = subject};
    struct err err = ERR_INIT;

    if (c->service == NULL)
        (void)snprintf(subject, sizeof subject, "project");
    else if (c->slot == 0)
        (void)snprintf(subject, sizeof subject, "%s", c->service);
    else
        (void)snprintf(subject, sizeof subject, "%s/%d", c->service, c->slot);
    if (c->kind == COMMAND_PAUSE && r->until_ns == 0)
        event.type = "resume.requested";
    json_open_object(&j, NULL);
    if (c->kind == COMMAND_APPLY)
        json_int(&j, "changes", changes);
    if (c->rollback_to > 0) {
        json_int(&j, "rollback_to", c->rollback_to);
        event.causes[0] = (uint64_t)c->cause;
        event.cause_count =
            c->cause > 0 && event.causes[0] <= journal_head(r->door->settings.journal);
    }
    if (c->kind == COMMAND_SCALE && c->replicas >= 0)
        json_int(&j, "replicas", c->replicas);
    if (c->kind == COMMAND_PAUSE && r->until_ns != 0 && r->until_wall_ns != INT64_MAX)
        json_int(&j, "until_ns", r->until_wall_ns);
    write_facts(r, &j);
    json_end(&j);
    event.evidence = buf_str(&body);
    if (!journal_append_durable(r->door->settings.journal, &event, &r->intent, on_durable, r, &err))
        refuse(r, &err, "nothing was changed; free some space and try again");
    buf_fini(&body);
}

/* ---- each command ---- */

static void do_apply(struct request *r)
{
    struct err err = ERR_INIT;
    int changes = 0;

    if (engine_is_paused(r->door->engine)) {
        (void)err_set(&err, ERR_CONFLICT, "tend's hands are off everything (somebody said pause)");
        refuse(r, &err, "end it with: tend pause --end");
        return;
    }
    if (!load(r, &err) || !can_run(r->project, &err) || !check_seal(r, &err) ||
        !is_current(r, &changes, &err) || !store(r->door, r->project, &err)) {
        refuse(r, &err,
            err.kind == ERR_CONFLICT      ? "make the plan again"
            : err.kind == ERR_UNSUPPORTED ? "leave it out, or run what it does as a process"
                                          : "tend check shows what is wrong");
        return;
    }
    intend(r, changes);
}

static void do_pause(struct request *r)
{
    const struct command *c = r->command;

    if (c->for_ms > 0) {
        r->until_ns = clock_boot_ns() + c->for_ms * NS_PER_MS;
        r->until_wall_ns = clock_wall_ns() + c->for_ms * NS_PER_MS;
    } else if (c->for_ms < 0)
        r->until_ns = r->until_wall_ns = INT64_MAX;
    intend(r, 0);
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
        refuse(r, &err, "tend status lists the services");
        return;
    }
    note_exec(r, i);
    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_text(&j, "subject", i->subject);
    json_text(&j, "working_dir", i->spec->working_dir);
    json_text(&j, "user", i->spec->user);
    json_open_array(&j, "environment");
    for (; *environment != NULL; environment++)
        json_text(&j, NULL, *environment);
    json_end(&j);
    json_end(&j);
    answer_json(r, &body);
    buf_fini(&body);
    arena_destroy(&a);
}

static void do_shutdown(struct request *r)
{
    struct door *door = r->door;

    finish_at_once(r, "the daemon ends; the services live on", "tend up -d");
    door->settings.shutdown(door->settings.data);
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
        intend(r, 0);
        return;
    default:
        if (!engine_check(r->door->engine, c->service, c->slot, c->replicas, &err))
            refuse(r, &err, NULL);
        else
            intend(r, 0);
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
