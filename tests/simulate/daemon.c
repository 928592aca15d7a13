#include "daemon.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"
#include "engine/engine.h"
#include "engine/executor.h"
#include "engine/hands.h"
#include "engine/snapshot.h"
#include "seam.h"
#include "serve/door.h"
#include "serve/operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_DIR "/state"

struct http_stream {
    struct daemon *daemon;
    size_t index;
    struct asked asked;
};

struct daemon {
    struct sim *sim;
    struct daemon_watch watch;
    struct map files;
    struct snapshot_cell *cell;
    struct hands *hands;
    struct executor *executor;
    struct door *door;
    struct {
        VEC_OF(struct http_stream *);
    } asked;
};

static const struct str revision_key = {.at = "0123456789abcdef0123456789abcdef", .len = 32};

/* ---- answers, in the place of serve/operation.c and io/http_stream.c ---- */

void operation_started(struct http_stream *s, uint64_t event)
{
    s->asked.intent = event;
    if (s->daemon->watch.carried_out != NULL && !sim_is_dead(s->daemon->sim))
        s->daemon->watch.carried_out(s->daemon->watch.data, &s->asked);
}

void operation_progress(
    struct http_stream *s, const char *subject, const char *state, const char *text)
{
    (void)s, (void)subject, (void)state, (void)text;
}

static void answer(struct http_stream *s, bool refused, bool ok, int exit_code, const char *text)
{
    s->asked.answered = true;
    s->asked.refused = refused;
    s->asked.ok = ok;
    s->asked.exit = exit_code;
    s->asked.answered_ns = sim_now_ns(s->daemon->sim);
    (void)snprintf(s->asked.text, sizeof s->asked.text, "%s", text);
    if (s->daemon->watch.answered != NULL && !sim_is_dead(s->daemon->sim))
        s->daemon->watch.answered(s->daemon->watch.data, &s->asked);
}

void operation_result(struct http_stream **s, const struct operation_result *result)
{
    answer(*s, false, result->ok, result->exit, result->text);
    *s = NULL;
}

void operation_refused(struct http_stream **s, const struct err *err, const char *help)
{
    (void)help;
    answer(*s, true, false, 1, err->text);
    *s = NULL;
}

void http_stream_answer(struct http_stream *s, int status, const char *type, struct str body)
{
    (void)type;
    answer(s, status != 200, status == 200, 0, body.len > 0 ? body.at : "");
}

void http_stream_end(struct http_stream **s)
{
    *s = NULL;
}

/* In the place of serve/command.c, which reads requests. */
void command_destroy(struct command **c)
{
    if (*c == NULL)
        return;
    free((*c)->service);
    free((*c)->document);
    free((*c)->plan);
    free((*c)->seal);
    free(*c);
    *c = NULL;
}

/* ---- its life ---- */

struct daemon *daemon_create(struct sim *s, const struct daemon_watch *watch)
{
    struct daemon *d = mem_new(struct daemon);

    d->sim = s;
    d->watch = *watch;
    return d;
}

static void forget_asked(struct daemon *d)
{
    VEC_EACH (&d->asked, struct http_stream *, s)
        free(*s);
    d->asked.count = 0;
}

void daemon_destroy(struct daemon **pointer)
{
    struct daemon *d = *pointer;

    if (d == NULL)
        return;
    *pointer = NULL;
    if (daemon_lives(d)) {
        sim_die_after(d->sim, 0);
        daemon_end(d, false);
    }
    forget_asked(d);
    vec_fini(&d->asked);
    MAP_EACH (&d->files, entry) {
        free(entry->value);
        free((void *)(uintptr_t)entry->key.at);
    }
    map_fini(&d->files);
    seam_keep_files(NULL);
    free(d);
}

bool daemon_lives(const struct daemon *d)
{
    return d->hands != NULL;
}

static const struct project *load_fact(struct daemon *d, const char *key)
{
    const char *json = sim_fact(d->sim, "project", key);
    char digest[80];
    struct err err = ERR_INIT;

    if (json == NULL || strlen(json) < 3)
        return NULL;
    (void)snprintf(digest, sizeof digest, "%.*s", (int)strlen(json) - 2, json + 1);
    return door_load(STATE_DIR, digest, revision_key, &err);
}

static void shutdown(void *data)
{
    (void)data;
}

static void restore(struct daemon *d)
{
    const struct project *project = load_fact(d, "document"), *previous = load_fact(d, "previous");
    struct event started = {
        .type = "daemon.started", .actor = "tend", .subject = "daemon", .evidence = STR("{}")};
    struct err err = ERR_INIT;
    size_t adopted;

    must(hands_restore(d->hands, project, previous, &adopted, &err));
    project_unref(&project);
    project_unref(&previous);
    (void)sim_journal_append(d->sim, &started);
}

static void start_executor(struct daemon *d)
{
    struct executor_settings settings = {.loop = seam_loop(),
        .journal = seam_journal(),
        .views = seam_views(),
        .engine = hands_engine(d->hands),
        .state_dir = STATE_DIR,
        .revision_key = revision_key};
    struct err err = ERR_INIT;

    must(executor_create(&d->executor, &settings, &err));
}

void daemon_start(struct daemon *d)
{
    struct hands_settings settings = {.loop = seam_loop(),
        .journal = seam_journal(),
        .views = seam_views(),
        .project = "life",
        .state_dir = STATE_DIR,
        .run_dir = "/run",
        .shim_path = "tend-shim",
        .revision_key = revision_key};
    struct door_settings door = {.loop = seam_loop(),
        .journal = seam_journal(),
        .state_dir = STATE_DIR,
        .revision_key = revision_key,
        .shutdown = shutdown};
    struct err err = ERR_INIT;

    must(!daemon_lives(d));
    seam_keep_files(&d->files);
    forget_asked(d);
    d->cell = snapshot_cell_create();
    settings.cell = d->cell;
    must(hands_create(&d->hands, &settings, &err));
    start_executor(d);
    restore(d);
    door.hands = d->hands;
    door.executor = d->executor;
    d->door = door_create(&door);
    hands_begin(d->hands);
    executor_resume(d->executor);
}

void daemon_end(struct daemon *d, bool power)
{
    must(daemon_lives(d) && sim_is_dead(d->sim));
    sim_journal_close(d->sim);
    door_destroy(&d->door);
    executor_destroy(&d->executor);
    hands_destroy(&d->hands);
    snapshot_cell_destroy(&d->cell);
    sim_bury(d->sim, power);
}

void daemon_ask(struct daemon *d, struct command *command, const void *deed)
{
    struct http_stream *s = mem_new(struct http_stream);

    must(daemon_lives(d));
    s->daemon = d;
    s->index = d->asked.count;
    s->asked = (struct asked){.kind = command->kind, .deed = deed, .at_ns = sim_now_ns(d->sim)};
    vec_push(&d->asked, s);
    door_command(d->door, command, s);
}

struct engine *daemon_engine(const struct daemon *d)
{
    return hands_engine(d->hands);
}

const struct snapshot *daemon_snapshot(const struct daemon *d)
{
    return snapshot_cell_acquire(d->cell);
}

size_t daemon_asked_count(const struct daemon *d)
{
    return d->asked.count;
}

const struct asked *daemon_asked(const struct daemon *d, size_t index)
{
    return &d->asked.at[index]->asked;
}
