/* A command inside a running container: make it, start it, read its output, ask how it ended. */
#include "drive/docker/docker_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXEC_MAGIC     0x65786563
#define LINE_BYTES_MAX 200

struct docker_exec {
    uint32_t magic;
    struct docker *docker;
    struct call *call;
    struct timer *timer;
    int64_t deadline_ms;
    char id[128];
    struct frames frames;
    char line[LINE_BYTES_MAX]; /* the last of its output */
    size_t line_len;
    bool line_ended;
    docker_exec_fn fn;
    void *data;
};

static void finish(struct docker_exec *x, enum docker_exec_result result, const char *detail)
{
    docker_exec_fn fn = x->fn;
    void *data = x->data;
    char kept[400];

    (void)snprintf(kept, sizeof kept, "%s", detail);
    docker_exec_cancel(&x);
    fn(data, result, kept);
}

static void fail(struct docker_exec *x, int status, struct str body, const struct err *err)
{
    char message[300];

    if (err == NULL)
        call_message(status, body, message, sizeof message);
    finish(x, err != NULL || status == 404 || status == 409 ? EXEC_NOT_ASKED : EXEC_FAILED,
        err != NULL ? err->text : message);
}

static void on_inspected(void *data, int status, struct str body, const struct err *err)
{
    struct docker_exec *x = OBJ(docker_exec, EXEC_MAGIC, data);
    json_t *root = json_loadb(body.at != NULL ? body.at : "", body.len, 0, NULL);
    const json_t *code = json_object_get(root, "ExitCode");
    char detail[300];

    x->call = NULL;
    if (err != NULL || status != 200 || !json_is_integer(code)) {
        fail(x, status, body, err);
    } else {
        (void)snprintf(detail, sizeof detail, "exit code %d%s%.*s", (int)json_integer_value(code),
            x->line_len > 0 ? ": " : "", (int)x->line_len, x->line);
        finish(x, json_integer_value(code) == 0 ? EXEC_PASSED : EXEC_FAILED, detail);
    }
    json_decref(root);
}

static void take_output(void *data, int stream, struct str piece, bool last)
{
    struct docker_exec *x = data;

    (void)stream;
    (void)last;
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.at[i];
        if (c == '\n') {
            x->line_ended = true;
            continue;
        }
        if (x->line_ended)
            x->line_len = 0;
        x->line_ended = false;
        if (x->line_len < sizeof x->line)
            x->line[x->line_len++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
    }
}

static void on_output(void *data, struct str piece)
{
    struct docker_exec *x = OBJ(docker_exec, EXEC_MAGIC, data);
    struct err err = ERR_INIT;

    if (!frames_feed(&x->frames, piece, take_output, x, &err))
        x->frames = (struct frames){0};
}

static void on_ended(void *data, int status, struct str body, const struct err *err)
{
    struct docker_exec *x = OBJ(docker_exec, EXEC_MAGIC, data);
    char target[200];

    x->call = NULL;
    if (err != NULL || status >= 300) {
        fail(x, status, body, err);
        return;
    }
    (void)snprintf(target, sizeof target, "/exec/%s/json", x->id);
    x->call = docker_call(x->docker, "GET", target, STR(""), REQUEST_MS, NULL, on_inspected, x);
}

static void on_made(void *data, int status, struct str body, const struct err *err)
{
    struct docker_exec *x = OBJ(docker_exec, EXEC_MAGIC, data);
    json_t *root = json_loadb(body.at != NULL ? body.at : "", body.len, 0, NULL);
    const char *id = json_string_value(json_object_get(root, "Id"));
    char target[200];

    x->call = NULL;
    if (err != NULL || status != 201 || id == NULL || strlen(id) >= sizeof x->id) {
        fail(x, status, body, err);
    } else {
        (void)strcpy(x->id, id);
        (void)snprintf(target, sizeof target, "/exec/%s/start", x->id);
        x->call = docker_call(x->docker, "POST", target, STR("{\"Detach\":false,\"Tty\":false}"),
            INT64_MAX, on_output, on_ended, x);
    }
    json_decref(root);
}

static void on_deadline(void *data)
{
    struct docker_exec *x = OBJ(docker_exec, EXEC_MAGIC, data);
    char detail[80];

    (void)snprintf(detail, sizeof detail, "no answer in %lld ms", (long long)x->deadline_ms);
    finish(x, x->id[0] != '\0' ? EXEC_TIMED_OUT : EXEC_NOT_ASKED, detail);
}

struct docker_exec *docker_exec_start(struct docker_container *c, const char *const *argv,
    int64_t timeout_ms, docker_exec_fn fn, void *data)
{
    struct docker_exec *x = mem_new(struct docker_exec);
    struct buf body = BUF_INIT(1 << 20);
    struct json j = json_begin(&body);
    char target[600];

    x->magic = EXEC_MAGIC;
    x->docker = c->docker;
    x->fn = fn;
    x->data = data;
    x->deadline_ms = timeout_ms;
    x->timer = timer_create_on(c->docker->loop, on_deadline, x);
    timer_set(x->timer, timeout_ms);
    json_open_object(&j, NULL);
    json_bool(&j, "AttachStdout", true);
    json_bool(&j, "AttachStderr", true);
    json_open_array(&j, "Cmd");
    for (; *argv != NULL; argv++)
        json_text(&j, NULL, *argv);
    json_end(&j);
    json_end(&j);
    (void)snprintf(target, sizeof target, "/containers/%s/exec", c->name);
    x->call =
        docker_call(c->docker, "POST", target, buf_str(&body), timeout_ms + 1000, NULL, on_made, x);
    buf_fini(&body);
    return x;
}

void docker_exec_cancel(struct docker_exec **pointer)
{
    struct docker_exec *x = *pointer;

    if (x == NULL)
        return;
    *pointer = NULL;
    call_cancel(&x->call);
    timer_destroy(&x->timer);
    x->magic = 0;
    free(x);
}
