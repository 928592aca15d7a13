/* screen.h - the whole terminal, drawn without flicker and given back whatever happens.
 *
 *     screen_enter   alternate screen, no cursor, keys at once and without echo
 *     screen_draw    writes only the lines that differ from what stands there
 *     screen_wait    until a key, a signal, readiness of a descriptor, or the time is up
 *     screen_leave   everything as it was
 *
 * Between enter and leave, SIGINT, SIGTERM and SIGHUP are told by screen_wait instead of ending the
 * process, and a crash restores the terminal before it ends it. One screen a process. */
#ifndef TEND_CLI_SCREEN_H
#define TEND_CLI_SCREEN_H

#include "base/buf.h"
#include "base/err.h"
#include "cli/terminal.h"

#include <stdbool.h>

struct screen;

enum screen_event {
    SCREEN_TIME,  /* nothing happened in time, or the size changed */
    SCREEN_KEY,   /* see screen_key */
    SCREEN_READY, /* the descriptor has something to read */
    SCREEN_LEAVE, /* a signal asks to end */
};

enum screen_key {
    KEY_NONE = 0, /* values below 256 are bytes */
    KEY_ENTER = '\n',
    KEY_ESCAPE = 27,
    KEY_UP = 256,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
};

/* `t` must be a terminal with a cursor; its size is kept up to date. */
MUST_USE bool screen_enter(struct screen **out, struct terminal *t, struct err *err);
void screen_leave(struct screen **s);
/* `lines` are split at line ends; what is wider or longer than the terminal is cut. */
void screen_draw(struct screen *s, struct str lines);
/* `fd` -1: none. */
enum screen_event screen_wait(struct screen *s, int fd, int timeout_ms, int *out_key);

#endif
