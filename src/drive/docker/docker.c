#include "drive/docker/docker_private.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "io/worker.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT_BYTES_MAX (1u << 20)

/* ---- where the engine is ---- */

static char *find_socket(void)
{
    static const char *const usual[] = {"/var/run/docker.sock", "/run/podman/podman.sock"};
    const char *host = getenv("DOCKER_HOST"), *run = getenv("XDG_RUNTIME_DIR");
    static const char *const rootless[] = {"docker.sock", "podman/podman.sock"};

    if (host != NULL && strncmp(host, "unix://", 7) == 0)
        return mem_format("%s", host + 7);
    if (host != NULL && host[0] != '\0')
        return mem_format("%s", host); /* connecting tells that it is no socket */
    for (size_t i = 0; i < COUNT(usual); i++)
        if (fs_exists(usual[i]))
            return mem_format("%s", usual[i]);
    for (size_t i = 0; run != NULL && i < COUNT(rootless); i++) {
        char *path = mem_format("%s/%s", run, rootless[i]);
        if (fs_exists(path))
            return path;
        free(path);
    }
    return mem_format("%s", usual[0]);
}

/* ---- requests ---- */

struct call *docker_call(struct docker *d, const char *method, const char *target, struct str body,
    int64_t deadline_ms, call_piece_fn on_piece, call_done_fn on_done, void *data)
{
    char *versioned =
        d->api > 0 ? mem_format("/v1.%d%s", d->api, target) : mem_format("%s", target);
    struct call_request request = {.socket_path = d->socket_path,
        .method = method,
        .target = versioned,
        .body = body,
        .deadline_ms = deadline_ms,
        .on_piece = on_piece,
        .on_done = on_done,
        .data = data};
    struct call *call = call_start(d->loop, &request);

    free(versioned);
    return call;
}

void docker_trouble(struct docker *d, const struct err *err)
{
    if (err == NULL && !d->in_trouble)
        return;
    d->in_trouble = err != NULL;
    d->callbacks.on_trouble(d->data, err != NULL ? err->text : NULL);
}

/* ---- events ---- */

static void take_event(struct docker *d, struct str line)
{
    char name[256];

    if (!docker_event_read(line, name, sizeof name))
        return;
    VEC_EACH (&d->containers, struct docker_container *, c)
        if (strcmp((*c)->name, name) == 0) {
            container_look(*c);
            return;
        }
}

static void on_events_piece(void *data, struct str piece)
{
    struct docker *d = data;

    while (piece.len > 0) {
        ptrdiff_t end = str_find(piece, '\n');
        struct str part = {piece.at, end < 0 ? piece.len : (size_t)end};
        buf_add_str(&d->line, part);
        piece = str_tail(piece, part.len + (end >= 0));
        if (end < 0)
            continue;
        if (!buf_full(&d->line))
            take_event(d, buf_str(&d->line));
        buf_reset(&d->line);
    }
}

static void on_events_done(void *data, int status, struct str body, const struct err *err)
{
    struct docker *d = data;
    struct err lost = ERR_INIT;

    (void)status;
    (void)body;
    d->events = NULL;
    d->api = 0; /* it may come back as another version */
    buf_reset(&d->line);
    (void)err_set(&lost, ERR_UNREACHABLE, "the container engine has ended the stream of events");
    docker_trouble(d, err != NULL ? err : &lost);
    timer_set(d->retry, RETRY_MS);
}

/* ---- the version ---- */

