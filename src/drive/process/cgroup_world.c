#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "drive/process/cgroup_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNTINFO_BYTES_MAX (4u << 20)
#define OWN_BYTES_MAX       (64u << 10)
#define DAEMON_LEAF         "tendd"

const char *cgroup_controller_name(enum cgroup_controller c)
{
    static const char *const names[CGROUP_CONTROLLERS] = {
        [CGROUP_MEMORY] = "memory",
        [CGROUP_CPU] = "cpu",
        [CGROUP_CPUACCT] = "cpuacct",
        [CGROUP_PIDS] = "pids",
        [CGROUP_FREEZER] = "freezer",
    };

    return names[c];
}

/* ---- texts of the kernel ---- */

static bool has_word(struct str list, char separator, const char *word)
{
    while (list.len > 0)
        if (str_is(str_cut(&list, separator), word))
            return true;
    return false;
}

/* Our path in the hierarchy with that controller; "" asks for v2. Lines are "ID:LIST:PATH". */
static struct str own_path(struct str own, const char *controller)
{
    while (own.len > 0) {
        struct str path = str_cut(&own, '\n');
        struct str id = str_cut(&path, ':');
        struct str list = str_cut(&path, ':');
        bool fits = controller[0] == '\0' ? str_is(id, "0") && list.len == 0
                                          : has_word(list, ',', controller);
        if (fits)
            return path;
    }
    return (struct str){NULL, 0};
}

struct mount {
    struct str root, point, type, options;
};

/* "36 35 98:0 ROOT POINT options [tags] - TYPE source SUPER-OPTIONS", proc(5). */
static bool parse_mount(struct str line, struct mount *out)
{
    for (int i = 0; i < 3; i++)
        (void)str_cut(&line, ' ');
    out->root = str_cut(&line, ' ');
    out->point = str_cut(&line, ' ');
    ptrdiff_t dash = str_find_text(line, STR(" - "));
    if (dash < 0)
        return false;
    line = str_tail(line, (size_t)dash + 3);
    out->type = str_cut(&line, ' ');
    (void)str_cut(&line, ' ');
    out->options = line;
    return out->point.len > 0 && str_find(out->point, '\\') < 0; /* none has blanks in practice */
}

/* Where our group is below the mount, which may show only a part of the hierarchy. */
static char *own_dir(const struct mount *m, struct str path)
{
    struct str below = path;

    if (!str_is(m->root, "/") && path.len >= m->root.len &&
        memcmp(path.at, m->root.at, m->root.len) == 0)
        below = str_tail(path, m->root.len);
    if (str_starts(below, "/..") || str_is(below, "/"))
        below.len = 0;
    if (str_ends(below, "/" DAEMON_LEAF)) /* handed to us by our former self: see hand_on */
        below.len -= sizeof "/" DAEMON_LEAF - 1;
    return mem_format("%.*s%.*s", STR_ARG(m->point), STR_ARG(below));
}

static void take_mount(
    struct cgroup_world *w, const struct mount *m, struct str own, const char *name)
{
    if (str_is(m->type, "cgroup2") && w->own_v2 == NULL) {
        struct str path = own_path(own, "");
        if (path.at == NULL)
            return;
        w->own_v2 = own_dir(m, path);
        w->v2_dir = mem_format("%s/tend/%s", w->own_v2, name);
        return;
    }
    if (!str_is(m->type, "cgroup"))
        return;
    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        const char *controller = cgroup_controller_name((enum cgroup_controller)c);
        struct str path = own_path(own, controller);
        if (w->dirs[c] != NULL || path.at == NULL || !has_word(m->options, ',', controller))
            continue;
        char *dir = own_dir(m, path);
        w->dirs[c] = mem_format("%s/tend/%s", dir, name);
        free(dir);
    }
}

struct cgroup_world *cgroup_world_parse(const char *name, const char *mountinfo, const char *own)
{
    struct cgroup_world *w = mem_new(struct cgroup_world);
    struct mount m;

    for (struct str rest = str_from(mountinfo); rest.len > 0;)
        if (parse_mount(str_cut(&rest, '\n'), &m))
            take_mount(w, &m, str_from(own), name);
    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        if (w->dirs[c] == NULL)
            (void)snprintf(w->why[c], sizeof w->why[c], "no cgroup hierarchy has the %s controller",
                cgroup_controller_name((enum cgroup_controller)c));
    return w;
}

/* ---- v2 controllers: only leaves may hold processes, so the daemon moves into one ---- */

static bool read_list(const char *dir, const char *file, struct buf *out)
{
    char *path = mem_format("%s/%s", dir, file);

    buf_reset(out);
    bool ok = fs_read(path, out, NULL);
    free(path);
    return ok;
}

static bool put(const char *dir, const char *file, const char *text, struct err *err)
{
    char *path = mem_format("%s/%s", dir, file);
    bool ok = fs_put(path, str_from(text), err);

    free(path);
    return ok;
}

/* True when nobody but this process is in our group (the root group may hold anybody). */
static bool move_to_leaf(const char *own, struct err *err)
{
    struct buf procs = BUF_INIT(OWN_BYTES_MAX);
    char *leaf = mem_format("%s/" DAEMON_LEAF, own), *type = mem_format("%s/cgroup.type", own);
    bool is_root = !fs_exists(type), ok = true;

    if (!is_root && read_list(own, "cgroup.procs", &procs) && procs.len > 0) {
        char self[32];
        (void)snprintf(self, sizeof self, "%d\n", (int)getpid());
        ok = str_is(buf_str(&procs), self) ||
             err_set(err, ERR_CONFLICT, "other processes share the daemon's control group");
        ok = ok && fs_make_dirs(leaf, 0755, err) && put(leaf, "cgroup.procs", "0", err);
    }
    buf_fini(&procs);
    free(leaf);
    free(type);
    return ok;
}

