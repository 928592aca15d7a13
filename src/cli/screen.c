#include "cli/screen.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "cli/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ENTER          "\033[?1049h\033[?25l\033[2J"
#define LEAVE          "\033[0m\033[?25h\033[?1049l"
#define DRAW_BYTES_MAX (1u << 20)
#define LINES_MAX      1000

struct screen {
    struct terminal *terminal;
    struct termios before;
    sigset_t signals_before;
    char *lines[LINES_MAX];  /* what stands there; NULL: not known */
    unsigned char typed[64]; /* keys that were read and not yet told */
    size_t typed_count;
};

/* For the handlers: what must be put back. */
static struct termios saved;
static int saved_fd = -1;
static volatile sig_atomic_t leave_wanted, size_changed;

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
static const int crashing[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT};

static void on_ending(int signo)
{
    (void)signo;
    leave_wanted = 1;
}

static void on_size(int signo)
{
    (void)signo;
    size_changed = 1;
}

/* Only what a signal handler may call. The handler was reset: raising ends the process. */
static void on_crash(int signo)
{
    ssize_t n = write(saved_fd, LEAVE, sizeof LEAVE - 1);

    (void)n; /* there is nobody left to tell */
    (void)tcsetattr(saved_fd, TCSANOW, &saved);
    (void)raise(signo);
}

/* What cannot be written went to a terminal that is gone, and that says SIGHUP. */
static void put(const struct screen *s, struct str bytes)
{
    if (!fs_write_all(s->terminal->fd, bytes, NULL))
        leave_wanted = 1;
}

static void catch_signal(int signo, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    (void)sigaction(signo, &action, NULL); /* fails only for signals that do not exist */
}

/* Asynchronous signals come only while screen_wait waits. */
static void take_signals(struct screen *s)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < COUNT(ending); i++) {
        catch_signal(ending[i], on_ending, 0);
        (void)sigaddset(&set, ending[i]);
    }
    catch_signal(SIGWINCH, on_size, 0);
    (void)sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < COUNT(crashing); i++)
        catch_signal(crashing[i], on_crash, (int)SA_RESETHAND | SA_NODEFER);
    (void)sigprocmask(SIG_BLOCK, &set, &s->signals_before);
}

static void give_signals_back(struct screen *s)
{
    for (size_t i = 0; i < COUNT(ending); i++)
        catch_signal(ending[i], SIG_DFL, 0);
    for (size_t i = 0; i < COUNT(crashing); i++)
        catch_signal(crashing[i], SIG_DFL, 0);
    catch_signal(SIGWINCH, SIG_DFL, 0);
    (void)sigprocmask(SIG_SETMASK, &s->signals_before, NULL);
}

bool screen_enter(struct screen **out, struct terminal *t, struct err *err)
{
    struct screen *s;
    struct termios raw;

    if (!t->cursor || isatty(STDIN_FILENO) != 1)
        return err_set(err, ERR_UNSUPPORTED, "this needs a terminal");
    s = mem_new(struct screen);
    s->terminal = t;
    if (tcgetattr(t->fd, &s->before) == -1) {
        free(s);
        return err_sys(err, "terminal settings");
    }
    saved = s->before;
    saved_fd = t->fd;
    leave_wanted = size_changed = 0;
    take_signals(s);
    raw = s->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(t->fd, TCSANOW, &raw); /* it would echo; nothing worse */
    put(s, STR(ENTER));
    *out = s;
    return true;
}

static void forget(struct screen *s)
{
    for (size_t i = 0; i < LINES_MAX; i++) {
        free(s->lines[i]);
        s->lines[i] = NULL;
    }
}

void screen_leave(struct screen **screen)
{
    struct screen *s = *screen;

    if (s == NULL)
        return;
    put(s, STR(LEAVE));
    (void)tcsetattr(s->terminal->fd, TCSADRAIN, &s->before); /* it would not echo; nothing worse */
    give_signals_back(s);
    forget(s);
    free(s);
    *screen = NULL;
}

static void draw_line(struct screen *s, size_t row, struct str line, struct buf *out)
{
    char *text;

    line = text_fit(line, s->terminal->columns);
    if (s->lines[row] != NULL && str_is(line, s->lines[row]))
        return;
    text = mem_format("%.*s", STR_ARG(line));
    free(s->lines[row]);
    s->lines[row] = text;
    buf_format(out, "\033[%zu;1H%s\033[0m\033[K", row + 1, text);
}

void screen_draw(struct screen *s, struct str lines)
{
    struct buf out = BUF_INIT(DRAW_BYTES_MAX);
    size_t rows = (size_t)s->terminal->rows < LINES_MAX ? (size_t)s->terminal->rows : LINES_MAX;

    for (size_t row = 0; row < rows; row++)
        draw_line(s, row, str_cut(&lines, '\n'), &out);
    if (out.len > 0)
        put(s, buf_str(&out));
    buf_fini(&out);
}

/* The first key of what was typed; an escape sequence is one. */
static int take_key(struct screen *s)
{
    const unsigned char *b = s->typed;
    size_t used = 1;
    int key = b[0] == '\r' ? KEY_ENTER : b[0];

    if (b[0] == KEY_ESCAPE && s->typed_count >= 3 && (b[1] == '[' || b[1] == 'O')) {
        used = 3;
        key = b[2] == 'A'   ? KEY_UP
              : b[2] == 'B' ? KEY_DOWN
              : b[2] == '5' ? KEY_PAGE_UP
              : b[2] == '6' ? KEY_PAGE_DOWN
                            : KEY_NONE;
        if (b[2] >= '0' && b[2] <= '9' && s->typed_count > 3)
            used = 4; /* ESC [ 5 ~ */
    }
    s->typed_count -= used;
    memmove(s->typed, s->typed + used, s->typed_count);
    return key;
}

static enum screen_event read_keys(struct screen *s, int *out_key)
{
    ssize_t n = read(STDIN_FILENO, s->typed, sizeof s->typed);

    if (n <= 0)
        return SCREEN_LEAVE; /* the terminal is gone */
    s->typed_count = (size_t)n;
    *out_key = take_key(s);
    return SCREEN_KEY;
}

static void resize(struct screen *s)
{
    size_changed = 0;
    terminal_measure(s->terminal);
    forget(s);
    put(s, STR("\033[2J"));
}

enum screen_event screen_wait(struct screen *s, int fd, int timeout_ms, int *out_key)
{
    struct pollfd p[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = fd,           .events = POLLIN}
    };
    struct timespec time = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    int ready;

    if (s->typed_count > 0) {
        *out_key = take_key(s);
        return SCREEN_KEY;
    }
    ready = ppoll(p, COUNT(p), &time, &s->signals_before);
    if (leave_wanted)
        return SCREEN_LEAVE;
    if (size_changed)
        resize(s);
    if (ready <= 0)
        return SCREEN_TIME;
    return p[0].revents != 0 ? read_keys(s, out_key) : SCREEN_READY;
}
