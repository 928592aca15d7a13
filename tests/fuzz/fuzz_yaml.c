/* Any bytes as YAML: a tree or diagnostics; what is written as JSON reads back the same. */
#include "spec/yaml.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct str text = {.at = (const char *)data, .len = size};
    struct source source = {.name = "fuzz.yaml", .text = text};
    struct node *root = yaml_read(a, &source, text, d);
    struct buf json = BUF_INIT(1 << 20), shown = BUF_INIT(8 << 20);

    must(root != NULL || diagnostics_count(d, SEVERITY_ERROR) > 0);
    diagnostics_render(d, &shown, true);
    if (root != NULL && root->weight < 10000) {
        node_write_json(&json, root);
        struct source again = {.name = "again", .text = buf_str(&json)};
        struct node *same = yaml_read(a, &again, buf_str(&json), d);
        must(buf_full(&json) || same != NULL);
    }
    buf_fini(&json);
    buf_fini(&shown);
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return 0;
}
