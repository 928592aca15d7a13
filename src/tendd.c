/* tendd - the daemon: one project, one state directory.
 *
 * Its parts are a table of subsystems, started from top to bottom and stopped from bottom to top:
 *
 *     state      directories, format version, lock, token and keys
 *     loop       the control thread's
 *     journal    segments, and the thread that writes them
 *     views      what follows from the journal
 *     hands      the engine, processes, probes
 *     restore    what was declared and what runs: re-adopted
 *     executor   changes of files and whatever else is no service
 *     serve      HTTP on the UNIX socket and on TCP, and the door for commands
 *
 * Whatever happens to this process, services live on under their shims. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "engine/executor.h"
#include "engine/hands.h"
#include "engine/kinds.h"
#include "engine/snapshot.h"
#include "io/loop.h"
#include "io/paths.h"
#include "io/state_dir.h"
#include "record/journal.h"
#include "record/views.h"
#include "serve/door.h"
#include "serve/serve.h"

#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_DEFAULT  "127.0.0.1:8363"
#define LISTEN_AGAIN_MS 5000

struct options {
    const char *project, *state_dir, *listen, *shim;
};

struct daemon {
    struct options options;
    struct paths paths;
    struct state_dir state;
    int64_t started_at_ns;
    struct loop *loop;
    struct signal_watch *term, *interrupt;
    struct journal *journal;
    struct journal_opened opened;
    struct views *views;
    struct views_opened views_opened;
    struct snapshot_cell *cell;
    struct hands *hands;
    struct executor *executor;
    struct door *door;
    char *socket_path, *journal_dir, *logs_dir;
    struct serve_options serve_options;
    struct serve_host serve_host;
    struct serve *serve;
    struct timer *listen_timer; /* NULL: our address is ours */
    size_t adopted;
    const char *stop_reason;
};

/* ---- state ---- */

static char *in_state(const struct daemon *d, const char *name)
{
    return mem_format("%s/%s", d->paths.state_dir, name);
}

static bool start_state(struct daemon *d, struct err *err)
{
    TRY(paths_find(&d->paths, d->options.project, d->options.state_dir, err));
    TRY(paths_make(&d->paths, err));
    return state_dir_open(&d->state, &d->paths, err);
}

static void stop_state(struct daemon *d)
{
    state_dir_close(&d->state);
}

/* ---- loop ---- */

static void end(struct daemon *d, const char *reason)
{
    if (d->stop_reason == NULL)
        d->stop_reason = reason;
    loop_stop(d->loop);
}

static void on_signal(void *data, int signo)
{
    end(data, signo == SIGTERM ? "SIGTERM" : "SIGINT");
}

static bool start_loop(struct daemon *d, struct err *err)
{
    (void)signal(SIGPIPE, SIG_IGN);
    TRY(loop_create(&d->loop, err));
    d->cell = snapshot_cell_create();
    TRY(signal_watch_create(&d->term, d->loop, SIGTERM, on_signal, d, err));
    return signal_watch_create(&d->interrupt, d->loop, SIGINT, on_signal, d, err);
}

static void stop_loop(struct daemon *d)
{
    if (d->loop == NULL)
        return;
    signal_watch_destroy(&d->term);
    signal_watch_destroy(&d->interrupt);
    snapshot_cell_destroy(&d->cell);
    loop_destroy(&d->loop);
}

/* ---- journal and views ---- */

static void post_to_loop(void *loop, void (*fn)(void *data), void *data)
{
    loop_post(loop, fn, data);
}

static void tell(struct daemon *d, const char *type, struct buf *evidence)
{
    struct event e = {
        .type = type, .actor = "tend", .subject = "daemon", .evidence = buf_str(evidence)};

    (void)journal_append(d->journal, &e);
}

