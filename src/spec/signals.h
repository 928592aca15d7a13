/* signals.h - signals by name or number, as people write them: "SIGTERM", "term", "15". Any thread.
 */
#ifndef TEND_SPEC_SIGNALS_H
#define TEND_SPEC_SIGNALS_H

#include "base/str.h"

#include <stdbool.h>

bool signal_parse(struct str text, int *out) __attribute__((warn_unused_result));
/* "SIGTERM"; "34" for one without a name. The text is a constant. */
const char *signal_text(int number);

#endif
