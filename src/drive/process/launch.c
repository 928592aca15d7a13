#include "base/mem.h"
#include "drive/process/process_private.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FD_CLEAR_OF_TARGETS 16 /* a descriptor from here on is none that dup2 overwrites */
#define EXIT_WAIT_TRIES     50

static int move_up(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_CLEAR_OF_TARGETS);

    (void)close(fd);
    return moved;
}

/* argv tells people who it belongs to; arguments and environment of the service are in the memfd.
 */
static MUST_USE bool spawn_shim(struct process *p, int spec_fd, int control_fd, struct err *err)
{
    char *label = mem_format("%s/%d", p->service, p->slot);
    char program[] = "tend-shim";
    char *argv[] = {program, p->driver->project, label, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, spec_fd, SHIM_FD_SPEC);
    (void)posix_spawn_file_actions_adddup2(&actions, control_fd, SHIM_FD_CONTROL);
    int error = posix_spawn(&pid, p->driver->shim_path, &actions, NULL, argv, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(label);
    if (error != 0) {
        errno = error;
        return err_sys(err, "%s", p->driver->shim_path);
    }
    p->shim_pid = pid;
    p->shim_is_child = true;
    return true;
}

static MUST_USE bool launch_with(struct process *p, int spec_fd, struct err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        return err_sys(err, "socketpair");
    pair[1] = move_up(pair[1]);
    bool ok = pair[1] != -1 || err_sys(err, "fcntl");
    ok = ok && spawn_shim(p, spec_fd, pair[1], err);
    (void)close(pair[1]);
    if (!ok) {
        (void)close(pair[0]);
        return false;
    }
    return link_watch(p, pair[0], err);
}

bool launch_shim(struct process *p, const struct shim_adopt *adopt, bool held, struct err *err)
{
    struct buf bytes = BUF_INIT(SHIM_SPEC_MAX);

    if (adopt != NULL)
        spec_with_adoption(&bytes, p->spec, adopt, held);
    int fd = spec_to_memfd(adopt != NULL ? buf_str(&bytes) : p->spec, err);
    buf_fini(&bytes);
    if (fd == -1)
        return false;
    fd = move_up(fd);
    bool ok = fd != -1 || err_sys(err, "fcntl");
    ok = ok && launch_with(p, fd, err);
    (void)close(fd);
    return ok;
}

int launch_exit_code(struct process *p)
{
    int status = 0, pid = p->shim_pid;

    if (!p->shim_is_child || pid <= 0)
        return -1;
    p->shim_is_child = false;
    /* Its socket closes a moment before it can be waited for. */
    for (int i = 0; i < EXIT_WAIT_TRIES; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (got == -1)
            return -1;
        (void)usleep(20);
    }
    vec_push(&p->driver->children, pid);
    driver_chores_in(p->driver, 20);
    return -1;
}

void launch_wait_children(struct process_driver *d)
{
    for (size_t i = d->children.count; i > 0; i--) {
        pid_t got = waitpid(d->children.at[i - 1], NULL, WNOHANG);
        if (got != 0)
            vec_remove(&d->children, i - 1);
    }
}
