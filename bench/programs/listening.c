/* listening - wait until COUNT ports from FIRST on accept connections: listening FIRST COUNT
 * LIMIT_MS. Exit status 0 when all do; else 1, after printing how many did. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int accepts(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int first = atoi(argv[1]), count = atoi(argv[2]), done = 0;
    double deadline = now_ms() + atof(argv[3]);
    struct timespec pause = {.tv_nsec = 2000000};

    while (done < count && now_ms() < deadline) {
        if (accepts(first + done))
            done++; /* in order: the last to come decides either way */
        else
            (void)nanosleep(&pause, NULL);
    }
    if (done < count)
        (void)printf("%d\n", done);
    return done < count;
}
