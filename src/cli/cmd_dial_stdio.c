#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/transport.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define COPY_BYTES (64u << 10)

/* One read's worth from one side to the other; false at the end or when the other side is gone. */
static bool copy_some(int from, int to)
{
    char bytes[COPY_BYTES];
    ssize_t n = read(from, bytes, sizeof bytes);

    if (n == -1)
        return errno == EINTR || errno == EAGAIN;
    for (ssize_t done = 0; done < n;) {
        ssize_t written = write(to, bytes + done, (size_t)(n - done));

        if (written == -1 && errno != EINTR)
            return false;
        done += written > 0 ? written : 0;
    }
    return n > 0;
}

static void relay(int daemon)
{
    struct pollfd sides[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = daemon,       .events = POLLIN}
    };

    for (;;) {
        if (poll(sides, COUNT(sides), -1) == -1 && errno != EINTR)
            return;
        if (sides[1].revents != 0 && !copy_some(daemon, STDOUT_FILENO))
            return;
        if (sides[0].revents == 0 || copy_some(STDIN_FILENO, daemon))
            continue;
        (void)shutdown(daemon, SHUT_WR); /* its answer may still come */
        sides[0].fd = -1;
        sides[0].revents = 0;
    }
}

static int run(struct cli *cli)
{
    struct transport t;
    struct paths paths;
    struct err err = ERR_INIT;

    if (!cli_paths(cli, &paths, &err) || !transport_dial(&t, &paths, &err))
        return cli_fail(cli, &err, "start it on that machine with: tend up -d");
    relay(t.in);
    transport_close(&t);
    return EXIT_DONE;
}

const struct command cmd_dial_stdio = {
    .name = "dial-stdio",
    .group = GROUP_OTHER,
    .summary = "connect stdin and stdout with the daemon (what -H runs on the other side)",
    .usage = "",
    .run = run,
};
