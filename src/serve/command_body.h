/* command_body.h - the JSON that a command's request carries, into the command's fields. Pure. */
#ifndef TEND_SERVE_COMMAND_BODY_H
#define TEND_SERVE_COMMAND_BODY_H

#include "serve/serve.h"

#define COMMAND_NUMBER_MAX 10000 /* slots, replicas */
#define COMMAND_FOR_MS_MAX (366LL * 24 * 3600 * 1000)

/* `c->kind` says which fields there may be: unknown ones, wrong types and numbers out of range are
 * ERR_INVALID. An empty body is the empty object. PLAN takes the whole body as its document. */
MUST_USE bool command_read_body(struct command *c, struct str body, struct err *err);

#endif
