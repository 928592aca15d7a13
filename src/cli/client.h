/* client.h - asking the daemon: one request at a time over one connection.
 *
 * Small and blocking: the CLI has nothing else to do while it waits. The connection is kept for the
 * next request where the daemon allows it, and made again where it does not. Streams (NDJSON) are
 * read line by line with a bounded wait, so that a spinner can turn meanwhile.
 *
 * A refusal of the daemon becomes a `struct err` of the kind that it names, and `help` what it
 * advises. One thread. */
#ifndef TEND_CLI_CLIENT_H
#define TEND_CLI_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"

#include <jansson.h>

#define CLIENT_BODY_BYTES_MAX (64u << 20)
#define CLIENT_LINE_BYTES_MAX (8u << 20) /* a log line of 1 MiB, all of it escaped */

struct client;

/* Finds the daemon by the flags of this invocation (-H too) and connects. ERR_UNREACHABLE where
 * none answers. */
MUST_USE bool client_open(struct client **out, struct cli *cli, struct err *err);
void client_close(struct client **c);

/* What the last refusal advised, "" for nothing. */
const char *client_help(const struct client *c);

/* GET or POST (body "" sends none) and the JSON object that comes back; the caller releases it
 * with json_decref. A status other than 2xx is a failure. */
MUST_USE bool client_json(struct client *c, const char *method, const char *path, struct str body,
    json_t **out, struct err *err);
/* The same as text, appended to `out`. */
MUST_USE bool client_text(struct client *c, const char *method, const char *path, struct str body,
    struct buf *out, struct err *err);

/* Begin a stream; then client_line until it says CLIENT_END. */
MUST_USE bool client_stream(
    struct client *c, const char *method, const char *path, struct str body, struct err *err);
enum client_event {
    CLIENT_LINE,   /* `line` holds the next one, valid until the next call */
    CLIENT_WAIT,   /* nothing came within the time, or a signal did */
    CLIENT_END,    /* the stream is over */
    CLIENT_FAILED, /* see err */
};
enum client_event client_line(struct client *c, int timeout_ms, struct str *line, struct err *err);
/* A whole line is here already. */
bool client_line_ready(const struct client *c);
/* For poll(2) beside other descriptors; -1 if no stream is open. */
int client_fd(const struct client *c);

/* Appends `text` to a URL, percent-encoded. */
void client_add_encoded(struct buf *url, const char *text);

/* Tells the failure with the daemon's advice, or how to start it; gives the exit code. */
int client_fail(struct cli *cli, const struct client *c, const struct err *err);

#endif
