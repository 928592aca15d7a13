/* tiny.c - a small service for tests and benchmarks.
 *
 *     tiny serve [ignore-term]    HTTP on 127.0.0.1:$PORT: GET / → 200 "ok", /exit?code=N ends with
 * N, /hang stops answering for ever, /abort raises SIGABRT tiny exit N [MS]            ends with N,
 * after MS milliseconds tiny sleep [ignore-term]    waits tiny burst BYTES LINE       writes so
 * many bytes in lines of LINE bytes, then waits tiny echo TEXT…             one line for each text
 * on stdout, on stderr from the second on; waits tiny daemon                 double-forks a
 * grandchild with a session of its own, then waits tiny eat MIB                touches so much
 * memory, then waits tiny bomb                   forks without end tiny notify READY=1, a STATUS,
 * then WATCHDOG=1 each $WATCHDOG_USEC / 2 tiny environment            prints its environment; waits
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static _Noreturn void wait_for_ever(void)
{
    for (;;)
        (void)pause();
}

static void ignore_term(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "ignore-term") == 0)
            (void)signal(SIGTERM, SIG_IGN);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

static void answer(int fd, const char *text)
{
    char response[256];
    int length = snprintf(response, sizeof response,
        "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(text),
        text);

    (void)!write(fd, response, (size_t)length);
}

static void serve_one(int fd)
{
    char request[2048];
    ssize_t got = read(fd, request, sizeof request - 1);

    request[got > 0 ? got : 0] = '\0';
    if (strncmp(request, "GET /exit?code=", 15) == 0)
        exit(atoi(request + 15));
    if (strncmp(request, "GET /hang", 9) == 0)
        wait_for_ever();
    if (strncmp(request, "GET /abort", 10) == 0)
        abort();
    if (got > 0)
        answer(fd, "ok");
    (void)close(fd);
}

static int serve(void)
{
    const char *port = getenv("PORT");
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    a.sin_port = htons((unsigned short)(port != NULL ? atoi(port) : 0));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == -1 || listen(fd, 128) == -1) {
        perror("tiny: listen");
        return 1;
    }
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client != -1)
            serve_one(client);
    }
}

static void burst(long bytes, long line)
{
    char *text = malloc((size_t)line);

    for (long i = 0, put = 0; put < bytes; i++, put += line) {
        memset(text, 'a' + (int)(i % 26), (size_t)line);
        text[line - 1] = '\n';
        (void)fwrite(text, 1, (size_t)line, stdout);
    }
    (void)fflush(stdout);
    free(text);
}

static void make_daemon(void)
{
    if (fork() == 0) {
        (void)setsid();
        if (fork() == 0)
            wait_for_ever();
        _exit(0);
    }
}

static void eat(long mib)
{
    for (long i = 0; i < mib; i++)
        memset(malloc(1 << 20), 1, 1 << 20);
}

static void say(int fd, const struct sockaddr_un *a, socklen_t length, const char *text)
{
    (void)sendto(fd, text, strlen(text), 0, (const struct sockaddr *)a, length);
}

static void notify(void)
{
    const char *name = getenv("NOTIFY_SOCKET"), *interval = getenv("WATCHDOG_USEC");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    if (name == NULL || strlen(name) >= sizeof a.sun_path)
        exit(3);
    memcpy(a.sun_path, name, strlen(name));
    socklen_t length = (socklen_t)(sizeof a.sun_family + strlen(name));
    if (a.sun_path[0] == '@')
        a.sun_path[0] = '\0';
    say(fd, &a, length, "READY=1\nSTATUS=warm and ready");
    for (;;) {
        if (interval == NULL)
            wait_for_ever();
        sleep_ms(atol(interval) / 2000);
        say(fd, &a, length, "WATCHDOG=1");
    }
}

static void echo(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        FILE *out = i == 2 ? stdout : stderr;
        (void)fprintf(out, "%s\n", argv[i]);
        (void)fflush(out);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "serve";

    ignore_term(argc, argv);
    if (strcmp(mode, "serve") == 0)
        return serve();
    if (strcmp(mode, "exit") == 0) {
        sleep_ms(argc > 3 ? atol(argv[3]) : 0);
        return argc > 2 ? atoi(argv[2]) : 0;
    }
    if (strcmp(mode, "burst") == 0 && argc > 3)
        burst(atol(argv[2]), atol(argv[3]));
    else if (strcmp(mode, "echo") == 0)
        echo(argc, argv);
    else if (strcmp(mode, "daemon") == 0)
        make_daemon();
    else if (strcmp(mode, "eat") == 0 && argc > 2)
        eat(atol(argv[2]));
    else if (strcmp(mode, "bomb") == 0)
        for (;;)
            if (fork() == -1)
                sleep_ms(1);
            else
                continue;
    else if (strcmp(mode, "notify") == 0)
        notify();
    else if (strcmp(mode, "environment") == 0) {
        for (char **e = environ; *e != NULL; e++)
            (void)puts(*e);
        (void)fflush(stdout);
    } else if (strcmp(mode, "sleep") != 0)
        return 2;
    wait_for_ever();
}