static void on_health(void *data, const struct journal_health *health)
{
    struct daemon *d = data;
    struct buf body = BUF_INIT(1024);
    struct json j = json_begin(&body);

    if (d->hands != NULL)
        hands_degraded(d->hands, "journal", health->failing ? health->text : NULL);
    json_open_object(&j, NULL);
    json_format(&j, "reason", "journal: %s", health->failing ? health->text : "written again");
    if (health->dropped > 0)
        json_int(&j, "dropped", (int64_t)health->dropped);
    json_end(&j);
    tell(d, health->failing ? "daemon.degraded" : "daemon.recovered", &body);
    log_warn(health->failing ? "journal.failing" : "journal.recovered", "err=\"%s\" waiting=%llu",
        health->text, (unsigned long long)health->waiting);
    buf_fini(&body);
}

static bool start_journal(struct daemon *d, struct err *err)
{
    struct journal_options options = {
        .post = post_to_loop, .post_host = d->loop, .on_health = on_health, .on_health_data = d};
    struct buf body = BUF_INIT(1024);
    char *dir = in_state(d, "journal");
    bool ok = journal_open(&d->journal, dir, &options, &d->opened, err);

    free(dir);
    if (ok && d->opened.torn_bytes > 0) {
        buf_format(&body, "{\"file\":\"%s\",\"bytes\":%llu}", d->opened.torn_file,
            (unsigned long long)d->opened.torn_bytes);
        tell(d, "journal.torn_tail_cut", &body);
    }
    buf_fini(&body);
    return ok;
}

static void stop_journal(struct daemon *d)
{
    journal_close(&d->journal);
}

static bool start_views(struct daemon *d, struct err *err)
{
    char *path = in_state(d, "state.db");
    bool ok = views_open(&d->views, path, d->journal, &d->views_opened, err);

    if (ok && d->views_opened.rebuilt && d->views_opened.reason[0] != 0)
        log_warn("views.rebuilt", "reason=\"%s\" events=%llu", d->views_opened.reason,
            (unsigned long long)d->views_opened.folded);
    free(path);
    return ok;
}

static void stop_views(struct daemon *d)
{
    views_close(&d->views);
}

/* ---- hands ---- */

static bool start_hands(struct daemon *d, struct err *err)
{
    struct hands_settings settings = {
        .loop = d->loop,
        .journal = d->journal,
        .views = d->views,
        .cell = d->cell,
        .project = d->paths.project,
        .state_dir = d->paths.state_dir,
        .run_dir = d->paths.run_dir,
        .shim_path = d->options.shim,
        .revision_key = {.at = (const char *)d->state.key.at, .len = sizeof d->state.key.at},
        .started_at_ns = d->started_at_ns,
    };
    struct journal_health health;

    TRY(hands_create(&d->hands, &settings, err));
    journal_health(d->journal, &health);
    if (health.broken)
        hands_degraded(d->hands, "journal", health.broken_text);
    return true;
}

static void stop_hands(struct daemon *d)
{
    hands_destroy(&d->hands);
}

/* ---- restore ---- */

static const struct project *load_fact(struct daemon *d, const char *key)
{
    struct buf value = BUF_INIT(256);
    struct err err = ERR_INIT;
    const struct project *p = NULL;
    json_t *digest = NULL;

    if (views_fact_get(d->views, "project", key, &value, &err))
        digest = json_loads(buf_str(&value).at, JSON_DECODE_ANY, NULL);
    if (json_is_string(digest)) {
        p = door_load(d->paths.state_dir, json_string_value(digest),
            (struct str){.at = (const char *)d->state.key.at, .len = sizeof d->state.key.at}, &err);
        if (p == NULL)
            log_error("document.unreadable", "fact=%s err=\"%s\"", key, err.text);
    }
    json_decref(digest);
    buf_fini(&value);
    return p;
}

static void tell_started(struct daemon *d)
{
    struct buf body = BUF_INIT(1024);
    struct json j = json_begin(&body);

    json_open_object(&j, NULL);
    json_text(&j, "version", TEND_VERSION);
    json_int(&j, "pid", getpid());
    if (d->adopted > 0)
        json_int(&j, "adopted", (int64_t)d->adopted);
    json_end(&j);
    tell(d, "daemon.started", &body);
    buf_fini(&body);
}

