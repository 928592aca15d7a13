#include "serve/routes.h"

#include "base/must.h"

#include "serve/serve_private.h"

#include <stdio.h>
#include <string.h>

#define DOCUMENT_BYTES (8u << 20)
#define OPTIONS_BYTES  (64u << 10) /* of commands whose body is a few fields */

/* clang-format off */
static const struct route routes[] = {
    {"GET",  "/tend/v1/status", GUARD_READ, .summary = "The project and its services", .handle = answer_status},
    {"GET",  "/tend/v1/services/{name}", GUARD_READ, .summary = "One service", .handle = answer_service},
    {"GET",  "/tend/v1/jobs/{name}", GUARD_READ, .summary = "One job", .handle = answer_job},
    {"POST", "/tend/v1/jobs/{name}/start", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Run a job now", .handle = answer_command, .command = COMMAND_START},
    {"POST", "/tend/v1/jobs/{name}/stop", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Cancel the runs of a job", .handle = answer_command, .command = COMMAND_STOP},
    {"GET",  "/tend/v1/events", GUARD_READ, .streams = true, .summary = "Events of the journal, oldest first", .handle = answer_events},
    {"GET",  "/tend/v1/why", GUARD_READ, .summary = "Why a subject is as it is, or an event came about", .handle = answer_why},
    {"GET",  "/tend/v1/verify", GUARD_READ, .summary = "Walk the journal's hash chain", .handle = answer_verify},
    {"GET",  "/tend/v1/logs", GUARD_READ, .streams = true, .summary = "Lines that services wrote", .handle = answer_logs},
    {"GET",  "/tend/v1/declared", GUARD_READ, .summary = "The document applied last, without its environment's values", .handle = answer_declared},
    {"GET",  "/tend/v1/generations", GUARD_READ, .summary = "What was declared, one after the other", .handle = answer_generations},
    {"GET",  "/tend/v1/generations/{name}", GUARD_READ, .summary = "One generation, and what it changed", .handle = answer_generation},
    {"GET",  "/tend/v1/generations/{name}/document", GUARD_MUTATE, .local_only = true, .summary = "The document of a generation, secrets and all, for rollback", .handle = answer_generation_document},
    {"GET",  "/tend/v1/openapi.json", GUARD_READ, .summary = "This description", .handle = answer_openapi},
    {"POST", "/tend/v1/plan", GUARD_MUTATE, .body_bytes_max = DOCUMENT_BYTES, .summary = "What applying a document would change", .handle = answer_command, .command = COMMAND_PLAN},
    {"POST", "/tend/v1/diff", GUARD_MUTATE, .body_bytes_max = DOCUMENT_BYTES, .summary = "What a document has other than the one applied last", .handle = answer_command, .command = COMMAND_DIFF},
    {"POST", "/tend/v1/apply", GUARD_MUTATE, .body_bytes_max = DOCUMENT_BYTES, .summary = "Make a document true", .handle = answer_command, .command = COMMAND_APPLY},
    {"GET",  "/tend/v1/drift", GUARD_MUTATE, .summary = "What is other than it was applied last, as a plan", .handle = answer_command, .command = COMMAND_DRIFT},
    {"GET",  "/tend/v1/undo", GUARD_READ, .summary = "The last change, and what takes it back", .handle = answer_undo},
    {"POST", "/tend/v1/undo", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Take the last change back", .handle = answer_undo_this},
    {"POST", "/tend/v1/down", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Stop everything", .handle = answer_command, .command = COMMAND_DOWN},
    {"POST", "/tend/v1/services/{name}/start", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Start a service or one slot of it", .handle = answer_command, .command = COMMAND_START},
    {"POST", "/tend/v1/services/{name}/stop", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Stop a service or one slot of it", .handle = answer_command, .command = COMMAND_STOP},
    {"POST", "/tend/v1/services/{name}/restart", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Restart a service or one slot of it", .handle = answer_command, .command = COMMAND_RESTART},
    {"POST", "/tend/v1/services/{name}/scale", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Change how many replicas run", .handle = answer_command, .command = COMMAND_SCALE},
    {"POST", "/tend/v1/services/{name}/retry", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Leave quarantine or a held revision", .handle = answer_command, .command = COMMAND_RETRY},
    {"POST", "/tend/v1/pause", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "Take tend's hands off for a while", .handle = answer_command, .command = COMMAND_PAUSE},
    {"GET",  "/tend/v1/services/{name}/environment", GUARD_MUTATE, .local_only = true, .summary = "The start context of a service, for exec", .handle = answer_command, .command = COMMAND_ENVIRONMENT},
    {"POST", "/tend/v1/shutdown", GUARD_MUTATE, .body_bytes_max = OPTIONS_BYTES, .summary = "End the daemon, leave the services", .handle = answer_command, .command = COMMAND_SHUTDOWN},
    {"GET",  "/metrics", GUARD_READ, .summary = "Prometheus text or OpenMetrics", .handle = answer_metrics},
    {"GET",  "/-/healthy", GUARD_READ, .summary = "The daemon is alive", .handle = answer_healthy},
    {"GET",  "/-/ready", GUARD_READ, .summary = "The daemon serves", .handle = answer_ready},
    {"GET",  "/", GUARD_READ, .summary = "A plain page for people", .handle = answer_page},
    {"GET",  "/style.css", GUARD_READ, .summary = "The page's looks", .handle = answer_style},
};
/* clang-format on */

const struct route *routes_all(size_t *out_count)
{
    *out_count = COUNT(routes);
    return routes;
}

/* Segment by segment; "{name}" stands for any that is not empty. */
static bool match_pattern(const char *pattern, const struct http_target *target, struct str *name)
{
    struct str rest = str_tail(str_from(pattern), 1);
    size_t i = 0;

    *name = (struct str){0};
    for (; rest.len > 0; i++) {
        struct str want = str_cut(&rest, '/');
        if (i == target->segment_count)
            return false;
        struct str got = target->segments[i];
        if (str_is(want, "{name}") && got.len > 0)
            *name = got;
        else if (!str_eq(want, got))
            return false;
    }
    return i == target->segment_count;
}

static void add_allowed(char allow[ROUTE_ALLOW_BYTES], const char *method)
{
    size_t len = strlen(allow);
    const char *text = strcmp(method, "GET") == 0 ? "GET, HEAD" : method;

    (void)snprintf(allow + len, ROUTE_ALLOW_BYTES - len, "%s%s", len > 0 ? ", " : "", text);
}

void routes_match(struct str method, const struct http_target *target, struct route_match *out)
{
    struct str wanted = str_is(method, "HEAD") ? STR("GET") : method, name;

    *out = (struct route_match){0};
    for (size_t i = 0; i < COUNT(routes); i++) {
        if (!match_pattern(routes[i].pattern, target, &name))
            continue;
        out->path_is_known = true;
        add_allowed(out->allow, routes[i].method);
        if (out->route == NULL && str_is(wanted, routes[i].method)) {
            out->route = &routes[i];
            out->name = name;
        }
    }
}
