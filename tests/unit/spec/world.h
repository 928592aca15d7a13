/* A folder of its own for a project's files, loaded with chosen variables. */
#ifndef TEND_TESTS_UNIT_SPEC_WORLD_H
#define TEND_TESTS_UNIT_SPEC_WORLD_H

#include "test.h"

#include "spec/load.h"

#include "base/fs.h"
#include "base/mem.h"

#include <stdlib.h>

struct world {
    char dir[64];
    struct diagnostics *diagnostics;
    const struct project *project;
    struct load_options options;
};

static const char *no_variables(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "GREETING") == 0 ? "hello" : NULL;
}

static struct world *world_create(void)
{
    struct world *w = mem_new(struct world);

    (void)snprintf(w->dir, sizeof w->dir, "/tmp/tend-load-XXXXXX");
    if (mkdtemp(w->dir) == NULL)
        abort();
    w->diagnostics = diagnostics_create();
    w->options = (struct load_options){.dir = w->dir, .variable = no_variables};
    return w;
}

static void world_destroy(struct world **w)
{
    struct err err = ERR_INIT;

    project_unref(&(*w)->project);
    diagnostics_destroy(&(*w)->diagnostics);
    if (!fs_remove_tree((*w)->dir, &err))
        (void)printf("# %s\n", err.text);
    free(*w);
    *w = NULL;
}

static void put_file(struct world *w, const char *name, const char *text)
{
    struct err err = ERR_INIT;
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    CHECK_OK(fs_write_volatile(path, str_from(text), 0600, &err), &err);
}

static const char *told(struct world *w)
{
    static struct buf text = BUF_INIT(1 << 20);

    buf_reset(&text);
    diagnostics_render(w->diagnostics, &text, false);
    return text.at != NULL ? text.at : "";
}

static const struct project *load(struct world *w)
{
    w->project = spec_load(&w->options, w->diagnostics);
    return w->project;
}

static void check_same_from_document(const struct project *p)
{
    struct diagnostics *d = diagnostics_create();
    const struct project *again = spec_load_document(p->document, (struct str){0}, d);

    CHECK(again != NULL);
    CHECK_STR(again->document, p->document.at);
    CHECK(hash_eq(&again->digest, &p->digest));
    for (size_t i = 0; i < p->service_count; i++) {
        const struct service *s = &p->services[i];
        const struct service *same = project_service(again, str_from(s->name));
        CHECK(same != NULL && hash_eq(&same->revision, &s->revision));
    }
    project_unref(&again);
    diagnostics_destroy(&d);
}

/* A service with these lines under it, as a project of its own. */
static const struct service *load_service(struct world *w, const char *lines)
{
    struct buf text = BUF_INIT(1 << 20);

    buf_format(&text, "name: t\nservices:\n  s:\n%s", lines);
    put_file(w, "tend.yaml", text.at);
    buf_fini(&text);
    project_unref(&w->project);
    diagnostics_destroy(&w->diagnostics);
    w->diagnostics = diagnostics_create();
    CHECK_SAYING(load(w) != NULL, "%s", told(w));
    check_same_from_document(w->project);
    return &w->project->services[0];
}

#endif
