/* progress.h - what an operation is doing, on stderr: a line for each service that settles in
 * place on a terminal, plain lines elsewhere, nothing with -q or --json.
 *
 *     ⠹ api    probing  api/2: waiting for 127.0.0.1:20003      1.2 s
 *     ✓ db     ready                                            0.4 s
 *
 * The spinner and the time show once something takes longer than a second. One thread. */
#ifndef TEND_CLI_PROGRESS_H
#define TEND_CLI_PROGRESS_H

#include "cli/cli.h"

#include <stdbool.h>
#include <stddef.h>

#define PROGRESS_TICK_MS 100

struct progress;

struct progress *progress_create(struct cli *cli);
/* Draws for the last time and leaves the lines standing. */
void progress_destroy(struct progress **p);

/* Something about "web" or "web/1"; `text` "" for nothing more to say. */
void progress_set(struct progress *p, const char *subject, const char *state, const char *text);
/* The service settled. */
void progress_done(struct progress *p, const char *subject);
/* Call each PROGRESS_TICK_MS. */
void progress_tick(struct progress *p);

/* Services that did not settle, in the order in which they came: the i-th, or NULL. */
const char *progress_unsettled(const struct progress *p, size_t i);
/* What was said about it last. */
const char *progress_last_text(const struct progress *p, const char *service);

#endif
