#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "drive/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHEBANG_BYTES 256 /* what the kernel looks at, too */

/* A script whose interpreter is missing fails with the same ENOENT as a missing script. */
static MUST_USE bool check_interpreter(
    const char *path, const struct program_view *view, struct err *err)
{
    char line[SHEBANG_BYTES] = "";
    int fd = open(view->outside(view->data, path), O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return true; /* may be executed without being readable */
    ssize_t got = read(fd, line, sizeof line - 1);
    (void)close(fd);
    if (got < 3 || line[0] != '#' || line[1] != '!')
        return true;
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    interpreter[strcspn(interpreter, " \t\r\n")] = '\0';
    if (interpreter[0] == '\0' || access(view->outside(view->data, interpreter), X_OK) == 0)
        return true;
    return err_sys(err, "%s: its interpreter %s", path, interpreter);
}

enum verdict { FOUND, ABSENT, NOT_EXECUTABLE };

static enum verdict look_at(const char *seen, const struct program_view *view, struct err *err)
{
    struct stat st;
    const char *path = view->outside(view->data, seen);

    if (path != seen && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return FOUND; /* it leads where only the program itself can go */
    if (stat(path, &st) == -1) {
        err_sys(err, "%s", path);
        return errno == EACCES ? NOT_EXECUTABLE : ABSENT;
    }
    if (S_ISDIR(st.st_mode)) {
        err_set(err, ERR_INVALID, "%s: is a directory", path);
        return NOT_EXECUTABLE;
    }
    if (access(path, X_OK) == -1 || (st.st_mode & 0111) == 0) {
        err_set(err, ERR_DENIED, "%s: not executable (chmod +x would make it so)", path);
        return NOT_EXECUTABLE;
    }
    return FOUND;
}

static MUST_USE bool accept_program(
    char **out_path, char *path, const struct program_view *view, struct err *err)
{
    if (!check_interpreter(path, view, err)) {
        free(path);
        return false;
    }
    *out_path = path;
    return true;
}

static MUST_USE bool search_path(char **out_path, const char *name, const char *path,
    const char *working_dir, const struct program_view *view, struct err *err)
{
    struct buf tried = BUF_INIT(300);
    struct err denied = ERR_INIT;

    for (struct str rest = str_from(path); rest.len > 0;) {
        struct str dir = str_cut(&rest, ':');
        char *base = fs_absolute(working_dir, dir.len > 0 ? dir : STR("."));
        char *candidate = mem_format("%s/%s", base, name);
        struct err why = ERR_INIT;
        enum verdict verdict = look_at(candidate, view, &why);
        buf_format(&tried, "%s%s", tried.len > 0 ? ", " : "", base);
        free(base);
        if (verdict == FOUND) {
            buf_fini(&tried);
            return accept_program(out_path, candidate, view, err);
        }
        free(candidate);
        if (verdict == NOT_EXECUTABLE && denied.kind == ERR_NONE)
            denied = why;
    }
    if (denied.kind != ERR_NONE && err != NULL)
        *err = denied;
    else
        err_set(err, ERR_MISSING, "no program \"%.100s\" in PATH; tried %s%s", name,
            tried.len > 0 ? tried.at : "nothing: it is empty", buf_full(&tried) ? ", …" : "");
    buf_fini(&tried);
    return false;
}

bool program_find_seen(char **out_path, const char *name, const char *path, const char *working_dir,
    const struct program_view *view, struct err *err)
{
    *out_path = NULL;
    if (working_dir == NULL)
        working_dir = "/";
    if (strchr(name, '/') == NULL)
        return search_path(
            out_path, name, path != NULL ? path : PROCESS_PATH_DEFAULT, working_dir, view, err);
    char *absolute = fs_absolute(working_dir, str_from(name));
    if (look_at(absolute, view, err) == FOUND)
        return accept_program(out_path, absolute, view, err);
    free(absolute);
    return false;
}

static const char *same(void *data, const char *path)
{
    (void)data;
    return path;
}

bool program_find(
    char **out_path, const char *name, const char *path, const char *working_dir, struct err *err)
{
    static const struct program_view ours = {.outside = same};

    return program_find_seen(out_path, name, path, working_dir, &ours, err);
}
