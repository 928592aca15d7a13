#include "observe/probe/http_status.h"

#include <stdbool.h>
#include <string.h>

enum { PHASE_VERSION, PHASE_REASON, PHASE_INTERIM };

/* 'd' stands for a digit. */
static const char shape[] = "HTTP/1.d ddd";

#define CODE_COLUMN 9

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool fits_shape(struct http_status *s, char c)
{
    char want = shape[s->column];

    if (want == 'd' ? !is_digit(c) : c != want)
        return false;
    if (s->column >= CODE_COLUMN)
        s->code = s->code * 10 + (c - '0');
    return true;
}

/* Behind the code: a blank and a reason, or the end of the line. */
static enum http_status_outcome feed_reason(struct http_status *s, char c)
{
    if (s->column == sizeof shape - 1) {
        s->column++;
        if (c != ' ' && c != '\r' && c != '\n')
            return HTTP_STATUS_GARBAGE;
    }
    if (c != '\n')
        return HTTP_STATUS_MORE;
    if (s->code < 100 || s->code > 599)
        return HTTP_STATUS_GARBAGE;
    if (s->code >= 200 || s->code == 101)
        return HTTP_STATUS_DONE;
    s->phase = PHASE_INTERIM;
    s->line_ends = 1;
    return HTTP_STATUS_MORE;
}

static void feed_interim(struct http_status *s, char c)
{
    if (c == '\n')
        s->line_ends++;
    else if (c != '\r')
        s->line_ends = 0;
    if (s->line_ends < 2)
        return;
    s->phase = PHASE_VERSION;
    s->column = 0;
    s->code = 0;
}

static enum http_status_outcome feed_byte(struct http_status *s, char c)
{
    switch (s->phase) {
    case PHASE_VERSION:
        if (!fits_shape(s, c))
            return HTTP_STATUS_GARBAGE;
        if (++s->column == sizeof shape - 1)
            s->phase = PHASE_REASON;
        return HTTP_STATUS_MORE;
    case PHASE_REASON:
        return feed_reason(s, c);
    default:
        feed_interim(s, c);
        return HTTP_STATUS_MORE;
    }
}

static void keep_start(struct http_status *s, struct str bytes)
{
    size_t room = sizeof s->start - s->shown;
    size_t len = bytes.len < room ? bytes.len : room;

    if (len == 0)
        return;
    memcpy(s->start + s->shown, bytes.at, len);
    s->shown = (uint8_t)(s->shown + len);
}

enum http_status_outcome http_status_feed(struct http_status *s, struct str bytes)
{
    keep_start(s, bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        if (++s->bytes > HTTP_STATUS_BYTES_MAX)
            return HTTP_STATUS_GARBAGE;
        enum http_status_outcome outcome = feed_byte(s, bytes.at[i]);
        if (outcome != HTTP_STATUS_MORE)
            return outcome;
    }
    return HTTP_STATUS_MORE;
}
