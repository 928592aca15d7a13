/* accept.h - which of the offered media types a client wants (RFC 9110, 12.5.1). Pure. */
#ifndef TEND_SERVE_ACCEPT_H
#define TEND_SERVE_ACCEPT_H

#include "base/str.h"

#include <stddef.h>

/* The index of the offer ("text/plain", no parameters) with the greatest weight, the earlier one of
 * equals; 0 where the header is missing, is nonsense, or accepts none of them: an answer is of more
 * use than 406. */
size_t accept_best(struct str header, const char *const *offers, size_t count);

#endif
