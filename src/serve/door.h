/* door.h - from a command to an intent in the journal, and then to the engine.
 *
 *     HTTP thread ──door_command──▶ inbox ──▶ check ──▶ journal (the intent) ──durable──▶ engine
 *                                              │ refused                                   │
 *                                              ▼                                           ▼
 *                                          the stream ◀───── progress, result ─────────────┘
 *
 * What people ask for is durable before it takes effect: after a crash at any point either nothing
 * has happened, or the next daemon knows what was asked for and carries it out. An intent's event
 * carries, as facts, all that the next daemon needs.
 *
 * Documents lie in STATE/objects/DIGEST (0600: they hold environments); events name the digest. */
#ifndef TEND_SERVE_DOOR_H
#define TEND_SERVE_DOOR_H

#include "base/err.h"
#include "base/str.h"
#include "serve/serve.h"

struct door;
struct executor;
struct hands;
struct journal;
struct loop;
struct project;
struct views;

/* Borrowed until door_destroy. */
struct door_settings {
    struct loop *loop;
    struct hands *hands;
    struct executor *executor;
    struct journal *journal;
    const char *state_dir;
    struct str revision_key; /* HMAC key for secrets in revisions */
    /* Control thread: somebody asked the daemon to end. */
    void (*shutdown)(void *data);
    void *data;
};

struct door *door_create(const struct door_settings *settings);
void door_destroy(struct door **d);
/* Takes over both. Any thread: serve_host.command. */
void door_command(void *door, struct command *command, struct http_stream *stream);

/* The project whose document has this digest (64 hexadecimal digits); NULL with the reason. Control
 * thread, while the daemon starts. */
const struct project *door_load(
    const char *state_dir, const char *digest, struct str revision_key, struct err *err);

#endif
