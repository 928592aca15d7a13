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
        for (uint32_t i = 0; i < spec.mount_count; i++)
            total += strlen(spec.mounts[i].source) + strlen(spec.mounts[i].target) +
                     strlen(spec.mounts[i].options);
        for (uint32_t i = 0; i < spec.file_count; i++)
            total += strlen(spec.files[i].path) + spec.files[i].length;
        if (spec.mount_count > SHIM_MOUNTS_MAX || spec.file_count > SHIM_FILES_MAX)
            abort();
        if (spec.group_count > SHIM_GROUPS_MAX || spec.limit_count > SHIM_LIMITS_MAX ||
            spec.cgroup_v1_count > SHIM_CGROUPS_MAX || total > length)
            abort();
    }
    free(spec.arguments);
    free(spec.variables);
    free(spec.mounts);
    free(spec.files);
    return 0;
}
