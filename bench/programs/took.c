/* took - run a command ROUNDS times and print how many milliseconds each took: took ROUNDS CMD ARG…
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;

    if (argc < 3)
        return 2;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < atoi(argv[1]); i++) {
        struct timespec from, to;
        pid_t pid;
        int status;
        (void)clock_gettime(CLOCK_MONOTONIC, &from);
        if (posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ) != 0 ||
            waitpid(pid, &status, 0) != pid || status != 0)
            return 1;
        (void)clock_gettime(CLOCK_MONOTONIC, &to);
        (void)printf("%.3f\n",
            (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6);
    }
    return 0;
}
