#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum err_kind kind_of_errno(int sys)
{
    switch (sys) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
        return ERR_MISSING;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case EEXIST:
    case EADDRINUSE:
    case EBUSY:
        return ERR_CONFLICT;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return ERR_UNREACHABLE;
    case ECANCELED:
        return ERR_CANCELLED;
    default:
        return ERR_IO;
    }
}

bool err_set_at(struct err *err, enum err_kind kind, const char *place, const char *fmt, ...)
{
    if (err == NULL)
        return false;

    va_list args;
    va_start(args, fmt);
    *err = (struct err){.kind = kind, .place = place};
    (void)vsnprintf(err->text, sizeof err->text, fmt, args); /* a cut text is still a text */
    va_end(args);
    return false;
}

bool err_sys_at(struct err *err, const char *place, const char *fmt, ...)
{
    int sys = errno;

    if (err == NULL)
        return false;

    va_list args;
    va_start(args, fmt);
    *err = (struct err){.kind = kind_of_errno(sys), .sys = sys, .place = place};
    int len = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof err->text)
        (void)snprintf(err->text + len, sizeof err->text - (size_t)len, ": %s", strerror(sys));
    return false;
}

bool err_in(struct err *err, const char *fmt, ...)
{
    if (err == NULL)
        return false;

    char text[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text - 2)
        return false; /* no room for the rest: the inner text says more */
    (void)snprintf(text + len, sizeof text - (size_t)len, ": %s", err->text);
    memcpy(err->text, text, sizeof text);
    return false;
}

const char *err_kind_name(enum err_kind kind)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",
        [ERR_INVALID] = "invalid",
        [ERR_MISSING] = "missing",
        [ERR_CONFLICT] = "conflict",
        [ERR_DENIED] = "denied",
        [ERR_TIMEOUT] = "timeout",
        [ERR_LIMIT] = "limit",
        [ERR_UNREACHABLE] = "unreachable",
        [ERR_CANCELLED] = "cancelled",
        [ERR_IO] = "io",
        [ERR_UNSUPPORTED] = "unsupported",
        [ERR_CORRUPT] = "corrupt",
        [ERR_LOCKED] = "locked",
    };
    return names[kind];
}
