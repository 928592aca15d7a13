#include "cli/project_name.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/must.h"
#include "base/vec.h"
#include "spec/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX (4u << 20)

static const char *const file_names[] = {"tend.yaml", "tend.yml", "compose.yaml", "compose.yml",
    "docker-compose.yaml", "docker-compose.yml"};

bool project_file_find(char out[PATHS_BYTES], const char *dir, struct err *err)
{
    size_t len = strlen(dir);

    for (;;) {
        for (size_t i = 0; i < COUNT(file_names); i++) {
            int n = snprintf(out, PATHS_BYTES, "%.*s/%s", (int)len, dir, file_names[i]);

            if (n > 0 && n < PATHS_BYTES && access(out, F_OK) == 0)
                return true;
        }
        while (len > 0 && dir[len - 1] != '/')
            len--;
        if (len == 0)
            return err_set(err, ERR_MISSING, PROJECT_FILE_MISSING " in %s or above", dir);
        len--;
    }
}

static struct str unquote(struct str value)
{
    char quote = value.len >= 2 ? value.at[0] : '\0';

    if ((quote == '"' || quote == '\'') && value.at[value.len - 1] == quote)
        return (struct str){value.at + 1, value.len - 2};
    return value;
}

bool project_name_scan(struct str text, struct str *out)
{
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        ptrdiff_t comment;

        if (!str_starts(line, "name:"))
            continue;
        line = str_tail(line, 5);
        comment = str_find_text(line, STR(" #"));
        if (comment >= 0)
            line.len = (size_t)comment;
        *out = unquote(str_trim(line));
        return paths_project_valid(*out);
    }
    return false;
}

/* Whether a top-level key of that name may be in the text: at the start of a line, or in braces. */
static bool may_declare(struct str text, const char *key)
{
    bool in_braces = str_starts(str_trim(text), "{");

    while (text.len > 0 && !in_braces)
        if (str_starts(str_cut(&text, '\n'), key))
            return true;
    return in_braces;
}

static struct str text_of(const struct node *n)
{
    return n != NULL && n->kind == NODE_TEXT ? n->text : STR("");
}

/* What the files say of names, the last one that says it. */
struct said {
    struct arena *arena;
    struct str name, default_environment;
    struct {
        VEC_OF(const struct node *);
    } trees; /* of files that may have environments */
};

static void listen_to_tree(struct said *said, const char *file, struct str text)
{
    struct diagnostics *d = diagnostics_create();
    struct source source = {.name = file, .text = STR("")};
    const struct node *root = yaml_read(said->arena, &source, text, d);
    struct str name = text_of(node_get(root, "name")),
               by_default = text_of(node_get(root, "default_environment"));

    if (paths_project_valid(name))
        said->name = name;
    if (by_default.len > 0)
        said->default_environment = by_default;
    if (root != NULL)
        vec_push(&said->trees, root);
    diagnostics_destroy(&d);
}

static bool listen_to_file(struct said *said, const char *file, struct err *err)
{
    struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
    struct str name;

    if (!fs_read(file, &bytes, err)) {
        buf_fini(&bytes);
        return false;
    }
    if (project_name_scan(buf_str(&bytes), &name))
        said->name = arena_copy_str(said->arena, name);
    if (may_declare(buf_str(&bytes), "environments:") ||
        may_declare(buf_str(&bytes), "default_environment:"))
        listen_to_tree(said, file, buf_str(&bytes));
    buf_fini(&bytes);
    return true;
}

static bool folder_name(char out[PATHS_PROJECT_BYTES], const char *file, struct err *err)
{
    char real[PATHS_BYTES];
    const char *slash;

    if (realpath(file, real) == NULL)
        return err_sys(err, "%s", file);
    slash = strrchr(real, '/');
    if (!paths_project_from_dir((struct str){real, (size_t)(slash - real)}, out))
        return err_set(err, ERR_INVALID, "the folder of %s gives no project name", file);
    return true;
}

/* The name that the environment's overlay gives the project; empty if it gives none. */
static struct str overlay_name(const struct said *said, struct str environment)
{
    struct str name = STR("");

    VEC_EACH (&said->trees, const struct node *, root) {
        const struct node_pair *overlay = node_find(node_get(*root, "environments"), environment);
        struct str own = text_of(overlay != NULL ? node_get(overlay->value, "name") : NULL);

        if (paths_project_valid(own))
            name = own;
    }
    return name;
}

static bool make_name(char out[PATHS_PROJECT_BYTES], const struct said *said,
    const struct project_wish *wish, struct err *err)
{
    struct str environment = str_from(wish->environment), overlay;
    struct str name = wish->name != NULL ? str_from(wish->name) : said->name;

    if (environment.len == 0)
        environment = said->default_environment;
    overlay = environment.len > 0 && wish->name == NULL ? overlay_name(said, environment) : STR("");
    if (overlay.len > 0) {
        (void)snprintf(out, PATHS_PROJECT_BYTES, "%.*s", STR_ARG(overlay));
        return true;
    }
    if (name.len > 0)
        (void)snprintf(out, PATHS_PROJECT_BYTES, "%.*s", STR_ARG(name));
    else if (wish->file_count == 0)
        return err_set(err, ERR_MISSING, PROJECT_FILE_MISSING);
    else
        TRY(folder_name(out, wish->files[0], err));
    if (environment.len == 0)
        return true;
    size_t len = strlen(out);
    (void)snprintf(out + len, PATHS_PROJECT_BYTES - len, "-%.*s", STR_ARG(environment));
    if (len + 1 + environment.len < PATHS_PROJECT_BYTES && paths_project_valid(str_from(out)))
        return true;
    return err_set(
        err, ERR_INVALID, "\"%s\" cannot be a project's name: give the environment a name:", out);
}

bool project_name_find(
    char out[PATHS_PROJECT_BYTES], const struct project_wish *wish, struct err *err)
{
    struct said said = {.arena = arena_create(0)};
    bool ok = true;

    for (size_t i = 0; ok && i < wish->file_count; i++)
        ok = listen_to_file(&said, wish->files[i], err) || wish->name != NULL;
    ok = ok && make_name(out, &said, wish, err);
    vec_fini(&said.trees);
    arena_destroy(&said.arena);
    return ok;
}
