#include "cli/terminal.h"

#include "base/must.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT    24
#define COLUMNS_MIN     20
#define COLUMNS_MAX     1000

static const char *const tones[] = {
    [TONE_PLAIN] = "\033[0m",
    [TONE_STRONG] = "\033[1m",
    [TONE_FAINT] = "\033[2m",
    [TONE_GOOD] = "\033[32m",
    [TONE_BUSY] = "\033[36m",
    [TONE_WARN] = "\033[33m",
    [TONE_BAD] = "\033[31m",
    [TONE_NAME] = "\033[1;36m",
};

static const char *const name_colours[] = {"\033[36m", "\033[33m", "\033[32m", "\033[35m",
    "\033[34m", "\033[96m", "\033[93m", "\033[92m", "\033[95m", "\033[94m"};

static const struct {
    const char *utf8, *ascii;
} marks[] = {
    [MARK_GOOD] = {"✓", "+"  },
    [MARK_BAD] = {"✗", "x"  },
    [MARK_WARN] = {"!",   "!"  },
    [MARK_OFF] = {"○", "o"  },
    [MARK_BUSY] = {"●", "*"  },
    [MARK_DASH] = {"—", "-"  },
    [MARK_ELLIPSIS] = {"…", "..."},
};

static const char *const spinner_utf8[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
static const char *const spinner_ascii[] = {"|", "/", "-", "\\"};

static bool set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

static bool colours_wanted(const struct terminal *t, enum colour_wish wish)
{
    const char *force = getenv("CLICOLOR_FORCE");

    if (wish != COLOUR_AUTO)
        return wish == COLOUR_ALWAYS;
    if (set("NO_COLOR"))
        return false;
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0)
        return true;
    return t->cursor;
}

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < COUNT(names); i++)
        if (set(names[i]))
            return strcasestr(getenv(names[i]), "utf-8") != NULL ||
                   strcasestr(getenv(names[i]), "utf8") != NULL;
    return false;
}

static int size_from_variable(const char *name, int otherwise)
{
    const char *value = getenv(name);
    long n = value != NULL ? strtol(value, NULL, 10) : 0;

    return n >= COLUMNS_MIN && n <= COLUMNS_MAX ? (int)n : otherwise;
}

void terminal_measure(struct terminal *t)
{
    struct winsize size = {0};

    t->columns = size_from_variable("COLUMNS", COLUMNS_DEFAULT);
    t->rows = ROWS_DEFAULT;
    if (!t->is_tty || ioctl(t->fd, TIOCGWINSZ, &size) == -1)
        return;
    if (size.ws_col > 0)
        t->columns = size.ws_col;
    if (size.ws_row > 0)
        t->rows = size.ws_row;
}

void terminal_detect(struct terminal *t, int fd, enum colour_wish wish)
{
    const char *term = getenv("TERM");

    memset(t, 0, sizeof *t);
    t->fd = fd;
    t->is_tty = isatty(fd) == 1;
    t->cursor = t->is_tty && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
    t->utf8 = locale_is_utf8();
    t->colour = colours_wanted(t, wish);
    terminal_measure(t);
}

const char *terminal_tone(const struct terminal *t, enum tone tone)
{
    return t->colour ? tones[tone] : "";
}

const char *terminal_name_colour(const struct terminal *t, const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a: the same in each run, unlike the keyed hash of maps */

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return t->colour ? name_colours[h % COUNT(name_colours)] : "";
}

const char *terminal_mark(const struct terminal *t, enum mark mark)
{
    return t->utf8 ? marks[mark].utf8 : marks[mark].ascii;
}

const char *terminal_spinner(const struct terminal *t, unsigned n)
{
    return t->utf8 ? spinner_utf8[n % COUNT(spinner_utf8)]
                   : spinner_ascii[n % COUNT(spinner_ascii)];
}
