/* A record's file. */
#include "drive/process/shim_protocol.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct shim_record r;

    if (shim_record_read(&r, bytes, length) && (r.number == 0 || r.bytes != length))
        abort();
    return 0;
}
