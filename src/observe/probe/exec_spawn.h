/* exec_spawn.h - start a program as somebody, without copying this process's memory.
 *
 * The child has a session and process group of its own, an empty stdin, one pipe as stdout and
 * stderr, no other descriptor, default signal handling, and dies with this thread. Control
 * thread; the caller's loop stands still until the exec, some 0.2 ms. */
#ifndef TEND_OBSERVE_PROBE_EXEC_SPAWN_H
#define TEND_OBSERVE_PROBE_EXEC_SPAWN_H

#include "base/err.h"
#include "observe/probe/probe.h"

struct exec_program {
    char **argv;
    char **candidates; /* argv[0] in each folder of PATH; tried in order */
    char **environment;
    char *working_dir; /* NULL: as the daemon */
    int view_pid;      /* 0: as the daemon */
    bool switch_user;
    struct probe_user user; /* owns its groups */
};

MUST_USE bool probe_exec_program_init(
    struct exec_program *program, const struct probe_target *target, struct err *err);
void probe_exec_program_fini(struct exec_program *program);

/* The child's pid, a pidfd, and the non-blocking end of its output; all the caller's. */
MUST_USE bool probe_exec_spawn(const struct exec_program *program, pid_t *out_pid, int *out_pid_fd,
    int *out_output_fd, struct err *err);

#endif
