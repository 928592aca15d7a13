/* terminal.h - what a descriptor can show: colours, size, character set.
 *
 * Colours are on where the descriptor is a terminal that knows them, unless NO_COLOR or --color say
 * otherwise (no-color.org; CLICOLOR_FORCE turns them on). Pure but for terminal_detect. */
#ifndef TEND_CLI_TERMINAL_H
#define TEND_CLI_TERMINAL_H

#include <stdbool.h>

enum colour_wish { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct terminal {
    int fd;
    bool is_tty;
    bool colour;
    bool utf8;   /* what the locale's variables say */
    bool cursor; /* it is a terminal that can move its cursor (not TERM=dumb) */
    int columns, rows;
};

/* What a piece of text means, not how it looks. */
enum tone {
    TONE_PLAIN, /* back to normal */
    TONE_STRONG,
    TONE_FAINT,
    TONE_GOOD,
    TONE_BUSY,
    TONE_WARN,
    TONE_BAD,
    TONE_NAME,
};

void terminal_detect(struct terminal *t, int fd, enum colour_wish wish);
/* The size may have changed (SIGWINCH). */
void terminal_measure(struct terminal *t);
/* The sequence that turns the tone on, "" without colours. */
const char *terminal_tone(const struct terminal *t, enum tone tone);
/* A colour for a name, the same one whenever it is the same name; "" without colours. */
const char *terminal_name_colour(const struct terminal *t, const char *name);

enum mark { MARK_GOOD, MARK_BAD, MARK_WARN, MARK_OFF, MARK_BUSY, MARK_DASH, MARK_ELLIPSIS };
/* "✓" or its ASCII twin. */
const char *terminal_mark(const struct terminal *t, enum mark mark);
/* The n-th picture of the spinner. */
const char *terminal_spinner(const struct terminal *t, unsigned n);

#endif