static bool start_restore(struct daemon *d, struct err *err)
{
    const struct project *project = load_fact(d, "document"), *previous = load_fact(d, "previous");
    bool ok = hands_restore(d->hands, project, previous, &d->adopted, err);

    project_unref(&project);
    project_unref(&previous);
    if (ok)
        tell_started(d);
    return ok;
}

static void stop_nothing(struct daemon *d)
{
    (void)d;
}

/* ---- executor ---- */

static bool start_executor(struct daemon *d, struct err *err)
{
    struct executor_settings settings = {
        .loop = d->loop,
        .journal = d->journal,
        .views = d->views,
        .engine = hands_engine(d->hands),
        .state_dir = d->paths.state_dir,
        .revision_key = {.at = (const char *)d->state.key.at, .len = sizeof d->state.key.at},
    };

    return executor_create(&d->executor, &settings, err);
}

static void stop_executor(struct daemon *d)
{
    executor_destroy(&d->executor);
}

/* ---- serve ---- */

static const struct snapshot *acquire(void *data)
{
    struct daemon *d = data;

    return snapshot_cell_acquire(d->cell);
}

static void on_command(void *data, struct command *command, struct http_stream *stream)
{
    struct daemon *d = data;

    door_command(d->door, command, stream);
}

static void on_shutdown(void *data)
{
    end(data, "somebody asked for it");
}

/* Somebody took our address while we were dead: services come first, the address when it is free.
 */
static void listen_again(void *data)
{
    struct daemon *d = data;
    struct err err = ERR_INIT;

    if (!http_address_is_free(d->options.listen)) {
        timer_set(d->listen_timer, LISTEN_AGAIN_MS);
        return;
    }
    serve_stop(&d->serve);
    d->serve_options.tcp_address = d->options.listen;
    if (serve_start(&d->serve, &d->serve_options, &d->serve_host, &err)) {
        hands_degraded(d->hands, "http", NULL);
        return;
    }
    d->serve_options.tcp_address = NULL;
    if (serve_start(&d->serve, &d->serve_options, &d->serve_host, &err))
        timer_set(d->listen_timer, LISTEN_AGAIN_MS);
    else
        end(d, "the socket cannot be served");
}

/* With nothing to look after, an address that is taken is whoever starts us's problem. */
static bool serve_without_tcp(struct daemon *d, struct err *err)
{
    if (err->kind != ERR_CONFLICT || d->adopted == 0 || d->serve_options.tcp_address == NULL)
        return false;
    hands_degraded(d->hands, "http", err->text);
    log_warn("http.degraded", "err=\"%s\"", err->text);
    d->serve_options.tcp_address = NULL;
    d->listen_timer = timer_create_on(d->loop, listen_again, d);
    timer_set(d->listen_timer, LISTEN_AGAIN_MS);
    return serve_start(&d->serve, &d->serve_options, &d->serve_host, err);
}

static bool start_serve(struct daemon *d, struct err *err)
{
    struct door_settings door = {
        .loop = d->loop,
        .hands = d->hands,
        .executor = d->executor,
        .journal = d->journal,
        .state_dir = d->paths.state_dir,
        .revision_key = {.at = (const char *)d->state.key.at, .len = sizeof d->state.key.at},
        .shutdown = on_shutdown,
        .data = d,
    };

    d->socket_path = mem_format("%s/sock", d->paths.run_dir);
    d->journal_dir = in_state(d, "journal");
    d->logs_dir = in_state(d, "logs");
    d->serve_options = (struct serve_options){
        .unix_path = d->socket_path,
        .tcp_address = strcmp(d->options.listen, "none") == 0 ? NULL : d->options.listen,
        .token = d->state.token,
    };
    d->serve_host = (struct serve_host){
        .data = d,
        .acquire = acquire,
        .command = on_command,
        .journal = d->journal,
        .views = d->views,
        .journal_dir = d->journal_dir,
        .logs_dir = d->logs_dir,
    };
    d->door = door_create(&door);
    hands_begin(d->hands);
    executor_resume(d->executor);
    return serve_start(&d->serve, &d->serve_options, &d->serve_host, err) ||
           serve_without_tcp(d, err);
}

