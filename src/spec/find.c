#include "spec/find.h"

#include "base/fs.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

static const char *const stems[] = {"tend", "compose", "docker-compose"};
static const char *const endings[] = {".yaml", ".yml"};

static struct found_file file_at(struct arena *a, const char *dir, const char *name, bool is_here)
{
    struct found_file f;
    char *path = fs_absolute(dir, str_from(name));

    f.path = arena_copy(a, path);
    f.shown = is_here ? arena_copy(a, name) : f.path;
    free(path);
    return f;
}

static bool find_one(
    struct arena *a, const char *dir, const char *stem, bool is_here, struct found_file *out)
{
    for (size_t i = 0; i < COUNT(endings); i++) {
        *out = file_at(a, dir, arena_format(a, "%s%s", stem, endings[i]), is_here);
        if (fs_exists(out->path))
            return true;
    }
    return false;
}

/* In one folder: a file and its override. */
static size_t find_in(struct arena *a, const char *dir, bool is_here, struct found_file *out)
{
    for (size_t i = 0; i < COUNT(stems); i++) {
        if (!find_one(a, dir, stems[i], is_here, &out[0]))
            continue;
        const char *override = arena_format(a, "%s.override", stems[i]);
        return find_one(a, dir, override, is_here, &out[1]) ? 2 : 1;
    }
    return 0;
}

static size_t search(
    struct arena *a, const char *dir, struct found_file *out, struct diagnostics *d)
{
    char *at = fs_absolute("/", str_from(dir));
    bool is_here = true;
    size_t found;

    while ((found = find_in(a, at, is_here, out)) == 0 && strcmp(at, "/") != 0) {
        char *slash = strrchr(at, '/');
        slash[slash == at ? 1 : 0] = '\0';
        is_here = false;
    }
    free(at);
    if (found > 0)
        return found;
    diagnostic_error(
        d, "missing-file", NULL, "no tend.yaml or compose.yaml in '%s' or a folder above it", dir);
    diagnostic_help(d, "name one with -f, or begin with `tend init`");
    return 0;
}

static size_t add_named(
    struct arena *a, const char *dir, const char *name, struct found_file *out, size_t count)
{
    if (strcmp(name, "-") == 0)
        out[count] = (struct found_file){.path = "-", .shown = "standard input"};
    else
        out[count] = file_at(a, dir, name, true);
    return count + 1;
}

size_t find_files(struct arena *a, const char *dir, const char *const *named, size_t named_count,
    const char *compose_file, struct found_file out[FIND_FILES_MAX], struct diagnostics *d)
{
    struct str rest = str_from(compose_file);
    size_t count = 0;

    if (named_count == 0 && rest.len == 0)
        return search(a, dir, out, d);
    for (size_t i = 0; i < named_count && count < FIND_FILES_MAX; i++)
        count = add_named(a, dir, named[i], out, count);
    while (named_count == 0 && rest.len > 0 && count < FIND_FILES_MAX) {
        struct str name = str_cut(&rest, ':');
        if (name.len > 0)
            count = add_named(a, dir, arena_copy_str(a, name).at, out, count);
    }
    if (named_count > FIND_FILES_MAX || rest.len > 0) {
        diagnostic_error(d, "limit", NULL, "more than %d files", FIND_FILES_MAX);
        return 0;
    }
    return count;
}

const char *find_project_name(struct arena *a, const char *dir)
{
    const char *slash = strrchr(dir, '/');
    struct str base = str_from(slash != NULL ? slash + 1 : dir);
    char *name = arena_new_array(a, base.len + 1, char);
    size_t len = 0;

    for (size_t i = 0; i < base.len && len < 63; i++) {
        char c = base.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (alphanumeric || (len > 0 && (c == '-' || c == '_')))
            name[len++] = c;
    }
    return name;
}
