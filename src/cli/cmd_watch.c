/* tend watch: restart services, or copy files, when what they are made of changes. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/vec.h"
#include "cli/apply.h"
#include "cli/cmd.h"
#include "cli/interrupt.h"
#include "cli/operation_view.h"
#include "cli/project_load.h"
#include "cli/watch_files.h"
#include "cli/watch_match.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET_MS       300 /* so long nothing more happens: then it is acted on */
#define FILE_BYTES_MAX (64u << 20)
#define PATHS_MAX      10000

/* A rule of a service, and what changed for it. */
struct rule {
    const struct service *service;
    const struct service_watch *watch;
    struct {
        VEC_OF(char *);
    } changed;
};

struct watching {
    struct cli *cli;
    struct watch_files *files;
    struct {
        VEC_OF(struct rule);
    } rules;
};

/* ---- what counts ---- */

static bool wants(void *data, const char *path, bool is_dir)
{
    struct watching *w = data;

    VEC_EACH (&w->rules, struct rule, r)
        if (watch_counts(r->watch, path, is_dir))
            return true;
    return false;
}

static bool is_known(const struct rule *r, const char *path)
{
    VEC_EACH (&r->changed, char *, known)
        if (strcmp(*known, path) == 0)
            return true;
    return r->changed.count >= PATHS_MAX;
}

static void tell(void *data, const char *path)
{
    struct watching *w = data;

    VEC_EACH (&w->rules, struct rule, r)
        if (watch_counts(r->watch, path, false) && !is_known(r, path))
            vec_push(&r->changed, mem_copy_string(path));
}

/* ---- sync ---- */

static MUST_USE bool copy_file(const char *from, const char *to, struct err *err)
{
    struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
    char *above = mem_copy_string(to);
    struct stat st;
    bool ok;

    *strrchr(above, '/') = '\0';
    ok = (above[0] == '\0' || fs_make_dirs(above, 0755, err)) && fs_read(from, &bytes, err) &&
         (stat(from, &st) == 0 || err_sys(err, "%s", from)) &&
         fs_write_volatile(to, buf_str(&bytes), st.st_mode & 0777, err);
    free(above);
    buf_fini(&bytes);
    return ok;
}

/* As it is at the source: copied, or gone. */
static MUST_USE bool sync_path(const struct service_watch *w, const char *path, struct err *err)
{
    struct stat st;
    char *to = mem_format("%s%s", w->target, path + strlen(w->path));
    bool ok = true;

    if (stat(path, &st) == 0)
        ok = S_ISDIR(st.st_mode) || copy_file(path, to, err);
    else if (errno == ENOENT)
        ok = fs_remove_tree(to, err);
    else
        ok = err_sys(err, "%s", path);
    free(to);
    return ok;
}

/* ---- acting ---- */

static const char *shown(const struct rule *r, const char *path)
{
    const char *below = path + strlen(r->watch->path);

    return below[0] == '/' ? below + 1 : strrchr(path, '/') + 1;
}

static void say_what(struct watching *w, const struct rule *r)
{
    static const char *const doing[] = {[WATCH_RESTART] = "restarting",
        [WATCH_SYNC] = "copying",
        [WATCH_SYNC_RESTART] = "copying and restarting"};
    size_t more = r->changed.count - 1;

    if (more > 0)
        cli_say(w->cli, "%s: %s and %zu more changed: %s", r->service->name,
            shown(r, r->changed.at[0]), more, doing[r->watch->action]);
    else
        cli_say(w->cli, "%s: %s changed: %s", r->service->name, shown(r, r->changed.at[0]),
            doing[r->watch->action]);
}

static void sync_rule(struct watching *w, struct rule *r)
{
    VEC_EACH (&r->changed, char *, path) {
        struct err err = ERR_INIT;

        if (!sync_path(r->watch, *path, &err))
            (void)cli_fail(w->cli, &err, NULL); /* watching goes on */
    }
}

static void restart(struct watching *w, const struct service *s)
{
    struct buf path = BUF_INIT(1024);
    struct operation o = {.body = STR("{}"), .report = true, .keep_interrupt = true};
    struct client *c = NULL;
    struct err err = ERR_INIT;

    buf_add_text(&path, "/tend/v1/services/");
    client_add_encoded(&path, s->name);
    buf_add_text(&path, "/restart");
    o.path = path.at;
    if (client_open(&c, w->cli, &err))
        (void)operation_run(w->cli, c, &o, NULL); /* told; watching goes on */
    else
        (void)client_fail(w->cli, c, &err);
    client_close(&c);
    buf_fini(&path);
}

static void forget(struct rule *r)
{
    VEC_EACH (&r->changed, char *, path)
        free(*path);
    r->changed.count = 0;
}

static bool restarts(const struct rule *r)
{
    return r->watch->action != WATCH_SYNC;
}

