#include "cli/client.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "cli/http_response.h"
#include "cli/project_name.h"
#include "cli/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES      (64u << 10)
#define HEAD_BYTES_MAX  (64u << 10)
#define HELP_BYTES      300
#define ANSWER_WAIT_MS  60000 /* a daemon that says nothing for so long is taken for dead */
#define ERROR_BYTES_MAX (64u << 10)

struct client {
    struct cli *cli;
    struct paths paths;
    struct transport transport;
    struct http_response response;
    struct buf input; /* read and not yet fed */
    struct buf body;  /* of the current answer, or the stream's unread lines */
    size_t line_done; /* bytes of `body` that were given out as lines */
    size_t searched;  /* bytes of `body` behind which the next line end is looked for */
    bool used;        /* the connection has carried a request */
    char help[HELP_BYTES];
};

static bool dial(struct client *c, struct err *err)
{
    struct transport_remote remote = {
        .host = cli_value(c->cli, "host"),
        .project = cli_value(c->cli, "project"),
        .state_dir = cli_value(c->cli, "state"),
    };
    char project[PATHS_PROJECT_BYTES];

    c->used = false;
    buf_reset(&c->input);
    if (remote.host == NULL)
        return transport_dial(&c->transport, &c->paths, err);
    if (remote.project == NULL && remote.state_dir == NULL && cli_project(c->cli, project, err))
        remote.project = project;
    else if (remote.project == NULL && remote.state_dir == NULL)
        return false;
    return transport_ssh(&c->transport, &remote, err);
}

bool client_open(struct client **out, struct cli *cli, struct err *err)
{
    struct client *c = mem_new(struct client);

    c->cli = cli;
    c->transport = (struct transport){-1, -1, -1};
    buf_init(&c->input, READ_BYTES);
    buf_init(&c->body, CLIENT_BODY_BYTES_MAX);
    *out = c;
    if (cli_value(cli, "host") == NULL)
        TRY(cli_paths(cli, &c->paths, err));
    return dial(c, err);
}

void client_close(struct client **client)
{
    struct client *c = *client;

    if (c == NULL)
        return;
    transport_close(&c->transport);
    buf_fini(&c->input);
    buf_fini(&c->body);
    free(c);
    *client = NULL;
}

const char *client_help(const struct client *c)
{
    return c != NULL ? c->help : "";
}

int client_fd(const struct client *c)
{
    return c->transport.in;
}

void client_add_encoded(struct buf *url, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char b = (unsigned char)*text;
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                     strchr("-._~/", b) != NULL;

        if (plain)
            buf_add_byte(url, (char)b);
        else
            buf_format(url, "%%%02X", b);
    }
}

static bool send_all(struct client *c, struct str bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t n = send(c->transport.out, bytes.at, bytes.len, MSG_NOSIGNAL);

        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return err_set(err, ERR_UNREACHABLE, "the daemon closed the connection");
        bytes = str_tail(bytes, (size_t)n);
    }
    return true;
}

static bool send_request(
    struct client *c, const char *method, const char *path, struct str body, struct err *err)
{
    struct buf head = BUF_INIT(HEAD_BYTES_MAX);
    bool ok;

    buf_format(&head,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, "
        "application/x-ndjson\r\nUser-Agent: tend/" TEND_VERSION "\r\n",
        method, path);
    if (strcmp(method, "GET") != 0)
        buf_format(&head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    buf_add_text(&head, "\r\n");
    ok = !buf_full(&head) || err_set(err, ERR_LIMIT, "the request's address is too long");
    ok = ok && send_all(c, buf_str(&head), err) && send_all(c, body, err);
    buf_fini(&head);
    return ok;
}

/* One read, fed. CLIENT_LINE: something came; _WAIT, _END (the connection ended) or _FAILED. */
static enum client_event take_in(struct client *c, int timeout_ms, struct err *err)
{
    struct pollfd p = {.fd = c->transport.in, .events = POLLIN};
    char bytes[READ_BYTES];
    struct str input;
    ssize_t n;

