/* log.h - the program's own log: events with a fixed name and fields, one line each.
 *
 *     log_warn("step.failed", "step=%s driver=%s err=\"%s\"", …);
 *
 * Goes to stderr as `time level name fields` (with <N> priorities instead of the time where systemd
 * reads it: JOURNAL_STREAM). Code that has a caller reports errors and does not log; whoever ends
 * the story logs once. Secrets never enter. Any thread: a line is one write(2). */
#ifndef TEND_BASE_LOG_H
#define TEND_BASE_LOG_H

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Lines below `level` are dropped; INFO at the start. */
void log_set_level(enum log_level level);

void log_event(enum log_level level, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(name, ...) log_event(LOG_LEVEL_DEBUG, (name), __VA_ARGS__)
#define log_info(name, ...)  log_event(LOG_LEVEL_INFO, (name), __VA_ARGS__)
#define log_warn(name, ...)  log_event(LOG_LEVEL_WARN, (name), __VA_ARGS__)
#define log_error(name, ...) log_event(LOG_LEVEL_ERROR, (name), __VA_ARGS__)

#endif
