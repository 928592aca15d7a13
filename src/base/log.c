#include "base/log.h"

#include "base/clock.h"
#include "base/redact.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048

static enum log_level least = LOG_LEVEL_INFO;

static const struct {
    const char *name;
    int priority; /* of syslog(3) */
} levels[] = {
    [LOG_LEVEL_DEBUG] = {"debug", 7},
    [LOG_LEVEL_INFO] = {"info",  6},
    [LOG_LEVEL_WARN] = {"warn",  4},
    [LOG_LEVEL_ERROR] = {"error", 3},
};

void log_set_level(enum log_level level)
{
    __atomic_store_n(&least, level, __ATOMIC_RELAXED);
}

static int put_head(char *line, size_t size, enum log_level level, const char *name)
{
    char time[CLOCK_TEXT_BYTES];

    if (getenv("JOURNAL_STREAM") != NULL)
        return snprintf(line, size, "<%d>%s ", levels[level].priority, name);
    clock_format(clock_wall_ns(), 3, time);
    return snprintf(line, size, "%s %s %s ", time, levels[level].name, name);
}

void log_event(enum log_level level, const char *name, const char *fmt, ...)
{
    char line[LINE_BYTES_MAX];
    va_list args;

    if (level < __atomic_load_n(&least, __ATOMIC_RELAXED))
        return;
    int len = put_head(line, sizeof line - 1, level, name);
    if (len > (int)sizeof line - 2)
        len = (int)sizeof line - 2;
    va_start(args, fmt);
    int more = vsnprintf(line + len, sizeof line - 1 - (size_t)len, fmt, args);
    va_end(args);
    len += more < (int)sizeof line - 1 - len ? more : (int)sizeof line - 2 - len;
    for (int i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' '; /* one event, one line, and nothing that moves a terminal's cursor */
    line[len] = '\0';
    redact_text(line, sizeof line - 1);
    len = (int)strlen(line);
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)len); /* nowhere left to report to */
}
