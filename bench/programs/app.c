/* app - the service that the benchmarks kill, hang and count: answers every request with its pid.
 *
 *     app              listens on 127.0.0.1:$PORT
 *     app FIRST COUNT  listens on COUNT ports from FIRST on
 *
 * One thread, one epoll; a connection is read once, answered and closed. SIGTERM ends it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 64

static char answer[160];
static size_t answer_len;

static void make_answer(void)
{
    char body[32];
    int body_len = snprintf(body, sizeof body, "%d\n", (int)getpid());

    answer_len = (size_t)snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
        "Connection: close\r\n\r\n%s",
        body_len, body);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1 || listen(fd, 128) == -1) {
        perror("app: listen");
        exit(1);
    }
    return fd;
}

static void serve(int epoll, int fd, int is_listener)
{
    char request[1024];

    if (is_listener) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = peer};
        if (peer != -1)
            (void)epoll_ctl(epoll, EPOLL_CTL_ADD, peer, &event);
        return;
    }
    if (read(fd, request, sizeof request) > 0)
        (void)!write(fd, answer, answer_len);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    const char *port = getenv("PORT");
    int first = argc > 1 ? atoi(argv[1]) : port != NULL ? atoi(port) : 0;
    int count = argc > 2 ? atoi(argv[2]) : 1;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int last_listener = 0;

    (void)signal(SIGPIPE, SIG_IGN);
    make_answer();
    for (int i = 0; i < count; i++) {
        int fd = listen_on(first + i);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
        last_listener = fd; /* listeners come first: no connection has a lower descriptor */
    }
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            serve(epoll, events[i].data.fd, events[i].data.fd <= last_listener);
    }
}
