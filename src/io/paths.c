#include "io/paths.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_DIGITS   8
#define DIR_MODE      0700
#define OTHERS_ACCESS 077

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool paths_project_valid(struct str name)
{
    if (name.len == 0 || name.len >= PATHS_PROJECT_BYTES || name.at[0] == '-' || name.at[0] == '_')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!name_byte(name.at[i]))
            return false;
    return true;
}

bool paths_project_from_dir(struct str dir, char out[PATHS_PROJECT_BYTES])
{
    size_t len = 0, start;

    while (dir.len > 0 && dir.at[dir.len - 1] == '/')
        dir.len--;
    for (start = dir.len; start > 0 && dir.at[start - 1] != '/'; start--)
        ;
    for (size_t i = start; i < dir.len && len + 1 < PATHS_PROJECT_BYTES; i++) {
        char c = dir.at[i] >= 'A' && dir.at[i] <= 'Z' ? (char)(dir.at[i] + 32) : dir.at[i];

        if (name_byte(c) && (len > 0 || (c != '-' && c != '_')))
            out[len++] = c;
    }
    out[len] = '\0';
    return len > 0;
}

/* Print into a path; ERR_LIMIT if it does not fit. */
__attribute__((format(printf, 3, 4))) static bool print_path(
    char out[PATHS_BYTES], struct err *err, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(out, PATHS_BYTES, fmt, args);
    va_end(args);
    if (len < 0 || len >= PATHS_BYTES)
        return err_set(err, ERR_LIMIT, "a path is longer than %d bytes", PATHS_BYTES - 1);
    return true;
}

static bool absolute(char out[PATHS_BYTES], const char *path, struct err *err)
{
    char here[PATHS_BYTES];
    char *text;
    bool ok;

    if (path[0] != '/' && getcwd(here, sizeof here) == NULL)
        return err_sys(err, "the current directory");
    text = fs_absolute(path[0] == '/' ? "/" : here, str_from(path));
    ok = print_path(out, err, "%s", text);
    free(text);
    return ok;
}

static const char *absolute_variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] == '/' ? value : NULL;
}

static bool find_state(
    char out[PATHS_BYTES], const char *project, const char *named, struct err *err)
{
    const char *base;

    if (named == NULL || named[0] == '\0')
        named = getenv("TEND_STATE");
    if (named != NULL && named[0] != '\0')
        return absolute(out, named, err);
    if (project == NULL)
        return err_set(err, ERR_INVALID, "neither a project nor a state directory is named");
    if (geteuid() == 0)
        return print_path(out, err, "/var/lib/tend/%s", project);
    base = absolute_variable("XDG_STATE_HOME");
    if (base != NULL)
        return print_path(out, err, "%s/tend/%s", base, project);
    base = absolute_variable("HOME");
    if (base == NULL)
        return err_set(err, ERR_INVALID, "HOME is not set: name a state directory with --state");
    return print_path(out, err, "%s/.local/state/tend/%s", base, project);
}

/* Real path of the nearest parent that exists, plus the rest as it is. */
static bool real_path(char out[PATHS_BYTES], const char *path, struct err *err)
{
    char known[PATHS_BYTES], resolved[PATH_MAX];
    size_t len = strlen(path);

    memcpy(known, path, len + 1);
    while (realpath(known, resolved) == NULL) {
        if (errno != ENOENT && errno != ENOTDIR)
            return err_sys(err, "%s", known);
        while (len > 0 && known[len - 1] != '/')
            len--;
        while (len > 1 && known[len - 1] == '/')
            len--;
        if (len == 0)
            return err_set(err, ERR_MISSING, "%s has no parent directory", path);
        known[len] = '\0';
    }
    if (path[len] == '\0')
        return print_path(out, err, "%s", resolved);
    return print_path(out, err, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
        path + len + (path[len] == '/'));
}

