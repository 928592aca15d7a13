/* What lies in the folder. */
#include "cli/starter.h"

#include "base/fs.h"
#include "base/must.h"
#include "base/str.h"
#include "io/paths.h"
#include "spec/find.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES_MAX 4096

struct search {
    struct arena *arena;
    const char *dir;
    struct starter *starter;
    const char *names[STARTER_ENTRIES_MAX]; /* of the folder, sorted, without hidden and odd ones */
    size_t count;
};

/* Whether YAML can hold it as it is: UTF-8 without control characters and line separators. */
static bool is_showable(struct str text)
{
    static const char *const never[] = {
        "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf"};

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i],
                      next = i + 1 < text.len ? (unsigned char)text.at[i + 1] : 0;
        if ((c < 0x20 && c != '\t') || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return false;
    }
    for (size_t i = 0; i < COUNT(never); i++)
        if (str_find_text(text, str_from(never[i])) >= 0)
            return false;
    return str_utf8_valid(text) == text.len;
}

/* Reading. */

static const char *path_of(const struct search *s, const char *name)
{
    return arena_format(s->arena, "%s/%s", s->dir, name);
}

static bool has(const struct search *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->names[i], name) == 0)
            return true;
    return false;
}

/* NULL if it cannot be read whole, or is no text: then it says nothing. */
static const char *read_text(const struct search *s, const char *name)
{
    struct buf text = BUF_INIT(STARTER_FILE_BYTES_MAX);
    struct err err = ERR_INIT;
    struct stat st;
    const char *path = path_of(s, name), *copy = NULL;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && fs_read(path, &text, &err) &&
        strlen(text.at != NULL ? text.at : "") == text.len &&
        str_utf8_valid(buf_str(&text)) == text.len)
        copy = arena_copy_str(s->arena, buf_str(&text)).at;
    buf_fini(&text);
    return copy;
}

static int compare_names(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;

    return strcmp(*a, *b);
}

static bool list_folder(struct search *s, struct err *err)
{
    DIR *folder = opendir(s->dir);
    const struct dirent *entry;

    if (folder == NULL)
        return err_sys(err, "%s", s->dir);
    while ((entry = readdir(folder)) != NULL && s->count < STARTER_ENTRIES_MAX)
        if (entry->d_name[0] != '.' && entry->d_name[0] != '-' &&
            is_showable(str_from(entry->d_name)) && strchr(entry->d_name, '\t') == NULL)
            s->names[s->count++] = arena_copy(s->arena, entry->d_name);
    (void)closedir(folder);
    qsort(s->names, s->count, sizeof s->names[0], compare_names);
    return true;
}

/* Services. */

static bool is_taken(const struct starter *s, const char *name)
{
    for (size_t i = 0; i < s->service_count; i++)
        if (strcmp(s->services[i].name, name) == 0)
            return true;
    return false;
}

/* A name that a service may have: lower case, other bytes are dashes; not one that is taken. */
static const char *service_name(const struct search *s, struct str wish)
{
    char name[50];
    size_t len = 0;

    for (size_t i = 0; i < wish.len && len + 1 < sizeof name; i++) {
        char c = wish.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alphanumeric && len == 0)
            continue;
        name[len++] = alphanumeric || c == '_' ? c : '-';
    }
    name[len] = '\0';
    const char *unique = arena_copy(s->arena, len > 0 ? name : "app");
    for (unsigned n = 2; is_taken(s->starter, unique); n++)
        unique = arena_format(s->arena, "%s-%u", len > 0 ? name : "app", n);
    return unique;
}

static struct starter_service *add_service(
    struct search *s, const char *source, struct str name, const char *line)
{
    struct starter *out = s->starter;
    struct starter_service *service;

    if (out->service_count == STARTER_SERVICES_MAX)
        return NULL;
    service = &out->services[out->service_count];
    *service = (struct starter_service){
        .name = service_name(s, name), .command = starter_shell_command(s->arena, line)};
    out->service_count++;
    out->source = source;
    return service;
}

/* Kinds of folder; each false if it is not of that kind. */

static bool is_process_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!fits)
            return false;
    }
    return name.len > 0;
}

static void add_process(struct search *s, struct str line)
{
    struct str command = line, name = str_cut(&command, ':');
    struct starter_service *service;

    command = str_trim(command);
    if (!is_process_name(name) || command.len == 0 || command.len > LINE_BYTES_MAX ||
        !is_showable(command))
        return;
    service = add_service(s, "Procfile", name, arena_copy_str(s->arena, command).at);
    if (service != NULL)
        service->runs_once = str_is(name, "release");
}

void starter_add_procfile(struct arena *a, struct str text, struct starter *out)
{
    struct search s = {.arena = a, .starter = out};

    while (text.len > 0)
        add_process(&s, str_trim(str_cut(&text, '\n')));
}

static bool from_procfile(struct search *s)
{
    starter_add_procfile(s->arena, str_from(read_text(s, "Procfile")), s->starter);
    return s->starter->service_count > 0;
}

static bool from_package(struct search *s)
{
    const char *text = read_text(s, "package.json");
    json_t *package = text != NULL ? json_loads(text, 0, NULL) : NULL;
    const json_t *start = json_object_get(json_object_get(package, "scripts"), "start");
    bool is_there = json_is_string(start);

    json_decref(package);
    if (!is_there)
        return false;
    (void)add_service(s, "package.json", STR("web"),
        has(s, "pnpm-lock.yaml") ? "pnpm start"
        : has(s, "yarn.lock")    ? "yarn start"
                                 : "npm start");
    return true;
}

