/* daemon.h - tendd on a world in memory: the shipped hands, engine and door, and their end.
 *
 *     daemon_start ──▶ hands, restored from the journal's facts, and a door
 *     daemon_ask ────▶ door_command, as an HTTP thread would ──▶ asked, answered
 *     daemon_end ────▶ what a killed daemon leaves: nothing but the world
 *
 * It is what src/tendd.c is, without the parts that wait. One thread. */
#ifndef TEND_TESTS_SIMULATE_DAEMON_H
#define TEND_TESTS_SIMULATE_DAEMON_H

#include "base/map.h"
#include "base/vec.h"
#include "drive/sim/sim.h"
#include "serve/serve.h"

struct daemon;
struct engine;
struct snapshot;

/* Something a person asked for, and what came of it. */
struct asked {
    enum command_kind kind;
    const void *deed; /* the caller's */
    int64_t at_ns, answered_ns;
    uint64_t intent; /* of what was carried out; 0: it was not (yet) */
    bool answered, refused, ok;
    int exit;
    char text[200];
};

struct daemon_watch {
    void *data;
    /* The intent is durable and takes effect now. */
    void (*carried_out)(void *data, const struct asked *a);
    void (*answered)(void *data, const struct asked *a);
};

struct daemon *daemon_create(struct sim *s, const struct daemon_watch *watch);
void daemon_destroy(struct daemon **d);

bool daemon_lives(const struct daemon *d);
void daemon_start(struct daemon *d);
/* Releases the memory of one that is dead (sim_die_after), and makes the world ready for the next.
 */
void daemon_end(struct daemon *d, bool power);
/* Takes over the command. Only while it lives. */
void daemon_ask(struct daemon *d, struct command *command, const void *deed);
struct engine *daemon_engine(const struct daemon *d);
/* As it was published last; a reference for the caller. */
const struct snapshot *daemon_snapshot(const struct daemon *d);
/* Of the present daemon, oldest first. */
size_t daemon_asked_count(const struct daemon *d);
const struct asked *daemon_asked(const struct daemon *d, size_t index);

#endif
