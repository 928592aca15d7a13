/* serve.h - how programs reach the daemon: the routes of docs/architecture.md, over HTTP.
 *
 *     HTTP thread ──reads──▶ snapshot                       status, /metrics, the page
 *         │──queries on workers──▶ journal, views, logs     events, why, verify, logs
 *         └──command, stream──▶ host ──inbox──▶ control     apply, scale, restart, …
 *
 * Nothing here changes state: a change is a `struct command`, which the host posts to the control
 * thread together with the stream of its answer. Who may ask for one is decided here, from the
 * route's row (routes.c), the peer and the token; see guard.h.
 *
 * `tests/unit/serve/fake_host.h` is a host that answers everything: an example to start from. */
#ifndef TEND_SERVE_SERVE_H
#define TEND_SERVE_SERVE_H

#include "base/err.h"
#include "base/str.h"

#include "io/http_server.h"

#include "record/event.h"

#include <stdbool.h>
#include <stdint.h>

struct journal;
struct snapshot;
struct views;
struct serve;

enum command_kind {
    COMMAND_PLAN,        /* document → the plan, by http_stream_answer */
    COMMAND_DIFF,        /* document → what it has other than what was applied last */
    COMMAND_APPLY,       /* document, plan → operation */
    COMMAND_DOWN,        /* shutdown → operation */
    COMMAND_START,       /* service, slot → operation */
    COMMAND_STOP,        /* service, slot → operation */
    COMMAND_RESTART,     /* service, slot → operation */
    COMMAND_SCALE,       /* service, replicas → operation */
    COMMAND_RETRY,       /* service → operation */
    COMMAND_PAUSE,       /* for_ms → operation */
    COMMAND_ENVIRONMENT, /* service, slot → its start context, by http_stream_answer */
    COMMAND_SHUTDOWN,    /* → operation */
    COMMAND_UNDO,        /* undoes, plan, dry_run → becomes one of the others, see undo.c */
    COMMAND_DRIFT,       /* → what is other than applied last, as a plan */
};

/* Plain data, on the heap: whoever was given it destroys it. */
struct command {
    enum command_kind kind;
    char *service; /* exists in the snapshot that the request saw; NULL: not about one */
    int slot;      /* 0: all of the service */
    int replicas;
    int64_t for_ms; /* 0: take tend's hands back on */
    bool wait;      /* a start of a job: follow its run to the end */
    bool shutdown;
    bool volumes;   /* a down: remove them, too */
    bool start;     /* an apply: start what people had stopped too, as `up` does */
    char *document; /* JSON or YAML text, terminated */
    char *contents; /* of its configs and secrets (spec/contents.h); NULL: they are kept here */
    char *plan;     /* digest that the document must still give, NULL: any */
    char *targets, *excludes; /* a plan or apply of a part: names, a line each; NULL: of all */
    char *seal;      /* what the daemon put on that plan; NULL: it was not kept in a file */
    int rollback_to; /* an apply: the generation that it goes back to; 0: none */
    int64_t cause;   /* and the event that declared that one; 0: none */
    char *target;    /* an apply: the document that is declared in the end, where it is another than
                      * the one that is planned for; "": none is. NULL: the same */
    int64_t undoes;  /* the event of the change that this takes back; 0: none */
    bool dry_run;    /* an undo: only its plan */
    char actor[EVENT_ACTOR_BYTES_MAX];
};

void command_destroy(struct command **c);

/* What the daemon's wiring hands in. All of it may be called on any thread and must not block. */
struct serve_host {
    void *data;
    /* A reference to the newest, never NULL. */
    const struct snapshot *(*acquire)(void *data);
    /* Takes over both: to be posted to the control thread, which answers on the stream (with
     * operation.h, or http_stream_answer) and ends it. */
    void (*command)(void *data, struct command *command, struct http_stream *stream);
    struct journal *journal;
    struct views *views;
    const char *journal_dir; /* STATE/journal, for verify */
    const char *logs_dir;    /* STATE/logs */
};

struct serve_options {
    const char *unix_path;         /* RUN/sock */
    const char *tcp_address;       /* "127.0.0.1:8363"; NULL: none */
    const char *token;             /* of the state directory; NULL: TCP may not change anything */
    const char *const *host_names; /* accepted in Host besides localhost's; NULL-terminated */
    struct http_server_options bounds; /* connections_max and times; zero takes the defaults */
};

/* Host and options are borrowed until the stop, their texts too. Any one thread. */
MUST_USE bool serve_start(struct serve **out, const struct serve_options *options,
    const struct serve_host *host, struct err *err);
/* Waits for queries and closes all streams; their owners still end them. */
void serve_stop(struct serve **s);
/* The TCP port that was bound, 0 for none. */
int serve_port(const struct serve *s);
#endif
