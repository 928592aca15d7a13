#include "cli/operation_view.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/answer.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

#define RESULT_BYTES_MAX (64u << 10)
#define LOG_LINES        "10"
#define REASONS_MAX      8

struct view {
    struct cli *cli;
    struct client *client;
    const struct operation *operation;
    struct operation_outcome outcome;
    struct progress *progress;
    bool ended; /* the result came */
    int code;
};

static void copy(char out[OPERATION_TEXT_BYTES], const char *text)
{
    (void)snprintf(out, OPERATION_TEXT_BYTES, "%s", text);
}

static void take_line(struct view *v, struct str line)
{
    json_t *o = json_loadb(line.at, line.len, 0, NULL);
    const char *t = answer_text(o, "t");

    if (strcmp(t, "started") == 0) {
        v->outcome.event = (uint64_t)answer_int(o, "event", 0);
    } else if (strcmp(t, "progress") == 0) {
        progress_set(v->progress, answer_text(o, "subject"), answer_text(o, "state"),
            answer_text(o, "text"));
    } else if (strcmp(t, "done") == 0) {
        progress_done(v->progress, answer_text(o, "subject"));
    } else if (strcmp(t, "result") == 0) {
        v->ended = true;
        v->outcome.ok = json_is_true(json_object_get(o, "ok"));
        v->code = (int)answer_int(o, "exit", v->outcome.ok ? EXIT_DONE : EXIT_FAILED);
        copy(v->outcome.text, answer_text(o, "text"));
        copy(v->outcome.undo, answer_text(o, "undo"));
    }
    json_decref(o);
}

/* False: it failed, was interrupted or took too long. */
static bool watch(struct view *v, struct err *err)
{
    int64_t timeout_ms = v->operation->timeout_ms, begun_ms = clock_boot_ms();

    while (!v->ended) {
        struct str line;

        switch (client_line(v->client, PROGRESS_TICK_MS, &line, err)) {
        case CLIENT_LINE:
            take_line(v, line);
            continue;
        case CLIENT_END:
            return err_set(err, ERR_UNREACHABLE, "the daemon ended before the operation did");
        case CLIENT_FAILED:
            return false;
        case CLIENT_WAIT:
            break;
        }
        if (interrupt_count() > 0)
            return err_set(err, ERR_CANCELLED, "interrupted; the daemon goes on with it");
        if (timeout_ms > 0 && clock_boot_ms() - begun_ms > timeout_ms)
            return err_set(err, ERR_TIMEOUT, "not done after %lld s; the daemon goes on with it",
                (long long)(timeout_ms / 1000));
        progress_tick(v->progress);
    }
    return true;
}

static void print_result_json(const struct view *v)
{
    struct buf out = BUF_INIT(RESULT_BYTES_MAX);
    struct json j = json_begin(&out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_bool(&j, "ok", v->outcome.ok);
    json_int(&j, "exit", v->code);
    json_text(&j, "text", v->outcome.text);
    json_text(&j, "undo", v->outcome.undo[0] != '\0' ? v->outcome.undo : NULL);
    json_int(&j, "event", (int64_t)v->outcome.event);
    json_end(&j);
    (void)printf("%s\n", out.at); /* a failed stdout is found when it is flushed */
    buf_fini(&out);
}

/* The last lines of a service that failed: most often they hold the reason. */
static void show_log_lines(struct view *v, const char *service)
{
    struct buf url = BUF_INIT(1024), text = BUF_INIT(RESULT_BYTES_MAX);
    struct client *c = NULL;
    struct str line;
    struct err err = ERR_INIT;

    buf_add_text(&url, "/tend/v1/logs?tail=" LOG_LINES "&service=");
    client_add_encoded(&url, service);
    if (client_open(&c, v->cli, &err) && client_stream(c, "GET", url.at, STR(""), &err))
        while (client_line(c, 2000, &line, &err) == CLIENT_LINE) {
            json_t *record = json_loadb(line.at, line.len, JSON_ALLOW_NUL, NULL);

            buf_reset(&text);
            text_escape(&text, str_from(answer_text(record, "line")), TEXT_NO_COLOURS);
            cli_say(v->cli, "  %s| %s%s", terminal_tone(&v->cli->err_out, TONE_FAINT),
                text.at != NULL ? text.at : "", terminal_tone(&v->cli->err_out, TONE_PLAIN));
            json_decref(record);
        }
    client_close(&c);
    buf_fini(&url);
    buf_fini(&text);
}

static void show_reasons(struct view *v)
{
    const char *service;

    for (size_t i = 0; i < REASONS_MAX && !v->cli->quiet && !v->cli->json; i++) {
        if ((service = progress_unsettled(v->progress, i)) == NULL)
            return;
        cli_say(v->cli, "%s%s%s: %s", terminal_tone(&v->cli->err_out, TONE_STRONG), service,
            terminal_tone(&v->cli->err_out, TONE_PLAIN), progress_last_text(v->progress, service));
        show_log_lines(v, service);
    }
}

static int tell_outcome(struct view *v)
{
    struct err err = ERR_INIT;
    char help[OPERATION_TEXT_BYTES];
    const char *service = progress_unsettled(v->progress, 0);

    if (v->cli->json && (v->operation->report || !v->outcome.ok)) {
        print_result_json(v);
        return v->code;
    }
    if (!v->outcome.ok) {
        show_reasons(v);
        (void)err_set(&err, ERR_IO, "%s", v->outcome.text); /* always false */
        (void)snprintf(help, sizeof help, "tend why %s", service != NULL ? service : "project");
        (void)cli_fail(v->cli, &err, help); /* the daemon's code counts */
        return v->code;
    }
    if (v->operation->report && v->outcome.text[0] != '\0')
        cli_say(v->cli, "%s", v->outcome.text);
    if (v->operation->report && v->outcome.undo[0] != '\0')
        cli_say(v->cli, "%sundo: %s%s", terminal_tone(&v->cli->err_out, TONE_FAINT),
            v->outcome.undo, terminal_tone(&v->cli->err_out, TONE_PLAIN));
    return v->code;
}

/* It was begun, and this client does not see its end. */
static int tell_lost(struct view *v, const struct err *err)
{
    int code = cli_fail(v->cli, err, "tend status shows how far it has come");

    return err->kind == ERR_UNREACHABLE ? EXIT_PARTLY : code;
}

int operation_run(
    struct cli *cli, struct client *c, const struct operation *o, struct operation_outcome *out)
{
    struct view v = {.cli = cli, .client = c, .operation = o, .code = EXIT_FAILED};
    struct err err = ERR_INIT;
    int code;

    if (!client_stream(c, "POST", o->path, o->body, &err)) {
        code = client_fail(cli, c, &err);
        return err.kind == ERR_CONFLICT && o->conflict_code != 0 ? o->conflict_code : code;
    }
    if (!o->keep_interrupt)
        interrupt_begin();
    v.progress = progress_create(cli);
    code = watch(&v, &err) ? tell_outcome(&v) : tell_lost(&v, &err);
    progress_destroy(&v.progress);
    if (!o->keep_interrupt)
        interrupt_end();
    if (out != NULL)
        *out = v.outcome;
    return code;
}
