/* environment.h - what a service finds in its environment, each time it is started.
 *
 *   its own            as declared
 *   PORT               where it is to listen
 *   TEND_PROJECT, TEND_SERVICE, TEND_INSTANCE ("web/1"), TEND_REVISION
 *   NAME_HOST, NAME_PORT for each service it depends on ("api-v2" gives API_V2_HOST)
 *   PATH, HOME, USER, LOGNAME, SHELL, LANG, TZ, TMPDIR where tend itself has them
 *
 * What is declared wins over all others. Reads the daemon's own environment; any thread. */
#ifndef TEND_ENGINE_ENVIRONMENT_H
#define TEND_ENGINE_ENVIRONMENT_H

#include "base/arena.h"
#include "engine/engine.h"

/* The port of a service that others are told of, 0 if it has none (yet). */
typedef int (*environment_port_fn)(void *data, const char *service);

/* NAME=VALUE, NULL-terminated. */
const char *const *environment_build(
    struct arena *a, const struct instance *i, environment_port_fn port_of, void *data);

#endif
