#include "cli/project_name.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/must.h"
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

/* One file in braces (JSON, mostly): read as a whole, for its name stands on no line of its own. */
static bool name_in_braces(struct str text, char out[PATHS_PROJECT_BYTES])
{
    struct arena *a = arena_create(0);
    struct diagnostics *d = diagnostics_create();
    struct source source = {.name = "", .text = STR("")};
    const struct node *name = node_get(yaml_read(a, &source, text, d), "name");
    bool named = name != NULL && name->kind == NODE_TEXT && paths_project_valid(name->text);

    if (named)
        (void)snprintf(out, PATHS_PROJECT_BYTES, "%.*s", STR_ARG(name->text));
    diagnostics_destroy(&d);
    arena_destroy(&a);
    return named;
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

bool project_name_of_file(char out[PATHS_PROJECT_BYTES], const char *file, struct err *err)
{
    struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
    struct str name;
    bool named;

    if (!fs_read(file, &bytes, err)) {
        buf_fini(&bytes);
        return false;
    }
    named = project_name_scan(buf_str(&bytes), &name);
    if (named)
        (void)snprintf(out, PATHS_PROJECT_BYTES, "%.*s", STR_ARG(name));
    else if (str_starts(str_trim(buf_str(&bytes)), "{"))
        named = name_in_braces(buf_str(&bytes), out);
    buf_fini(&bytes);
    return named || folder_name(out, file, err);
}
