#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */
#define SLICES     8

/* table[k][b]: the CRC of byte b followed by k zero bytes ("slicing-by-8", Kounavis and Berry). */
static uint32_t table[SLICES][256];
static pthread_once_t filled = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][b] = crc;
    }
    for (size_t k = 1; k < SLICES; k++)
        for (size_t b = 0; b < 256; b++)
            table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xff];
}

static uint32_t add_eight(uint32_t crc, const unsigned char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word); /* little-endian, as every machine tend runs on */
    word ^= crc;
    crc = 0;
    for (size_t k = 0; k < SLICES; k++)
        crc ^= table[SLICES - 1 - k][(word >> (8 * k)) & 0xff];
    return crc;
}

uint32_t crc32c(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint32_t crc = ~0u;

    (void)pthread_once(&filled, fill_table);
    for (; len >= 8; at += 8, len -= 8)
        crc = add_eight(crc, at);
    for (; len > 0; at++, len--)
        crc = (crc >> 8) ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}