/* Files first; then each service once, whatever rules it has. */
static void act(struct watching *w)
{
    struct {
        VEC_OF(const struct service *);
    } due = {0};

    VEC_EACH (&w->rules, struct rule, r) {
        if (r->changed.count == 0)
            continue;
        say_what(w, r);
        if (r->watch->target != NULL && r->watch->action != WATCH_RESTART)
            sync_rule(w, r);
        if (restarts(r) && (due.count == 0 || due.at[due.count - 1] != r->service))
            vec_push(&due, r->service); /* the rules of a service stand together */
        forget(r);
    }
    VEC_EACH (&due, const struct service *, s)
        restart(w, *s);
    vec_fini(&due);
}

/* ---- the command ---- */

static bool is_chosen(const struct cli *cli, const char *name)
{
    VEC_EACH (&cli->arguments.words, const char *, word)
        if (strcmp(*word, name) == 0)
            return true;
    return cli->arguments.words.count == 0;
}

static MUST_USE bool collect(struct watching *w, const struct project *p, struct err *err)
{
    VEC_EACH (&w->cli->arguments.words, const char *, word)
        if (project_service(p, str_from(*word)) == NULL)
            return err_set(err, ERR_MISSING, "no service is called \"%.80s\"", *word);
    for (size_t i = 0; i < p->service_count; i++)
        for (size_t k = 0; k < p->services[i].watch_count; k++)
            if (is_chosen(w->cli, p->services[i].name) && p->services[i].container == NULL)
                vec_push(&w->rules,
                    (struct rule){.service = &p->services[i], .watch = &p->services[i].watches[k]});
    return w->rules.count > 0 ||
           err_set(err, ERR_INVALID, "no service says what to watch, under `develop.watch`");
}

static MUST_USE bool begin(struct watching *w, struct err *err)
{
    TRY(watch_files_create(&w->files, wants, tell, w, err));
    VEC_EACH (&w->rules, struct rule, r) {
        TRY(watch_files_add(w->files, r->watch->path, err));
        if (r->watch->initial_sync && r->watch->action != WATCH_RESTART) {
            watch_files_each(w->files, r->watch->path);
            sync_rule(w, r);
        }
    }
    VEC_EACH (&w->rules, struct rule, r)
        forget(r); /* what was copied at the beginning has been told to all */
    return true;
}

static int bring_up(struct watching *w, const struct project *p)
{
    struct apply_request request = {.project = p, .start = true, .keep_interrupt = true};
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    if (cli_flag(w->cli, "no-up"))
        return EXIT_DONE;
    if (!apply_connect(w->cli, p, &c, NULL, &err))
        code = client_fail(w->cli, c, &err);
    else
        code = apply_run(w->cli, c, &request);
    client_close(&c);
    return code;
}

static void loop(struct watching *w)
{
    bool pending = false;

    cli_say(w->cli, "watching %zu %s; Ctrl-C ends it, the services go on", w->rules.count,
        w->rules.count == 1 ? "rule" : "rules");
    while (interrupt_count() == 0) {
        bool more = watch_files_wait(w->files, pending ? QUIET_MS : -1);
        if (!more && pending)
            act(w);
        pending = more;
    }
}

static int run_with(struct watching *w, const struct project *p)
{
    struct err err = ERR_INIT;
    int code;

    if (!collect(w, p, &err))
        return cli_misuse(w->cli, &err,
            "develop: {watch: [{action: restart, path: .}]} restarts it when a file changes");
    interrupt_begin();
    code = bring_up(w, p);
    if (code == EXIT_DONE && !begin(w, &err))
        code = cli_fail(w->cli, &err, NULL);
    else if (code == EXIT_DONE)
        loop(w);
    interrupt_end();
    return code;
}

static int run(struct cli *cli)
{
    struct watching w = {.cli = cli};
    int code;
    const struct project *p = project_need(cli, &code);

    if (p == NULL)
        return code;
    code = run_with(&w, p);
    watch_files_destroy(&w.files);
    VEC_EACH (&w.rules, struct rule, r) {
        forget(r);
        vec_fini(&r->changed);
    }
    vec_fini(&w.rules);
    project_unref(&p);
    return code;
}

static const struct flag flags[] = {
    FLAG("no-up", 0, "do not start what is declared first"),
    FLAG_VALUE("timeout", 0, "TIME", COMPLETES_NOTHING, "wait no longer than this for readiness"),
    PROFILE_FLAG,
};

static const struct example examples[] = {
    {"tend watch",     "start everything, and act when files change"},
    {"tend watch web", "only on what web says"                      },
};

const struct command cmd_watch = {
    .name = "watch",
    .group = GROUP_RUNNING,
    .summary = "restart services, or copy files, when files change",
    .usage = "[SERVICE…]",
    .about =
        "Does what the services' `develop.watch` says: restart, sync, sync+restart. What happens\n"
        "within a moment is acted on once. Version control and what editors write beside a file\n"
        "do not count.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .args_max = ARGS_ANY,
    .args_complete = COMPLETES_SERVICE,
    .run = run,
};
