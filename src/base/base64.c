#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct str bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.at;

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t three = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                         (left > 2 ? (uint32_t)at[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
            left > 1 ? digits[three >> 6 & 63] : '=', left > 2 ? digits[three & 63] : '='};

        buf_add(out, four, sizeof four);
    }
}

/* The value of a digit; -1 for anything else, the terminator too. */
static int value_of(char c)
{
    const char *digit = c != '\0' ? strchr(digits, c) : NULL;

    return digit != NULL ? (int)(digit - digits) : -1;
}

static bool decode_four(struct buf *out, const char *at, size_t padding)
{
    uint32_t three = 0;
    char bytes[3];

    for (size_t k = 0; k < 4; k++) {
        int value = k < 4 - padding ? value_of(at[k]) : 0;

        if (value < 0)
            return false;
        three = three << 6 | (uint32_t)value;
    }
    bytes[0] = (char)(three >> 16);
    bytes[1] = (char)(three >> 8);
    bytes[2] = (char)three;
    if (padding > 0 && (three & (padding == 1 ? 0xffu : 0xffffu)) != 0)
        return false; /* not the way these bytes are written */
    buf_add(out, bytes, 3 - padding);
    return true;
}

bool base64_decode(struct buf *out, struct str text)
{
    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        bool last = i + 4 == text.len;
        size_t padding = !last || text.at[i + 3] != '=' ? 0 : text.at[i + 2] == '=' ? 2 : 1;

        if (!decode_four(out, text.at + i, padding))
            return false;
    }
    return true;
}
