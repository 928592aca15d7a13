/* What a container engine tells of a container and its events: any bytes, no harm. */
#include "drive/docker/docker_private.h"

#include "base/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str input = {.at = (const char *)bytes, .len = len};
    struct container_view view;
    char name[16], message[32];

    if (container_view_read(input, &view))
        must(view.number >= 0 && strlen(view.address) < sizeof view.address);
    (void)docker_event_read(input, name, sizeof name);
    must(strlen(name) < sizeof name);
    call_message(500, input, message, sizeof message);
    must(strlen(message) < sizeof message);
    return 0;
}