/* A line "target:" that is no assignment. */
static bool has_target(const char *makefile, const char *target)
{
    struct str rest = str_from(makefile);

    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n'), behind = line, names = str_cut(&behind, ':');
        if (names.len == line.len || str_starts(line, "#") || str_find(names, '=') >= 0 ||
            str_starts(behind, "=") || str_starts(behind, ":="))
            continue;
        while (names.len > 0 && names.at[0] != '\t') {
            struct str name = str_cut(&names, ' ');
            if (str_is(name, target))
                return true;
        }
    }
    return false;
}

static bool from_makefile(struct search *s)
{
    static const char *const files[] = {"GNUmakefile", "makefile", "Makefile"};
    static const char *const targets[] = {"run", "serve", "start", "dev"};

    for (size_t i = 0; i < COUNT(files); i++) {
        const char *text = has(s, files[i]) ? read_text(s, files[i]) : NULL;
        for (size_t k = 0; text != NULL && k < COUNT(targets); k++) {
            if (!has_target(text, targets[k]))
                continue;
            (void)add_service(
                s, files[i], STR("web"), arena_format(s->arena, "make %s", targets[k]));
            return true;
        }
        if (text != NULL)
            return false; /* make reads the first one only */
    }
    return false;
}

/* A file's name as a shell takes it for one word. */
static const char *shell_word(const struct search *s, const char *name)
{
    struct buf out = BUF_INIT(8 * PATHS_BYTES);

    if (strpbrk(name, " \t'\"\\$&|;<>()*?[]{}!#~`") == NULL)
        return name;
    buf_add_byte(&out, '\'');
    for (const char *c = name; *c != '\0'; c++)
        buf_add_text(&out, *c == '\'' ? "'\\''" : (char[]){*c, '\0'});
    buf_add_byte(&out, '\'');
    const char *word = arena_copy_str(s->arena, buf_str(&out)).at;
    buf_fini(&out);
    return word;
}

static bool is_main_python(const char *name)
{
    struct str text = str_from(name);

    return str_ends(text, ".py") && !str_starts(text, "test_") && !str_ends(text, "_test.py") &&
           strcmp(name, "setup.py") != 0 && strcmp(name, "conftest.py") != 0 &&
           strcmp(name, "__init__.py") != 0;
}

static struct str stem_of(const char *name)
{
    struct str text = str_from(name);

    return str_cut(&text, '.');
}

/* The only program, or of several the only one about http. */
static bool from_python(struct search *s)
{
    const char *one = NULL, *about_http = NULL;
    size_t count = 0, http_count = 0;

    if (has(s, "manage.py")) {
        (void)add_service(s, "manage.py", STR("web"),
            "python3 manage.py runserver --noreload \"127.0.0.1:$PORT\"");
        return true;
    }
    for (size_t i = 0; i < s->count; i++) {
        const char *text = is_main_python(s->names[i]) ? read_text(s, s->names[i]) : NULL;
        if (text == NULL)
            continue;
        one = s->names[i];
        count++;
        if (strstr(text, "http") == NULL)
            continue;
        about_http = s->names[i];
        http_count++;
    }
    const char *file = count == 1 ? one : http_count == 1 ? about_http : NULL;
    if (file == NULL)
        return false;
    (void)add_service(
        s, file, stem_of(file), arena_format(s->arena, "python3 %s", shell_word(s, file)));
    return true;
}

static bool from_executable(struct search *s)
{
    const char *one = NULL;
    size_t count = 0;
    struct stat st;

    for (size_t i = 0; i < s->count; i++) {
        if (stat(path_of(s, s->names[i]), &st) != 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
            continue;
        one = s->names[i];
        count++;
    }
    if (count != 1)
        return false;
    (void)add_service(s, one, stem_of(one), shell_word(s, arena_format(s->arena, "./%s", one)));
    return true;
}

static void add_example(struct search *s)
{
    struct starter_service *service =
        add_service(s, NULL, STR("web"), "python3 -m http.server \"$PORT\" --bind 127.0.0.1");

    service->is_example = true;
}

static const char *find_present(const struct search *s)
{
    static const char *const names[] = {"tend.yaml", "tend.yml", "compose.yaml", "compose.yml",
        "docker-compose.yaml", "docker-compose.yml"};
    struct stat st;

    for (size_t i = 0; i < COUNT(names); i++)
        if (lstat(path_of(s, names[i]), &st) == 0)
            return names[i];
    return NULL;
}

bool starter_find(struct arena *a, const char *dir, struct starter *out, struct err *err)
{
    struct search *s = arena_new(a, struct search);
    char *whole;

    *out = (struct starter){0};
    *s = (struct search){.arena = a, .dir = dir, .starter = out};
    if (!list_folder(s, err))
        return false;
    out->present = find_present(s);
    whole = realpath(dir, NULL);
    out->project = whole != NULL ? find_project_name(a, whole) : "";
    free(whole);
    if (out->project[0] == '\0')
        out->project = "app";
    if (!from_procfile(s) && !from_package(s) && !from_makefile(s) && !from_python(s) &&
        !from_executable(s))
        add_example(s);
    return true;
}
