#include "cli/transport.h"

#include "base/buf.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_BYTES_MAX    255
#define COMMAND_BYTES_MAX 16384

extern char **environ;

static bool connect_in(int dir_fd, int *out, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return err_sys(err, "socket");
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/sock", dir_fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1) {
        int saved = errno;

        (void)close(fd); /* nothing was written */
        errno = saved;
        if (saved == ENOENT || saved == ECONNREFUSED)
            return err_set(err, ERR_UNREACHABLE, "no daemon answers");
        return err_sys(err, "connect to the daemon");
    }
    *out = fd;
    return true;
}

bool transport_dial(struct transport *t, const struct paths *paths, struct err *err)
{
    int dir_fd = open(paths->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int fd = -1;
    bool ok;

    *t = (struct transport){-1, -1, -1};
    if (dir_fd == -1 && errno == ENOENT)
        return err_set(err, ERR_UNREACHABLE, "no daemon runs project %s", paths->project);
    if (dir_fd == -1)
        return err_sys(err, "%s", paths->run_dir);
    ok = paths_check_run(paths, err) && connect_in(dir_fd, &fd, err);
    (void)close(dir_fd); /* a path descriptor */
    if (!ok)
        return err_in(err, "project %s", paths->project);
    t->in = t->out = fd;
    return true;
}

bool transport_host_valid(struct str host)
{
    if (host.len == 0 || host.len > HOST_BYTES_MAX || host.at[0] == '-')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && strchr("._-@:[]%", c) == NULL)
            return false;
        if (c == '@' && (i == 0 || i + 1 == host.len || host.at[i + 1] == '-'))
            return false;
    }
    return true;
}

/* For the shell on the other side. */
static void add_quoted(struct buf *out, const char *text)
{
    buf_add_byte(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buf_add_text(out, "'\\''");
        else
            buf_add_byte(out, *text);
    }
    buf_add_byte(out, '\'');
}

static bool remote_command(
    struct buf *out, const char *command, const struct transport_remote *r, struct err *err)
{
    buf_format(out, "tend %s", command);
    if (r->project != NULL) {
        buf_add_text(out, " --project ");
        add_quoted(out, r->project);
    }
    if (r->state_dir != NULL) {
        buf_add_text(out, " --state ");
        add_quoted(out, r->state_dir);
    }
    if (buf_full(out))
        return err_set(err, ERR_LIMIT, "the state directory's name is too long");
    return true;
}

static bool spawn_ssh(
    struct transport *t, const char *host, char *command, int socket_fd, struct err *err)
{
    char option_keepalive[] = "ServerAliveInterval=15", o1[] = "-o", t0[] = "-T", ssh[] = "ssh";
    char dashes[] = "--", host_copy[HOST_BYTES_MAX + 1];
    char *argv[] = {ssh, t0, o1, option_keepalive, dashes, host_copy, command, NULL};
    posix_spawn_file_actions_t actions;
    int code;

    (void)snprintf(host_copy, sizeof host_copy, "%s", host);
    if (posix_spawn_file_actions_init(&actions) != 0)
        return err_set(err, ERR_IO, "starting ssh");
    code = posix_spawn_file_actions_adddup2(&actions, socket_fd, STDIN_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, socket_fd, STDOUT_FILENO);
    if (code == 0)
        code = posix_spawnp(&t->child, ssh, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions); /* never fails here */
    errno = code;
    return code == 0 || err_sys(err, "starting ssh");
}

bool transport_ssh(struct transport *t, const struct transport_remote *remote, struct err *err)
{
    struct buf command = BUF_INIT(COMMAND_BYTES_MAX);
    int pair[2] = {-1, -1};
    bool ok;

    *t = (struct transport){-1, -1, -1};
    if (!transport_host_valid(str_from(remote->host)))
        return err_set(err, ERR_INVALID, "\"%.80s\" cannot be a host", remote->host);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
        return err_sys(err, "socketpair");
    ok = remote_command(&command, "dial-stdio", remote, err) &&
         spawn_ssh(t, remote->host, command.at, pair[1], err);
    buf_fini(&command);
    (void)close(pair[1]); /* the child has its own */
    if (!ok) {
        (void)close(pair[0]); /* nothing was written */
        t->child = -1;
        return false;
    }
    t->in = t->out = pair[0];
    return true;
}

bool transport_ssh_exec(const struct transport_remote *remote, const char *subject,
    const char *const *words, size_t word_count, struct err *err)
{
    struct buf command = BUF_INIT(COMMAND_BYTES_MAX);
    const char *terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "-t" : "-T";

    if (!transport_host_valid(str_from(remote->host)))
        return err_set(err, ERR_INVALID, "\"%.80s\" cannot be a host", remote->host);
    TRY(remote_command(&command, "exec", remote, err));
    buf_add_text(&command, " ");
    add_quoted(&command, subject);
    buf_add_text(&command, " --");
    for (size_t i = 0; i < word_count; i++) {
        buf_add_text(&command, " ");
        add_quoted(&command, words[i]);
    }
    if (buf_full(&command)) {
        buf_fini(&command);
        return err_set(err, ERR_LIMIT, "the command is too long");
    }
    (void)execlp("ssh", "ssh", terminal, "--", remote->host, command.at, (char *)NULL);
    (void)err_sys(err, "starting ssh");
    buf_fini(&command);
    return false;
}

void transport_close(struct transport *t)
{
    if (t->in >= 0)
        (void)close(t->in); /* all that mattered was answered */
    t->in = t->out = -1;
    if (t->child > 0) {
        (void)kill(t->child, SIGTERM);    /* it may be gone already */
        (void)waitpid(t->child, NULL, 0); /* its code says nothing more */
    }
    t->child = -1;
}
