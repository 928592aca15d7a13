/* routes.h - every route, one row each: dispatch, 404, 405, the guard, the OpenAPI check and the
 * docs read the same row. Adding a route is a row in routes.c, its handler, and its place in
 * openapi.json (the test says so when it is missing). */
#ifndef TEND_SERVE_ROUTES_H
#define TEND_SERVE_ROUTES_H

#include "base/str.h"

#include "io/http_target.h"

#include "serve/guard.h"

#include <stddef.h>

struct call;

struct route {
    const char *method;  /* "GET" answers HEAD too */
    const char *pattern; /* "/tend/v1/services/{name}/stop" */
    enum guard_class class;
    bool local_only; /* never over TCP */
    bool streams;    /* lines, maybe without an end */
    size_t body_bytes_max;
    const char *summary;
    void (*handle)(struct call *call); /* HTTP thread; answers, or opens a stream */
    int command;                       /* enum command_kind, where handle is answer_command */
};

const struct route *routes_all(size_t *out_count);

#define ROUTE_ALLOW_BYTES 64
struct route_match {
    const struct route *route;     /* NULL: none */
    struct str name;               /* what stands for {name}; at == NULL where the route has none */
    bool path_is_known;            /* 405 rather than 404 */
    char allow[ROUTE_ALLOW_BYTES]; /* methods of the path: "GET, HEAD" */
};
void routes_match(struct str method, const struct http_target *target, struct route_match *out);

#endif
