#include "cli/daemon_start.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/must.h"
#include "base/random.h"
#include "cli/transport.h"
#include "drive/process/shim_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_WAIT_MS  15000
#define TRY_AGAIN_MS   5
#define RESTARTS_BURST 20 /* immediate ones */
#define STABLE_MS      10000
#define SLOW_FIRST_MS  200
#define SLOW_MAX_MS    5000
#define LOG_BYTES      (4u << 20)
#define LOG_FILES      3
#define LOG_TAIL_BYTES 2000
#define FD_FREE_FROM   10

extern char **environ;

/* Codes of tendd that trying again cannot change. */
static const int final_codes[] = {EXIT_USAGE, EXIT_LOCKED};

bool daemon_program(char out[PATHS_BYTES], const char *name, struct err *err)
{
    char self[PATHS_BYTES];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    struct str path = str_from(getenv("PATH"));
    char *slash;

    if (len > 0) {
        self[len] = '\0';
        slash = strrchr(self, '/');
        (void)snprintf(out, PATHS_BYTES, "%.*s/%s", (int)(slash - self), self, name);
        if (access(out, X_OK) == 0)
            return true;
    }
    while (path.len > 0) {
        struct str dir = str_cut(&path, ':');

        (void)snprintf(out, PATHS_BYTES, "%.*s/%s", STR_ARG(dir), name);
        if (dir.len > 0 && dir.at[0] == '/' && access(out, X_OK) == 0)
            return true;
    }
    return err_set(err, ERR_MISSING, "%s is neither beside tend nor in PATH", name);
}

/* ---- the guard's spec ---- */

static void add_entry(struct buf *spec, enum shim_tag tag, const void *value, size_t length)
{
    static const char zeros[8];
    struct shim_spec_entry entry = {.tag = tag, .length = (uint32_t)length};

    buf_add(spec, &entry, sizeof entry);
    buf_add(spec, value, length);
    buf_add(spec, zeros, (8 - length % 8) % 8);
}

static void add_text(struct buf *spec, enum shim_tag tag, const char *text)
{
    add_entry(spec, tag, text, strlen(text) + 1);
}

static void add_number(struct buf *spec, enum shim_tag tag, uint32_t number)
{
    add_entry(spec, tag, &number, sizeof number);
}

static void add_lease(struct buf *spec)
{
    struct shim_lease lease = {
        .flags = SHIM_RESTART_ON_FAILURE,
        .burst = RESTARTS_BURST,
        .stable_ms = STABLE_MS,
        .slow_first_ms = SLOW_FIRST_MS,
        .slow_max_ms = SLOW_MAX_MS,
    };

    for (size_t i = 0; i < COUNT(final_codes); i++)
        lease.stop_codes[final_codes[i] / 8] |= (uint8_t)(1u << final_codes[i] % 8);
    add_entry(spec, SHIM_TAG_LEASE, &lease, sizeof lease);
}

static void add_arguments(struct cli *cli, const struct paths *paths, struct buf *spec)
{
    const char *listen = cli_value(cli, "listen");

    add_text(spec, SHIM_TAG_ARGUMENT, "tendd");
    add_text(spec, SHIM_TAG_ARGUMENT, "--project");
    add_text(spec, SHIM_TAG_ARGUMENT, paths->project);
    add_text(spec, SHIM_TAG_ARGUMENT, "--state");
    add_text(spec, SHIM_TAG_ARGUMENT, paths->state_dir);
    if (listen != NULL) {
        add_text(spec, SHIM_TAG_ARGUMENT, "--listen");
        add_text(spec, SHIM_TAG_ARGUMENT, listen);
    }
    for (char **variable = environ; *variable != NULL; variable++)
        add_text(spec, SHIM_TAG_VARIABLE, *variable);
}

struct places {
    char guard[PATHS_BYTES + 8], log[PATHS_BYTES + 8], tendd[PATHS_BYTES], shim[PATHS_BYTES];
};

static void write_spec(
    struct cli *cli, const struct paths *paths, const struct places *p, struct buf *spec)
{
    uint64_t run_id = random_secret_seed(), log_bytes = LOG_BYTES;
    struct shim_spec_header header = {.magic = SHIM_MAGIC, .version = SHIM_VERSION};

    buf_add(spec, &header, sizeof header);
    add_text(spec, SHIM_TAG_RUN_DIR, p->guard);
    add_entry(spec, SHIM_TAG_RUN_ID, &run_id, sizeof run_id);
    add_text(spec, SHIM_TAG_PROGRAM, p->tendd);
    add_arguments(cli, paths, spec);
    add_text(spec, SHIM_TAG_CWD, "/");
    add_number(spec, SHIM_TAG_UMASK, 077);
    add_text(spec, SHIM_TAG_LOG_DIR, p->log);
    add_text(spec, SHIM_TAG_LOG_NAME, "daemon.log");
    add_entry(spec, SHIM_TAG_LOG_BYTES, &log_bytes, sizeof log_bytes);
    add_number(spec, SHIM_TAG_LOG_FILES, LOG_FILES);
    add_number(spec, SHIM_TAG_STOP_SIGNAL, SIGTERM);
    add_number(spec, SHIM_TAG_FLAGS, SHIM_SPEC_KEEP_ORPHANS);
    add_lease(spec);
    add_text(spec, SHIM_TAG_BOOT_ID, clock_boot_id());
    if (buf_full(spec))
        return;
    header.bytes = (uint32_t)spec->len;
    memcpy(spec->at, &header, sizeof header);
}

