/* log_view.h - lines of services, merged: each behind the padded name of its instance, in that
 * service's colour. On a terminal what could do harm is escaped; into a pipe bytes go as they are.
 * One thread. */
#ifndef TEND_CLI_LOG_VIEW_H
#define TEND_CLI_LOG_VIEW_H

#include "base/buf.h"
#include "cli/terminal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct log_view {
    const struct terminal *terminal;
    bool timestamps, no_names;
    int64_t now_ns;   /* wall clock: other days get a date */
    int name_columns; /* grows with the longest name seen */
    char open[160];   /* whose line goes on in its next piece; "" nobody's */
};

/* One line of /tend/v1/logs, appended with its end; where it goes on in the next piece, without. */
void log_view_line(struct log_view *v, const json_t *record, struct buf *out);

#endif
