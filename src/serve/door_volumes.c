/* tend down --volumes: when everything has stopped, the project's volumes are removed.
 *
 * They are moved aside at once, so that whoever starts something meanwhile gets new ones, and then
 * removed on a worker. */
#include "serve/door_private.h"

#include "base/fs.h"
#include "base/vec.h"
#include "io/worker.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_BYTES_MAX 4000

struct removal {
    struct request *request;
    struct workers *workers;
    char *aside; /* STATE/volumes.removed */
    struct buf names;
    int count, unnamed;
    bool ok;
    struct err err;
};

/* ---- which ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_names(struct removal *v, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    struct {
        VEC_OF(char *);
    } names = {0};

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            vec_push(&names, mem_copy_string(entry->d_name));
    if (dir != NULL)
        (void)closedir(dir); /* opened for reading: nothing is lost */
    if (names.count > 0)
        qsort(names.at, names.count, sizeof *names.at, by_text);
    v->count = (int)names.count;
    VEC_EACH (&names, char *, name) {
        buf_format(&v->names, "%s%s", v->names.len > 0 ? ", " : "", *name);
        free(*name);
    }
    vec_fini(&names);
}

static int count_own(const char *path)
{
    char *own = mem_format("%s/.own", path);
    DIR *dir = opendir(own);
    struct dirent *entry;
    int count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    if (dir != NULL)
        (void)closedir(dir);
    free(own);
    return count;
}

/* ---- away ---- */

static MUST_USE bool move_aside(struct removal *v, const char *path)
{
    char *to =
        mem_format("%s/%llu", v->aside, (unsigned long long)v->request->intent); /* one a request */
    bool ok = fs_make_dirs(v->aside, 0700, &v->err) && rename(path, to) == 0;

    if (!ok && v->err.kind == ERR_NONE)
        err_sys(&v->err, "%s", path);
    free(to);
    return ok;
}

static void run(void *data, struct cancel *cancel)
{
    struct removal *v = data;

    (void)cancel;
    v->ok = fs_remove_tree(v->aside, &v->err);
}

static void tell(const struct removal *v)
{
    struct request *r = v->request;
    struct buf body = BUF_INIT(NAMES_BYTES_MAX + 1000);
    struct json j = json_begin(&body);
    struct event e = {.type = "volumes.removed",
        .actor = r->command->actor,
        .subject = "project",
        .causes = {r->intent},
        .cause_count = 1};

    json_open_object(&j, NULL);
    if (v->names.len > 0)
        json_text(&j, "names", v->names.at);
    if (v->unnamed > 0)
        json_int(&j, "unnamed", v->unnamed);
    json_end(&j);
    e.evidence = buf_str(&body);
    (void)journal_append(r->door->settings.journal, &e);
    buf_fini(&body);
}

static void finish(struct removal *v)
{
    struct request *r = v->request;
    struct buf text = BUF_INIT(NAMES_BYTES_MAX + 200);

    if (!v->ok) {
        buf_format(&text, "everything is stopped, but volumes are left: %s", v->err.text);
    } else if (v->count + v->unnamed == 0) {
        buf_add_text(&text, "everything is stopped; there were no volumes");
    } else {
        tell(v);
        buf_format(&text, "everything is stopped; removed %s%s",
            v->count == 1 ? "volume " : "volumes ",
            v->names.len > 0 ? v->names.at : "of single instances");
        if (v->count > 0 && v->unnamed > 0)
            buf_format(&text, " and %d without a name", v->unnamed);
    }
    request_finish(r, v->ok, v->ok ? 0 : 1, text.at, NULL);
    buf_fini(&text);
}

static void done(void *data)
{
    struct removal *v = data;

    finish(v);
    workers_destroy(&v->workers);
    free(v->aside);
    buf_fini(&v->names);
    free(v);
}

void volumes_remove(struct request *r)
{
    struct removal *v = mem_new(struct removal);
    const char *state = r->door->settings.state_dir;
    char *path = mem_format("%s/volumes", state);
    struct worker_task task = {.run = run, .done = done, .data = v, .loop = r->door->settings.loop};

    v->request = r;
    v->aside = mem_format("%s/volumes.removed", state);
    v->names = (struct buf)BUF_INIT(NAMES_BYTES_MAX);
    v->workers = workers_create(1, 1);
    list_names(v, path);
    v->unnamed = count_own(path);
    if ((fs_exists(path) && !move_aside(v, path)) || !workers_run(v->workers, &task, &v->err))
        loop_post(r->door->settings.loop, done, v);
    free(path);
}
