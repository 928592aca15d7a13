/* operation.h - the lines of an operation's stream, as docs/architecture.md gives them.
 *
 * For whoever carries a command out (the wiring, on the control thread). Nothing blocks; a client
 * that went away does not stop the operation, so nothing here returns a failure. */
#ifndef TEND_SERVE_OPERATION_H
#define TEND_SERVE_OPERATION_H

#include "base/err.h"

#include "io/http_server.h"

#include <stdbool.h>
#include <stdint.h>

/* {"t":"started","event":SEQ} */
void operation_started(struct http_stream *s, uint64_t event);
/* {"t":"progress","subject":"web/1","state":"probing","text":"…"} */
void operation_progress(
    struct http_stream *s, const char *subject, const char *state, const char *text);
/* {"t":"done","subject":"web"} */
void operation_done(struct http_stream *s, const char *subject);

struct operation_result {
    bool ok;
    int exit;         /* for the CLI: docs/architecture.md */
    const char *text; /* what came of it, a sentence */
    const char *undo; /* the command that takes it back; NULL: none */
};
/* {"t":"result","ok":true,"exit":0,"text":"…","undo":"…"}, and the end of the stream. */
void operation_result(struct http_stream **s, const struct operation_result *result);
/* Refused before it began: an error with the status of its kind, and the end of the stream. */
void operation_refused(struct http_stream **s, const struct err *err, const char *help);

#endif
