#include "spec/load.h"

#include "spec/load_private.h"
#include "spec/node_json.h"
#include "spec/resources.h"
#include "spec/yaml.h"

#include "base/fs.h"
#include "base/must.h"
#include "base/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROFILES_MAX 256

static void load_init(struct load *l, const struct load_options *o, struct diagnostics *d)
{
    *l = (struct load){.options = o, .diagnostics = d};
    l->scratch = arena_create(64 << 10);
    l->arena = arena_create(64 << 10);
    l->run =
        (struct interpolation){.arena = l->scratch, .diagnostics = d, .variable = origin_variable};
}

static void load_fini(struct load *l)
{
    VEC_EACH (&l->sources, struct source *, source)
        (*source)->text = STR("");
    VEC_EACH (&l->texts, char *, text)
        free(*text);
    vec_fini(&l->texts);
    vec_fini(&l->bases);
    vec_fini(&l->references);
    vec_fini(&l->overlays);
    map_fini(&l->environment_names);
    map_fini(&l->variables);
    redactor_destroy(&l->secrets);
    interpolation_fini(&l->run);
    vec_fini(&l->sources);
    vec_fini(&l->draft.services);
    map_fini(&l->draft.names);
    map_fini(&l->draft.inactive);
    map_fini(&l->draft.configs);
    map_fini(&l->draft.secrets);
    vec_fini(&l->draft.contents);
    arena_destroy(&l->scratch);
    arena_destroy(&l->arena);
}

/* Folders. */

static bool find_dir(struct load *l)
{
    char here[4096];

    if (getcwd(here, sizeof here) == NULL) {
        if (l->options->dir == NULL || l->options->dir[0] != '/') {
            diagnostic_error(l->diagnostics, "missing-file", NULL,
                "the current directory cannot be found: %s", strerror(errno));
            return false;
        }
        here[0] = '\0';
    }
    char *dir = fs_absolute(here, str_from(l->options->dir));
    l->dir = arena_copy(l->scratch, dir);
    free(dir);
    return true;
}

static void find_project_dir(struct load *l, const struct found_file *first)
{
    const char *given = l->options->project_dir;
    struct str above = STR("..");
    char *dir;

    if (given != NULL)
        dir = fs_absolute(l->dir, str_from(given));
    else if (strcmp(first->path, "-") == 0)
        dir = fs_absolute(l->dir, STR(""));
    else
        dir = fs_absolute(first->path, above);
    l->project_dir = arena_copy(l->arena, dir);
    free(dir);
}

/* Files. */

static void read_dotenv(struct load *l)
{
    struct found_file file = {
        .path = arena_format(l->scratch, "%s/.env", l->project_dir), .shown = ".env"};

    if (fs_exists(file.path))
        l->dotenv = load_env_file(l, &file, NULL, NULL);
}

/* All files, merged; NULL if one could not be read. */
static struct node *read_all(struct load *l, const struct found_file *files, size_t count)
{
    struct node *all = NULL;
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        struct origin *o = arena_new(l->scratch, struct origin);
        *o = (struct origin){.load = l, .path = files[i].path, .dir = l->project_dir};
        struct node *root = load_file(l, &files[i], o, NULL);
        ok = root != NULL && ok;
        if (root != NULL)
            all = all == NULL ? root : merge_nodes(l->scratch, &fields_project, all, root);
    }
    if (!ok)
        return NULL;
    all = environments_apply(l, all);
    merge_clean(all);
    if (all->kind == NODE_MAP)
        return all;
    diagnostic_error(l->diagnostics, "missing-key", NULL, "'%s' is empty", files[0].shown);
    diagnostic_help(l->diagnostics, "declare a service: services: {web: {command: …}}");
    return NULL;
}

/* Name and profiles. */

static void find_profiles(struct load *l)
{
    const struct load_options *o = l->options;
    const char **names = arena_new_array(l->scratch, PROFILES_MAX, const char *);
    struct str rest = str_from(load_variable(l, "COMPOSE_PROFILES"));
    size_t count = 0;

    for (size_t i = 0; i < o->profile_count && count < PROFILES_MAX; i++)
        names[count++] = o->profiles[i];
    while (rest.len > 0 && count < PROFILES_MAX) {
        struct str name = str_trim(str_cut(&rest, ','));
        if (name.len > 0)
            names[count++] = arena_copy_str(l->scratch, name).at;
    }
    l->draft.profiles = (const char *const *)names;
    l->draft.profile_count = count;
}

static const char *project_name(struct load *l)
{
    const char *from_variable = load_variable(l, "COMPOSE_PROJECT_NAME");
    const char *name = l->options->project_name;
    const struct span *span = NULL;
    bool is_complete = l->environment == NULL;

    if (name == NULL && from_variable != NULL && from_variable[0] != '\0')
        name = from_variable;
    is_complete = is_complete || (name == NULL && l->environment_named);
    if (name == NULL && l->draft.name != NULL) {
        name = l->draft.name;
        span = &l->draft.name_span;
    }
    if (name == NULL)
        name = find_project_name(l->scratch, l->project_dir);
    if (!is_complete) /* each environment is a project of its own */
        name = arena_format(l->scratch, "%s-%s", name, l->environment);
    if (name_is_valid(str_from(name)))
        return arena_copy(l->arena, name);
    if (name[0] == '\0')
        diagnostic_error(l->diagnostics, "missing-key", span, "the project has no name");
    else
        diagnostic_error(
            l->diagnostics, "wrong-name", span, "'%.80s' is no name for a project", name);
    diagnostic_help(
        l->diagnostics, "write name: with lower-case letters, digits, '-' and '_', at most 63");
    return arena_copy(l->arena, "");
}

/* From a tree to a project. */

