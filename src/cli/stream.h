/* stream.h - reading a stream of the daemon's (NDJSON) to its end, or for ever.
 *
 * A followed stream outlives the daemon: when the connection breaks, it waits for the next daemon
 * (for at most STREAM_PATIENCE_MS), asks again from where it was, and goes on. One thread. */
#ifndef TEND_CLI_STREAM_H
#define TEND_CLI_STREAM_H

#include "base/buf.h"
#include "base/str.h"
#include "cli/cli.h"

#include <jansson.h>

#define STREAM_PATIENCE_MS 30000

struct stream {
    /* Appends the address of what comes next; asked for each connection. */
    void (*address)(void *data, struct buf *url);
    /* One line, as text and as JSON; false ends the stream. */
    bool (*line)(void *data, struct str text, const json_t *object);
    /* Asked several times a second: true ends the stream. NULL: never. */
    bool (*stop)(void *data);
    void *data;
    bool follow;
};

/* Tells failures; gives the exit code. */
int stream_run(struct cli *cli, const struct stream *s);

#endif
