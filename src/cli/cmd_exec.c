#include "base/mem.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/transport.h"
#include "drive/process/users.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NOT_EXECUTABLE 126 /* as shells have it */
#define EXIT_NOT_FOUND      127
#define VARIABLES_MAX       8192

/* "web" or "web/2" → the route of its start context. */
static bool write_address(struct buf *url, const char *subject, struct err *err)
{
    struct str slot = str_from(subject), service = str_cut(&slot, '/');
    char name[256];
    int64_t number = 0;

    if (service.len == 0 || service.len >= sizeof name ||
        (slot.len > 0 && (!str_to_int(slot, &number) || number < 1)))
        return err_set(err, ERR_INVALID, "\"%.80s\" is no service or instance", subject);
    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(service));
    buf_add_text(url, "/tend/v1/services/");
    client_add_encoded(url, name);
    buf_add_text(url, "/environment");
    if (number > 0)
        buf_format(url, "?slot=%lld", (long long)number);
    return true;
}

/* ["NAME=VALUE", …] or {"NAME":"VALUE", …}, as exec wants it. */
static char **environment_of(const json_t *context, struct err *err)
{
    json_t *entries = json_object_get(context, "environment"), *value;
    size_t bound = json_array_size(entries) + json_object_size(entries), count = 0, i;
    const char *name;
    char **out;

    if (bound == 0 || bound > VARIABLES_MAX) {
        (void)err_set(err, ERR_CORRUPT, "the daemon gave no environment"); /* always false */
        return NULL;
    }
    out = mem_new_array(bound + 1, char *);
    json_array_foreach(entries, i, value)
    {
        if (json_string_value(value) != NULL)
            out[count++] = mem_copy_string(json_string_value(value));
    }
    json_object_foreach(entries, name, value)
    {
        if (json_string_value(value) != NULL)
            out[count++] = mem_format("%s=%s", name, json_string_value(value));
    }
    return out;
}

/* For good: the group list first, while that is still allowed. */
static bool become(const char *user, struct err *err)
{
    struct user_ids ids;

    if (user[0] == '\0')
        return true;
    TRY(user_resolve(user, &ids, err));
    if (!ids.change)
        return true;
    if (setgroups(ids.group_count, ids.groups) == -1 || setgid(ids.gid) == -1 ||
        setuid(ids.uid) == -1)
        return err_sys(err, "becoming %s", user);
    return true;
}

/* Its program does not start. */
static int not_started(struct cli *cli, const char *program)
{
    int code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    struct err err = ERR_INIT;

    (void)err_sys(&err, "%s", program); /* always false */
    (void)cli_fail(cli, &err, NULL);    /* the code is that of shells */
    return code;
}

/* The service's view of the files, where it has one of its own. */
static bool enter_view(const json_t *context, struct err *err)
{
    json_int_t pid = json_integer_value(json_object_get(context, "view_pid"));
    char path[64];

    if (pid <= 0)
        return true;
    (void)snprintf(path, sizeof path, "/proc/%lld/ns/mnt", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd != -1 && setns(fd, CLONE_NEWNS) == 0) {
        (void)close(fd);
        return true;
    }
    return err_sys(err, "the service's view of the files (%s)", path);
}

static bool enter(const json_t *context, struct err *err)
{
    const char *dir = answer_text(context, "working_dir");

    TRY(enter_view(context, err));
    TRY(become(answer_text(context, "user"), err));
    return dir[0] == '\0' || chdir(dir) == 0 || err_sys(err, "%s", dir);
}

static void free_all(char **texts)
{
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
        free(texts[i]);
    free(texts);
}

/* Returns only on failure. */
static int execute(struct cli *cli, const json_t *context)
{
    size_t count = cli->arguments.words.count;
    struct err err = ERR_INIT;
    char **environment = environment_of(context, &err);
    char **argv = mem_new_array(count, char *);
    int code;

    for (size_t i = 1; i < count; i++)
        argv[i - 1] = (char *)(uintptr_t)cli_word(cli, i); /* exec wants char * */
    if (environment != NULL && enter(context, &err)) {
        char **before = environ;

        environ = environment;       /* so that the service's PATH is searched */
        (void)execvp(argv[0], argv); /* returns only on failure */
        environ = before;
        code = not_started(cli, argv[0]);
    } else {
        code = cli_fail(cli, &err, NULL);
    }
    free_all(environment);
    free(argv);
    return code;
}

/* On the other machine it is `tend exec` again, beside its daemon. Returns only on failure. */
static int run_remotely(struct cli *cli)
{
    size_t count = cli->arguments.words.count;
    const char **words = mem_new_array(count, const char *);
    struct transport_remote remote = {
        .host = cli_value(cli, "host"),
        .project = cli_value(cli, "project"),
        .state_dir = cli_value(cli, "state"),
    };
    char project[PATHS_PROJECT_BYTES];
    struct err err = ERR_INIT;
    bool named =
        remote.project != NULL || remote.state_dir != NULL || cli_project(cli, project, &err);

    for (size_t i = 1; i < count; i++)
        words[i - 1] = cli_word(cli, i);
    if (named && remote.project == NULL && remote.state_dir == NULL)
        remote.project = project;
    if (named && !transport_ssh_exec(&remote, cli_word(cli, 0), words, count - 1, &err))
        named = false;
    free(words);
    return cli_fail(cli, &err, "ssh there and run tend exec");
}

static int run(struct cli *cli)
{
    struct buf url = BUF_INIT(1024);
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *context = NULL;
    int code;

    if (cli_value(cli, "host") != NULL)
        return run_remotely(cli);
    if (!write_address(&url, cli_word(cli, 0), &err))
        code = cli_misuse(cli, &err, "tend exec web -- env");
    else if (!client_open(&c, cli, &err) || !client_json(c, "GET", url.at, STR(""), &context, &err))
        code = client_fail(cli, c, &err);
    else
        code = execute(cli, context);
    json_decref(context);
    client_close(&c);
    buf_fini(&url);
    return code;
}

static const struct example examples[] = {
    {"tend exec web -- env",  "what the service finds in its environment"},
    {"tend exec worker/2 sh", "a shell as it, where it runs"             },
};

const struct command cmd_exec = {
    .name = "exec",
    .group = GROUP_RUNNING,
    .summary = "run a command as a service would: its environment, folder and user",
    .usage = "SERVICE[/SLOT] [--] COMMAND…",
    COMMAND_EXAMPLES(examples),
    .args_min = 2,
    .args_max = ARGS_ANY,
    .rest_is_command = true,
    .args_complete = COMPLETES_INSTANCE,
    .run = run,
};