static bool run_base(char out[PATHS_BYTES], struct err *err)
{
    const char *base = absolute_variable("XDG_RUNTIME_DIR");
    struct stat st;

    if (geteuid() == 0)
        return print_path(out, err, "/run/tend");
    if (base != NULL && stat(base, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
        return print_path(out, err, "%s/tend", base);
    return print_path(out, err, "/tmp/tend-%u", (unsigned)geteuid());
}

static bool hash_of_path(char out[HASH_DIGITS + 1], const char *path, struct err *err)
{
    char real[PATHS_BYTES], text[HASH_TEXT_BYTES];
    struct hash h;

    TRY(real_path(real, path, err));
    h = hash_of(real, strlen(real));
    hash_format(&h, text);
    memcpy(out, text, HASH_DIGITS);
    out[HASH_DIGITS] = '\0';
    return true;
}

/* "shop-0a1b2c3d" → "shop"; false if it is no name of that form. */
static bool split_entry(const char *entry, char project[PATHS_PROJECT_BYTES], const char **hash)
{
    size_t len = strlen(entry);
    size_t name_len = len > HASH_DIGITS + 1 ? len - HASH_DIGITS - 1 : 0;

    if (name_len == 0 || entry[name_len] != '-')
        return false;
    if (!paths_project_valid((struct str){entry, name_len}))
        return false;
    memcpy(project, entry, name_len);
    project[name_len] = '\0';
    *hash = entry + name_len + 1;
    return true;
}

/* The project whose directory under `base` ends in `hash`. */
static bool find_project(char out[PATHS_PROJECT_BYTES], const char *base, const char *wanted)
{
    DIR *dir = opendir(base);
    bool found = false;
    struct dirent *entry;

    while (!found && dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *hash;

        found = split_entry(entry->d_name, out, &hash) && strcmp(hash, wanted) == 0;
    }
    if (dir != NULL)
        (void)closedir(dir); /* opened for reading: nothing is lost */
    return found;
}

bool paths_find(struct paths *out, const char *project, const char *state_dir, struct err *err)
{
    char hash[HASH_DIGITS + 1], base[PATHS_BYTES];

    memset(out, 0, sizeof *out);
    if (project != NULL && !paths_project_valid(str_from(project)))
        return err_set(err, ERR_INVALID,
            "project name \"%.80s\": lower-case letters, digits, - and _, at most %d", project,
            PATHS_PROJECT_BYTES - 1);
    TRY(find_state(out->state_dir, project, state_dir, err));
    TRY(hash_of_path(hash, out->state_dir, err));
    TRY(run_base(base, err));
    if (project != NULL)
        (void)snprintf(out->project, sizeof out->project, "%s", project);
    else if (!find_project(out->project, base, hash))
        return err_set(err, ERR_UNREACHABLE, "no daemon runs on %s", out->state_dir);
    return print_path(out->run_dir, err, "%s/%s-%s", base, out->project, hash);
}

static bool check_dir(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st) == -1)
        return err_sys(err, "%s", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_DENIED, "%s is not a directory", path);
    if (st.st_uid != geteuid())
        return err_set(
            err, ERR_DENIED, "%s belongs to another user (uid %u)", path, (unsigned)st.st_uid);
    if ((st.st_mode & OTHERS_ACCESS) != 0)
        return err_set(err, ERR_DENIED, "%s is open to others (mode %o, must be 0700)", path,
            (unsigned)(st.st_mode & 07777));
    return true;
}

static void parent_of(char out[PATHS_BYTES], const char *path)
{
    const char *slash = strrchr(path, '/');

    (void)snprintf(out, PATHS_BYTES, "%.*s", (int)(slash - path), path);
}

bool paths_check_run(const struct paths *p, struct err *err)
{
    char base[PATHS_BYTES];

    parent_of(base, p->run_dir);
    return check_dir(base, err) && check_dir(p->run_dir, err);
}

/* One directory whose parent is trusted; made or as it is. */
static bool make_dir(const char *path, struct err *err)
{
    if (mkdir(path, DIR_MODE) == -1 && errno != EEXIST)
        return err_sys(err, "mkdir %s", path);
    return true;
}

bool paths_make(const struct paths *p, struct err *err)
{
    char base[PATHS_BYTES];

    if (!fs_make_dirs(p->state_dir, DIR_MODE, err))
        return err_in(err, "state directory");
    parent_of(base, p->run_dir);
    if (!make_dir(base, err) || !check_dir(base, err) || !make_dir(p->run_dir, err))
        return err_in(err, "run directory");
    return check_dir(p->run_dir, err);
}