    if (c->input.len == 0) {
        int ready = poll(&p, 1, timeout_ms);

        if (ready == 0 || (ready == -1 && errno == EINTR))
            return CLIENT_WAIT;
        n = read(c->transport.in, bytes, sizeof bytes);
        if (n == -1 && errno == EINTR)
            return CLIENT_WAIT;
        if (n <= 0)
            return http_response_end(&c->response, err) ? CLIENT_END : CLIENT_FAILED;
        buf_add(&c->input, bytes, (size_t)n);
    }
    input = buf_str(&c->input);
    if (!http_response_feed(&c->response, &input, &c->body, err))
        return CLIENT_FAILED;
    buf_drop(&c->input, c->input.len - input.len);
    return CLIENT_LINE;
}

/* Until the head is there, or all of the answer. */
static bool wait_for(struct client *c, bool all, struct err *err)
{
    int64_t deadline = clock_boot_ms() + ANSWER_WAIT_MS;

    while (all ? !http_response_done(&c->response) : !http_response_head_done(&c->response)) {
        int64_t left = deadline - clock_boot_ms();

        if (left <= 0)
            return err_set(err, ERR_TIMEOUT, "the daemon does not answer (waited %d s)",
                ANSWER_WAIT_MS / 1000);
        if (take_in(c, (int)left, err) == CLIENT_FAILED)
            return false;
    }
    return true;
}

static enum err_kind kind_from(const char *name, int status)
{
    for (enum err_kind kind = ERR_INVALID; kind <= ERR_LOCKED; kind++)
        if (name != NULL && strcmp(err_kind_name(kind), name) == 0)
            return kind;
    switch (status) {
    case 400:
        return ERR_INVALID;
    case 401:
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_MISSING;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_LIMIT;
    case 501:
        return ERR_UNSUPPORTED;
    default:
        return ERR_IO;
    }
}

/* The error object of the API, or the status alone. */
static bool refuse(struct client *c, struct err *err)
{
    json_t *answer, *error;
    const char *text;

    if (!wait_for(c, true, err))
        return false;
    answer = json_loadb(c->body.at != NULL ? c->body.at : "", c->body.len, 0, NULL);
    error = json_object_get(answer, "error");
    text = json_string_value(json_object_get(error, "text"));
    (void)snprintf(c->help, sizeof c->help, "%s",
        json_string_value(json_object_get(error, "help")) != NULL
            ? json_string_value(json_object_get(error, "help"))
            : "");
    if (text != NULL)
        (void)err_set(err, /* always false */
            kind_from(json_string_value(json_object_get(error, "kind")), c->response.status), "%s",
            text);
    else
        (void)err_set(
            err, kind_from(NULL, c->response.status), "the daemon answered %d", c->response.status);
    json_decref(answer);
    return false;
}

static bool exchange(
    struct client *c, const char *method, const char *path, struct str body, struct err *err)
{
    http_response_init(&c->response);
    buf_reset(&c->body);
    c->line_done = c->searched = 0;
    c->help[0] = '\0';
    return send_request(c, method, path, body, err) && wait_for(c, false, err);
}

/* Ask; a kept connection that the daemon has closed meanwhile is made once more. */
static bool ask(
    struct client *c, const char *method, const char *path, struct str body, struct err *err)
{
    bool kept = c->used && !c->response.close && http_response_done(&c->response);

    if (c->transport.in == -1 || (c->used && !kept)) {
        transport_close(&c->transport);
        TRY(dial(c, err));
    }
    c->used = true;
    if (!exchange(c, method, path, body, err)) {
        if (!kept || strcmp(method, "GET") != 0 || err->kind != ERR_UNREACHABLE)
            return false; /* what changes something is never sent twice */
        transport_close(&c->transport);
        if (!dial(c, err))
            return false;
        c->used = true;
        TRY(exchange(c, method, path, body, err));
    }
    return c->response.status / 100 == 2 || refuse(c, err);
}

bool client_text(struct client *c, const char *method, const char *path, struct str body,
    struct buf *out, struct err *err)
{
    TRY(ask(c, method, path, body, err) && wait_for(c, true, err));
    buf_add_str(out, buf_str(&c->body));
    return !buf_full(out) || err_set(err, ERR_LIMIT, "the answer is too long");
}

bool client_json(struct client *c, const char *method, const char *path, struct str body,
    json_t **out, struct err *err)
{
    json_error_t where;

    TRY(ask(c, method, path, body, err) && wait_for(c, true, err));
    *out = json_loadb(c->body.at != NULL ? c->body.at : "", c->body.len, 0, &where);
    if (*out == NULL)
        return err_set(err, ERR_CORRUPT, "the daemon's answer is no JSON: %s", where.text);
    if (json_is_object(*out))
        return true;
    json_decref(*out);
    *out = NULL;
    return err_set(err, ERR_CORRUPT, "the daemon's answer is no object");
}

bool client_stream(
    struct client *c, const char *method, const char *path, struct str body, struct err *err)
{
    return ask(c, method, path, body, err);
}

/* The next whole line of `body`, or what is left of it at the end. */
static bool next_line(struct client *c, struct str *line)
{
    struct str all = buf_str(&c->body);
    ptrdiff_t at = str_find(str_tail(all, c->searched), '\n');
    size_t end = at >= 0 ? c->searched + (size_t)at : all.len;

    if (at < 0 && !(http_response_done(&c->response) && end > c->line_done)) {
        buf_drop(&c->body, c->line_done);
        c->searched = c->body.len;
        c->line_done = 0;
        return false;
    }
    *line = (struct str){all.at + c->line_done, end - c->line_done};
    c->line_done = c->searched = at >= 0 ? end + 1 : end;
    return true;
}

enum client_event client_line(struct client *c, int timeout_ms, struct str *line, struct err *err)
{
    int64_t deadline = clock_boot_ms() + timeout_ms;

    for (;;) {
        int64_t left = deadline - clock_boot_ms();
        enum client_event event;

        if (next_line(c, line))
            return CLIENT_LINE;
        if (http_response_done(&c->response))
            return CLIENT_END;
        if (c->body.len > CLIENT_LINE_BYTES_MAX) {
            (void)err_set(err, ERR_LIMIT, "a line of the stream is too long"); /* always false */
            return CLIENT_FAILED;
        }
        event = take_in(c, left > 0 ? (int)left : 0, err);
        if (event == CLIENT_FAILED || event == CLIENT_WAIT)
            return event;
    }
}

bool client_line_ready(const struct client *c)
{
    return str_find(str_tail(buf_str(&c->body), c->searched), '\n') >= 0 || c->input.len > 0;
}

int client_fail(struct cli *cli, const struct client *c, const struct err *err)
{
    const char *help = client_help(c);

    if (help[0] == '\0' && err->kind == ERR_UNREACHABLE)
        help = cli_value(cli, "host") != NULL ? "ssh there, and see what tend status says"
                                              : "start it with: tend up -d";
    if (help[0] == '\0' && str_starts(str_from(err->text), PROJECT_FILE_MISSING))
        help = "write one, or name it with -f FILE, or its project with -p NAME";
    return cli_fail(cli, err, help);
}
