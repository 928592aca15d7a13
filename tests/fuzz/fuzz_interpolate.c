/* Any bytes as a text with variables. */
#include "spec/interpolate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *one_variable(void *context, const char *name)
{
    (void)context;
    return name[0] == 'A' ? "value" : name[0] == 'B' ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct interpolation run = {.arena = a, .diagnostics = d, .variable = one_variable};
    struct str text = {.at = (const char *)data, .len = size};
    struct source source = {.name = "fuzz", .text = text};
    struct span span = {.source = &source, .end = (uint32_t)size, .line = 1, .column = 1};
    struct buf out = BUF_INIT(INTERPOLATE_TEXT_BYTES_MAX), shown = BUF_INIT(1 << 20);
    bool reference = false;

    (void)interpolate_text(&run, &span, text, &out, &reference);
    diagnostics_render(d, &shown, false);
    interpolation_fini(&run);
    buf_fini(&out);
    buf_fini(&shown);
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return 0;
}
