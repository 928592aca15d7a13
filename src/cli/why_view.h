/* why_view.h - the answer to "why", as a tree for people. Pure; one thread. */
#ifndef TEND_CLI_WHY_VIEW_H
#define TEND_CLI_WHY_VIEW_H

#include "base/buf.h"
#include "cli/terminal.h"

#include <jansson.h>

#define WHY_VIEW_BYTES_MAX (4u << 20)

/* `answer` is that of /tend/v1/why. A sentence that is longer than the line is continued below
 * itself; its event stands at the right. */
void why_view_render(const struct terminal *t, const json_t *answer, struct buf *out);

#endif
