#include "test.h"

#include "spec/load.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A project folder of its own, with files. */
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

CASE(a_simple_file_gives_a_project)
{
    struct world *w = world_create();

    put_file(w, "tend.yaml",
        "name: shop\n"
        "services:\n"
        "  web:\n"
        "    command: python3 web.py --title 'a b'\n"
        "    environment: {GREETING: , PLACE: \"${PLACE:-here}\", API_TOKEN: x}\n"
        "    depends_on: [api]\n"
        "    deploy: {replicas: 3}\n"
        "  api:\n"
        "    entrypoint: [python3]\n"
        "    command: [api.py]\n"
        "    ports: [\"8081:8081\"]\n"
        "    restart: on-failure:4\n");
    const struct project *p = load(w);
    CHECK_SAYING(p != NULL, "%s", told(w));
    CHECK_TEXT(p->name, "shop");
    CHECK_TEXT(p->dir, w->dir);
    CHECK_INT(p->service_count, 2);
    const struct service *web = &p->services[0], *api = project_service(p, STR("api"));
    CHECK_TEXT(web->argv[3], "a b");
    CHECK(web->argv[4] == NULL);
    CHECK_INT(web->environment_count, 3);
    CHECK_TEXT(web->environment[1].name, "GREETING");
    CHECK_TEXT(web->environment[1].value, "hello");
    CHECK(web->environment[0].secret && !web->environment[1].secret);
    CHECK_INT(web->replicas, 3);
    CHECK_INT(web->healthcheck.kind, PROBE_NONE);
    CHECK_INT(web->restart.condition, RESTART_ALWAYS);
    CHECK_TEXT(web->working_dir, w->dir);
    CHECK_TEXT(api->argv[1], "api.py");
    CHECK_INT(api->port, 8081);
    CHECK_INT(api->healthcheck.kind, PROBE_TCP);
    CHECK_INT(api->restart.max_attempts, 4);
    check_same_from_document(p);
    world_destroy(&w);
}

TEST_MAIN()
