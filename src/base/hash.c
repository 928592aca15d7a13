#include "base/hash.h"

#include "base/must.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

struct hash hash_of_parts(const struct str *parts, size_t count)
{
    struct hash h;
    unsigned int len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    must(ctx != NULL);
    must(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(ctx, parts[i].at, parts[i].len) == 1);
    must(EVP_DigestFinal_ex(ctx, h.at, &len) == 1 && len == HASH_BYTES);
    EVP_MD_CTX_free(ctx);
    return h;
}

struct hash hash_of(const void *bytes, size_t len)
{
    struct str part = {.at = bytes, .len = len};

    return hash_of_parts(&part, 1);
}

struct hash hash_hmac(struct str key, struct str text)
{
    struct hash h;
    unsigned int len = 0;

    must(HMAC(EVP_sha256(), key.at, (int)key.len, (const unsigned char *)text.at, text.len, h.at,
             &len) != NULL &&
         len == HASH_BYTES);
    return h;
}

void hash_format(const struct hash *h, char out[HASH_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < HASH_BYTES; i++) {
        out[2 * i] = digits[h->at[i] >> 4];
        out[2 * i + 1] = digits[h->at[i] & 15];
    }
    out[2 * HASH_BYTES] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hash_parse(struct str text, struct hash *out)
{
    if (text.len != 2 * HASH_BYTES)
        return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = digit_value(text.at[2 * i]), low = digit_value(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->at[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool hash_eq(const struct hash *a, const struct hash *b)
{
    return memcmp(a->at, b->at, HASH_BYTES) == 0;
}

bool hash_same_secret(struct str a, struct str b)
{
    return a.len == b.len && CRYPTO_memcmp(a.at, b.at, a.len) == 0;
}
