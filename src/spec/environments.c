/* `environments`: overlays, one of which is merged over the files.
 *
 *     a.yaml ─┐                          a.yaml's overlay ─┐
 *     b.yaml ─┴─ merged ──▶ the base ◀── b.yaml's overlay ─┴─ merged over it, in order
 *
 * Only the chosen overlay is looked into: its variables are replaced when it is chosen, so that
 * what production needs is not asked for in staging. */
#include "spec/load_private.h"

#include "base/must.h"

#define NAMES_MAX 500

/* Keys of the project that an overlay cannot have. */
static const char *const fixed_keys[] = {
    "environments", "default_environment", "include", "version"};

static void collect_name(struct load *l, const struct node_pair *entry)
{
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    if (!name_is_valid(entry->key)) {
        diagnostic_error(l->diagnostics, "wrong-name", &entry->key_span,
            "'%.*s' is no name for an environment",
            (int)(entry->key.len < 80 ? entry->key.len : 80), entry->key.at);
        diagnostic_help(l->diagnostics, "it becomes a part of the project's name: lower-case "
                                        "letters, digits, '-' and '_', at most 63");
    } else if (entry->value->kind != NODE_MAP && entry->value->kind != NODE_NULL) {
        (void)field_wrong(&d, entry->key.at, entry->value, "a map");
    } else {
        (void)map_put(&l->environment_names, entry->key, l);
    }
}

void environments_collect(struct load *l, const struct origin *o, struct node *root)
{
    struct node_pair *section = node_find(root, STR("environments"));
    const struct node *by_default = node_get(root, "default_environment");
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    if (o->parent == NULL && by_default != NULL && node_is_scalar(by_default) &&
        by_default->kind != NODE_NULL)
        l->default_environment = by_default;
    if (section == NULL)
        return;
    struct node *overlays = section->value;
    section->value = node_null(l->scratch); /* taken out */
    section->value->span = overlays->span;
    if (overlays->kind != NODE_MAP) {
        if (overlays->kind != NODE_NULL)
            (void)field_wrong(&d, "environments", overlays, "a map by name");
        return;
    }
    for (size_t i = 0; o->parent == NULL && i < overlays->count; i++)
        collect_name(l, &overlays->pairs[i]);
    vec_push(&l->overlays, (struct overlays){.origin = o, .by_name = overlays});
}

/* Choosing. */

static void report_unknown(struct load *l, struct str name, const struct span *span)
{
    const char *names[NAMES_MAX];
    struct buf list = BUF_INIT(2000);
    size_t count = 0;

    MAP_EACH (&l->environment_names, entry) {
        if (count == NAMES_MAX)
            break;
        buf_format(&list, "%s'%s'", count > 0 ? ", " : "", entry->key.at);
        names[count++] = entry->key.at;
    }
    diagnostic_error(l->diagnostics, "unknown-environment", span, "there is no environment '%.*s'",
        (int)(name.len < 80 ? name.len : 80), name.at);
    const char *nearest = str_nearest(name, names, count);
    if (nearest != NULL)
        diagnostic_help(l->diagnostics, "did you mean '%s'?", nearest);
    else if (count > 0)
        diagnostic_help(l->diagnostics, "declared are %s", buf_str(&list).at);
    else
        diagnostic_help(l->diagnostics,
            "none is declared: write environments: {%.*s: {services: …}}",
            (int)(name.len < 80 ? name.len : 80), name.at);
    buf_fini(&list);
}

/* The chosen one's name; empty if none is. */
static struct str choose(struct load *l, const struct span **out_span)
{
    const char *name = l->options->environment;

    if (name == NULL || name[0] == '\0')
        name = load_outer_variable(l, "TEND_ENV");
    if (name != NULL && name[0] != '\0')
        return str_from(name);
    if (l->default_environment == NULL)
        return STR("");
    *out_span = &l->default_environment->span;
    return l->default_environment->text;
}

/* Putting over. */

static void refuse_fixed_keys(struct load *l, const struct node *overlay)
{
    struct decode d = {.arena = l->scratch, .diagnostics = l->diagnostics};

    for (size_t i = 0; i < COUNT(fixed_keys); i++) {
        struct node_pair *pair = node_find(overlay, str_from(fixed_keys[i]));
        if (pair == NULL)
            continue;
        field_refuse(&d, &pair->key_span, "'%s' in an environment", fixed_keys[i]);
        pair->value = node_null(l->scratch);
    }
}

