#include "serve/guard.h"

#include "base/hash.h"

#include <stdio.h>
#include <strings.h>

const char *guard_class_name(enum guard_class class)
{
    switch (class) {
    case GUARD_INGEST:
        return "ingest";
    case GUARD_READ:
        return "read";
    case GUARD_MUTATE:
        return "mutate";
    }
    return "";
}

static bool same_name(struct str a, const char *b)
{
    struct str other = str_from(b);

    return a.len == other.len && strncasecmp(a.at, b, a.len) == 0;
}

/* "name", "name:8363", "[::1]:8363" */
static bool split_authority(struct str authority, struct str *name, uint64_t *port)
{
    ptrdiff_t end = str_starts(authority, "[") ? str_find(authority, ']') : -1;
    struct str rest;

    *port = 80;
    if (str_starts(authority, "[") && end < 0)
        return false;
    if (end >= 0) {
        *name = (struct str){.at = authority.at, .len = (size_t)end + 1};
        rest = str_tail(authority, (size_t)end + 1);
    } else {
        ptrdiff_t colon = str_find(authority, ':');
        *name = authority;
        if (colon >= 0)
            name->len = (size_t)colon;
        rest = str_tail(authority, name->len);
    }
    if (name->len == 0)
        return false;
    if (rest.len == 0)
        return true;
    return rest.at[0] == ':' && str_to_uint(str_tail(rest, 1), port) && *port <= 65535;
}

static bool is_own_host(const struct guard *g, struct str host)
{
    static const char *const locals[] = {"127.0.0.1", "localhost", "[::1]", NULL};
    struct str name;
    uint64_t port;

    if (!split_authority(host, &name, &port) || port != (uint64_t)g->port)
        return false;
    for (const char *const *own = locals; *own != NULL; own++)
        if (same_name(name, *own))
            return true;
    for (const char *const *own = g->host_names; own != NULL && *own != NULL; own++)
        if (same_name(name, *own))
            return true;
    return false;
}

/* A page of our own: the origin is the very host that was asked. */
static bool is_own_origin(const struct guard_request *r)
{
    struct str authority = str_tail(r->origin, 7);

    return str_starts(r->origin, "http://") && authority.len == r->host.len &&
           strncasecmp(authority.at, r->host.at, authority.len) == 0;
}

/* Another site's page fetches; a person who follows a link from there navigates. */
static bool is_fetched_elsewhere(const struct guard_request *r)
{
    bool elsewhere = str_is(r->fetch_site, "cross-site") || str_is(r->fetch_site, "same-site");

    return elsewhere && !str_is(r->fetch_mode, "navigate");
}

static bool has_token(const struct guard *g, struct str authorization)
{
    struct str given = authorization;
    struct str scheme = str_cut(&given, ' ');

    return g->token != NULL && g->token[0] != '\0' && same_name(scheme, "Bearer") &&
           hash_same_secret(str_trim(given), str_from(g->token));
}

static enum guard_verdict judge_local(const struct guard_request *r, struct err *err)
{
    if (r->user_is_allowed)
        return GUARD_ALLOWED;
    (void)err_set(err, ERR_DENIED, "the socket belongs to another user");
    return GUARD_REFUSED;
}

enum guard_verdict guard_judge(const struct guard *g, enum guard_class class, bool local_only,
    const struct guard_request *r, struct err *err)
{
    if (r->local)
        return judge_local(r, err);
    if (!is_own_host(g, r->host)) {
        (void)err_set(err, ERR_DENIED, "Host %.*s is not a name of this daemon",
            (int)(r->host.len < 200 ? r->host.len : 200), r->host.at != NULL ? r->host.at : "");
        return GUARD_REFUSED;
    }
    if (class != GUARD_INGEST &&
        ((r->origin.at != NULL && !is_own_origin(r)) || is_fetched_elsewhere(r))) {
        (void)err_set(err, ERR_DENIED, "the request comes from another site's page");
        return GUARD_REFUSED;
    }
    if (local_only) {
        (void)err_set(err, ERR_DENIED, "only over the UNIX socket");
        return GUARD_REFUSED;
    }
    if (class == GUARD_MUTATE && !has_token(g, r->authorization)) {
        (void)err_set(err, ERR_DENIED,
            r->authorization.at != NULL ? "the token is not that of the state directory"
                                        : "a change over TCP needs the token");
        return GUARD_NEEDS_TOKEN;
    }
    return GUARD_ALLOWED;
}
