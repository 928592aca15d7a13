#include "base/mem.h"
#include "base/must.h"

#include "engine/snapshot.h"

#include "serve/command_body.h"
#include "serve/serve_private.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSWD_BYTES (16u << 10)

void command_destroy(struct command **c)
{
    if (*c == NULL)
        return;
    free((*c)->service);
    free((*c)->document);
    free((*c)->contents);
    free((*c)->plan);
    free((*c)->seal);
    free((*c)->target);
    free((*c)->targets);
    free((*c)->excludes);
    free(*c);
    *c = NULL;
}

/* "user:NAME" by the kernel's word, "token" over TCP (the guard has seen the token). */
void command_name_actor(const struct http_peer *peer, char out[EVENT_ACTOR_BYTES_MAX])
{
    struct passwd entry, *found = NULL;
    char *room;

    if (!peer->local) {
        (void)snprintf(out, EVENT_ACTOR_BYTES_MAX, "token");
        return;
    }
    room = mem_new_array(PASSWD_BYTES, char);
    if (getpwuid_r(peer->uid, &entry, room, PASSWD_BYTES, &found) == 0 && found != NULL)
        (void)snprintf(out, EVENT_ACTOR_BYTES_MAX, "user:%s", found->pw_name);
    else
        (void)snprintf(out, EVENT_ACTOR_BYTES_MAX, "user:%u", (unsigned)peer->uid);
    free(room);
}

/* The slot that the URL names, for the route without a body. */
static bool read_parameters(const struct call *call, struct command *c, struct err *err)
{
    int64_t slot;

    TRY(call_number(call, "slot", 0, &slot, err));
    if (slot > COMMAND_NUMBER_MAX)
        return err_set(err, ERR_INVALID, "slot is at most %d", COMMAND_NUMBER_MAX);
    c->slot = (int)slot;
    return true;
}

/* The service must be there, and the slot one of its instances. */
static bool check_subject(const struct call *call, const struct command *c, struct err *err)
{
    const struct snapshot *s = call->serve->host.acquire(call->serve->host.data);
    const struct service_snapshot *service = snapshot_service(s, call->name);
    bool found = service != NULL && c->slot == 0;

    for (size_t i = 0; service != NULL && i < service->instance_count; i++)
        found = found || service->instances[i].slot == c->slot;
    if (!found && service == NULL)
        (void)err_set(err, ERR_MISSING, "no service is called \"%.*s\"",
            (int)(call->name.len < 100 ? call->name.len : 100), call->name.at);
    else if (!found)
        (void)err_set(err, ERR_MISSING, "%s has no slot %d", service->name, c->slot);
    snapshot_unref(&s);
    return found;
}

static bool fill(const struct call *call, struct command *c, struct err *err)
{
    struct str body = http_request_body(call->request);

    if (call->route->body_bytes_max > 0)
        TRY(command_read_body(c, body, err));
    else
        TRY(read_parameters(call, c, err));
    if (call->name.at != NULL) {
        TRY(check_subject(call, c, err));
        c->service = mem_format("%.*s", STR_ARG(call->name));
    }
    command_name_actor(http_request_peer(call->request), c->actor);
    return true;
}

void answer_command(struct call *call)
{
    struct command *c = mem_new(struct command);
    struct err err;

    c->kind = (enum command_kind)call->route->command;
    if (!fill(call, c, &err)) {
        command_destroy(&c);
        answer_failure(call, &err,
            err.kind == ERR_MISSING ? "tend status lists the services"
                                    : "/tend/v1/openapi.json shows what the route takes");
        return;
    }
    struct http_stream *stream = http_stream_open(call->request, answer_framing(call));
    call->serve->host.command(call->serve->host.data, c, stream);
}
