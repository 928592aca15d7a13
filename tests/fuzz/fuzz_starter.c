/* Any Procfile gives a tend.yaml that can be read, with all of its services. */
#include "base/must.h"
#include "cli/starter.h"
#include "spec/yaml.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_readable(struct arena *a, const struct starter *s, struct str text)
{
    struct diagnostics *d = diagnostics_create();
    struct source source = {.name = "tend.yaml", .text = text};
    const struct node *root = yaml_read(a, &source, text, d);

    must(root != NULL && diagnostics_at(d, 0) == NULL);
    must(node_count(node_get(root, "services")) == s->service_count);
    diagnostics_destroy(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str procfile = {.at = (const char *)data, .len = size};
    struct arena *a = arena_create(0);
    struct starter *s = arena_new(a, struct starter);
    struct buf text = BUF_INIT(STARTER_BYTES_MAX);

    if (str_utf8_valid(procfile) == size && str_find(procfile, '\0') < 0)
        starter_add_procfile(a, procfile, s);
    if (s->service_count > 0) {
        starter_write(s, &text);
        must(!buf_full(&text));
        check_readable(a, s, buf_str(&text));
    }
    buf_fini(&text);
    arena_destroy(&a);
    return 0;
}
