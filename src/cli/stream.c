#include "cli/stream.h"

#include "base/clock.h"
#include "cli/client.h"

#include <stdio.h>
#include <time.h>

#define URL_BYTES_MAX (32u << 10)
#define QUIET_MS      60000 /* one wait; a followed stream may be silent for ever */
#define ASK_MS        100   /* the same where somebody wants to be asked */
#define TRY_AGAIN_MS  100

static bool begin(const struct stream *s, struct client *c, struct err *err)
{
    struct buf url = BUF_INIT(URL_BYTES_MAX);
    bool ok;

    s->address(s->data, &url);
    ok = buf_full(&url) ? err_set(err, ERR_LIMIT, "too many names")
                        : client_stream(c, "GET", url.at, STR(""), err);
    buf_fini(&url);
    return ok;
}

/* Lines until the stream ends (true) or fails. */
static bool read_lines(const struct stream *s, struct client *c, bool *wanted, struct err *err)
{
    for (;;) {
        struct str line;
        json_t *object;

        if (s->stop != NULL && s->stop(s->data)) {
            *wanted = false;
            return true;
        }
        switch (client_line(c, s->stop != NULL ? ASK_MS : QUIET_MS, &line, err)) {
        case CLIENT_WAIT:
            (void)fflush(stdout); /* found again at the end */
            continue;
        case CLIENT_END:
            return true;
        case CLIENT_FAILED:
            return false;
        case CLIENT_LINE:
            break;
        }
        object = json_loadb(line.at, line.len, JSON_ALLOW_NUL, NULL);
        *wanted = object == NULL || s->line(s->data, line, object);
        json_decref(object);
        if (!*wanted)
            return true;
        if (s->follow && !client_line_ready(c))
            (void)fflush(stdout); /* found again at the end */
    }
}

/* Until a daemon answers again. */
static bool reopen(struct cli *cli, const struct stream *s, struct client **c, struct err *err)
{
    int64_t deadline = clock_boot_ms() + STREAM_PATIENCE_MS;
    struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * NS_PER_MS};

    cli_say(cli, "-- the daemon went away; waiting for it --");
    for (;;) {
        client_close(c);
        if (client_open(c, cli, err) && begin(s, *c, err))
            return true; /* a dying daemon's socket may take the connection and not the request */
        if (err->kind != ERR_UNREACHABLE || clock_boot_ms() >= deadline)
            return false;
        if (s->stop != NULL && s->stop(s->data))
            return err_set(err, ERR_CANCELLED, "interrupted");
        (void)nanosleep(&pause, NULL); /* a daemon that starts cannot be awaited by an event */
    }
}

int stream_run(struct cli *cli, const struct stream *s)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    bool wanted = true, ok = client_open(&c, cli, &err) && begin(s, c, &err);
    int code = EXIT_DONE;

    while (ok && wanted) {
        ok = read_lines(s, c, &wanted, &err);
        if (!wanted || (ok && !s->follow))
            break;
        if (ok || err.kind == ERR_UNREACHABLE)
            ok = reopen(cli, s, &c, &err);
    }
    if (!ok)
        code = client_fail(cli, c, &err);
    client_close(&c);
    return code;
}
