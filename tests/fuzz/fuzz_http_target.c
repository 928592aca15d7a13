/* Request targets from strangers: whatever parses must be decoded, bounded and valid UTF-8. */
#include "io/http_target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

static void check(struct str text)
{
    if (str_utf8_valid(text) != text.len || str_find(text, '\0') >= 0)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    static struct http_target target;

    if (!http_target_parse(&target, (struct str){.at = (const char *)bytes, .len = len}, NULL))
        return 0;
    for (size_t i = 0; i < target.segment_count; i++) {
        check(target.segments[i]);
        if (str_is(target.segments[i], ".."))
            abort();
    }
    for (size_t i = 0; i < target.parameter_count; i++) {
        check(target.parameters[i].name);
        check(target.parameters[i].value);
    }
    return 0;
}