/* A sealed file in memory: what to run never touches the disk, since it holds an environment. */
static int make_spec_file(struct str spec, struct err *err)
{
    int fd = memfd_create("tend-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd == -1) {
        (void)err_sys(err, "memfd_create"); /* always false */
        return -1;
    }
    if (!fs_write_all(fd, spec, err) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1) {
        (void)close(fd); /* nothing was kept */
        return -1;
    }
    return fd;
}

/* ---- starting it ---- */

/* `spec_fd` and `control_fd` are above those that the guard expects. */
static bool spawn_guard(const struct places *p, const struct paths *paths, int spec_fd,
    int control_fd, pid_t *out, struct err *err)
{
    char name[] = "tend-shim", subject[] = "daemon", project[PATHS_PROJECT_BYTES];
    char *argv[] = {name, project, subject, NULL};
    posix_spawn_file_actions_t actions;
    int code;

    (void)snprintf(project, sizeof project, "%s", paths->project);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return err_set(err, ERR_IO, "starting %s", p->shim);
    code = posix_spawn_file_actions_adddup2(&actions, spec_fd, SHIM_FD_SPEC);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, control_fd, SHIM_FD_CONTROL);
    if (code == 0)
        code = posix_spawn(out, p->shim, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions); /* never fails here */
    errno = code;
    return code == 0 || err_sys(err, "starting %s", p->shim);
}

static int above(int fd)
{
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, FD_FREE_FROM);

    (void)close(fd); /* the copy stays */
    return higher;
}

static bool start_guard(struct cli *cli, const struct paths *paths, const struct places *p,
    pid_t *guard, int *control, struct err *err)
{
    struct buf spec = BUF_INIT(SHIM_SPEC_MAX);
    int pair[2], spec_fd;
    bool ok;

    write_spec(cli, paths, p, &spec);
    if (buf_full(&spec)) {
        buf_fini(&spec);
        return err_set(err, ERR_LIMIT, "the environment is too large");
    }
    spec_fd = make_spec_file(buf_str(&spec), err);
    buf_fini(&spec);
    if (spec_fd == -1)
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
        (void)close(spec_fd); /* nothing was kept */
        return err_sys(err, "socketpair");
    }
    spec_fd = above(spec_fd);
    pair[1] = above(pair[1]);
    ok = spawn_guard(p, paths, spec_fd, pair[1], guard, err);
    (void)close(spec_fd); /* the guard has its own */
    (void)close(pair[1]);
    *control = pair[0];
    if (!ok)
        (void)close(pair[0]); /* nobody is at the other end */
    return ok;
}

/* What the daemon said last, without the time and stream before each line. */
static void read_log_tail(const struct places *p, char out[LOG_TAIL_BYTES])
{
    struct buf bytes = BUF_INIT(LOG_BYTES * 2);
    char path[PATHS_BYTES + 32];
    struct str rest, last = STR("");

    (void)snprintf(path, sizeof path, "%s/daemon.log", p->log);
    out[0] = '\0';
    if (fs_read(path, &bytes, NULL)) {
        rest = str_trim(buf_str(&bytes));
        while (rest.len > 0)
            last = str_cut(&rest, '\n');
        for (int field = 0; field < 3; field++)
            (void)str_cut(&last, ' '); /* time, stream, F or P */
        (void)snprintf(out, LOG_TAIL_BYTES, "%.*s", STR_ARG(last));
    }
    buf_fini(&bytes);
}

static bool tell_why(const struct places *p, struct err *err)
{
    char said[LOG_TAIL_BYTES];

    read_log_tail(p, said);
    return err_set(err, ERR_IO, "the daemon does not start%s%s (see %s/daemon.log)",
        said[0] != '\0' ? ": " : "", said, p->log);
}

static bool answers(const struct paths *paths)
{
    struct transport t;
    bool ok = transport_dial(&t, paths, NULL);

    if (ok)
        transport_close(&t);
    return ok;
}

/* Until it answers; a guard that ended has given up (or another daemon runs already). */
static bool wait_until_up(
    const struct paths *paths, const struct places *p, pid_t guard, struct err *err)
{
    int64_t deadline = clock_boot_ms() + START_WAIT_MS;
    struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * NS_PER_MS};

    while (clock_boot_ms() < deadline) {
        bool ended = waitpid(guard, NULL, WNOHANG) == guard;

        if (answers(paths))
            return true;
        if (ended)
            return tell_why(p, err);
        (void)nanosleep(&pause, NULL); /* a socket that is not there yet cannot be awaited */
    }
    return tell_why(p, err);
}

bool daemon_start(struct cli *cli, const struct paths *paths, struct err *err)
{
    struct places p;
    pid_t guard;
    int control = -1;
    bool ok;

    TRY(daemon_program(p.tendd, "tendd", err) && daemon_program(p.shim, "tend-shim", err));
    TRY(paths_make(paths, err));
    (void)snprintf(p.guard, sizeof p.guard, "%s/guard", paths->run_dir);
    (void)snprintf(p.log, sizeof p.log, "%s/guard", paths->state_dir);
    TRY(fs_make_dirs(p.guard, 0700, err) && fs_make_dirs(p.log, 0700, err));
    TRY(start_guard(cli, paths, &p, &guard, &control, err));
    ok = wait_until_up(paths, &p, guard, err);
    (void)close(control); /* from here on the guard decides alone */
    return ok;
}
