/* event_view.h - an event of the API as one line for people. Pure; one thread. */
#ifndef TEND_CLI_EVENT_VIEW_H
#define TEND_CLI_EVENT_VIEW_H

#include "base/buf.h"
#include "cli/terminal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define EVENT_VIEW_BYTES_MAX (512u << 10)

struct event_view {
    const struct terminal *terminal;
    int64_t now_ns; /* wall clock: other days get a date */
    bool verbose;   /* type, causes and evidence too */
};

/* "14:02:31.123  web/1 was killed by SIGKILL after 3 min  [#81219]" and a line end. */
void event_view_line(const struct event_view *v, const json_t *event, struct buf *out);

#endif