static bool enable_down_to(struct cgroup_world *w, const char *enable, struct err *err)
{
    char *tend = mem_format("%s/tend", w->own_v2);
    bool ok = put(w->own_v2, "cgroup.subtree_control", enable, err) &&
              put(tend, "cgroup.subtree_control", enable, err) &&
              put(w->v2_dir, "cgroup.subtree_control", enable, err);

    free(tend);
    return ok;
}

static void hand_on(struct cgroup_world *w, enum cgroup_controller c)
{
    char enable[32];
    struct err err = ERR_INIT;

    (void)snprintf(enable, sizeof enable, "+%s", cgroup_controller_name(c));
    if (move_to_leaf(w->own_v2, &err) && enable_down_to(w, enable, &err)) {
        w->dirs[c] = mem_copy_string(w->v2_dir);
        w->is_v2[c] = true;
        w->why[c][0] = '\0';
        return;
    }
    (void)snprintf(w->why[c], sizeof w->why[c], "%s: %.150s", cgroup_controller_name(c), err.text);
}

static void use_v2_controllers(struct cgroup_world *w)
{
    struct buf list = BUF_INIT(OWN_BYTES_MAX);

    if (read_list(w->own_v2, "cgroup.controllers", &list))
        for (int c = 0; c < CGROUP_CONTROLLERS; c++)
            if (w->dirs[c] == NULL && has_word(str_trim(buf_str(&list)), ' ',
                                          cgroup_controller_name((enum cgroup_controller)c)))
                hand_on(w, (enum cgroup_controller)c);
    buf_fini(&list);
    if (w->dirs[CGROUP_CPUACCT] == NULL) { /* cpu.stat is in every v2 group */
        w->dirs[CGROUP_CPUACCT] = mem_copy_string(w->v2_dir);
        w->is_v2[CGROUP_CPUACCT] = true;
        w->why[CGROUP_CPUACCT][0] = '\0';
    }
    if (w->dirs[CGROUP_FREEZER] == NULL) {
        w->dirs[CGROUP_FREEZER] = mem_copy_string(w->v2_dir);
        w->is_v2[CGROUP_FREEZER] = true;
        w->why[CGROUP_FREEZER][0] = '\0';
    }
}

/* ---- the world of this machine ---- */

static void make_folder(struct cgroup_world *w, enum cgroup_controller c)
{
    struct err err = ERR_INIT;

    if (w->dirs[c] == NULL || w->is_v2[c] || fs_make_dirs(w->dirs[c], 0755, &err))
        return;
    (void)snprintf(w->why[c], sizeof w->why[c], "%s: no control group may be made: %.120s",
        cgroup_controller_name(c), err.text);
    free(w->dirs[c]);
    w->dirs[c] = NULL;
}

struct cgroup_world *cgroup_world_create(const char *name)
{
    struct buf mounts = BUF_INIT(MOUNTINFO_BYTES_MAX), own = BUF_INIT(OWN_BYTES_MAX);
    bool known =
        fs_read("/proc/self/mountinfo", &mounts, NULL) && fs_read("/proc/self/cgroup", &own, NULL);
    struct cgroup_world *w =
        cgroup_world_parse(name, known ? buf_str(&mounts).at : "", known ? buf_str(&own).at : "");

    buf_fini(&mounts);
    buf_fini(&own);
    for (int c = 0; c < CGROUP_CONTROLLERS; c++)
        make_folder(w, (enum cgroup_controller)c);
    if (w->v2_dir != NULL && !fs_make_dirs(w->v2_dir, 0755, NULL)) {
        free(w->v2_dir);
        w->v2_dir = NULL; /* without it the shim walks its children */
    }
    if (w->v2_dir != NULL) {
        char *kill_file = mem_format("%s/cgroup.kill", w->v2_dir);
        w->has_kill = fs_exists(kill_file);
        free(kill_file);
        use_v2_controllers(w);
    }
    return w;
}

static void remove_folder(const char *dir)
{
    char *parent = dir != NULL ? mem_copy_string(dir) : NULL;

    if (parent != NULL && rmdir(parent) == 0) { /* then also tend/, if it was the last project's */
        *strrchr(parent, '/') = '\0';
        (void)rmdir(parent);
    }
    free(parent);
}

void cgroup_world_destroy(struct cgroup_world **world)
{
    struct cgroup_world *w = *world;

    if (w == NULL)
        return;
    *world = NULL;
    for (int c = 0; c < CGROUP_CONTROLLERS; c++) {
        if (!w->is_v2[c])
            remove_folder(w->dirs[c]);
        free(w->dirs[c]);
    }
    remove_folder(w->v2_dir);
    free(w->v2_dir);
    free(w->own_v2);
    free(w);
}

const char *cgroup_degraded(const struct cgroup_world *w, enum cgroup_controller c)
{
    return w->why[c][0] != '\0' ? w->why[c] : NULL;
}

const char *cgroup_world_dir(const struct cgroup_world *w, enum cgroup_controller c)
{
    return w->dirs[c];
}