/* Take the registered maps out of the tree: `fields_project` does not know them. */
static struct node *split_kinds(struct load *l, struct node *root, struct node *kinds)
{
    struct node *rest = node_map(l->scratch);

    rest->span = root->span;
    NODE_EACH (root, pair) {
        bool is_kind = fields_kind(pair->key) != NULL;
        node_put(l->scratch, is_kind ? kinds : rest, pair->key, pair->value)->key_span =
            pair->key_span;
    }
    return rest;
}

static bool has_failed(const struct load *l)
{
    return diagnostics_count(l->diagnostics, SEVERITY_ERROR) > 0 ||
           (l->options->strict && diagnostics_count(l->diagnostics, SEVERITY_WARNING) > 0);
}

static const char *no_variable(void *context, const char *name)
{
    (void)context;
    (void)name;
    return NULL;
}

static const struct project *complete(struct load *l, struct resource_drafts *r, struct project *p)
{
    struct node *kinds = node_map(l->arena);

    resources_finish(r, l->arena, p, kinds);
    if (!canonical_fill(l->arena, p, &l->draft, kinds,
            &(struct canonical_secrets){l->options->revision_key, l->secret_values, l->secrets})) {
        diagnostic_error(l->diagnostics, "limit", NULL,
            "the project is too large: resolved, it has more than 32 MiB");
        return NULL;
    }
    secrets_of_project(l, p, l->options->variable == no_variable);
    if (has_failed(l))
        return NULL;
    const struct project *kept = project_adopt(l->arena, p);
    l->arena = NULL; /* it is the project's now */
    return kept;
}

static const struct project *make_project(struct load *l, struct node *root, bool from_document)
{
    struct node *kinds = node_map(l->scratch);
    struct resource_drafts resources = {0};
    struct project p = {0};
    const struct project *made;
    struct decode d = {.arena = l->arena,
        .diagnostics = l->diagnostics,
        .dir = l->project_dir,
        .from_document = from_document,
        .variable = from_document ? NULL : load_variable,
        .variable_context = l};

    secrets_of_tree(l, root);
    d.secrets = l->secrets;
    fields_decode(&d, &fields_project, split_kinds(l, root, kinds), &l->draft);
    NODE_EACH (kinds, pair)
        resources_decode(&resources, &d, pair);
    references_link(l, &resources);
    stores_finish(&d, &l->draft);
    check_services(l->diagnostics, &l->draft);
    resources_check_places(l->diagnostics, &resources);
    resources_check(l->diagnostics, &resources, &l->draft);
    p.dir = l->project_dir;
    p.name = project_name(l);
    if (l->draft.services.count == 0 && kinds->count == 0 && !has_failed(l) && !from_document)
        diagnostic_warning(l->diagnostics, "missing-key", NULL, "no service is declared or active");
    made = has_failed(l) ? NULL : complete(l, &resources, &p);
    resources_fini(&resources);
    return made;
}

static const struct project *load_files(struct load *l)
{
    const struct load_options *o = l->options;
    struct found_file files[FIND_FILES_MAX];

    if (!find_dir(l))
        return NULL;
    size_t count = find_files(l->scratch, l->dir, o->files, o->file_count,
        load_outer_variable(l, "COMPOSE_FILE"), files, l->diagnostics);
    if (count == 0)
        return NULL;
    find_project_dir(l, &files[0]);
    read_dotenv(l);
    struct node *root = read_all(l, files, count);
    if (root == NULL)
        return NULL;
    variables_apply(l, root);
    references_resolve(l, root);
    find_profiles(l);
    return make_project(l, root, false);
}

const struct project *spec_load(const struct load_options *options, struct diagnostics *d)
{
    static const struct load_options none;
    struct load l;

    load_init(&l, options != NULL ? options : &none, d);
    const struct project *p = load_files(&l);
    load_fini(&l);
    return p;
}

/* Ours are JSON, which is read ten times as fast as such; the YAML reader tells what is wrong with
 * others. */
static struct node *read_document(struct load *l, struct source *source, struct str document)
{
    struct node *root = str_starts(document, "{") ? node_from_json(l->scratch, document) : NULL;

    return root != NULL ? root : yaml_read_document(l->scratch, source, document, l->diagnostics);
}

/* Texts; what is none of them is not listened to. */
static struct node *secrets_of_document(const struct node *root)
{
    struct node *list = node_get(root, "x-tend-secrets");

    for (size_t i = 0; i < node_count(list); i++)
        if (list->kind != NODE_LIST || !node_is_scalar(list->items[i]))
            return NULL;
    return list;
}

static const struct project *load_document(struct load *l, struct str document)
{
    struct source *source = load_add_source(l, "document", STR(""));
    struct node *root = read_document(l, source, document);
    const struct node *dir = node_get(root, "x-tend-directory");
    struct span start = {.source = source, .line = 1, .column = 1};

    if (root == NULL)
        return NULL;
    if (dir == NULL || !str_starts(dir->text, "/")) {
        diagnostic_error(l->diagnostics, "missing-key", &start,
            "a resolved document needs 'x-tend-directory', an absolute folder");
        return NULL;
    }
    l->project_dir = arena_copy_str(l->arena, dir->text).at;
    l->secret_values = secrets_of_document(root);
    return make_project(l, root, true);
}

const struct project *spec_load_document(
    struct str document, struct str revision_key, struct diagnostics *d)
{
    static const char *const every_profile[] = {"*"};
    struct load_options options = {.revision_key = revision_key, .variable = no_variable};
    struct load l;

    load_init(&l, &options, d);
    l.draft.profiles = every_profile;
    l.draft.profile_count = 1;
    const struct project *p = load_document(&l, document);
    load_fini(&l);
    return p;
}
