/* crc32c.h - the CRC-32C of bytes (Castagnoli polynomial, as in iSCSI, RFC 3720 B.4): finds torn
 * and flipped bytes, proves nothing against people. Any thread. */
#ifndef TEND_BASE_CRC32C_H
#define TEND_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t len);

#endif
