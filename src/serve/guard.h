/* guard.h - who may ask: Host, Origin and token, from a request's headers. Pure; any thread.
 *
 * Why each is there:
 *   Host    a page whose name was made to resolve to 127.0.0.1 (DNS rebinding) sends its own name:
 *           over TCP only names of this machine that were configured are answered, with our port
 *   Origin  a page elsewhere may send requests here from the reader's browser: whatever says that
 * it comes from another site is refused, for reading too. There is no CORS token   a change over
 * TCP wants the bearer token of the state directory; the UNIX socket's mode (0600) is what protects
 * it */
#ifndef TEND_SERVE_GUARD_H
#define TEND_SERVE_GUARD_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum guard_class {
    GUARD_INGEST, /* open on loopback */
    GUARD_READ,   /* open on loopback, to no other site's pages */
    GUARD_MUTATE, /* UNIX socket, or the token */
};

/* "ingest", "read", "mutate" */
const char *guard_class_name(enum guard_class class);

/* What a request says of where it comes from; at == NULL where a header is missing. */
struct guard_request {
    bool local;           /* by the UNIX socket */
    bool user_is_allowed; /* local: its user is root or the daemon's own */
    struct str host, origin, fetch_site, fetch_mode, authorization;
};

struct guard {
    const char *const *host_names; /* besides localhost's; NULL-terminated, may be NULL */
    int port;                      /* that we listen on */
    const char *token;             /* NULL: no change over TCP at all */
};

enum guard_verdict {
    GUARD_ALLOWED,
    GUARD_NEEDS_TOKEN, /* 401 */
    GUARD_REFUSED,     /* 403 */
};

/* `err` says why not. */
MUST_USE enum guard_verdict guard_judge(const struct guard *g, enum guard_class class,
    bool local_only, const struct guard_request *request, struct err *err);

#endif
