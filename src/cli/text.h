/* text.h - text of strangers, made fit for a terminal: escaped, measured and cut.
 *
 * What a service prints may hold bytes that move the cursor, change the window's title or run
 * commands in old terminals. Everything that came from outside passes text_escape before it is
 * written to a terminal. Pure, except that text_width may load the C.UTF-8 character tables once;
 * one thread. */
#ifndef TEND_CLI_TEXT_H
#define TEND_CLI_TEXT_H

#include "base/buf.h"
#include "base/str.h"

enum text_colours {
    TEXT_NO_COLOURS,   /* colour sequences are dropped */
    TEXT_KEEP_COLOURS, /* ESC [ … m stays, and is reset at the end */
};

/* Appends `text` with control bytes, broken UTF-8 and direction overrides as \x1b, \u{202e}; tabs
 * stay. */
void text_escape(struct buf *out, struct str text, enum text_colours colours);

/* Takes one character off the front: its code point, or -1 for a byte that is not UTF-8. `text`
 * must not be empty. */
int32_t text_next(struct str *text);

/* Columns on the terminal; colour sequences (ESC [ … m) count nothing, other controls neither. */
int text_width(struct str text);
/* The longest front part of at most `columns`; keeps colour sequences. */
struct str text_fit(struct str text, int columns);

#endif
