/* recover - how long a service is away after it was hurt.
 *
 *     recover PORT ROUNDS kill|hang LIFE_MS LIMIT_MS
 *
 * Each round lets the service live for LIFE_MS, sends its process SIGKILL or SIGSTOP (the pid comes
 * with each answer), and asks every 0.2 ms on a new connection until another pid answers. Prints
 * one number of milliseconds a line; "never" when LIMIT_MS passed, and then it stops. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS_MAX 50
#define PAUSE_NS      200000

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_ns(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    (void)nanosleep(&t, NULL);
}

/* The pid that answers, 0 if nobody does within ANSWER_MS_MAX. */
static pid_t ask(int port)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[512];
    pid_t pid = 0;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&wait, 1, ANSWER_MS_MAX) == 1 ? read(fd, text, sizeof text - 1) : 0;
        text[got > 0 ? got : 0] = '\0';
        char *body = strstr(text, "\r\n\r\n");
        if (strncmp(text, "HTTP/1.1 200", 12) == 0 && body != NULL)
            pid = (pid_t)atoi(body + 4);
    }
    (void)close(fd);
    return pid;
}

static pid_t wait_for_other_than(int port, pid_t old, int64_t limit_ns)
{
    int64_t deadline = now_ns() + limit_ns;

    while (now_ns() < deadline) {
        pid_t pid = ask(port);
        if (pid != 0 && pid != old)
            return pid;
        pause_ns(PAUSE_NS);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    int port = atoi(argv[1]), rounds = atoi(argv[2]);
    int signo = strcmp(argv[3], "hang") == 0 ? SIGSTOP : SIGKILL;
    int64_t life_ns = atoll(argv[4]) * 1000000, limit_ns = atoll(argv[5]) * 1000000;

    for (int i = 0; i < rounds; i++) {
        pause_ns(life_ns);
        pid_t pid = wait_for_other_than(port, 0, limit_ns);
        int64_t hurt_ns = now_ns();
        if (pid == 0 || kill(pid, signo) == -1) {
            (void)printf("never\n");
            return 1;
        }
        if (wait_for_other_than(port, pid, limit_ns) == 0) {
            (void)printf("never\n");
            (void)kill(pid, SIGKILL); /* what hangs is not left behind */
            return 0;
        }
        (void)printf("%.3f\n", (double)(now_ns() - hurt_ns) / 1e6);
        (void)fflush(stdout);
    }
    return 0;
}
