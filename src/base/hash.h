/* hash.h - SHA-256 (FIPS 180-4) and HMAC (RFC 2104), by OpenSSL. Any thread. */
#ifndef TEND_BASE_HASH_H
#define TEND_BASE_HASH_H

#include "base/str.h"

#include <stddef.h>

#define HASH_BYTES      32
#define HASH_TEXT_BYTES (2 * HASH_BYTES + 1)

struct hash {
    unsigned char at[HASH_BYTES];
};

struct hash hash_of(const void *bytes, size_t len);
/* Of several parts behind each other, as if they were one. */
struct hash hash_of_parts(const struct str *parts, size_t count);
struct hash hash_hmac(struct str key, struct str text);
/* Lower-case hexadecimal. */
void hash_format(const struct hash *h, char out[HASH_TEXT_BYTES]);
bool hash_parse(struct str text, struct hash *out) __attribute__((warn_unused_result));
bool hash_eq(const struct hash *a, const struct hash *b);
/* Same length and bytes, in a time that does not depend on where they differ; for tokens. */
bool hash_same_secret(struct str a, struct str b);

#endif
