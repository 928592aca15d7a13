/* Packets between daemon and shim, as both sides read them, and /proc/PID/stat. */
#include "shim/sys.c" /* the shim is no library */

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct shim_header h;
    struct shim_state state;
    struct shim_stop stop;
    struct process_stat stat;
    char *text = malloc(length + 1);

    if (shim_header_read(&h, bytes, length)) {
        shim_take(&stop, sizeof stop, bytes, length);
        if (h.bytes != length || stop.header.magic != SHIM_MAGIC)
            abort();
        (void)shim_state_read(&state, bytes + sizeof h, length - sizeof h);
    }
    if (shim_state_read(&state, bytes, length) &&
        strlen((char *)state.boot_id) >= sizeof state.boot_id)
        abort();
    memcpy(text, bytes, length);
    text[length] = '\0';
    (void)process_stat_parse(text, &stat);
    free(text);
    return 0;
}
