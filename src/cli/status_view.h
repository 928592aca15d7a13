/* status_view.h - the daemon's status (docs/architecture.md, "Status") for people. Pure but for
 * the clock that ages are counted from, which is handed in. */
#ifndef TEND_CLI_STATUS_VIEW_H
#define TEND_CLI_STATUS_VIEW_H

#include "base/buf.h"
#include "cli/terminal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct status_view {
    const struct terminal *terminal;
    int64_t now_ns;          /* wall clock */
    bool instances;          /* a line for each instance too */
    const char *const *some; /* these services alone; none: all */
    size_t some_count;
};

/* The project and what is wrong with it, then the table. */
void status_view_render(const struct status_view *v, const json_t *status, struct buf *out);
/* The lines above the table: name, age, pause, what is degraded. */
void status_view_head(const struct status_view *v, const json_t *status, struct buf *out);
/* The table alone: a line of titles, then the services, with their instances below each. */
void status_view_table(const struct status_view *v, const json_t *status, struct buf *out);
/* Every service is as it should be. What tend itself cannot do here does not count. */
bool status_view_healthy(const json_t *status);
/* What a state means: good, busy, bad, … */
enum tone status_view_tone(const char *state);
/* "3 min" since then, "-" where it never was. */
void status_view_age(int64_t then_ns, int64_t now_ns, char *out, size_t bytes);

#endif
