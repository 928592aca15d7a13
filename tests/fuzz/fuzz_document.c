/* Any bytes as a resolved document: if it is a project, its own document gives the same one. */
#include "spec/load.h"

#include "base/must.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct project *p, struct diagnostics *d)
{
    const struct project *again = spec_load_document(p->document, (struct str){0}, d);

    must(again != NULL);
    must(str_eq(again->document, p->document));
    for (size_t i = 0; i < p->service_count; i++) {
        const struct service *s = project_service(again, str_from(p->services[i].name));
        must(s != NULL && hash_eq(&s->revision, &p->services[i].revision));
    }
    project_unref(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics *d = diagnostics_create();
    struct buf text = BUF_INIT(1 << 20);

    buf_add_text(&text, "x-tend-directory: /srv\nname: fuzz\n");
    buf_add(&text, data, size);
    const struct project *p = spec_load_document(buf_str(&text), (struct str){0}, d);
    must(p != NULL || diagnostics_count(d, SEVERITY_ERROR) > 0);
    if (p != NULL)
        check_again(p, d);
    project_unref(&p);
    buf_fini(&text);
    diagnostics_destroy(&d);
    return 0;
}
