/* Any bytes as a file of NAME=value lines. */
#include "spec/env_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct interpolation run = {.arena = a, .diagnostics = d};
    struct str text = {.at = (const char *)data, .len = size};
    struct source source = {.name = ".env", .text = text};
    struct buf shown = BUF_INIT(1 << 20);

    (void)env_file_read(&run, &source, text);
    (void)env_file_read_raw(&run, &source, text);
    diagnostics_render(d, &shown, false);
    diagnostics_json(d, &shown);
    interpolation_fini(&run);
    buf_fini(&shown);
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return 0;
}
