#include "base/clock.h"
#include "base/fs.h"
#include "base/must.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/daemon_start.h"
#include "cli/operation_view.h"
#include "cli/transport.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>

#define GONE_WAIT_MS 5000
#define TRY_AGAIN_MS 10

/* Instances that live without a daemon are still to be found in RUN/i. */
static bool instances_are_left(const struct paths *paths)
{
    char path[PATHS_BYTES + 4];
    DIR *dir;
    bool found = false;
    struct dirent *entry;

    (void)snprintf(path, sizeof path, "%s/i", paths->run_dir);
    dir = opendir(path);
    while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
        found = entry->d_name[0] != '.';
    if (dir != NULL)
        (void)closedir(dir); /* opened for reading: nothing is lost */
    return found;
}

/* No daemon answers: that is fine, unless its services are still there. */
static int without_daemon(struct cli *cli, struct client *c, const struct err *err)
{
    struct paths paths;
    struct err none = ERR_INIT;

    if (err->kind != ERR_UNREACHABLE || cli_value(cli, "host") != NULL ||
        !cli_paths(cli, &paths, &none))
        return client_fail(cli, c, err);
    if (instances_are_left(&paths)) {
        (void)err_set(&none, ERR_UNREACHABLE, /* always false */
            "no daemon answers, and services of project %s may still run", paths.project);
        return cli_fail(cli, &none, "tend up -d, then tend down: the new daemon takes them over");
    }
    if (cli->json)
        (void)printf("{\"v\":1,\"ok\":true,\"exit\":0,\"text\":\"nothing runs\",\"undo\":null}\n");
    cli_say(cli, "Nothing of project %s runs.", paths.project);
    return EXIT_DONE;
}

/* So that a `tend up` right behind it finds no daemon that is on its way out. */
static void wait_until_gone(struct cli *cli)
{
    int64_t deadline = clock_boot_ms() + GONE_WAIT_MS;
    struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * NS_PER_MS};
    struct transport t;
    struct paths paths;
    struct err err = ERR_INIT;

    if (cli_value(cli, "host") != NULL || !cli_paths(cli, &paths, &err))
        return;
    while (clock_boot_ms() < deadline && transport_dial(&t, &paths, &err)) {
        transport_close(&t);
        (void)nanosleep(&pause, NULL); /* nothing tells when a socket is no longer listened on */
    }
}

/* Volumes are the daemon's to remove, so one is started for it where there is none. */
static bool open_for_volumes(struct client **out, struct cli *cli, struct err *err)
{
    char path[PATHS_BYTES + 16];
    struct err none = ERR_INIT;
    struct paths paths;

    if (client_open(out, cli, err))
        return true;
    if (err->kind != ERR_UNREACHABLE || cli_value(cli, "host") != NULL ||
        !cli_paths(cli, &paths, &none))
        return false;
    (void)snprintf(path, sizeof path, "%s/volumes", paths.state_dir);
    if (!fs_exists(path))
        return false;
    client_close(out);
    return daemon_start(cli, &paths, err) && client_open(out, cli, err);
}

static int run(struct cli *cli)
{
    bool keep = cli_flag(cli, "keep-daemon"), volumes = cli_flag(cli, "volumes");
    char body[64];
    struct operation o = {
        .path = "/tend/v1/down",
        .report = true,
    };
    struct operation_outcome outcome = {0};
    struct client *c = NULL;
    struct err err = ERR_INIT;
    int code;

    (void)snprintf(body, sizeof body, "{\"shutdown\":%s%s}", keep ? "false" : "true",
        volumes ? ",\"volumes\":true" : "");
    o.body = str_from(body);
    if (!(volumes ? open_for_volumes(&c, cli, &err) : client_open(&c, cli, &err)))
        code = without_daemon(cli, c, &err);
    else
        code = operation_run(cli, c, &o, &outcome);
    client_close(&c);
    if (code == EXIT_DONE && !keep)
        wait_until_gone(cli);
    if (outcome.ok && outcome.undo[0] == '\0' && !volumes)
        cli_say(cli, "undo: tend up -d");
    return code;
}

static const struct flag flags[] = {
    FLAG("keep-daemon", 0, "stop the services, but leave the daemon running"),
    FLAG("volumes", 0, "remove the project's volumes, too, and all that is in them"),
};

static const struct example examples[] = {
    {"tend down",           "stop everything; tend up starts it again"},
    {"tend down --volumes", "and begin anew next time"                },
};

const struct command cmd_down = {
    .name = "down",
    .group = GROUP_RUNNING,
    .summary = "stop everything and end the daemon",
    .usage = "",
    .about =
        "Services are stopped in the reverse order of their dependencies. Logs and the journal\n"
        "are kept, and so are volumes, unless --volumes is given: then they are removed, those of\n"
        "services that are no longer declared too, and it is said which.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