static bool read_version(struct docker *d, struct str body, struct err *err)
{
    json_t *root = json_loadb(body.at != NULL ? body.at : "", body.len, 0, NULL);
    const char *api = json_string_value(json_object_get(root, "ApiVersion"));
    const char *least = json_string_value(json_object_get(root, "MinAPIVersion"));
    int64_t newest = 0, oldest = 0;
    bool ok = api != NULL && strncmp(api, "1.", 2) == 0 && str_to_int(str_from(api + 2), &newest);

    if (least != NULL && strncmp(least, "1.", 2) == 0)
        (void)!str_to_int(str_from(least + 2), &oldest);
    if (!ok)
        (void)err_set(err, ERR_CORRUPT, "%s is no container engine", d->socket_path);
    else if (newest < API_OLDEST || oldest > API_NEWEST)
        ok = err_set(err, ERR_UNSUPPORTED,
            "not supported: a container engine with API 1.%d (tend speaks 1.%d to 1.%d)",
            (int)(newest < API_OLDEST ? newest : oldest), API_OLDEST, API_NEWEST);
    else
        d->api = newest < API_NEWEST ? (int)newest : API_NEWEST;
    json_decref(root);
    return ok;
}

static void each_waiting(struct docker *d, const struct err *err)
{
    for (size_t i = d->containers.count; i-- > 0;) { /* one may be released by it */
        struct docker_container *c = d->containers.at[i];
        if (c->step == STEP_WAIT_ENGINE && err != NULL)
            container_engine_failed(c, err);
        else if (c->step == STEP_WAIT_ENGINE)
            container_go_on(c);
        else if (err == NULL)
            container_look(c);
    }
}

static void on_version(void *data, int status, struct str body, const struct err *failed)
{
    struct docker *d = data;
    struct err err = failed != NULL ? *failed : (struct err)ERR_INIT;
    bool ok = failed == NULL;

    d->version = NULL;
    if (ok && status != 200)
        ok = err_set(&err, ERR_UNREACHABLE, "the container engine answers with HTTP %d", status);
    ok = ok && read_version(d, body, &err);
    if (!ok) {
        docker_trouble(d, &err);
        each_waiting(d, &err);
        timer_set(d->retry, RETRY_MS);
        return;
    }
    docker_trouble(d, NULL);
    d->events = docker_call(d, "GET", "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
        STR(""), INT64_MAX, on_events_piece, on_events_done, d);
    each_waiting(d, NULL);
}

void docker_wake(struct docker *d)
{
    if (d->events != NULL || d->version != NULL)
        return;
    d->api = 0;
    d->version = docker_call(d, "GET", "/version", STR(""), REQUEST_MS / 6, NULL, on_version, d);
}

static void on_retry(void *data)
{
    struct docker *d = data;

    if (d->containers.count > 0)
        docker_wake(d);
}

/* ---- creation ---- */

struct docker *docker_create(struct loop *l, const char *socket_path, const char *logs_dir,
    const struct docker_callbacks *callbacks, void *data)
{
    struct docker *d = mem_new(struct docker);

    d->loop = l;
    d->socket_path = socket_path != NULL ? mem_format("%s", socket_path) : find_socket();
    d->logs_dir = mem_format("%s", logs_dir);
    d->callbacks = *callbacks;
    d->data = data;
    d->line = (struct buf)BUF_INIT(EVENT_BYTES_MAX);
    d->retry = timer_create_on(l, on_retry, d);
    return d;
}

static void drop(struct docker_container *c)
{
    docker_log_close(&c->log);
    call_cancel(&c->call);
    container_forget_context(c);
    timer_destroy(&c->timer);
    buf_fini(&c->piece);
    project_unref(&c->project);
    arena_destroy(&c->arena);
    c->magic = 0;
    free(c);
}

void docker_destroy(struct docker **pointer)
{
    struct docker *d = *pointer;

    if (d == NULL)
        return;
    *pointer = NULL;
    call_cancel(&d->version);
    call_cancel(&d->events);
    timer_destroy(&d->retry);
    VEC_EACH (&d->containers, struct docker_container *, c)
        drop(*c);
    vec_fini(&d->containers);
    workers_destroy(&d->workers);
    buf_fini(&d->line);
    free(d->socket_path);
    free(d->logs_dir);
    free(d);
}

void docker_release(struct docker_container *c)
{
    struct docker *d = c->docker;

    for (size_t i = 0; i < d->containers.count; i++)
        if (d->containers.at[i] == c) {
            vec_remove(&d->containers, i);
            break;
        }
    drop(c);
}
