/* call.h - one request to a container engine over its UNIX socket, without waiting.
 *
 *     call_start ─▶ connect ─▶ send ─▶ status ─┬─▶ on_piece … (a stream)      ─┐
 *                                              └─▶ the body is kept (an answer) ┴─▶ on_done
 *
 * A connection each: the engine is beside us, and a hung request holds up nothing but itself. Each
 * call has a deadline; a stream's is the longest silence, and INT64_MAX is none. on_done comes once
 * and from the loop, never from inside call_start; the call is gone then. Control thread. */
#ifndef TEND_DRIVE_DOCKER_CALL_H
#define TEND_DRIVE_DOCKER_CALL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct loop;

#define CALL_BODY_BYTES_MAX (16u << 20)

/* `err` is set where there was no complete answer: ERR_UNREACHABLE, ERR_DENIED (the socket),
 * ERR_TIMEOUT, ERR_CORRUPT, ERR_LIMIT. Else `status` is HTTP's, and `body` the answer (of a stream:
 * only what came with a status of 400 and above). */
typedef void (*call_done_fn)(void *data, int status, struct str body, const struct err *err);
typedef void (*call_piece_fn)(void *data, struct str piece);

struct call_request {
    const char *socket_path;
    const char *method;    /* "GET" */
    const char *target;    /* "/v1.41/containers/json?all=1" */
    struct str body;       /* JSON, copied; empty: none */
    int body_fd;           /* with body_fd_bytes > 0: sent from its start in place of `body`; */
    int64_t body_fd_bytes; /* the caller's, open until on_done: a tar archive */
    const char *field;     /* one more header field, "X-Registry-Auth: …"; NULL: none */
    int64_t deadline_ms;
    call_piece_fn on_piece; /* a stream; NULL: an answer */
    call_done_fn on_done;
    void *data;
};

struct call *call_start(struct loop *l, const struct call_request *request);
/* Gives it up: nothing comes any more. Sets the pointer to NULL; NULL is accepted. */
void call_cancel(struct call **c);

/* What an engine said was wrong: its {"message": …}, else the body. In `out`. */
void call_message(int status, struct str body, char *out, size_t bytes);

#endif
