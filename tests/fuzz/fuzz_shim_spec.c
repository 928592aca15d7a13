/* The spec that the shim reads from its memfd. */
#include "shim/spec.c" /* the shim is no library */

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct spec spec;
    size_t total = 0;

    if (spec_read(&spec, bytes, length) == NULL) {
        for (char **at = spec.arguments; *at != NULL; at++)
            total += strlen(*at);
        for (char **at = spec.variables; *at != NULL; at++)
            total += strlen(*at);
        if (spec.group_count > SHIM_GROUPS_MAX || spec.limit_count > SHIM_LIMITS_MAX ||
            spec.cgroup_v1_count > SHIM_CGROUPS_MAX || total > length)
            abort();
    }
    free(spec.arguments);
    free(spec.variables);
    return 0;
}
