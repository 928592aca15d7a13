/* answer.h - fields of a JSON answer, with a default where they are missing or of another type:
 * an older or newer daemon is shown as well as it can be. Any thread. */
#ifndef TEND_CLI_ANSWER_H
#define TEND_CLI_ANSWER_H

#include "base/buf.h"

#include <jansson.h>
#include <stdint.h>

/* "" where it is missing or null. Borrowed from `object`. */
const char *answer_text(const json_t *object, const char *key);
int64_t answer_int(const json_t *object, const char *key, int64_t otherwise);
double answer_number(const json_t *object, const char *key, double otherwise);
/* Nanoseconds since 1970 of an RFC 3339 text, 0 where it is missing. */
int64_t answer_time(const json_t *object, const char *key);

/* One JSON value as a line on stdout. */
void answer_print(const json_t *value);

#endif
