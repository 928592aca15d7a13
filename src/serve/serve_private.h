/* serve_private.h - what the files of serve/ share: the server, and a call, which is one request on
 * its way through a route's handler. */
#ifndef TEND_SERVE_SERVE_PRIVATE_H
#define TEND_SERVE_SERVE_PRIVATE_H

#include "serve/serve.h"

#include "base/buf.h"
#include "base/json.h"

#include "serve/guard.h"
#include "serve/routes.h"

#include <pthread.h>

#define JSON_TYPE        "application/json; charset=utf-8"
#define TEXT_TYPE        "text/plain; charset=utf-8"
#define ANSWER_BYTES_MAX (32u << 20)
#define STATUS_CLASSES   6
#define LOG_READINGS_MAX 16

struct serve {
    struct serve_options options;
    struct serve_host host;
    struct http_server *http;
    struct workers *queries;   /* short: a query, or some events for a reader */
    struct workers *followers; /* log readings: each holds a thread while it lasts */

    /* HTTP thread only */
    uint64_t answers[STATUS_CLASSES]; /* by the status' first digit */
    int64_t answer_ns_total;

    pthread_mutex_t lock; /* guards what follows */
    unsigned log_readings;
    unsigned tasks; /* on workers, with this serve in their hands */
    pthread_cond_t task_done;
};

struct call {
    struct serve *serve;
    struct http_request *request;
    const struct route *route;
    struct str name;
};

/* answer.c */
int answer_status_of(enum err_kind kind);
/* {"v":1,"error":{…}} with a line end. */
void answer_error_json(struct buf *out, const struct err *err, const char *help);
void answer_error(struct call *call, int status, const struct err *err, const char *help);
/* With the status of the error's kind. */
void answer_failure(struct call *call, const struct err *err, const char *help);
void answer_failure_later(struct http_stream *s, const struct err *err, const char *help);
/* Blocks, at most a moment, until what was decided before the request can be read: a status that
 * was seen is never ahead of the events asked for next. For workers. */
void answer_catch_up(struct serve *s);
/* 200, or 500 where it did not fit. Empties the buffer. */
void answer_buf(struct call *call, const char *content_type, struct buf *body);
void answer_buf_later(struct http_stream *s, const char *content_type, struct buf *body);
/* HTTP_EVENTS where the client prefers server-sent events. */
enum http_framing answer_framing(const struct call *call);
/* A parameter as text to keep, NULL where it is missing or empty; the caller frees it. */
char *call_parameter(const struct call *call, const char *name);
/* A parameter as a number; `absent` where it is missing. */
MUST_USE bool call_number(
    const struct call *call, const char *name, int64_t absent, int64_t *out, struct err *err);

/* Run `run` on a worker, with the serve kept alive meanwhile; refuses itself when it cannot. */
struct task {
    struct serve *serve;
    struct http_stream *stream;
    char *subject; /* free for the task's use; freed with it */
    uint64_t event;
    void (*run)(struct task *task);
};
void task_start(struct call *call, struct task task);
/* The same bookkeeping for tasks of other shapes. */
void serve_task_begin(struct serve *s);
void serve_task_end(struct serve *s);

/* "user:NAME" by the kernel's word, "token" over TCP. */
void command_name_actor(const struct http_peer *peer, char out[EVENT_ACTOR_BYTES_MAX]);

/* the handlers, by file */
void answer_undo(struct call *call);                /* undo.c */
void answer_undo_this(struct call *call);           /* undo.c */
void answer_status(struct call *call);              /* status.c */
void answer_service(struct call *call);             /* status.c */
void answer_job(struct call *call);                 /* status.c */
void answer_declared(struct call *call);            /* declared.c */
void answer_command(struct call *call);             /* command.c */
void answer_events(struct call *call);              /* events.c */
void answer_why(struct call *call);                 /* query.c */
void answer_verify(struct call *call);              /* query.c */
void answer_logs(struct call *call);                /* logs.c */
void answer_metrics(struct call *call);             /* metrics.c */
void answer_page(struct call *call);                /* page.c */
void answer_style(struct call *call);               /* page.c */
void answer_healthy(struct call *call);             /* status.c */
void answer_ready(struct call *call);               /* status.c */
void answer_generations(struct call *call);         /* generations.c */
void answer_generation(struct call *call);          /* generations.c */
void answer_generation_document(struct call *call); /* generations.c */
void answer_openapi(struct call *call);             /* page.c */

#endif