static bool says_what_runs(const struct node *service)
{
    static const char *const keys[] = {"command", "entrypoint", "extends", "image", "build"};

    for (size_t i = 0; i < COUNT(keys); i++)
        if (node_get(service, keys[i]) != NULL)
            return true;
    return false;
}

/* A service that the base has not is a new one, which says what runs, or a slip. */
static void check_service_names(
    struct load *l, struct str environment, const struct node *base, const struct node *overlay)
{
    const struct node *services = node_get(base, "services");
    const char *names[NAMES_MAX];
    size_t count = 0;

    NODE_EACH (services, pair)
        if (count < NAMES_MAX)
            names[count++] = pair->key.at;
    NODE_EACH (node_get(overlay, "services"), pair) {
        if (pair->value->kind != NODE_MAP || node_find(services, pair->key) != NULL ||
            says_what_runs(pair->value))
            continue;
        diagnostic_error(l->diagnostics, "unknown-service", &pair->key_span,
            "environment '%.*s' changes service '%.*s', which is not declared",
            STR_ARG(environment), STR_ARG(pair->key));
        const char *nearest = str_nearest(pair->key, names, count);
        if (nearest != NULL)
            diagnostic_help(l->diagnostics, "did you mean '%s'?", nearest);
        else
            diagnostic_help(l->diagnostics, "a service of this environment alone needs a command");
        (void)node_put(l->scratch, pair->value, STR(EXTENDS_FAILED), node_bool(l->scratch, true));
    }
}

/* An included project's relative paths are relative to its own folder. */
static void rebase_section(struct load *l, const struct origin *o, const struct node_pair *section)
{
    const struct field_kind *kind = fields_kind(section->key);

    for (size_t i = 0; section->value->kind == NODE_MAP && i < section->value->count; i++) {
        struct node_pair *entry = &section->value->pairs[i];
        if (str_is(section->key, "services") || str_is(section->key, "jobs"))
            entry->value = rebase_service(l->scratch, entry->value, o->dir);
        else if (kind != NULL)
            entry->value = rebase_entry(l->scratch, kind, entry, o->dir);
    }
}

static struct node *without_name(struct load *l, const struct node *overlay)
{
    struct node *rest = node_map(l->scratch);

    rest->span = overlay->span;
    NODE_EACH (overlay, pair)
        if (!str_is(pair->key, "name"))
            node_put(l->scratch, rest, pair->key, pair->value)->key_span = pair->key_span;
    return rest;
}

static struct node *put_over(struct load *l, struct node *base, const struct overlays *from,
    struct str environment, struct node *overlay)
{
    struct origin *o = arena_new(l->scratch, struct origin);

    *o = *from->origin;
    l->run.context = o;
    load_interpolate(l, overlay);
    if (overlay->kind != NODE_MAP)
        return base;
    refuse_fixed_keys(l, overlay);
    variables_normalise(l, overlay);
    extends_apply(l, o, overlay, node_get(base, "services"));
    check_service_names(l, environment, base, overlay);
    if (o->parent != NULL) {
        NODE_EACH (overlay, section)
            rebase_section(l, o, section);
        overlay = without_name(l, overlay);
    }
    l->environment_named = l->environment_named || node_get(overlay, "name") != NULL;
    return merge_nodes(l->scratch, &fields_project, base, overlay);
}

struct node *environments_apply(struct load *l, struct node *root)
{
    const struct span *span = NULL;
    struct str name = choose(l, &span);
    const struct load_options *o = l->options;

    MAP_EACH (&l->environment_names, entry)
        if (o->environment_fn != NULL)
            o->environment_fn(o->environment_context, entry->key.at, str_eq(entry->key, name));
    if (name.len == 0)
        return root;
    l->environment = arena_copy_str(l->scratch, name).at;
    if (map_get(&l->environment_names, name) == NULL) {
        report_unknown(l, name, span);
        return root;
    }
    for (size_t i = 0; i < l->overlays.count; i++) {
        struct node_pair *pair = node_find(l->overlays.at[i].by_name, name);
        if (pair != NULL)
            root = put_over(l, root, &l->overlays.at[i], name, pair->value);
    }
    return root;
}
