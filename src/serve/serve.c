#include "serve/serve.h"

#include "base/mem.h"
#include "base/must.h"

#include "io/worker.h"

#include "serve/serve_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUERY_THREADS 3
#define QUERY_QUEUE   1024 /* more than there are connections: each waits for one thing */

/* On every answer. The page has no script at all; its style comes from here. */
static const struct http_header fixed_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"      },
    {"X-Content-Type-Options",       "nosniff"            },
    {"Referrer-Policy",              "no-referrer"        },
    {"Cache-Control",                "no-store"           },
    {"Cross-Origin-Resource-Policy", "same-origin"        },
    {"Server",                       "tendd/" TEND_VERSION},
    {NULL,                           NULL                 },
};

/* ---- before the body: is there such a route, and may this client use it? ---- */

static struct guard_request describe(const struct http_request *r)
{
    const struct http_peer *peer = http_request_peer(r);

    return (struct guard_request){
        .local = peer->local,
        .user_is_allowed = peer->local && (peer->uid == 0 || peer->uid == geteuid()),
        .host = http_request_header(r, "Host"),
        .origin = http_request_header(r, "Origin"),
        .fetch_site = http_request_header(r, "Sec-Fetch-Site"),
        .fetch_mode = http_request_header(r, "Sec-Fetch-Mode"),
        .authorization = http_request_header(r, "Authorization"),
    };
}

static void answer_no_route(struct call *call, const struct route_match *match)
{
    struct str method = http_request_method(call->request);
    struct err err;

    if (!match->path_is_known) {
        (void)err_set(&err, ERR_MISSING, "there is no such route");
        answer_error(call, 404, &err, "/tend/v1/openapi.json lists them");
        return;
    }
    http_add_header(call->request, "Allow", match->allow);
    (void)err_set(&err, ERR_INVALID, "the route takes %s, not %.*s", match->allow,
        (int)(method.len < 20 ? method.len : 20), method.at);
    answer_error(call, 405, &err, "/tend/v1/openapi.json lists the routes");
}

static void answer_refusal(struct call *call, enum guard_verdict verdict, const struct err *err)
{
    if (verdict == GUARD_NEEDS_TOKEN) {
        http_add_header(call->request, "WWW-Authenticate", "Bearer realm=\"tend\"");
        answer_error(call, 401, err,
            "send \"Authorization: Bearer TOKEN\" with the token in the state directory's file "
            "\"token\", or use the UNIX socket");
        return;
    }
    answer_error(call, 403, err, "");
}

static void on_head(void *data, struct http_request *r)
{
    struct serve *s = data;
    struct call call = {.serve = s, .request = r};
    struct guard_request asked = describe(r);
    struct route_match match;
    struct err err = ERR_INIT;

    routes_match(http_request_method(r), http_request_target(r), &match);
    struct guard guard = {.host_names = s->options.host_names,
        .token = s->options.token,
        .port = http_request_server_port(r)};
    enum guard_verdict verdict =
        guard_judge(&guard, match.route != NULL ? match.route->class : GUARD_READ,
            match.route != NULL && match.route->local_only, &asked, &err);
    if (verdict != GUARD_ALLOWED) {
        answer_refusal(&call, verdict, &err);
        return;
    }
    if (match.route == NULL) {
        answer_no_route(&call, &match);
        return;
    }
    http_request_set(r, match.route);
    if (match.route->body_bytes_max > 0)
        http_allow_body(r, match.route->body_bytes_max);
}

static void on_request(void *data, struct http_request *r)
{
    struct route_match match;

    routes_match(http_request_method(r), http_request_target(r), &match);
    must(match.route == http_request_get(r));
    struct call call = {.serve = data, .request = r, .route = match.route, .name = match.name};
    if (match.route->streams && str_is(http_request_method(r), "HEAD"))
        http_answer(r, 200, "application/x-ndjson", STR("")); /* without reading anything */
    else
        match.route->handle(&call);
}

static void on_answered(void *data, int status, int64_t duration_ns)
{
    struct serve *s = data;

    s->answers[status / 100 < STATUS_CLASSES ? status / 100 : 0]++;
    s->answer_ns_total += duration_ns;
}

/* ---- start and stop ---- */

static void free_serve(struct serve *s)
{
    workers_destroy(&s->queries);
    workers_destroy(&s->followers);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->task_done);
    free(s);
}

bool serve_start(struct serve **out, const struct serve_options *options,
    const struct serve_host *host, struct err *err)
{
    struct serve *s = mem_new(struct serve);
    struct http_server_options http = options->bounds;
    struct http_handler handler = {
        .data = s, .head = on_head, .request = on_request, .answered = on_answered};

    s->options = *options;
    s->host = *host;
    s->queries = workers_create(QUERY_THREADS, QUERY_QUEUE);
    s->followers = workers_create(LOG_READINGS_MAX, LOG_READINGS_MAX);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->task_done, NULL);
    http.unix_path = options->unix_path;
    http.tcp_address = options->tcp_address;
    http.headers = fixed_headers;
    if (!http_server_start(&s->http, &http, &handler, err)) {
        free_serve(s);
        return false;
    }
    *out = s;
    return true;
}

void serve_stop(struct serve **s)
{
    if (*s == NULL)
        return;
    http_server_stop(&(*s)->http);
    (void)pthread_mutex_lock(&(*s)->lock);
    while ((*s)->tasks > 0)
        (void)pthread_cond_wait(&(*s)->task_done, &(*s)->lock);
    (void)pthread_mutex_unlock(&(*s)->lock);
    free_serve(*s);
    *s = NULL;
}

int serve_port(const struct serve *s)
{
    return http_server_port(s->http);
}
