#include "observe/probe/probe_private.h"

#define ELLIPSIS "\xe2\x80\xa6"

void probe_show(struct str bytes, char *out, size_t out_bytes)
{
    size_t room = out_bytes - 1;
    bool cut = bytes.len > room;
    size_t len = cut ? room - (sizeof ELLIPSIS - 1) : bytes.len;

    for (size_t i = 0; i < len; i++) {
        char c = bytes.at[i];
        out[i] = c >= 0x20 && c < 0x7f ? c : '.';
    }
    memcpy(out + len, cut ? ELLIPSIS : "", cut ? sizeof ELLIPSIS : 1);
}
