/* base64.h - bytes as text and back (RFC 4648, section 4, with padding). Any thread. */
#ifndef TEND_BASE_BASE64_H
#define TEND_BASE_BASE64_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

/* Appended; buf_full says whether it fitted. */
void base64_encode(struct buf *out, struct str bytes);
/* Appended; false, with something of it appended, if `text` is not base64 with its padding. */
bool base64_decode(struct buf *out, struct str text) __attribute__((warn_unused_result));

#endif
