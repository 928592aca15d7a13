/* starter.h - a first tend.yaml, from what lies in a folder.
 *
 *     Procfile          ─▶ a service for each of its lines
 *     package.json      ─▶ its `start` script, by npm, yarn or pnpm
 *     Makefile          ─▶ the first of its targets run, serve, start and dev
 *     manage.py, *.py   ─▶ Django's server, or the one program (the one about http, of several)
 *     an executable     ─▶ if it is the only one
 *     nothing of these  ─▶ an example to be changed
 *     a compose file    ─▶ nothing to write: tend reads it as it is
 *
 * The first one that is there decides. The text always passes `tend check`. Files are read up to
 * STARTER_FILE_BYTES_MAX and folders up to STARTER_ENTRIES_MAX names. One thread. */
#ifndef TEND_CLI_STARTER_H
#define TEND_CLI_STARTER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define STARTER_FILE_BYTES_MAX (256u << 10)
#define STARTER_ENTRIES_MAX    4096
#define STARTER_SERVICES_MAX   50
#define STARTER_BYTES_MAX      (2u << 20)

struct starter_service {
    const char *name;    /* a valid one */
    const char *command; /* as it stands behind `command:` */
    bool runs_once;
    bool is_example;
};

/* Texts live in the arena. */
struct starter {
    const char *project; /* name; NULL: tend takes the folder's */
    const char *source;  /* the file it is made from; NULL: an example */
    const char *present; /* a tend.yaml or compose file that is there: nothing to write */
    struct starter_service services[STARTER_SERVICES_MAX];
    size_t service_count;
};

MUST_USE bool starter_find(struct arena *a, const char *dir, struct starter *out, struct err *err);
/* The services of a Procfile (UTF-8 text): "web: command" lines, of which `release` runs once.
 * Lines of another form, and what YAML cannot hold, are passed over. */
void starter_add_procfile(struct arena *a, struct str text, struct starter *out);
/* The text of tend.yaml. */
void starter_write(const struct starter *s, struct buf *out);

/* A command line that was meant for a shell, as YAML: as it is where a shell would only split it,
 * else by `sh -c`; dollars are doubled. */
const char *starter_shell_command(struct arena *a, const char *line);

#endif
