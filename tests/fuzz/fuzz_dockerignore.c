/* .dockerignore: the first line is a path, the rest are patterns; a second reading says the same.
 */
#include "drive/docker/ignore.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct str rest = {.at = (const char *)bytes, .len = len}, path = str_cut(&rest, '\n');
    struct arena *a = arena_create(0);
    struct ignore ignore, again;

    if (len < 4096 && path.len < 256 && ignore_read(a, rest, &ignore, NULL)) {
        must(ignore.count <= IGNORE_LINES_MAX);
        must(ignore_read(a, rest, &again, NULL));
        must(ignore_matches(&ignore, path) == ignore_matches(&again, path));
    }
    arena_destroy(&a);
    return 0;
}