static void stop_serve(struct daemon *d)
{
    timer_destroy(&d->listen_timer);
    serve_stop(&d->serve);
    door_destroy(&d->door);
    free(d->socket_path);
    free(d->journal_dir);
    free(d->logs_dir);
}

/* ---- the table ---- */

static const struct subsystem {
    const char *name;
    bool (*start)(struct daemon *d, struct err *err);
    void (*stop)(struct daemon *d);
} subsystems[] = {
    {"state",    start_state,    stop_state   },
    {"loop",     start_loop,     stop_loop    },
    {"journal",  start_journal,  stop_journal },
    {"views",    start_views,    stop_views   },
    {"hands",    start_hands,    stop_hands   },
    {"restore",  start_restore,  stop_nothing },
    {"executor", start_executor, stop_executor},
    {"serve",    start_serve,    stop_serve   },
};

/* sd_notify(3), for systemd and for the shim that guards us. */
static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return;
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
    (void)close(fd);
}

static void tell_stopped(struct daemon *d)
{
    struct buf body = BUF_INIT(256);

    buf_format(&body, "{\"reason\":\"%s\"}", d->stop_reason != NULL ? d->stop_reason : "");
    tell(d, "daemon.stopped", &body);
    buf_fini(&body);
}

static int run(struct daemon *d)
{
    struct err err = ERR_INIT;
    size_t started = 0;
    int code = 0;

    while (started < COUNT(subsystems) && subsystems[started].start(d, &err))
        started++;
    if (started < COUNT(subsystems)) {
        log_error("daemon.failed", "at=%s err=\"%s\"", subsystems[started].name, err.text);
        code = err.kind == ERR_CONFLICT ? 5 : 1;
        started++; /* its stop accepts what is half built */
    } else {
        log_info("daemon.ready", "project=%s pid=%d port=%d adopted=%zu took_ms=%lld",
            d->paths.project, getpid(), serve_port(d->serve), d->adopted,
            (long long)((clock_wall_ns() - d->started_at_ns) / NS_PER_MS));
        notify("READY=1");
        loop_run(d->loop);
        notify("STOPPING=1");
        tell_stopped(d);
        log_info("daemon.stopped", "reason=\"%s\"", d->stop_reason != NULL ? d->stop_reason : "");
    }
    while (started > 0)
        subsystems[--started].stop(d);
    return code;
}

/* ---- arguments ---- */

static const char usage[] =
    "usage: tendd --project NAME [--state DIR] [--listen ADDRESS|none] [--shim PATH] [-v]\n"
    "Runs the daemon of one project in the foreground; `tend daemon` starts it with the right "
    "paths.\n";

/* tend-shim lies beside us. */
static char *find_shim(void)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    if (len <= 0)
        return mem_copy_string("tend-shim");
    self[len] = 0;
    slash = strrchr(self, '/');
    return mem_format("%.*s/tend-shim", (int)(slash - self), self);
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"project", required_argument, NULL, 'p'},
        {"state",   required_argument, NULL, 's'},
        {"listen",  required_argument, NULL, 'l'},
        {"shim",    required_argument, NULL, 'm'},
        {"verbose", no_argument,       NULL, 'v'},
        {NULL,      0,                 NULL, 0  },
    };
    int option;

    while ((option = getopt_long(argc, argv, "p:v", longs, NULL)) != -1)
        switch (option) {
        case 'p':
            o->project = optarg;
            break;
        case 's':
            o->state_dir = optarg;
            break;
        case 'l':
            o->listen = optarg;
            break;
        case 'm':
            o->shim = optarg;
            break;
        case 'v':
            log_set_level(LOG_LEVEL_DEBUG);
            break;
        default:
            return false;
        }
    return o->project != NULL && optind == argc;
}

int main(int argc, char **argv)
{
    struct daemon d = {.options = {.listen = LISTEN_DEFAULT},
        .state = {.lock_fd = -1},
        .started_at_ns = clock_wall_ns()};
    char *shim = find_shim();
    int code;

    d.options.shim = shim;
    kinds_register();
    if (!parse(argc, argv, &d.options)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    code = run(&d);
    free(shim);
    return code;
}
